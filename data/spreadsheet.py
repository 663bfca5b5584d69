"""What may stand in a CSV that people open in a spreadsheet? No cell that it would run as a formula."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path

import pandas as pd

QUOTE = '"'
MISSING = 2 * QUOTE
ROWS = 50_000
"""So many rows are written at once: all their cells are in memory."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Text cells and headers that a spreadsheet would run get an apostrophe in front; so does what looks like such a
    one, so that one apostrophe less gives every text back."""
    plain = (pd.api.types.is_numeric_dtype, pd.api.types.is_datetime64_any_dtype)
    texts = [c for c in frame.columns if not any(kind(frame[c]) for kind in plain)]
    return frame.assign(**{c: frame[c].map(harmless_cell) for c in texts}).rename(columns=harmless_cell)


def harmless_cell(cell: object) -> object:
    """A cell, with an apostrophe in front where a spreadsheet would run it."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def write_csv(frame: pd.DataFrame, path: Path, date_format: str | None = None) -> None:
    """Write the columns of a frame as a CSV without formulas; texts are quoted, the index is left out.

    As pandas writes it (QUOTE_NONNUMERIC), in a fifth of the time: a text that is repeated is looked at once, of so
    many rows.
    """
    # pandas gives all times of a column one form
    dates = {name: _dates(frame[name], date_format) for name in frame if _is_date(frame[name])}
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(map(_cell, map(harmless_cell, frame.columns))) + os.linesep)
        for at in range(0, len(frame), ROWS):
            texts, some = _Texts(), frame.iloc[at : at + ROWS]
            columns = [dates[name][at : at + ROWS] if name in dates else _cells(some[name], texts) for name in some]
            file.writelines(row + os.linesep for row in map(",".join, zip(*columns, strict=True)))


class _Texts(dict[str, str]):
    """The cell of each text."""

    def __missing__(self, text: str) -> str:
        self[text] = cell = f'"{str(harmless_cell(text)).replace(QUOTE, 2 * QUOTE)}"'
        return cell


def _is_date(column: pd.Series) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(column))


def _dates(column: pd.Series, date_format: str | None) -> list[str]:
    """The cells of a column of times."""
    given = column.to_csv(index=False, header=False, date_format=date_format, quoting=csv.QUOTE_NONNUMERIC)
    return given.splitlines()


def _cells(column: pd.Series, texts: _Texts) -> list[str]:
    """A column's cells as they stand in the file."""
    values, plain = column.astype(object).where(column.notna(), None).tolist(), {str: texts.__getitem__}
    if pd.api.types.is_numeric_dtype(column):
        return [MISSING if value is None else repr(value) for value in values]
    return [MISSING if value is None else plain.get(type(value), _cell)(value) for value in values]


def _cell(value: object) -> str:
    """A value as Python's own module for CSV writes it."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="").writerow([value])
    return written.getvalue()
