"""How is a report read in a browser, and as Markdown? A page that stands alone: no network, no script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from data.erasure import LEAD_CELL
from serving.pages.drawings import Drawing, draw, in_words, shown
from serving.pages.sections import Report, Section

HERE = Path(__file__).parent
MOST_ROWS = 500
"""Longer tables are cut in the page; the CSV has all rows."""
LONG = 40


@dataclass(frozen=True)
class Shown:
    """A section as it is laid out: its drawing, and its table in words, each column with the class of its cells."""

    section: Section
    drawing: Drawing
    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, ...]]
    cut_from: int


def as_page(report: Report) -> str:
    """The page, one chapter after the other; all that comes from data is escaped.

    A figure without rows that does not say what this means is left out: the one before it says it for both.
    """
    sections = [s for s in report.sections if s.frame is None or len(s.frame) or s.empty]
    chapters = [(name, [lay_out(s) for s in found]) for name, found in groupby(sections, lambda s: s.chapter)]
    css = (HERE / "page.css").read_text(encoding="utf-8")
    return _render("page.html.j2", report=report, chapters=chapters, css=css)


def as_markdown(report: Report) -> str:
    """The same for MLflow, Prefect and editors; a figure is shown as its table."""
    return _render("page.md.j2", report=report, sections=[lay_out(s) for s in report.sections])


def main_of(page: str) -> str:
    """What stands between the head and the foot of a page of ours, to be shown in another one."""
    return page.partition("<main>")[2].partition("</main>")[0]


def lay_out(section: Section) -> Shown:
    """The section with its drawing, and its table in words."""
    frame = pd.DataFrame(list(section.rows)) if section.frame is None else section.frame
    words = {str(c): shown(str(c), frame[c].head(MOST_ROWS)) for c in frame}
    columns = [(in_words(c), LEAD_CELL if c == "lead_id" else _looks(frame[c], words[c])) for c in words]
    drawing = draw(frame, section.kind) if section.kind and len(frame) else Drawing("table")
    return Shown(section, drawing, columns, list(zip(*words.values(), strict=True)), len(frame))


def _looks(values: pd.Series[Any], words: list[str]) -> str:
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    return "long" if max(map(len, words), default=0) > LONG else ""


def _render(name: str, **what: object) -> str:
    """HTML is escaped by the template engine, what would be markup in Markdown by `_plain`."""
    loader, escaped = FileSystemLoader(HERE), ".html" in name
    looks = Environment(
        loader=loader, autoescape=escaped, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    looks.filters |= {"plain": _plain, "said": said}
    return looks.get_template(name).render(what)


def said(text: str) -> Markup:
    """Escaped, with what stands between backticks set as code, and no line broken before a percent sign."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text)).replace(" %", "\u00a0%")))


def _plain(text: str) -> str:
    """Text from data as Markdown shows it, on one line; `code` stays."""
    return re.sub(r"([\\*\[\]|])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")
