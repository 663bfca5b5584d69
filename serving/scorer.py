"""Who would sales accept today? One row per open lead: probability beside the rules, and the route."""

from __future__ import annotations

import logging
from datetime import datetime

import numpy as np
import pandas as pd

from data.agreement import Agreement
from data.cohorts import open_leads
from data.errors import DataError, ModelError
from data.warehouse import Warehouse
from features.catalog import Feature, build_catalogue, catalogue_version
from features.matrix import build_matrix
from features.timelines import WAITING_DAYS
from models.registry import LoadedModel
from serving.routing import choose_routes

log = logging.getLogger(__name__)

CATALOGUE_TAG = "catalogue_version"
BLOCK = 20_000
"""Rows predicted at once: small blocks keep the trees' inputs in cache."""
BESIDE = ("rule_points", "permission", "handoffs_before", "hours_since_handoff", "hours_since_decision")
"""Columns that routing needs, whatever the model uses."""


def score_leads(
    warehouse: Warehouse,
    agreement: Agreement,
    model: LoadedModel | None,
    as_of: datetime,
    trained_under: Agreement | None = None,
) -> pd.DataFrame:
    """Scores of every open lead at `as_of`, by lead_id; without a model the rules alone route.

    Zone and route follow `agreement`, the one in force; the model sees points as under the one it was trained with.
    Raises DataError where no lead is open, ModelError where the catalogue no longer makes the model's columns.
    """
    index = open_leads(warehouse, as_of)
    if index.empty:
        known = warehouse.rows("SELECT min(known_at), max(known_at), count(*) FROM leads")[0]
        span = f"leads known from {known[0]:%Y-%m-%d} to {known[1]:%Y-%m-%d}" if known[2] else "no lead at all"
        raise DataError(
            f"scoring as of {as_of:%Y-%m-%d %H:%M}", expected="open leads", got=f"none ({span} in the warehouse)",
            do="take an --as-of within the data, or ingest newer data",
        )  # fmt: skip
    seen_under = trained_under or agreement
    catalogue = build_catalogue(seen_under, warehouse, identifiers=True)
    features = used_features(model, catalogue) if model else ()
    names = list(dict.fromkeys([*(f.name for f in features), *BESIDE]))
    matrix = build_matrix(warehouse, index, seen_under, features=catalogue, names=names)
    scored = pd.DataFrame({"lead_id": matrix["lead_id"], "as_of": matrix["as_of"]})
    scored["probability"] = predict(model, matrix) if model else np.nan
    if seen_under.version == agreement.version:
        scored["rule_points"] = matrix["rule_points"]
    else:
        log.warning("the agreement changed to %s after the model was trained: train again soon", agreement.version)
        scored["rule_points"] = build_matrix(warehouse, index, agreement, names=["rule_points"])["rule_points"]
    unanswered = ~(matrix["hours_since_decision"] <= matrix["hours_since_handoff"])
    waiting = unanswered & (matrix["hours_since_handoff"] < WAITING_DAYS * 24)
    status = "provisional" if model and model.provisional else "in use"
    routes = choose_routes(scored.assign(permission=matrix["permission"], with_sales=waiting), agreement)
    return scored.join(routes).assign(
        model_version=str(model.version) if model else "none",
        model_status=status if model else "rules only",
        agreement_version=agreement.version,
        catalogue_version=catalogue_version(features or catalogue),
    )


def used_features(model: LoadedModel, catalogue: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """The definitions behind the model's columns; ModelError where one is gone or means something else by now."""
    by_name = {f.name: f for f in catalogue}
    gone = [n for n in model.features if n not in by_name]
    if gone:
        raise ModelError(
            f"scoring with model version {model.version}", expected="the columns it was trained on",
            got=f"no {', '.join(gone[:10])}", do="ingest the source that brought them, or train again",
        )  # fmt: skip
    used = tuple(by_name[n] for n in model.features)
    trained, now = model.tags.get(CATALOGUE_TAG), catalogue_version(used)
    if trained != now:
        raise ModelError(
            f"scoring with model version {model.version}", expected=f"features as defined in its catalogue {trained}",
            got=f"catalogue {now}", do="train again with the definitions of today",
        )  # fmt: skip
    return used


def predict(model: LoadedModel, matrix: pd.DataFrame) -> np.ndarray:
    """The model's probability of acceptance for each row of the matrix."""
    return np.concatenate([model.predict(matrix.iloc[i : i + BLOCK]) for i in range(0, len(matrix), BLOCK)])
