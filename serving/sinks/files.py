"""How do scores get into files? As Parquet and CSV, found by day through a link that is moved in one step.

The files lie in a hidden folder named by their content, which is complete before the warehouse says that it is the
day's; `exports/<day>` is a link that follows the warehouse to the latest scoring of the day.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import DataError
from data.settings import read_settings
from data.spreadsheet import write_csv
from data.tables import PUBLICATIONS, SCORES, ColumnType
from data.warehouse import Warehouse
from data.whole import point, remove, whole, writing
from data.workspace import Workspace
from serving.lists import work_lists
from serving.publication import Publication

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "time": pa.timestamp("us"),
    "number": pa.float64(),
    "whole": pa.int64(),
    "flag": pa.bool_(),
}
SCHEMA = pa.schema({c.name: ARROW_TYPES[c.type] for c in SCORES.columns})
HIDDEN = ".published"
DAY, FOLDER = re.compile(r"\d{4,}-\d\d-\d\d"), re.compile(r"\d{4,}-\d\d-\d\d-[0-9a-f]{16}")
PARQUET, CSV = "scores.parquet", "scores.csv"
LISTS = tuple(f"{of}.{form}" for of in ("hand_offs", "calls") for form in ("parquet", "csv"))
LATEST = """SELECT coalesce(day, strftime(as_of, '%Y-%m-%d')) AS day, max(as_of) AS as_of,
    arg_max(folder, as_of) AS folder FROM publications WHERE folder IS NOT NULL GROUP BY ALL ORDER BY ALL"""
SCORED = "SELECT DISTINCT coalesce(day, strftime(as_of, '%Y-%m-%d')) FROM publications ORDER BY 1"
"""The days that have a scoring, whether its files are still there or not."""


def write(workspace: Workspace, warehouse: Warehouse, publication: Publication) -> None:
    """Write the files of one scoring and note their folder and day in the warehouse."""
    scores, as_of, day = publication.scores, publication.as_of, publication.day
    with _writing(workspace):
        parquet = as_parquet(scores)
        folder = f"{day}-{hashlib.sha256(parquet).hexdigest()[:16]}"
        lists = work_lists(warehouse, scores, publication.settings)
        write_files(workspace.exports / HIDDEN / folder, scores, parquet, lists)
    noted = "INSERT OR REPLACE INTO publications (as_of, folder, day) VALUES ($1, $2, $3)"
    warehouse.execute(noted, [as_of, folder, day])


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Bring the links in `exports/` to the latest scoring of each day, and drop what is no longer needed."""
    warehouse.make(PUBLICATIONS)
    latest = _latest(warehouse)
    with _writing(workspace):
        hidden = workspace.exports / HIDDEN
        hidden.mkdir(parents=True, exist_ok=True)
        for day, as_of, name in latest:
            folder, link = hidden / name, workspace.exports / day
            if not _whole(folder):
                stored = warehouse.frame("SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id", [as_of])
                lists = work_lists(warehouse, stored, read_settings(workspace.settings))
                write_files(folder, stored, as_parquet(stored), lists)
            if not link.is_symlink() or os.readlink(link) != f"{HIDDEN}/{name}":
                point(link, f"{HIDDEN}/{name}")
        kept = {name for _, _, name in latest}
        remove(*(path for path in hidden.iterdir() if path.name not in kept), *hidden.glob("*/.*"))
        ours = [p for p in workspace.exports.iterdir() if p.is_symlink() and os.readlink(p).startswith(f"{HIDDEN}/")]
        remove(*(link for link in ours if link.name not in {day for day, _, _ in latest}))


def shown(warehouse: Warehouse, day: str) -> datetime:
    """The moment of the scoring that the link of a published day leads to."""
    moments: dict[str, datetime] = {of: as_of for of, as_of, _ in _latest(warehouse)}
    return moments[day]


def published_days(warehouse: Warehouse) -> list[str]:
    """Every calendar day that has a scoring, the earliest first."""
    warehouse.make(PUBLICATIONS)
    return [day for (day,) in warehouse.rows(SCORED)]


def _latest(warehouse: Warehouse) -> list[tuple[str, datetime, str]]:
    """Day, moment and folder of each day's latest scoring; DataError where a name could lead out of `exports/`."""
    found: list[tuple[str, datetime, str]] = warehouse.rows(LATEST)
    for day, _, folder in found:
        if not (DAY.fullmatch(day) and FOLDER.fullmatch(folder)):
            do = "restore the warehouse from a backup, or delete that row and score again"
            got = f"the day {day!r} and the folder {folder!r}"
            raise DataError("reading the table publications", expected="names as scoring gives them", got=got, do=do)
    return found


def _writing(workspace: Workspace) -> AbstractContextManager[None]:
    return writing(f"writing scores below {workspace.exports}", "fix this and score again; nothing is lost")


def as_parquet(scores: pd.DataFrame) -> bytes:
    """The bytes of scores.parquet; the folder of the files is named by their hash."""
    table = pa.Table.from_pandas(scores, schema=SCHEMA, preserve_index=False)
    made = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(None), made)
    return bytes(made.getvalue())


def _whole(folder: Path) -> bool:
    """Whether a day's files are all there; an older leadready wrote no lists, and none are made up for its days."""
    lists = [(folder / file).is_file() for file in LISTS]
    return all((folder / file).is_file() for file in (PARQUET, CSV)) and (all(lists) or not any(lists))


def write_files(folder: Path, scores: pd.DataFrame, parquet: bytes, lists: dict[str, pd.DataFrame]) -> None:
    """Write the files of one scoring into a folder, each whole or not at all."""
    with whole(folder / PARQUET, alone=True) as making:
        making.write_bytes(parquet)
    with whole(folder / CSV, alone=True) as making:
        write_csv(scores[list(SCORES.names)], making, "%Y-%m-%dT%H:%M:%SZ")
    for name, rows in lists.items():
        with whole(folder / f"{name}.parquet", alone=True) as making:
            rows.to_parquet(making, index=False)
        with whole(folder / f"{name}.csv", alone=True) as making:
            write_csv(rows, making)
