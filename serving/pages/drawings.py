"""How is a figure drawn? As marks in percent of their box, so that one drawing serves a wide page and a phone.

Words are never inside the marks: they keep their size, and a screen reader finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import ceil, floor, isfinite, log10, nan
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

SHADES = ("blue", "red", "grey", "pale")
LINES = ("blue", "red", "grey", "teal", "amber")
GLYPHS = ("\u25cb", "\u25cf", "\u2503", "\u25c7")
PERCENT = {"rate", "share"}
"""A column with one of these words in its name holds shares of 1."""

Floats = npt.NDArray[np.float64]
Boxes = tuple[Floats, Floats, Floats, Floats]
"""x, width, y and height."""
MIDDLE = (np.array(18.0), np.array(64.0))
"""Where a bar begins from above, and how high it is."""


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
    """What the page draws: `form` is rows, panels, curves, heat, or what needs no marks (tiles, answer, table).

    ticks: of the axis across, and heights: of the one upwards, each a place in percent and its words. parts: of panels,
    the drawing of each, with its axes.
    """

    form: str
    rows: Sequence[Row] = ()
    legend: Sequence[tuple[str, str]] = ()
    ticks: Sequence[tuple[float, str]] = ()
    columns: Sequence[str] = ()
    heights: Sequence[tuple[float, str]] = ()
    parts: Sequence[Drawing] = ()


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
        return list(map(in_percent, numbers))
    whole, top = (numbers.dropna() % 1 == 0).all(), numbers.abs().max()
    digits = 0 if whole else next((d for limit, d in ((1000, 0), (10, 1), (1, 2)) if top > limit), 3)
    return [f"{v:,.{digits}f}" if isfinite(v) else "–" for v in numbers]


def in_percent(share: float) -> str:
    """A share of 1 as people read it."""
    return f"{100 * share:.{int(0 < share < 0.1)}f} %" if isfinite(share) else "–"


def draw_bars(place: Callable[[Floats], Boxes], frame: pd.DataFrame, label: str, *columns: str) -> Drawing:
    """Bars in each row. Columns after an `=` are not drawn but said beside the bars (default: those drawn)."""
    parts, said = _drawn_and_said(columns)
    placed = place(frame[list(parts)].to_numpy(dtype=float, na_value=0.0))
    boxes = np.stack(np.broadcast_arrays(*placed), axis=-1)
    words = _beside(frame, said)
    rows = [
        Row(str(name), "".join(_rect(shade, *b) for shade, b in zip(SHADES, box, strict=False)), word)
        for name, box, word in zip(frame[label], boxes, words, strict=True)
    ]
    names = zip(SHADES, parts, strict=False) if len(parts) > 1 else ()
    legend = [(shade, in_words(part)) for shade, part in names]
    return Drawing("rows", rows, [*legend, ("", " · ".join(map(in_words, said)))])


def _drawn_and_said(columns: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    cut = columns.index("=") if "=" in columns else len(columns)
    return columns[:cut], columns[cut + 1 :] or columns[:cut]


def _beside(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    return list(map(" · ".join, zip(*(shown(c, frame[c]) for c in columns), strict=True)))


def in_words(column: str) -> str:
    """A column's name as people read it."""
    return column.replace("hand_off", "hand-off").replace("_", " ")


def _stacked(values: Floats) -> Boxes:
    widths = 100 * values / max(values.sum(axis=1).max(), 1e-12)
    return widths.cumsum(axis=1) - widths, widths, *MIDDLE


def _centred(values: Floats) -> Boxes:
    widths = 100 * values / max(values.max(), 1e-12)
    return 50 - widths / 2, widths, *MIDDLE


def _side_by_side(values: Floats) -> Boxes:
    height = np.full_like(values, 80 / values.shape[1])
    return 0 * values, 100 * values / max(values.max(), 1e-12), 10 + height.cumsum(axis=1) - height, height - 2


def _rect(shade: str, x: float, width: float, y: float, height: float) -> str:
    return f'<rect class="{shade}" x="{x:.2f}%" width="{width:.2f}%" y="{y:.0f}%" height="{height:.0f}%"/>'


def draw_dots(ratio: bool, frame: pd.DataFrame, group: str, label: str, *columns: str) -> Drawing:
    """A dot in each row, all on one scale.

    `columns`: the value, low and high end of its interval, what to compare it with, low and high end of an inner
    interval, each `-` where there is none; after an `=` what is said beside it (default: value and interval). With
    `ratio` twice and half are equally far from 1, the middle.
    """
    parts, said = _drawn_and_said(columns)
    names = [*parts, *"-----"][:6]
    marks = np.column_stack([_column(frame, name) for name in names])
    if ratio:
        marks[:, 3] = 1.0 if names[3] == "-" else marks[:, 3]
        marks = np.log2(np.where(marks > 0, marks, np.nan))
    least, most = _range(marks, ratio)
    words = _with_intervals(frame, *parts[:3]) if said == parts else _beside(frame, said)
    groups = [""] * len(frame) if group == "-" else frame[group].map(str)
    placed = _place(marks, least, most)
    rows = [Row(str(n), _dot(*at), w, g) for n, at, w, g in zip(frame[label], placed, words, groups, strict=True)]
    ticks = _ticks(least, most)
    numbers = shown(parts[0], pd.Series(np.exp2(ticks) if ratio else ticks))
    legend = [("", " · ".join(map(in_words, said)))] if said != parts else ()
    return Drawing("rows", rows, legend, list(zip(_place(ticks, least, most), numbers, strict=True)))


def draw_few(labels: Sequence[str], values: Sequence[float], words: Sequence[str]) -> Drawing:
    """A dot for each of a handful of values, on one scale around 0; as `draw_dots`, without a frame: it is quick."""
    least, most = min(0.0, *values), max(0.0, *values)
    least, most = (least, most) if least < most else (least - 1, most + 1)

    def place(value: float) -> float:
        return 4 + 92 * (value - least) / (most - least)

    marks = [_dot(place(value), nan, nan, place(0), nan, nan) for value in values]
    rows = [Row(label, mark, word) for label, mark, word in zip(labels, marks, words, strict=True)]
    ticks = [(place(tick), f"{tick:g}") for tick in _ticks(least, most).tolist()]
    return Drawing("rows", rows, (), _apart(ticks, 30))


def _column(frame: pd.DataFrame, name: str) -> Floats:
    """A column's numbers, dates as days, words in the order in which they first come; `-`: none."""
    if name == "-":
        return np.full(len(frame), np.nan)
    values = frame[name]
    if pd.api.types.is_datetime64_dtype(values):
        return np.asarray(values.astype("datetime64[us]").astype("int64") / 86_400e6)
    return np.asarray(pd.factorize(values)[0] if pd.api.types.is_string_dtype(values) else values, dtype=float)


def _with_intervals(frame: pd.DataFrame, value: str, low: str = "-", high: str = "-") -> list[str]:
    words = shown(value, frame[value])
    if low == "-":
        return words
    ends = zip(words, shown(low, frame[low]), shown(high, frame[high]), strict=True)
    return [word if from_ == "–" else f"{word} ({from_} to {to})" for word, from_, to in ends]


def _place(values: Floats, least: float, most: float) -> Floats:
    """In percent of the box, with room for a dot at both ends."""
    return np.asarray(4 + 92 * (values - least) / (most - least))


def _range(marks: Floats, ratio: bool) -> tuple[float, float]:
    """Every dot is inside; one in ten intervals may leave, marked, lest the widest presses all others together."""
    dots = marks[:, [0, 3]][np.isfinite(marks[:, [0, 3]])]
    low, high = (m[np.isfinite(m)] for m in (marks[:, 1], marks[:, 2]))
    ends = [*np.quantile(low, [0.1], method="lower")] if len(low) else []
    ends += [*np.quantile(high, [0.9], method="higher")] if len(high) else []
    least, most = float(np.nanmin([*dots, *ends, np.inf])), float(np.nanmax([*dots, *ends, -np.inf]))
    if not least <= most:
        return 0.0, 1.0
    if not ratio and 0 < least < most / 2:
        least = 0.0
    return (least, most) if least < most else (least - 1, most + 1)


def _dot(at: float, low: float, high: float, middle: float, first: float, third: float) -> str:
    line = '<line class="{}" x1="{:.2f}%" x2="{:.2f}%" y1="{}%" y2="{}%"/>'
    svg = line.format("middle", middle, middle, 0, 100) if isfinite(middle) else ""
    svg += line.format("inner", max(first, 0), min(third, 100), 50, 50) if isfinite(first) and isfinite(third) else ""
    if isfinite(low) and isfinite(high):
        svg += line.format("interval", max(low, 0), min(high, 100), 50, 50)
        svg += _glyph("\u2039", 0, "start") if low < 0 else ""
        svg += _glyph("\u203a", 100, "end") if high > 100 else ""
    return svg + (f'<circle cx="{at:.2f}%" cy="50%" r="4.5"/>' if isfinite(at) else "")


def _glyph(mark: str, x: float, anchor: str = "middle", css: str = "beyond") -> str:
    return f'<text class="{css}" x="{x:.2f}%" y="50%" text-anchor="{anchor}">{mark}</text>'


def draw_strip(frame: pd.DataFrame, label: str, mark: str, value: str, most: str, said: str) -> Drawing:
    """Each `label` has a row with all its values, a glyph per kind of `mark`; those beyond `most` only say so.

    The last kinds, as many as `said`, stand beside the row in words.
    """
    values, end = _column(frame, value), float(most)
    least, kinds = float(np.nanmin(values)), list(frame[mark].unique())
    end = end if end > least else least + 1
    places = _place(values, least, end)
    glyphs = [
        _glyph(GLYPHS[kinds.index(kind)], at, css="glyph") if at <= 100 else _glyph("\u203a", 100, "end")
        for kind, at in zip(frame[mark], places, strict=True)
    ]
    drawn = pd.Series(glyphs, frame.index).groupby(frame[label], sort=False).agg("".join)
    single = frame[frame[mark].isin(kinds[-int(said) :])]
    words = pd.Series(shown(value, single[value]), single.index).groupby(single[label], sort=False).agg(" · ".join)
    ticks = _ticks(least, end)
    names = zip(_place(ticks, least, end), shown(value, pd.Series(ticks)), strict=True)
    legend = [("", f"{glyph} {kind}") for glyph, kind in zip(GLYPHS, kinds, strict=False)]
    rows = [Row(str(name), marks, words.get(name, "")) for name, marks in drawn.items()]
    return Drawing("rows", rows, [*legend, ("", " · ".join(map(str, kinds[-int(said) :])))], list(names))


def _ticks(least: float, most: float) -> Floats:
    """At most six round numbers within the range."""
    rough = (most - least) / 5
    size = 10.0 ** floor(log10(rough))
    step = next(s * size for s in (1, 2, 2.5, 5, 10) if s * size >= rough * (1 - 1e-9))
    return np.arange(np.ceil(least / step - 1e-9), np.floor(most / step + 1e-9) + 1) * step + 0.0


def draw_lines(frame: pd.DataFrame, panel: str, *columns: str) -> Drawing:
    """A small panel per `panel`, each with its own axes: `columns` as `draw_curves` takes them."""
    parts = {str(name): draw_curves(part, "-", *columns) for name, part in frame.groupby(panel, sort=False)}
    rows = [Row(name, part.rows[0].marks) for name, part in parts.items()]
    return Drawing("panels", rows, parts=list(parts.values()))


def draw_curves(
    frame: pd.DataFrame, series: str, x: str, value: str, low: str = "-", high: str = "-", mark: str = "-"
) -> Drawing:
    """A line per `series` (`-`: one) in one box over numbers or dates, with both axes.

    Behind it a band from `low` to `high`, and a dashed line across at the one value of `mark`. There are colours for
    as many lines as LINES has; the legend names the others, which only the table has.
    """
    across, heights = _column(frame, x), np.column_stack([_column(frame, name) for name in (value, low, high)])
    first, last = across.min(), max(across.max(), across.min() + 1e-12)
    at, (up, steps, places) = 100 * (across - first) / (last - first), _upwards(heights)
    names = pd.Series(in_words(value), frame.index) if series == "-" else frame[series].map(str)
    lines, legend, every = [], [], list(names.unique())
    for shade, name in zip(LINES, every, strict=False):
        ours = names == name
        lines.append(_line(shade, at[ours], up[ours, 0]))
        legend.append((shade, name + " (partly above)" * bool((up[ours, 0] < 0).any())))
    if others := every[len(LINES) :]:
        legend.append(("", f"{len(others)} more only in the table: {', '.join(others)}"))
    if mark != "-":
        legend.append(("mark", f"{in_words(mark)}: {shown(mark, frame[mark].head(1))[0]}"))
    marked = 100 * (_column(frame, mark)[0] - first) / (last - first)
    levels = list(zip(places, shown(value, pd.Series(steps)), strict=True))
    row = Row(in_words(x), "".join([_behind(levels, at, up, marked), *lines]))
    return Drawing("curves", [row], [*legend, ("", f"\u2191 {in_words(value)}")], _across(frame[x], at), (), levels)


def draw_course(days: Sequence[datetime], heights: Floats) -> Drawing:
    """The course of a share in its band (a row a day: value, low, high); as `draw_curves`, but quick: without a frame.

    The days are in order, and there are at least two.
    """
    at = np.array([100 * (day - days[0]) / (days[-1] - days[0]) for day in days])
    up, steps, places = _upwards(heights)
    levels = list(zip(places, map(in_percent, steps), strict=True))
    every = ceil((len(days) - 1) / 4)
    across = [(place, f"{day:%Y-%m-%d}") for place, day in zip(at[::every], days[::every], strict=True)]
    row = Row("day", _behind(levels, at, up, nan) + _line(LINES[0], at, up[:, 0]))
    return Drawing("curves", [row], (), _apart(across, 20), (), levels)


def _upwards(heights: Floats) -> tuple[Floats, Floats, Floats]:
    """Where values stand from above, in percent of the box; the round numbers beside it, and where those stand."""
    least, most = _height(heights)
    steps = _ticks(least, most)
    return 100 - _place(heights, least, most), steps, 100 - _place(steps, least, most)


def _behind(levels: Sequence[tuple[float, str]], at: Floats, up: Floats, marked: float) -> str:
    """What lies behind the lines: the grid, the band where there is one, and the marked place."""
    svg = "".join(f'<line class="grid" x1="0" x2="100%" y1="{y:.2f}%" y2="{y:.2f}%"/>' for y, _ in levels)
    if np.isfinite(up).all():
        corners = _points(np.append(at, at[::-1]), np.append(up[:, 1], up[::-1, 2]))
        svg += f'{STRETCHED}<polygon points="{corners}"/></svg>'
    if isfinite(marked):
        svg += f'<line class="mark" x1="{marked:.2f}%" x2="{marked:.2f}%" y1="0" y2="100%"/>'
    return svg


STRETCHED = '<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">'
MOST_DOTS = 40


def _height(heights: Floats) -> tuple[float, float]:
    """From 0 where that leaves half of the box; what stands far above nine tenths of all values leaves the box."""
    found = heights[np.isfinite(heights)]
    least, nine_tenths, most = float(found.min()), float(np.quantile(found, 0.9)), float(found.max())
    most = min(most, 2 * nine_tenths - least) if nine_tenths > least else most
    least = 0.0 if 0 < least < most / 2 else least
    return (least, most) if least < most else (least - 1, most + 1)


def _apart(ticks: list[tuple[float, str]], least: float) -> list[tuple[float, str]]:
    """The ticks without those so near to another, in percent, that their words would overlap; the last one stays."""
    kept: list[tuple[float, str]] = []
    for tick in reversed(ticks):
        if not kept or kept[-1][0] - tick[0] >= least:
            kept.append(tick)
    return kept[::-1]


def _line(shade: str, at: Floats, up: Floats) -> str:
    at, up = at[np.isfinite(up)], up[np.isfinite(up)]
    svg = f'{STRETCHED}<polyline class="{shade}" points="{_points(at, up)}"/></svg>'
    dots = zip(at, up, strict=True) if len(at) <= MOST_DOTS else ()
    return svg + "".join(f'<circle class="{shade}" cx="{a:.2f}%" cy="{b:.2f}%" r="3.5"/>' for a, b in dots)


def _across(values: pd.Series[Any], at: Floats) -> list[tuple[float, str]]:
    """Ticks of the axis across: some of the dates or words themselves, or round numbers."""
    if not pd.api.types.is_numeric_dtype(values):
        places, first = np.unique(at, return_index=True)
        some = slice(None, None, max(1, ceil((len(places) - 1) / 4)))
        return _apart(list(zip(places[some], shown("", values.iloc[first[some]]), strict=True)), 20)
    least, most = float(values.min()), float(values.max())
    if least == most:
        return [(0.0, shown(str(values.name), values.head(1))[0])]
    steps = _ticks(least, most)
    places = 100 * (steps - least) / (most - least)
    return list(zip(places, shown(str(values.name), pd.Series(steps)), strict=True))


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
    "strip": draw_strip,
    "table": lambda _frame: Drawing("table"),
    "tiles": lambda _frame: Drawing("tiles"),
}
"""answer and tiles take their words from the frame: the last column of one row; name, value and note of each row."""
