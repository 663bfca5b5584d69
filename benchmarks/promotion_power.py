"""Is promotion honest? How often an equal challenger takes the champion's place, and how often a better one does.

Each trial draws accounts of one to four test leads that answer alike, what sales would say with which probability, and
three models that see the truth through noise: a champion, an equal challenger with noise of its own, and one whose AUC
is higher by --gain. `alike` is the correlation of their noise: models of the same data err alike. The rule is
`models.judging.promotion.judge`, as training calls it. Asked is at most 5 and at least 80 of 100; and of companies that
train every week, with an equal challenger each time, at most 5 of 100 may put one into use within 20 weeks.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from models.judging.promotion import LOOKS, judge
from models.metrics.claims import Verdict, paired_bootstrap
from models.metrics.evaluation import Vector, auc, sigmoid

AUC = 0.72  # of the champion; published and believable are .60 to .86
SPREAD = (0.9, 1.2)  # of the log-odds between accounts, and between leads of one


def main() -> None:
    """Run the trials and print how many of each were promoted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--gain", type=float, default=0.03)
    parser.add_argument("--draws", type=int, default=2000)
    arguments = parser.parse_args()
    for alike in (0.0, 0.8):
        found = power(arguments.trials, arguments.rows, arguments.gain, alike, arguments.draws)
        shares = found[["equal", "better"]].mean()
        gained = found[["equal_auc", "better_auc"]].mean()
        print(
            f"errors alike {alike:.1f}, {arguments.rows:,} test rows, {arguments.trials} trials: equal challenger "
            f"promoted in {shares['equal']:.0%} (AUC {gained['equal_auc']:+.4f}), one better by "
            f"{gained['better_auc']:+.4f} AUC in {shares['better']:.0%}"
        )
    print(f"{LOOKS} weekly looks: an equal challenger promoted in {looks(arguments.trials, arguments.draws):.0%}")


def looks(trials: int, draws: int, weeks: int = LOOKS) -> float:
    """The share of trials in which one of `weeks` equal challengers took the place of a champion.

    Each week 200 more leads have been answered since the champion was trained, beside 1,000 at first; each challenger
    errs much as the champion does, and as the others do.
    """
    return float(np.mean([_looked(weeks, draws, seed) for seed in range(1, trials + 1)]))


def _looked(weeks: int, draws: int, seed: int) -> bool:
    random, noise, rows = np.random.default_rng(seed), noise_of(AUC), 1000 + 200 * weeks
    group, z = leads(random, rows)
    y, shared = (random.random(rows) < sigmoid(z)).astype(int), random.normal(size=rows)
    own = [seen(z, noise, np.sqrt(0.8) * shared + np.sqrt(0.2) * random.normal(size=rows)) for _ in range(weeks + 1)]
    for week, p in enumerate(own[1:], 1):
        known = slice(0, 1000 + 200 * week)
        gain = paired_bootstrap(y[known], p[known], own[0][known], pd.Series(group[known]), draws=draws, seed=seed)
        if judge(Verdict("champion", gain, rows, 0), y[known], p[known])[0]:
            return True
    return False


def power(trials: int, rows: int, gain: float, alike: float, draws: int) -> pd.DataFrame:
    """A row per trial: whether the equal and the better challenger were promoted, and their gains in AUC."""
    noise = {"champion": noise_of(AUC), "equal": noise_of(AUC), "better": noise_of(AUC + gain)}
    return pd.DataFrame([_trial(rows, noise, alike, draws, seed) for seed in range(1, trials + 1)])


def _trial(rows: int, noise: dict[str, float], alike: float, draws: int, seed: int) -> dict[str, float]:
    random = np.random.default_rng(seed)
    group, z = leads(random, rows)
    y = (random.random(rows) < sigmoid(z)).astype(int)
    shared = random.normal(size=rows)
    p = {name: seen(z, noise[name], np.sqrt(alike) * shared + np.sqrt(1 - alike) * random.normal(size=rows))
         for name in noise}  # fmt: skip
    found: dict[str, float] = {}
    for name in ("equal", "better"):
        gain = paired_bootstrap(y, p[name], p["champion"], pd.Series(group), draws=draws, seed=seed)
        found[name] = judge(Verdict("champion", gain, rows, 0), y, p[name])[0]
        found[f"{name}_auc"] = auc(y, p[name]) - auc(y, p["champion"])
    return found


def leads(random: np.random.Generator, rows: int) -> tuple[Vector, Vector]:
    """Account of each lead, and the true log-odds that sales accepts it."""
    group = np.repeat(np.arange(rows), random.integers(1, 5, rows))[:rows]
    between, within = SPREAD
    return group, -0.4 + between * random.normal(size=rows)[group] + within * random.normal(size=rows)


def seen(z: Vector, noise: float, drawn: Vector) -> Vector:
    """Calibrated probabilities from log-odds seen through noise of that size (normal prior; MacKay 1992)."""
    spread = np.hypot(*SPREAD)
    share = spread**2 / (spread**2 + noise**2)
    mean = -0.4 + share * (z + noise * drawn + 0.4)
    return sigmoid(mean / np.sqrt(1 + np.pi / 8 * spread**2 * (1 - share)))


def noise_of(wanted: float, rows: int = 100_000) -> float:
    """The noise through which the truth is seen with this AUC, by halving."""
    random = np.random.default_rng(0)
    _, z = leads(random, rows)
    y, drawn = random.random(rows) < sigmoid(z), random.normal(size=rows)
    low, high = 0.0, 20.0
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if auc(y, seen(z, middle, drawn)) > wanted else (low, middle)
    return low


if __name__ == "__main__":
    main()
