"""How does a report read in a terminal, and as JSON? Aligned columns and lines for people, its facts for machines."""

from __future__ import annotations

import json
import math
from typing import Any

from serving.pages.sections import Report, Rows


def as_lines(report: Report) -> list[str]:
    """The report without its figures: chapters as headings, each section's table and lines, an empty line between."""
    lines: list[str] = []
    chapter = ""
    for section in report.sections:
        block = [*in_columns(section.rows), *section.notes, *section.points]
        if section.frame is not None or not block:
            continue
        heading = [section.chapter] * (section.chapter not in ("", chapter))
        chapter = section.chapter
        lines += ["", *heading, *block]
    return lines[1:]


def as_json(report: Report) -> str:
    """The facts as one JSON value, with null where a number is missing: JSON has no NaN."""
    return json.dumps(_without_nan(report.facts), indent=1, default=str)


def in_columns(rows: Rows) -> list[str]:
    """Rows as aligned text columns under their names; nothing for no rows."""
    if not rows:
        return []
    cells = [[*rows[0]], *([_cell(v) for v in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in rows[0]]
    justify = [str.rjust if right else str.ljust for right in numeric]
    lines = (zip(justify, line, widths, strict=True) for line in cells)
    return ["  ".join(put(cell, width) for put, cell, width in line).rstrip() for line in lines]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
