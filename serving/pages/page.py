"""How is the report read? One page that stands alone: no network, no script, legible on a wide page and on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from serving.pages.drawings import Drawing, draw, in_words, shown
from serving.pages.report.figures import Section

HERE = Path(__file__).parent
MOST_ROWS = 500
"""Longer tables are cut in the page; the CSV has all rows."""
LONG = 40


@dataclass(frozen=True)
class Figure:
    """A section as the page shows it: its drawing, and its table in words, each column with the class of its cells."""

    section: Section
    drawing: Drawing
    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, ...]]


def render(sections: Sequence[Section], title: str, about: str) -> str:
    """The page, one chapter after the other; all that comes from data is escaped."""
    looks = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    chapters = [(name, [_figure(s) for s in found]) for name, found in groupby(sections, key=lambda s: s.chapter)]
    css = (HERE / "page.css").read_text(encoding="utf-8")
    return looks.get_template("page.html.j2").render(title=title, about=about, chapters=chapters, css=css)


def _figure(section: Section) -> Figure:
    frame = section.frame
    words = {str(c): shown(str(c), frame[c].head(MOST_ROWS)) for c in frame}
    numbers = [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    classes = ["number" if n else "long" if max(map(len, w), default=0) > LONG else ""
               for n, w in zip(numbers, words.values(), strict=True)]  # fmt: skip
    columns = list(zip(map(in_words, words), classes, strict=True))
    drawing = draw(frame, section.kind) if len(frame) else Drawing("table")
    return Figure(section, drawing, columns, list(zip(*words.values(), strict=True)))
