"""How do the features of a day spread? Counted while scoring, so that monitoring can compare the day with others."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pandas as pd

from data.sql import in_force
from data.tables import DISTRIBUTIONS
from data.warehouse import Warehouse
from data.workspace import Workspace
from models.metrics.drift import count_bins
from serving.publication import Publication

NEW_DAYS = 28
"""Who came in within so many days is new."""
CAME = f"SELECT DISTINCT lead_id FROM leads e WHERE {in_force('$as_of')} AND created_at >= $since"


def write(
    workspace: Workspace,  # noqa: ARG001
    warehouse: Warehouse,
    publication: Publication,
) -> None:
    """Replace the counts of its moment; nothing where there is nothing beside the scores."""
    if publication.beside is None:
        return
    scores, as_of = publication.scores, publication.as_of
    came = warehouse.frame(CAME, {"as_of": as_of, "since": as_of - timedelta(days=NEW_DAYS)})["lead_id"]
    matrix = publication.beside.matrix
    names = [f.name for f in publication.beside.features if f.name in matrix]
    if scores["probability"].notna().any():
        names.append("probability")

    def seen(name: str) -> pd.Series:
        return scores[name] if name == "probability" else _unnamed(name, matrix[name].loc[scores.index])

    rows = [
        (as_of, leads, of, name, counted)
        for leads, some in (("all", slice(None)), ("new", scores["lead_id"].isin(came).to_numpy()))
        for of in names
        for name, counted in count_bins(seen(of)[some]).items()
    ]
    warehouse.execute("DELETE FROM distributions WHERE as_of = $1", [as_of])
    with warehouse.view("new_distributions", pd.DataFrame(rows, columns=list(DISTRIBUTIONS.names))):
        warehouse.insert("distributions", "FROM new_distributions")


def _unnamed(feature: str, values: pd.Series) -> pd.Series:
    """Words of a source's own column as hashes: they may be names of people."""
    if "." not in feature or pd.api.types.is_numeric_dtype(values):
        return values
    return values.map(lambda word: sha256(str(word).encode()).hexdigest()[:8], na_action="ignore")


def finish(workspace: Workspace, warehouse: Warehouse) -> None:  # noqa: ARG001
    """Make the table."""
    warehouse.make(DISTRIBUTIONS)
