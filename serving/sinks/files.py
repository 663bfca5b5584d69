"""How do scores get into files? As Parquet and CSV, found by day through a link that is moved in one step.

The files lie in a hidden folder named by their content, which is complete before the warehouse says that it is the
day's; `exports/<day>` is a link that follows the warehouse.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import AbstractContextManager
from csv import QUOTE_NONNUMERIC
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.tables import PUBLICATIONS, SCORES, ColumnType
from data.warehouse import Warehouse
from data.whole import remove, whole, writing
from data.workspace import Workspace, day_name

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "time": pa.timestamp("us"),
    "number": pa.float64(),
    "whole": pa.int64(),
    "flag": pa.bool_(),
}
SCHEMA = pa.schema({c.name: ARROW_TYPES[c.type] for c in SCORES.columns})
HIDDEN = ".published"
PARQUET, CSV = "scores.parquet", "scores.csv"


def write(workspace: Workspace, warehouse: Warehouse, scores: pd.DataFrame, as_of: datetime) -> None:
    """Write the files of one day and note their folder in the warehouse."""
    with _writing(workspace):
        parquet = _as_parquet(scores)
        folder = f"{day_name(as_of)}-{hashlib.sha256(parquet).hexdigest()[:16]}"
        _write_files(workspace.exports / HIDDEN / folder, scores, parquet)
    warehouse.execute("INSERT OR REPLACE INTO publications VALUES ($1, $2)", [as_of, folder])


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Bring the links in `exports/` to what the warehouse says, and drop what no link needs."""
    warehouse.make(PUBLICATIONS)
    published = warehouse.rows("SELECT as_of, folder FROM publications")
    with _writing(workspace):
        hidden = workspace.exports / HIDDEN
        hidden.mkdir(parents=True, exist_ok=True)
        for as_of, name in published:
            folder, link = hidden / name, workspace.exports / day_name(as_of)
            if not all((folder / file).is_file() for file in (PARQUET, CSV)):
                stored = warehouse.frame("SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id", [as_of])
                _write_files(folder, stored, _as_parquet(stored))
            if not link.is_symlink() or os.readlink(link) != f"{HIDDEN}/{name}":
                _point(link, f"{HIDDEN}/{name}")
        kept = {name for _, name in published}
        remove(*(path for path in hidden.iterdir() if path.name not in kept), *hidden.glob("*/.*"))


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Text cells that a spreadsheet would run as a formula get an apostrophe in front."""

    def safe(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell

    texts = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c]) and c != "as_of"]
    return frame.assign(**{c: frame[c].map(safe) for c in texts})


def _writing(workspace: Workspace) -> AbstractContextManager[None]:
    return writing(f"writing scores below {workspace.exports}", "fix this and score again; nothing is lost")


def _as_parquet(scores: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(scores, schema=SCHEMA, preserve_index=False)
    made = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(None), made)
    return bytes(made.getvalue())


def _write_files(folder: Path, scores: pd.DataFrame, parquet: bytes) -> None:
    with whole(folder / PARQUET, alone=True) as making:
        making.write_bytes(parquet)
    with whole(folder / CSV, alone=True) as making:
        rows = harmless(scores[list(SCORES.names)])
        rows.to_csv(making, index=False, date_format="%Y-%m-%dT%H:%M:%SZ", quoting=QUOTE_NONNUMERIC)


def _point(link: Path, target: str) -> None:
    """Make `link` point to `target` in one step."""
    with whole(link, alone=True) as making:
        making.symlink_to(target)
