"""What is measured? Each does its work once in a process of its own: `python -m benchmarks.speed.work NAME FOLDER`.

What a measure needs first is done before its clock starts. Prints JSON: cpu and wall seconds, the process's peak memory
in MB, and the rows it was about.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.speed.peers import peak_mb
from benchmarks.speed.prepare import AS_OF, LOADED, Place, everybody, snapshots
from data.agreement.file import default_agreement
from data.intake.ingest import ingest
from data.tables import SQL_TYPES, TABLES
from data.warehouse import Warehouse
from features.catalogue import Feature, build_catalogue
from features.matrix import build_matrix
from features.rules.standing import build_rules
from models.explaining.explanation import spread
from models.fitting.regression import Regression
from models.metrics.evaluation import sigmoid
from models.registry.client import LoadedModel, Registry
from pipelines.jobs.score import score_open_leads
from serving.in_use import find_model, trained_under
from serving.reasons import BACKGROUND_ROWS, explain_scores
from serving.scoring import BLOCK, _seen, assess, used_features

FLOOR = """SELECT sum(touches), bit_xor(read) FROM (SELECT lead_id, count(*) AS touches, bit_xor(hash(occurred_at, kind,
    channel, asset, direction, is_bot, event_id, known_at, superseded_at, batch_id)) AS read FROM touches
    GROUP BY lead_id)"""
"""A count and a hash of all columns per lead: without the hash DuckDB would not read the columns, but answer from
statistics."""
NEW_TOUCHES = """SELECT lead_id, $at::TIMESTAMP - to_seconds((place % 80000)::BIGINT) AS occurred_at,
    'page_view' AS kind, 'web' AS channel, 'asset_1' AS asset, 'inbound' AS direction, 'new' || place AS event_id,
    $at::TIMESTAMP AS known_at
    FROM (SELECT lead_id, row_number() OVER (ORDER BY hash(lead_id)) AS place FROM leads) ORDER BY place LIMIT 100000"""
EXPLAINED = 8192
"""Leads whose reasons are given."""


class Clock:
    """CPU and wall seconds of what was done within `running`, all threads."""

    cpu = wall = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the block."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu, self.wall = time.process_time() - cpu, time.perf_counter() - wall


def floor(place: Place, clock: Clock) -> int:
    """A scan of all touch columns with one aggregate per lead."""
    with place.opened().warehouse() as warehouse, clock.running():
        return int(warehouse.rows(FLOOR)[0][0])


def floor_in_time_order(place: Place, clock: Clock) -> int:
    """The same where touches lie in order of time."""
    with Warehouse.open(place.by_time, threads=2) as warehouse, clock.running():
        return int(warehouse.rows(FLOOR)[0][0])


def engagement(place: Place, clock: Clock) -> int:
    """The engagement features over touches of every lead; they are kept, to be compared with the peers'."""
    with place.opened().warehouse() as warehouse:
        made = _build(warehouse, everybody(warehouse), clock, "touches")
    made.drop(columns=["as_of", "house"]).to_parquet(place.folder / "ours.parquet")
    return len(made)


def engagement_in_time_order(place: Place, clock: Clock) -> int:
    """The same where touches lie in order of time."""
    with Warehouse.open(place.by_time, threads=2, memory=place.opened().settings.compute.memory) as warehouse:
        return len(_build(warehouse, everybody(warehouse), clock, "touches"))


def matrix(place: Place, clock: Clock) -> int:
    """The whole catalogue for every lead."""
    with place.opened().warehouse() as warehouse:
        return len(_build(warehouse, everybody(warehouse), clock))


def rules(place: Place, clock: Clock) -> int:
    """Points, zone and all else that the rules say of every lead."""
    with place.opened().warehouse() as warehouse:
        index = everybody(warehouse)
        with clock.running():
            return len(build_rules(warehouse, index, [default_agreement()]))


def snapshots_engagement(place: Place, clock: Clock) -> int:
    """The engagement features of half as many snapshots as leads, each at a moment of its own."""
    with place.opened().warehouse() as warehouse:
        return len(_build(warehouse, snapshots(warehouse), clock, "touches"))


def snapshots_matrix(place: Place, clock: Clock) -> int:
    """The whole catalogue for the same snapshots."""
    with place.opened().warehouse() as warehouse:
        return len(_build(warehouse, snapshots(warehouse), clock))


def _build(warehouse: Warehouse, index: pd.DataFrame, clock: Clock, over: str | None = None) -> pd.DataFrame:
    agreement = default_agreement()
    features = build_catalogue(agreement, warehouse)
    names = [f.name for f in features if over in (None, f.over)]
    with clock.running():
        return build_matrix(warehouse, index, agreement, features=features, names=names)


def first_load(place: Place, clock: Clock) -> int:
    """`leadready ingest` of the whole company into an empty warehouse, in the files' order."""
    with place.opened().warehouse() as warehouse, clock.running():
        return ingest(warehouse, "canonical", place.raw, loaded_at=LOADED).stored


def typed_insert(place: Place, clock: Clock) -> int:
    """The same rows by one INSERT for each table, typed, without a look at any."""
    with Warehouse.open(_scratch(place) / "inserted.duckdb", threads=2) as warehouse:
        with clock.running():
            for file in sorted(place.raw.glob("*.parquet")):
                there, table = set(pq.read_schema(file).names), TABLES[file.stem]
                typed = [f"{c.name}::{SQL_TYPES[c.type]} AS {c.name}" for c in table.columns if c.name in there]
                rows = f"SELECT {', '.join(typed)}, known_at, 'first' AS batch_id FROM '{file}'"
                warehouse.execute(f"INSERT INTO {table.name} BY NAME {rows}")
            warehouse.execute("CHECKPOINT")
        return sum(int(warehouse.scalar(f"SELECT count(*) FROM {name}")) for name in TABLES)


def day_load(place: Place, clock: Clock) -> int:
    """100,000 new touches into what is stored."""
    scratch = _scratch(place)
    day = scratch / "day"
    day.mkdir()
    copy = scratch / "warehouse.duckdb"
    shutil.copyfile(place.workspace.warehouse, copy)
    with Warehouse.open(copy, threads=2, memory=place.opened().settings.compute.memory) as warehouse:
        warehouse.execute(f"COPY ({NEW_TOUCHES}) TO '{day}/touches.parquet' (FORMAT parquet)", {"at": LOADED})
        with clock.running():
            return ingest(warehouse, "canonical", day, loaded_at=LOADED + timedelta(hours=1)).stored


def score(place: Place, clock: Clock) -> int:
    """The daily job: features, rules, probabilities, routes, questions, reasons, lists, files and the page's data."""
    opened = place.opened()
    with clock.running():
        return len(score_open_leads(opened, AS_OF).scores)


def assessed(place: Place, clock: Clock) -> int:
    """Probability, bounds and support of every lead, from its features."""
    model, X = _model_and_leads(place)
    with clock.running():
        return len(assess(model, X))


def bare_predict(place: Place, clock: Clock) -> int:
    """What the fitted members alone take to predict the same leads, from arrays that are encoded already."""
    model, X = _model_and_leads(place)
    estimator = model.pipeline.estimator
    ready: list[tuple[Callable[[Any], Any], np.ndarray]] = []
    for member in getattr(estimator, "estimators_", [estimator]):
        rows = member[:-1].transform(X[list(member[0].kinds_)])
        last = member[-1]
        predict = partial(_linear, last) if isinstance(last, Regression) else last.predict_proba
        ready.append((predict, np.asarray(last.encode(rows) if isinstance(last, Regression) else rows, dtype=float)))
    with threadpool_limits(limits=1), clock.running():
        for predict, rows in ready:
            for at in range(0, len(X), BLOCK):
                predict(rows[at : at + BLOCK])
    return len(X)


def _linear(model: Regression, rows: np.ndarray) -> np.ndarray:
    return sigmoid(rows @ model.coef_ + model.intercept_)


def reasons(place: Place, clock: Clock) -> int:
    """The reasons of leads, as delivered."""
    model, X = _model_and_leads(place, EXPLAINED)
    features = used_features(model, _catalogue(place, model))
    with clock.running():
        explain_scores(model.pipeline, features, X, pd.Series(True, index=X.index))
    return len(X)


def trees_for_shap(place: Place, clock: Clock) -> int:
    """Nothing is measured: writes what `peers.py` needs to explain the same leads by the same trees."""
    model, X = _model_and_leads(place, EXPLAINED)
    estimator = model.pipeline.estimator
    members = getattr(estimator, "estimators_", [estimator])
    trees = next(m for m in members if isinstance(m[-1], HistGradientBoostingClassifier))
    background = spread(pd.DataFrame(model.pipeline.background), BACKGROUND_ROWS)
    arrays = [np.asarray(trees[:-1].transform(rows[list(X.columns)]), dtype=float) for rows in (X, background)]
    plain = HistGradientBoostingClassifier()
    plain.__dict__.update(vars(trees[-1]))  # of no class of ours, which the peers' environment lacks
    with clock.running():
        joblib.dump((plain, *arrays), place.folder / "trees.joblib")
    return len(X)


def _model_and_leads(place: Place, most: int | None = None) -> tuple[LoadedModel, pd.DataFrame]:
    """The model in use, and its columns of every lead, or of `most` of them."""
    opened = place.opened()
    model = find_model(Registry(opened.workspace))
    if model is None:
        raise SystemExit(f"no model is in use in {place.workspace.root}: delete {place.folder} and begin again")
    with opened.warehouse() as warehouse:
        index = everybody(warehouse) if most is None else spread(everybody(warehouse), most)
        X = _seen(warehouse, model, trained_under(opened, model), index)
    return model, X[list(model.features)]


def _catalogue(place: Place, model: LoadedModel) -> tuple[Feature, ...]:
    opened = place.opened()
    with opened.warehouse() as warehouse:
        return build_catalogue(trained_under(opened, model), warehouse, identifiers=True)


def _scratch(place: Place) -> Path:
    """An empty folder beside, for what is measured by writing."""
    scratch = place.folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return scratch


WORK: dict[str, Callable[[Place, Clock], int]] = {
    work.__name__: work
    for work in (
        *(floor, floor_in_time_order, engagement, engagement_in_time_order, matrix, rules, snapshots_engagement),
        *(snapshots_matrix, first_load, typed_insert, day_load, score, assessed, bare_predict, reasons),
        trees_for_shap,
    )
}


def main() -> None:
    """Do one piece of work and say what it took."""
    name, clock = sys.argv[1], Clock()
    rows = WORK[name](Place(Path(sys.argv[2])), clock)
    print(json.dumps({"cpu": clock.cpu, "wall": clock.wall, "peak_mb": peak_mb(), "rows": rows}))


if __name__ == "__main__":
    main()
