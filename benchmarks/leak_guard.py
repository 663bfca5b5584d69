"""Does the leak guard see what knows the answer, and leave the rest alone? Planted columns on simulated companies.

    python -m benchmarks.leak_guard [--draws 200] [--first 1001] [--companies 4] [--columns 40]
    python -m benchmarks.leak_guard --real ../shared/data

Each draw takes one company's labels and some of its columns, always with the rules' points, and plants one column:
equal to the label in so many rows; missing in so many of the negatives; or the lead's *future* total of touches, to
which leads add after the hand-off, those that sales refused more (they go back to nurture). Alone that total says next
to nothing; trees subtract what they know. Printed: how often the planted column was flagged, and how many of the clean
columns were, over all draws. With `--real`: which columns of public data are flagged, in every cohort and set of
columns that `real_data.py` compares, but those of x_education that were written down after the outcome.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.real_data import ALL_COUNT, BANK, BPIC, DECIDED, EDUCATION, SEED, ingested, training_set
from benchmarks.truth_company import company
from features.definition import Feature
from models.judging.leak_guard import find_leaks
from models.metrics.evaluation import Vector
from models.rows.training_set import TrainingSet

LEADS = 5_000  # about 1,000 labels
PLANTED = Feature("planted", "fit", "lead", "NULL", "a column whose name says nothing")
Plant = Callable[[TrainingSet, np.random.Generator], Vector]


def equal_to(share: float) -> Plant:
    """The label itself in that share of rows."""
    return lambda data, random: np.where(random.random(len(data.y)) < share, data.y, 1.0 - data.y)


def missing_in(share: float) -> Plant:
    """A number that tells nothing, missing in that share of the negatives."""

    def drawn(data: TrainingSet, random: np.random.Generator) -> Vector:
        gone = (data.y == 0) & (random.random(len(data.y)) < share)
        return np.where(gone, np.nan, random.normal(size=len(data.y)))

    return drawn


def future_total(data: TrainingSet, random: np.random.Generator) -> Vector:
    """All touches the lead will ever have: those so far and, on average, 3 later ones, 6 where sales refused it."""
    return np.asarray(data.X["touches_total"] + random.poisson(np.where(data.y == 1, 3, 6)), dtype=float)


PLANTS = {f"equal to the label in {share:.0%}": equal_to(share) for share in (0.75, 0.8, 0.85, 0.9)}
PLANTS |= {f"missing in {share:.0%} of the negatives": missing_in(share) for share in (0.3, 0.4)}
PLANTS |= {"future total of touches": future_total}


def main() -> None:
    """Plant each column so many times and print how often it was flagged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--first", type=int, default=1001)
    parser.add_argument("--companies", type=int, default=4)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--real", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    if given.real:
        judge_real(given.real)
        return
    known = []
    for seed in range(given.first, given.first + given.companies):
        with company("default", LEADS, seed) as simulated:
            data = simulated.data
            known.append(data.only(np.flatnonzero(data.labelled)))
    with threadpool_limits(limits=1):
        for name, plant in PLANTS.items():
            found = pd.DataFrame([draw(known[at % len(known)], plant, given.columns, at) for at in range(given.draws)])
            clean = f"{found['clean'].sum()} of {found['columns'].sum():,} clean columns flagged"
            says = f"alone AUC {found['auc'].mean():.2f}, lift {found['lift'].mean():.3f}"
            print(
                f"{name}: flagged in {found['planted'].mean():.1%} of {len(found)} draws ({says}); {clean}", flush=True
            )


def judge_real(folder: Path) -> None:
    """Print what is flagged of columns that hold nothing of the outcome."""
    cohorts = {name: {"cohort": cohort, "label": ALL_COUNT} for name, cohort in BPIC.items()}
    educated = {name: {"features": part, "label": DECIDED} for name, part in EDUCATION.items() if name != "all"}
    called = {name: {"features": part, "label": DECIDED} for name, part in BANK.items()}
    columns = flagged = 0
    for source, runs in {"bpic2012": cohorts, "x_education": educated, "bank_marketing": called}.items():
        with ingested(source, folder) as warehouse, threadpool_limits(limits=1):
            for name, settings in runs.items():
                data = training_set(warehouse, **settings)
                suspects = find_leaks(data.only(np.flatnonzero(data.labelled)), float("nan"), seed=SEED).suspects
                columns, flagged = columns + data.X.shape[1], flagged + len(suspects)
                found = ", ".join(suspects) or "none"
                print(f"{source}, {name}: {found} of {data.X.shape[1]} columns flagged", flush=True)
    print(f"{flagged} of {columns:,} columns flagged ({flagged / columns:.1%})")


def draw(data: TrainingSet, plant: Plant, columns: int, seed: int) -> dict[str, float]:
    """Whether the planted column was flagged, how many others were, and how telling it was."""
    random = np.random.default_rng(seed)
    always = {"rule_points", "touches_total"}
    others = [f for f in data.features if f.name not in always]
    some = {others[at].name for at in random.choice(len(others), columns - len(always), replace=False)} | always
    features = (*(f for f in data.features if f.name in some), PLANTED)
    X = data.X[[f.name for f in features[:-1]]].assign(planted=plant(data, random))
    guard = find_leaks(replace(data, X=X, features=features), 0.7, seed=seed)
    told, flagged = guard.columns.loc["planted"], set(guard.suspects)
    clean = flagged - {"planted"}
    return {"planted": "planted" in flagged, "clean": len(clean), "columns": columns, **told[["auc", "lift"]]}


if __name__ == "__main__":
    main()
