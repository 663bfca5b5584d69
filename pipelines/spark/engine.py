"""What does Spark do of a scoring and of a training? What is done lead by lead; what concerns all is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from data.agreement.model import Agreement
from data.cohorts import TO_SALES_SCORES, has_scores
from data.opened import OpenWorkspace
from data.settings import Settings
from data.tables import SCORES
from data.warehouse import Warehouse
from data.workspace import Workspace
from features.definition import Feature
from features.matrix import read_across
from models.registry.client import LoadedModel
from models.rows.dataset import Gathered, gather_rows
from pipelines.spark.session import shared_folder, spark_session, wants_spark
from pipelines.spark.shares import Work, work_on_shares
from serving.scoring import Looked, look_at_leads


@dataclass(frozen=True)
class OnSpark:
    """Does on Spark's workers what one machine does lead by lead.

    memory: what DuckDB may use in each. share_leads: as for `work_on_shares`.
    """

    workspace: Workspace
    memory: str
    share_leads: int | None = None

    def look(
        self,
        warehouse: Warehouse,
        agreement: Agreement,
        model: LoadedModel | None,
        as_of: datetime,
        seen_under: Agreement,
    ) -> Looked:
        """As `look_at_leads`, of all shares, in the order of lead_id."""
        across = read_across(warehouse)
        found = self._of_shares(
            warehouse, lambda own: look_at_leads(own, agreement, model, as_of, seen_under, across)._asdict(), {}
        )
        if not found:
            return Looked(pd.DataFrame(), pd.DataFrame())
        order = np.argsort(found["leads"]["lead_id"].to_numpy(object))
        return Looked(*(found[name].take(order).reset_index(drop=True) for name in Looked._fields))

    def gather(
        self,
        warehouse: Warehouse,
        settings: Settings,
        agreement: Agreement,
        observed: datetime,
        catalogue: tuple[Feature, ...],
        names: list[str],
    ) -> Gathered:
        """As `gather_rows`, of all shares, in the order of as_of and lead_id."""
        across = read_across(warehouse)

        def work(own: Warehouse) -> dict[str, pd.DataFrame]:
            rows, matrix, counts = gather_rows(own, settings, agreement, observed, catalogue, names, across)
            return {"rows": rows, "matrix": matrix, "counts": pd.DataFrame(counts.items(), columns=["outcome", "n"])}

        found = self._of_shares(warehouse, work, {SCORES.name: TO_SALES_SCORES} if has_scores(warehouse) else {})
        if not found:
            return Gathered(pd.DataFrame(), pd.DataFrame(), {})
        counts = {str(outcome): int(n) for outcome, n in found["counts"].groupby("outcome")["n"].sum().items()}
        if "rows" not in found:
            return Gathered(pd.DataFrame(), pd.DataFrame(), counts)
        order = found["rows"].sort_values(["as_of", "lead_id"], kind="stable").index.to_numpy()
        rows, matrix = (found[name].take(order).reset_index(drop=True) for name in ("rows", "matrix"))
        return Gathered(rows, matrix, counts)

    def _of_shares(self, warehouse: Warehouse, work: Work, more: Mapping[str, str]) -> dict[str, pd.DataFrame]:
        with shared_folder(self.workspace) as folder, spark_session() as spark:
            return work_on_shares(spark, warehouse, folder, work, more, self.memory, self.share_leads)


def on_spark(opened: OpenWorkspace) -> OnSpark | None:
    """Spark's workers where LEADREADY_ENGINE asks for them, each with the memory of the settings; else None.

    Who gives them work holds the warehouse of the workspace (`shared_folder`).
    """
    return OnSpark(opened.workspace, opened.settings.compute.memory) if wants_spark() else None
