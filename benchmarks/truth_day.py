"""Are the probabilities of a scoring day right, over all open leads? By age, by zone, by support, and as a ranking.

Hand-offs are what a model learns from, and a small part of the leads that it speaks of: here it is judged on those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from benchmarks.truth_company import Company, company, cross_entropy
from data.cohorts import open_leads
from data.tables import TABLES
from data.warehouse import Warehouse
from features.catalogue import Feature, build_catalogue
from features.matrix import build_matrix
from features.measures import DecaySum, SinceLast
from features.rules.standing import build_rules
from models.fitting.candidates import DEPLOYED
from models.fitting.deployed import ReadyModel
from models.fitting.learning import compare
from models.judging.training import learn
from models.metrics.evaluation import Vector
from models.rows.training_set import TrainingSet
from serving.scoring import BESIDE, days_quiet

SEED = 7
SIZES = (3000, 9000)
DAY = datetime(2025, 12, 15)
BANDS = {"0-7": 7, "7-30": 30, "30-90": 90, "90+": np.inf}
"""Days since the last sign of the person, up to which each band goes."""
ENOUGH = 100
"""Leads from which a band or zone is judged."""
BEST = (20, 60, 200)
BOUNDS = ("probability_low", "probability_high")
LATER = timedelta(hours=14)


@dataclass(frozen=True)
class ScoringDay:
    """What was known on a day, and what is true of its open leads.

    past: the training set. X: the n open leads' features; leads: n rows with lead_id, band, zone, true.
    """

    past: TrainingSet
    X: pd.DataFrame
    leads: pd.DataFrame

    @property
    def true(self) -> Vector:
        """The true chance of acceptance of each open lead."""
        return self.leads["true"].to_numpy()


def scoring_day(of: Company, day: datetime = DAY) -> ScoringDay:
    """The day as the product would meet it; the company has to have been simulated with this moment."""
    recycle, names = of.agreement.recycle, list(of.data.X.columns)
    index = open_leads(of.warehouse, day, recycle.cool_off_days, recycle.never)
    matrix = build_matrix(of.warehouse, index, of.agreement, names=list(dict.fromkeys([*names, *BESIDE])))
    age = days_quiet(matrix)
    leads = pd.DataFrame(
        {
            "lead_id": index["lead_id"],
            "band": pd.cut(age, [-np.inf, *BANDS.values()], labels=list(BANDS), right=False).astype(str),
            "zone": build_rules(of.warehouse, index, [of.agreement])["zone"].to_numpy(),
            "true": of.true_at(index)["probability"].to_numpy(),
        }
    )
    return ScoringDay(of.data.before(pd.Timestamp(day)), matrix[names], leads)


def parts(leads: pd.DataFrame) -> Iterator[tuple[str, Vector]]:
    """The bands and zones that have enough leads, each with its rows."""
    for column in ("band", "zone"):
        for name, rows in leads.groupby(column).indices.items():
            if len(rows) >= ENOUGH:
                yield str(name), rows


def judged(day: ScoringDay, p: Vector) -> dict[str, float]:
    """Excess log loss, rank with the truth, bias over all, by band and by zone, and the truth among the best."""
    true, order = day.true, np.argsort(-p, kind="stable")
    found = {
        "excess": cross_entropy(true, p) - cross_entropy(true, true),
        "rank": float(pd.Series(p).corr(pd.Series(true), method="spearman")),
        "bias": float(p.mean() - true.mean()),
    }
    found |= {f"bias {name}": float(p[rows].mean() - true[rows].mean()) for name, rows in parts(day.leads)}
    return found | {f"true among best {most}": float(true[order[:most]].mean()) for most in BEST}


def on_a_scoring_day(world: str, leads: int, seed: int) -> dict[str, float]:
    """What `judged` finds of the model that a company would have on the day, what its bounds hold, and rescoring."""
    with company(world, leads, seed, (DAY,)) as of:
        day = scoring_day(of)
        every = np.arange(len(day.past.y))
        found = learn(day.past, every, day.past.now, compare(day.past, every, 4, SEED, DEPLOYED), SEED)
        figures = known_of(day, found.model) | rescored(of, found.model)
    prefix = "" if world == "default" else f"{world}: "
    return {f"{prefix}{leads} leads: {name}": value for name, value in figures.items()}


def known_of(day: ScoringDay, model: ReadyModel) -> dict[str, float]:
    """`judged`, with the share of leads outside, errors in and out, and how often bounds hold the truth."""
    found = model.assess(day.X)
    p, outside = found["probability"].to_numpy(), (found["support"] == "outside").to_numpy()
    wrong = (p - day.true) ** 2
    deciles = np.array_split(np.argsort(p, kind="stable"), 10)
    held = [_holds(day.true[at], *(found[end].to_numpy()[at] for end in BOUNDS)) for at in deciles]
    bands = [
        (_holds(day.true[at], low, high), high - low)
        for _, rows in parts(day.leads)
        if len(at := rows[~outside[rows]]) >= ENOUGH
        for low, high in [model.mean_interval(day.X.iloc[at])]
    ]
    return judged(day, p) | {
        "outside": float(outside.mean()),
        "error inside": float(np.sqrt(wrong[~outside].mean())),
        "error outside": float(np.sqrt(wrong[outside].mean())),
        "error outside less inside": float(np.sqrt(wrong[outside].mean()) - np.sqrt(wrong[~outside].mean())),
        "deciles held": float(np.mean(held)),
        "bands held": float(np.mean([holds for holds, _ in bands])),
        "width of bands": float(np.mean([width for _, width in bands])),
    }


def _holds(true: Vector, low: Vector | float, high: Vector | float) -> bool:
    return bool(np.mean(low) <= true.mean() <= np.mean(high))


def rescored(of: Company, model: ReadyModel) -> dict[str, float]:
    """How log-odds change in 14 hours in which nothing becomes known; and where columns that hold an age stay too."""
    recycle, names = of.agreement.recycle, list(of.data.X.columns)
    with Warehouse.open(None, threads=1) as still:
        for table in TABLES:
            rows = of.warehouse.frame(f"SELECT * FROM {table} WHERE known_at < $1", [DAY])
            with still.view("known", rows):
                still.execute(f"INSERT INTO {table} BY NAME SELECT * FROM known")
        index = open_leads(still, DAY, recycle.cool_off_days, recycle.never)
        now = build_matrix(still, index, of.agreement, names=names)[names]
        later = build_matrix(still, index.assign(as_of=pd.Timestamp(DAY + LATER)), of.agreement, names=names)[names]
    fixed = later.assign(**{name: now[name] for name in ageing(build_catalogue(of.agreement)) if name in now})
    before, after, alone = (model.log_odds(X) for X in (now, later, fixed))
    moved = np.abs(after - before)
    return {
        "median change in 14 hours": float(np.median(moved)),
        "changes above .1 in 14 hours": float((moved > 0.1).mean()),
        "change with ages fixed": float(np.abs(alone - before).max()),
    }


def ageing(catalogue: tuple[Feature, ...]) -> list[str]:
    """The features that move with the clock alone: windows, decays, days since, points of the rules, sales' load."""
    found: list[str] = []
    for f in catalogue:
        moves = isinstance(f.value, (DecaySum, SinceLast)) or f.measure.within is not None or f.clock
        moves |= (f.over == "rules" and f.part in ("age_days", "points")) or f.name in (
            "days_since_created",
            "sales_waiting",
        )
        if moves or (f.over in ("made", "peers") and any(name in f.sql for name in found)):
            found.append(f.name)
    return found
