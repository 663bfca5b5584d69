"""What of a warehouse may go when it is old? Rows that no later work reads, and the room that they leave."""

from __future__ import annotations

import logging
import shutil
from datetime import datetime
from pathlib import Path

from data.cohorts import TO_SALES_SCORES
from data.tables import DISTRIBUTIONS, OVERRIDES, PUBLICATIONS, SCORES, WATCHED
from data.warehouse import Warehouse, rewrite

log = logging.getLogger(__name__)
KEPT = 14
"""So many of the newest scorings stay whole however old they are: pages and lists compare with them."""
HANDED = """SELECT s.lead_id, s.as_of FROM handoffs h ASOF JOIN scores s
    ON s.lead_id = coalesce(h.copied_from, h.lead_id) AND h.handed_off_at >= s.as_of
    WHERE h.handed_off_at < s.as_of + INTERVAL 7 DAY"""
"""The scores that hand-offs followed: what the model had said of them is judged by these."""
NEEDED = f"""SELECT lead_id, as_of FROM scores WHERE draw IS NOT NULL OR propensity > 0 OR explored OR early
        OR lead_id IN (SELECT lead_id FROM overrides)
    UNION SELECT lead_id, as_of FROM {TO_SALES_SCORES} UNION {HANDED}"""
"""Scores that are read for good: by draws, by policies, by trainings and reports that look back at hand-offs."""
FREE = 0.3
"""The share of a file that is empty from which on it is written anew."""
LEAST_MB = 16
"""A file in which less than that is empty is left as it is."""


def thin_scores(warehouse: Warehouse, before: datetime) -> int:
    """Remove the scores of moments before `before` (UTC) but those that are NEEDED; how many. Within a transaction.

    The publications stay noted as thinned: none of their days counts as missed, and no draw forgets them.
    """
    for table in (SCORES, PUBLICATIONS, OVERRIDES):
        warehouse.make(table)
    warehouse.execute(
        f"""CREATE OR REPLACE TEMP TABLE old_moments AS SELECT DISTINCT as_of FROM scores WHERE as_of < $1
        AND as_of NOT IN (SELECT as_of FROM publications ORDER BY as_of DESC LIMIT {KEPT})""",
        [before],
    )
    gone = "as_of IN (FROM old_moments)"
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE needed AS SELECT DISTINCT * FROM ({NEEDED}) WHERE {gone}")
    removed = warehouse.scalar(f"DELETE FROM scores WHERE {gone} AND (lead_id, as_of) NOT IN (FROM needed)")
    warehouse.execute(f"UPDATE publications SET folder = NULL, thinned = true WHERE {gone}")
    warehouse.execute("DROP TABLE old_moments; DROP TABLE needed")
    return int(removed)


def versions_of(warehouse: Warehouse) -> set[int]:
    """The versions of models of which there are scores."""
    warehouse.make(SCORES)
    found = warehouse.rows("SELECT DISTINCT TRY_CAST(model_version AS INTEGER) AS v FROM scores WHERE v IS NOT NULL")
    return {version for (version,) in found}


def drop_exports(warehouse: Warehouse, before: datetime) -> int:
    """Let the publications before `before` have no files any more, but the newest KEPT; how many. The scores stay."""
    warehouse.make(PUBLICATIONS)
    newest = f"SELECT as_of FROM publications ORDER BY as_of DESC LIMIT {KEPT}"
    gone = f"folder IS NOT NULL AND as_of < $1 AND as_of NOT IN ({newest})"
    return int(warehouse.scalar(f"UPDATE publications SET folder = NULL WHERE {gone}", [before]))


def drop_quarantined(warehouse: Warehouse, before: datetime) -> int:
    """Remove quarantined rows that were loaded before `before`; how many. They can be replayed no more."""
    return int(warehouse.scalar("DELETE FROM quarantine WHERE loaded_at < $1", [before]))


def drop_batches(warehouse: Warehouse, before: datetime) -> int:
    """Remove the records of loads before `before` that stored and quarantined nothing, but each source's newest."""
    own = "SELECT batch_id FROM batches GROUP BY batch_id HAVING sum(stored) + sum(quarantined) > 0"
    newest = "SELECT arg_max(batch_id, loaded_at) FROM batches GROUP BY source"
    gone = f"loaded_at < $1 AND batch_id NOT IN ({own}) AND batch_id NOT IN ({newest})"
    return int(warehouse.scalar(f"DELETE FROM batches WHERE {gone}", [before]))


def drop_watched(warehouse: Warehouse, before: datetime) -> int:
    """Remove what monitoring counted and found before `before`; how many rows."""
    for table in (DISTRIBUTIONS, WATCHED):
        warehouse.make(table)
    return sum(
        int(warehouse.scalar(f"DELETE FROM {of.name} WHERE as_of < $1", [before])) for of in (DISTRIBUTIONS, WATCHED)
    )


def shrink(path: Path, wait_s: float) -> int:
    """Write a warehouse's file anew where much of it is empty, for DuckDB uses such room again and never gives it back.

    Returns by how many bytes it is smaller. Raises BusyError where another process has it for too long.
    """
    before = path.stat().st_size
    with Warehouse.open(path, wait_s=wait_s) as warehouse:
        warehouse.execute("CHECKPOINT")
        block, blocks, free = warehouse.rows(
            "SELECT block_size, total_blocks, free_blocks FROM pragma_database_size()"
        )[0]
    if free < FREE * blocks or free * block < LEAST_MB * 1e6:
        return 0
    if (room := shutil.disk_usage(path.parent).free) < before:
        said = "%s is not written anew: that takes %.0f MB beside it, and %.0f MB are free"
        log.warning(said, path, before / 1e6, room / 1e6)
        return 0
    rewrite(path, wait_s)
    return before - path.stat().st_size
