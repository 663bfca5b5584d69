"""How do scores get out? The scores table and the export files, whole or not at all.

One transaction replaces the day's partition of `scores` and names the folder of its files; the folder is complete
before that, and `exports/<day>` is a link that is moved to it in one rename after. A run that is killed in between
is finished by the next one, from what the transaction says.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import AbstractContextManager
from csv import QUOTE_NONNUMERIC
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.tables import PUBLICATIONS, SCORES, SQL_TYPES, ColumnType
from data.warehouse import Warehouse
from data.workspace import Workspace, writing

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "time": pa.timestamp("us"),
    "number": pa.float64(),
    "whole": pa.int64(),
    "flag": pa.bool_(),
}
SCHEMA = pa.schema({c.name: ARROW_TYPES[c.type] for c in SCORES.columns})
TABLES = (
    *(
        f"CREATE TABLE IF NOT EXISTS {t.name} ({', '.join(t.sql_columns)}, PRIMARY KEY ({', '.join(t.key)}))"
        for t in (SCORES, PUBLICATIONS)
    ),
    *(f"ALTER TABLE scores ADD COLUMN IF NOT EXISTS {c.name} {SQL_TYPES[c.type]}" for c in SCORES.columns),
)
HIDDEN = ".published"
FILES = ("scores.parquet", "scores.csv")


def publish(workspace: Workspace, warehouse: Warehouse, scores: pd.DataFrame) -> Path:
    """Store the scores of one `as_of` and export them as Parquet and CSV; returns the folder they are found in."""
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    ordered = scores.sort_values("lead_id", ignore_index=True)[list(SCORES.names)]
    finish(workspace, warehouse)
    with _writing(workspace):
        folder = _write_files(workspace, ordered)
    with warehouse.transaction(), warehouse.view("new_scores", ordered):
        warehouse.execute("DELETE FROM scores WHERE as_of = $1", [as_of])
        warehouse.execute("INSERT INTO scores BY NAME SELECT * FROM new_scores")
        warehouse.execute("INSERT OR REPLACE INTO publications VALUES ($1, $2)", [as_of, folder])
    finish(workspace, warehouse)
    return workspace.exports / day_name(as_of)


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Bring the links in `exports/` to what the warehouse says, and drop what no link needs."""
    for statement in TABLES:
        warehouse.execute(statement)
    published = warehouse.rows("SELECT as_of, folder FROM publications")
    with _writing(workspace):
        hidden = workspace.exports / HIDDEN
        hidden.mkdir(parents=True, exist_ok=True)
        for as_of, folder in published:
            link = workspace.exports / day_name(as_of)
            if not all((hidden / folder / name).is_file() for name in FILES):
                stored = warehouse.frame("SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id", [as_of])
                _write_files(workspace, stored[list(SCORES.names)], folder)
            if not link.is_symlink() or os.readlink(link) != f"{HIDDEN}/{folder}":
                _point(link, f"{HIDDEN}/{folder}")
        kept = {folder for _, folder in published}
        for path in hidden.iterdir():
            if path.name not in kept:
                _remove(path)


def _writing(workspace: Workspace) -> AbstractContextManager[None]:
    return writing(f"writing scores below {workspace.exports}", "mend that and score again; nothing is lost")


def _write_files(workspace: Workspace, scores: pd.DataFrame, name: str | None = None) -> str:
    """Write the files into the folder `name`, by default named by their content; returns its name."""
    table = pa.Table.from_pandas(scores, schema=SCHEMA, preserve_index=False).replace_schema_metadata(None)
    hidden = workspace.exports / HIDDEN
    making = hidden / f"making-{os.getpid()}"
    _remove(making)
    making.mkdir(parents=True)
    parquet, csv = (making / file for file in FILES)
    try:
        pq.write_table(table, parquet)
        harmless(scores).to_csv(csv, index=False, date_format="%Y-%m-%dT%H:%M:%SZ", quoting=QUOTE_NONNUMERIC)
        digest = hashlib.sha256(parquet.read_bytes()).hexdigest()[:16]
        folder = hidden / (name or f"{day_name(scores['as_of'].iloc[0])}-{digest}")
        folder.mkdir(exist_ok=True)
        for file in (parquet, csv):
            os.replace(file, folder / file.name)
    finally:
        _remove(making)
    return folder.name


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Text cells that a spreadsheet would run as a formula get an apostrophe in front."""

    def safe(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell

    texts = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c]) and c != "as_of"]
    return frame.assign(**{c: frame[c].map(safe) for c in texts})


def _point(link: Path, target: str) -> None:
    """Make `link` point to `target` in one step."""
    moving = link.parent / HIDDEN / f"making-link-{os.getpid()}"
    _remove(moving)
    moving.symlink_to(target)
    os.replace(moving, link)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def day_name(as_of: datetime) -> str:
    """The day, with the time where it is not midnight."""
    if as_of == datetime(as_of.year, as_of.month, as_of.day):
        return f"{as_of:%Y-%m-%d}"
    return f"{as_of:%Y-%m-%dT%H%M%S}" + (f".{as_of:%f}" if as_of.microsecond else "")
