"""How is a figure drawn? As marks in percent of their box, so that one drawing serves a wide page and a phone.

Words are never inside the marks: they keep their size, and a screen reader finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import floor, isfinite, log10
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

SHADES = ("blue", "red", "grey", "pale")
PERCENT = {"rate", "share"}
"""A column with one of these words in its name holds shares of 1."""

Floats = npt.NDArray[np.float64]
Boxes = tuple[Floats, Floats, Floats, Floats]


@dataclass(frozen=True)
class Row:
    """One line, panel or line of cells: its label, marks as SVG, the value in words, and the group it stands in."""

    label: str
    marks: str = ""
    value: str = ""
    group: str = ""
    cells: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Drawing:
    """What the page draws: `form` is rows, panels, curves, heat, or what needs no marks (tiles, answer, table)."""

    form: str
    rows: Sequence[Row] = ()
    legend: Sequence[tuple[str, str]] = ()
    ticks: Sequence[tuple[float, str]] = ()
    columns: Sequence[str] = ()


def draw(frame: pd.DataFrame, kind: str) -> Drawing:
    """The drawing of a figure with at least one row; `kind` is one of KINDS and the columns that it takes."""
    name, *columns = kind.split()
    return KINDS[name](frame, *columns)


def shown(name: str, values: pd.Series[Any]) -> list[str]:
    """A column's values as people read them."""
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return ["–" if pd.isna(v) else f"{v:%Y-%m-%d}" if hasattr(v, "year") else str(v) for v in values]
    numbers = values.astype(float)
    if PERCENT & set(name.split("_")):
        return [f"{100 * v:.{int(0 < v < 0.1)}f} %" if isfinite(v) else "–" for v in numbers]
    whole, top = (numbers.dropna() % 1 == 0).all(), numbers.abs().max()
    digits = 0 if whole else next((d for limit, d in ((1000, 0), (10, 1), (1, 2)) if top > limit), 3)
    return [f"{v:,.{digits}f}" if isfinite(v) else "–" for v in numbers]


def draw_bars(place: Callable[[Floats], Boxes], frame: pd.DataFrame, label: str, *columns: str) -> Drawing:
    """Bars in each row. Columns after an `=` are not drawn but said beside the bars (default: those drawn)."""
    cut = columns.index("=") if "=" in columns else len(columns)
    parts, said = columns[:cut], columns[cut + 1 :] or columns[:cut]
    boxes = np.stack(place(frame[list(parts)].to_numpy(dtype=float, na_value=0.0)), axis=-1)
    words = map(" · ".join, zip(*(shown(c, frame[c]) for c in said), strict=True))
    rows = [
        Row(str(name), "".join(_rect(shade, *b) for shade, b in zip(SHADES, box, strict=False)), word)
        for name, box, word in zip(frame[label], boxes, words, strict=True)
    ]
    names = zip(SHADES, parts, strict=False) if len(parts) > 1 else ()
    legend = [(shade, in_words(part)) for shade, part in names]
    return Drawing("rows", rows, [*legend, ("", " · ".join(map(in_words, said)))])


def in_words(column: str) -> str:
    """A column's name as people read it."""
    return column.replace("hand_off", "hand-off").replace("_", " ")


def _stacked(values: Floats) -> Boxes:
    widths = 100 * values / max(values.sum(axis=1).max(), 1e-12)
    return widths.cumsum(axis=1) - widths, widths, *_full(values)


def _centred(values: Floats) -> Boxes:
    widths = 100 * values / max(values.max(), 1e-12)
    return 50 - widths / 2, widths, *_full(values)


def _side_by_side(values: Floats) -> Boxes:
    height = np.full_like(values, 80 / values.shape[1])
    return 0 * values, 100 * values / max(values.max(), 1e-12), 10 + height.cumsum(axis=1) - height, height - 2


def _full(values: Floats) -> tuple[Floats, Floats]:
    return np.full_like(values, 18), np.full_like(values, 64)


def _rect(shade: str, x: float, width: float, y: float, height: float) -> str:
    return f'<rect class="{shade}" x="{x:.2f}%" width="{width:.2f}%" y="{y:.0f}%" height="{height:.0f}%"/>'


def draw_dots(
    ratio: bool, frame: pd.DataFrame, group: str, label: str, value: str, low: str, high: str, middle: str = "-"
) -> Drawing:
    """A dot with its interval in each row, all on one scale; `-`: no group, or no column `middle` to compare with.

    With `ratio` twice and half are equally far from 1, the middle.
    """
    marks = frame[[value, low, high]].to_numpy(dtype=float)
    reference = np.full(len(frame), 1.0 if ratio else np.nan) if middle == "-" else frame[middle].to_numpy(dtype=float)
    marks = np.column_stack([marks, reference])
    marks = np.log2(np.where(marks > 0, marks, np.nan)) if ratio else marks
    least, most = _range(marks, ratio)
    placed = 4 + 92 * (marks - least) / (most - least)
    words = zip(*(shown(c, frame[c]) for c in (value, low, high)), strict=True)
    groups = [""] * len(frame) if group == "-" else frame[group].map(str)
    rows = [
        Row(str(name), _dot(*at), word if from_ == "–" else f"{word} ({from_} to {to})", part)
        for name, at, (word, from_, to), part in zip(frame[label], placed, words, groups, strict=True)
    ]
    ticks = _ticks(least, most)
    names = shown(value, pd.Series(np.exp2(ticks) if ratio else ticks))
    return Drawing("rows", rows, ticks=list(zip(4 + 92 * (ticks - least) / (most - least), names, strict=True)))


def _range(marks: Floats, ratio: bool) -> tuple[float, float]:
    """Every dot is inside; one in ten intervals may leave, marked, lest the widest presses all others together."""
    dots = marks[:, [0, 3]][np.isfinite(marks[:, [0, 3]])]
    ends = [
        np.nanquantile(m, q) if np.isfinite(m).any() else np.nan for m, q in ((marks[:, 1], 0.1), (marks[:, 2], 0.9))
    ]
    least, most = float(np.nanmin([*dots, *ends, np.inf])), float(np.nanmax([*dots, *ends, -np.inf]))
    if not least <= most:
        return 0.0, 1.0
    if not ratio and 0 < least < most / 2:
        least = 0.0
    return (least, most) if least < most else (least - 1, most + 1)


def _dot(at: float, low: float, high: float, middle: float) -> str:
    line = '<line class="{}" x1="{:.2f}%" x2="{:.2f}%" y1="{}%" y2="{}%"/>'
    svg = line.format("middle", middle, middle, 0, 100) if isfinite(middle) else ""
    if isfinite(low) and isfinite(high):
        svg += line.format("interval", max(low, 0), min(high, 100), 50, 50)
        ends = (("\u2039", 0, "start", low < 0), ("\u203a", 100, "end", high > 100))
        svg += "".join(f'<text class="beyond" x="{x}%" y="50%" text-anchor="{side}">{mark}</text>'
                       for mark, x, side, beyond in ends if beyond)  # fmt: skip
    return svg + (f'<circle cx="{at:.2f}%" cy="50%" r="4.5"/>' if isfinite(at) else "")


def _ticks(least: float, most: float) -> Floats:
    """At most six round numbers within the range."""
    rough = (most - least) / 5
    size = 10.0 ** floor(log10(rough))
    step = next(s * size for s in (1, 2, 2.5, 5, 10) if s * size >= rough * (1 - 1e-9))
    return np.arange(np.ceil(least / step - 1e-9), np.floor(most / step + 1e-9) + 1) * step + 0.0


def draw_lines(frame: pd.DataFrame, panel: str, x: str, value: str, low: str, high: str) -> Drawing:
    """A small panel per `panel`, each on its own scale from 0: the line within the band of its interval."""
    rows = []
    for name, part in frame.groupby(panel, sort=False):
        values = part[[value, low, high]].to_numpy(dtype=float, na_value=0.0)
        heights = 100 - 100 * np.minimum(values / max(1.6 * values[:, 0].max(), 1e-12), 1)
        heights = np.repeat(heights, 2, axis=0) if len(part) == 1 else heights
        at = np.linspace(0, 100, len(heights))
        band = _points(np.append(at, at[::-1]), np.append(heights[:, 1], heights[::-1, 2]))
        svg = f'<polygon points="{band}"/><polyline points="{_points(at, heights[:, 0])}"/>'
        words = [f"{month}: {word}" for month, word in zip(part[x], shown(value, part[value]), strict=True)]
        rows.append(Row(str(name), svg, words[-1], words[0] if len(words) > 1 else ""))
    return Drawing("panels", rows)


def draw_curves(frame: pd.DataFrame, series: str, x: str, value: str) -> Drawing:
    """A line per `series`, all in one box over a common `x`."""
    at, y = frame[x].to_numpy(dtype=float), frame[value].to_numpy(dtype=float)
    least, most = min(0.0, y.min()), y.max()
    across, up = (at - at.min()) / max(np.ptp(at), 1e-12), 1 - (y - least) / max(most - least, 1e-12)
    names = frame[series].map(str)
    lines = [
        f'<polyline class="{shade}" points="{_points(100 * across[names == name], 4 + 92 * up[names == name])}"/>'
        for shade, name in zip(SHADES, names.unique(), strict=False)
    ]
    steps = _ticks(at.min(), at.max())
    ticks = list(zip(100 * (steps - at.min()) / max(np.ptp(at), 1e-12), shown(x, pd.Series(steps)), strict=True))
    said = f"{in_words(value)}, from {shown(value, pd.Series([least]))[0]} to {shown(value, pd.Series([most]))[0]}"
    legend = [*zip(SHADES, names.unique(), strict=False), ("", said)]
    return Drawing("curves", [Row(in_words(x), "".join(lines))], legend, ticks)


def _points(x: Floats, y: Floats) -> str:
    return " ".join(f"{a:.2f},{b:.2f}" for a, b in zip(x, y, strict=True))


def draw_heat(frame: pd.DataFrame, row: str, column: str, value: str) -> Drawing:
    """A cell per row and column, the darker the higher: shares within their column, counts among all."""
    share = bool(PERCENT & set(value.split("_")))
    columns = list(frame[column].unique()) if share else sorted(frame[column].unique())
    places = zip(frame[row], frame[column], strict=True)
    cells = dict(zip(places, zip(shown(value, frame[value]), frame[value].fillna(0), strict=True), strict=True))
    top = {c: max(v for (_, at), (_, v) in cells.items() if at == c or not share) or 1 for c in columns}
    rows = [
        Row(str(r), cells=[(word, v / top[c]) for c in columns for word, v in [cells.get((r, c), ("", 0))]])
        for r in frame[row].unique()
    ]
    return Drawing("heat", rows, columns=[str(c).replace("-", "\u2011") for c in columns])


KINDS: dict[str, Callable[..., Drawing]] = {
    "answer": lambda _frame: Drawing("answer"),
    "bars": partial(draw_bars, _stacked),
    "curves": draw_curves,
    "dots": partial(draw_dots, False),
    "funnel": partial(draw_bars, _centred),
    "heat": draw_heat,
    "histogram": partial(draw_bars, _side_by_side),
    "lines": draw_lines,
    "ratios": partial(draw_dots, True),
    "table": lambda _frame: Drawing("table"),
    "tiles": lambda _frame: Drawing("tiles"),
}
"""answer and tiles take their words from the frame: the last column of one row; name, value and note of each row."""
