"""Does exploration happen as often as it says? Hand-offs picked at random beside their propensities, over many days.

`python benchmarks/exploration.py` routes a company's leads for 200 days, with 2 places for more and more draws a day,
and prints what was realised of what was stated, with the 99 % interval of chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from data.agreement.file import default_agreement
from data.agreement.model import Agreement
from serving.exploration import NO_DRAWS, PAST
from serving.routing import choose_routes

DRAWS_A_DAY = (0.5, 1, 2, 4)
PLACES = 2
SHARES = (0.02, 0.05, 0.1, 0.05)
LEADS_PER_DRAW = 800
LEAD = {"probability": np.nan, "rule_points": 10.0, "zone": "not_yet", "urgent": False, "team": None, "segment": 0}
LEAD |= {"probability_low": np.nan, "support": "inside"}
LEAD |= dict.fromkeys(("may_call", "may_mail"), True) | dict.fromkeys(("with_sales", "cooling", "reheat"), False)


def explore(draws_a_day: float, days: int, seed: int) -> pd.DataFrame:
    """Everybody who took part in a draw, as `earlier_draws` gives them; of these about `draws_a_day` are drawn a day.

    All leads are below the gate and scored daily. Some give signs often, which makes them young again; whoever is
    picked is with sales for two weeks and begins another gate episode; one in a hundred a day gives way to a new lead.
    """
    rng, agreement, past = np.random.default_rng(seed), _agreed(seed), NO_DRAWS
    there = _newcomers("old", round(draws_a_day * LEADS_PER_DRAW), rng)
    there["signed"] = -rng.uniform(0, 150, len(there))
    for day in range(days):
        there["signed"] = there["signed"].mask(rng.random(len(there)) < there["pace"], day)
        today = f"{pd.Timestamp(2026, 1, 1) + pd.Timedelta(days=day):%Y-%m-%d}"
        there = there.assign(day=today, age_days=day - there["signed"])
        found = there.join(choose_routes(there[there["back"] <= day], agreement, past=past).leads, how="inner")
        past = pd.concat([past, found.loc[found["draw"].notna(), [*PAST]]])
        picked = found.index[found["explored"]]
        there.loc[picked, "episode"] += 1
        there.loc[picked, "back"] = day + 14
        gone = rng.random(len(there)) < 0.01
        new = _newcomers(str(day), gone.sum(), rng).assign(signed=float(day))
        there = pd.concat([there[~gone], new], ignore_index=True)
    return past


def realised(took_part: pd.DataFrame) -> tuple[float, float, float]:
    """What was picked as a multiple of what was stated, and the 99 % interval of that in which chance alone leaves it.

    Each picks with its propensity; places make the picks of one day a little less than independent, so the interval is
    on the wide side.
    """
    p = took_part["propensity"]
    around = float(norm.ppf(0.995) * np.sqrt((p * (1 - p)).sum()) / p.sum())
    return float(took_part["explored"].sum() / p.sum()), 1 - around, 1 + around


def _newcomers(of: str, n: int, rng: np.random.Generator) -> pd.DataFrame:
    names = [f"{of}-{i}" for i in range(n)]
    return pd.DataFrame({"lead_id": names, **LEAD, "pace": rng.beta(0.3, 6, n), "signed": 0.0, "episode": 0, "back": 0})


def _agreed(seed: int) -> Agreement:
    wish = {"shares": SHARES, "per_day": PLACES, "seed": seed}
    return Agreement.model_validate({**default_agreement().model_dump(), "capacity": {}, "exploration": wish})


def main() -> None:
    """Print a row per number of draws a day."""
    print("| draws a day | took part | stated | picked | realised / stated (99 % of chance) |\n|---|---|---|---|---|")
    for draws in DRAWS_A_DAY:
        found = explore(draws, days=200, seed=1001)
        ratio, low, high = realised(found)
        counts = f"{len(found):,} | {found['propensity'].sum():.1f} | {found['explored'].sum()}"
        print(f"| {draws} | {counts} | {ratio:.3f} ({low:.3f} to {high:.3f}) |", flush=True)


if __name__ == "__main__":
    main()
