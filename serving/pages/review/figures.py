"""What is drawn on the page? Figures of the one drawing system, of a single lead."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.definition import CONCEPTS
from serving.pages.drawings import draw_course, draw_few, in_percent
from serving.pages.page import Shown
from serving.pages.review.words import CONCEPT_WORDS
from serving.pages.sections import Section


def concept_bars(lead: dict[str, Any]) -> Shown | None:
    """What each concept adds to the log-odds of a lead, the strongest first; None where nobody worked it out."""
    found = {CONCEPT_WORDS[name]: lead.get(f"contribution_{name}") for name in CONCEPTS}
    known = {words: value for words, value in found.items() if value is not None and value == value}
    if not known:
        return None
    order = sorted(known, key=lambda words: -abs(known[words]))
    values = [known[words] for words in order]
    words = [f"{value:+.2f}" for value in values]
    note = "Compared with the average lead that was handed off: to the right pulls towards acceptance (in log-odds)."
    section = Section("What speaks for it, and what against", (note,), kind="dots")
    rows = list(zip(order, words, strict=True))
    return Shown(section, draw_few(order, values, words), (("about", ""), ("pull", "number")), rows, len(rows))


def history_curve(history: list[dict[str, Any]]) -> Shown | None:
    """The probability over the days that were published; None below two."""
    rows = [row for row in history if row["probability"] is not None]
    if len(rows) < 2:
        return None
    bounds = ("probability", "probability_low", "probability_high")
    heights = np.array([[row[name] for name in bounds] for row in rows], dtype=float)
    note = "How likely sales is to accept it, on each day that was scored; behind it the bounds."
    section = Section("Likely to be accepted", (note,), kind="curves")
    words = [(f"{row['as_of']:%Y-%m-%d}", *map(in_percent, of)) for row, of in zip(rows, heights, strict=True)]
    columns = (("day", ""), *((name, "number") for name in ("likely", "low", "high")))
    return Shown(section, draw_course([row["as_of"] for row in rows], heights), columns, words, len(rows))
