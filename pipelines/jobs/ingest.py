"""How does a batch of a source come in?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from data.intake.ingest import ALL, IngestReport, ingest
from data.intake.watermarks import Extract
from data.opened import OpenWorkspace


def ingest_batch(
    opened: OpenWorkspace,
    source: str,
    path: str,
    loaded_at: datetime,
    *,
    backfill: bool = False,
    timezone: str = "UTC",
    mappings: Path | None = None,
    check: bool = False,
    extract: Extract = ALL,
) -> IngestReport:
    """Load one batch of a source, or with `check` see what it would become; see `data.intake.ingest`.

    Mappings are looked for in the workspace unless another folder is given.
    """
    with opened.warehouse() as warehouse:
        return ingest(
            warehouse,
            source,
            path,
            loaded_at=loaded_at,
            backfill=backfill,
            timezone=timezone,
            mappings=mappings or opened.workspace.mappings,
            agreements=opened.agreements,
            settings=opened.settings.ingest,
            check=check,
            extract=extract,
        )
