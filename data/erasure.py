"""How does a person leave files? The rows of their leads are taken out of tables with a lead_id, and of pages."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.whole import whole, writing

FILES = (".parquet", ".csv", ".html")
LEAD_CELL = "lead"
"""The class of a cell with the id of a lead, in the tables of pages."""
ROW = re.compile(r"<tr>.*?</tr>\n?", re.DOTALL)
CELL = re.compile(rf'<td class="{LEAD_CELL}">(.*?)</td>', re.DOTALL)


def erase_rows(path: Path, leads: Sequence[str]) -> int:
    """Take the rows of these leads out of a Parquet or CSV file or a page, whole or not at all; how many.

    In a page these are the rows of tables that have a cell of class LEAD_CELL with the id. Other files: none.
    """
    if path.suffix not in FILES:
        return 0
    with writing(f"erasing rows in {path}", "fix this and run the same command again", pa.ArrowInvalid, csv.Error):
        return {".parquet": _from_parquet, ".csv": _from_csv, ".html": _from_page}[path.suffix](path, leads)


def _from_page(path: Path, leads: Sequence[str]) -> int:
    text, gone = path.read_text(encoding="utf-8"), set(leads)
    rows = [row for row in ROW.findall(text) if gone & {unescape(cell) for cell in CELL.findall(row)}]
    for row in rows:
        text = text.replace(row, "", 1)
    if rows:
        with whole(path) as making:
            making.write_text(text, encoding="utf-8")
    return len(rows)


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
