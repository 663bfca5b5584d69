"""What may stand in a CSV that people open in a spreadsheet? No cell that it would run as a formula."""

from __future__ import annotations

import re
from csv import QUOTE_NONNUMERIC
from pathlib import Path

import pandas as pd

FORMULA = re.compile(r"'*[=+\-@\t\r]")


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Text cells and headers that a spreadsheet would run get an apostrophe in front; so does what looks like such a
    one, so that one apostrophe less gives every text back."""

    def safe(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell

    plain = (pd.api.types.is_numeric_dtype, pd.api.types.is_datetime64_any_dtype)
    texts = [c for c in frame.columns if not any(kind(frame[c]) for kind in plain)]
    return frame.assign(**{c: frame[c].map(safe) for c in texts}).rename(columns=safe)


def write_csv(frame: pd.DataFrame, path: Path, date_format: str | None = None) -> None:
    """Write the columns of a frame as a CSV without formulas; texts are quoted, the index is left out."""
    harmless(frame).to_csv(path, index=False, date_format=date_format, quoting=QUOTE_NONNUMERIC)
