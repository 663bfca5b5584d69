"""How does a person leave files? The rows of their leads are taken out of every table that has a column lead_id."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.whole import whole, writing

TABLES = (".parquet", ".csv")


def erase_rows(path: Path, leads: Sequence[str]) -> int:
    """Take the rows of these leads out of a Parquet or CSV file, whole or not at all; how many. Other files: none."""
    if path.suffix not in TABLES:
        return 0
    with writing(f"erasing rows in {path}", "fix this and run the same command again", pa.ArrowInvalid, csv.Error):
        return _from_csv(path, leads) if path.suffix == ".csv" else _from_parquet(path, leads)


def _from_parquet(path: Path, leads: Sequence[str]) -> int:
    table = pq.ParquetFile(path).read()
    if "lead_id" not in table.column_names:
        return 0
    kept = table.filter(pc.invert(pc.is_in(table["lead_id"].cast(pa.string()), pa.array(leads, pa.string()))))
    if kept.num_rows < table.num_rows:
        with whole(path) as making:
            pq.write_table(kept, making)
    return int(table.num_rows - kept.num_rows)


def _from_csv(path: Path, leads: Sequence[str]) -> int:
    """Other rows stay to the byte; ids that look like formulas have an apostrophe in front."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = file.readlines()
    reader = csv.reader(lines)
    head, erased = next(reader, []), {*leads, *(f"'{lead}" for lead in leads)}
    if "lead_id" not in head:
        return 0
    place, kept, count, begin = head.index("lead_id"), lines[: reader.line_num], 0, reader.line_num
    for row in reader:
        gone = len(row) > place and row[place] in erased
        kept += [] if gone else lines[begin : reader.line_num]
        count, begin = count + gone, reader.line_num
    if count:
        with whole(path) as making:
            making.write_text("".join(kept), encoding="utf-8", newline="")
    return count
