"""What do explanations look like? Concepts, features and the effects of the strongest, over all leads."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.definition import CONCEPTS
from models.explaining.explanation import Contributions, Explainer, importance, partial_effect
from serving.pages.training_plots import BLUE, GREY, RED, new_axes

COLORS = dict(zip(CONCEPTS, (BLUE, "#2a9d8f", "#e09f3e", RED, "#7b5ea7", GREY), strict=True))


def draw_explanation(explainer: Explainer, X: pd.DataFrame, strongest: int = 6) -> dict[str, Figure]:
    """Every plot by its name for n leads of the raw frame X, 900 pixels wide at 100 dpi."""
    features = importance(explainer, X)
    effects = {name: partial_effect(explainer, X, name) for name in features["feature"].head(strongest)}
    meanings = features.set_index("feature")["meaning"]
    return {
        "concepts": draw_concepts(explainer.explain(X)),
        "importance": draw_importance(features),
        "effects": draw_effects({meanings[name]: effect for name, effect in effects.items()}),
    }


def draw_concepts(found: Contributions) -> Figure:
    """How far each concept moves the leads' log-odds: the middle 50 and 90 %, and the mean size in words."""
    size = found.values.abs().mean().sort_values()
    title = f"Which concepts make the scores of {len(found.values):,} leads differ?"
    figure, axes = new_axes(title, "contribution in log-odds: middle 50 % (bar) and 90 % (line) of the leads", "", 3.2)
    for place, name in enumerate(size.index):
        low, first, middle, third, high = np.quantile(found.values[name], [0.05, 0.25, 0.5, 0.75, 0.95])
        axes.hlines(place, low, high, color=COLORS[name], lw=2)
        axes.hlines(place, first, third, color=COLORS[name], lw=9)
        axes.plot(middle, place, "o", mfc="white", mec=COLORS[name], ms=6)
    axes.axvline(0, color=GREY, lw=1)
    axes.set_yticks(range(len(size)), [f"{name} (mean size {value:.2f})" for name, value in size.items()])
    axes.set_ylim(-0.6, len(size) - 0.4)
    return figure


def draw_importance(features: pd.DataFrame, most: int = 15) -> Figure:
    """The features that move the log-odds most (see `explanation.importance`), coloured by concept."""
    table = features.head(most).iloc[::-1]
    height, xlabel = 1.5 + 0.28 * len(table), "mean move of the log-odds, put to its usual value"
    figure, axes = new_axes("Which features move the scores most?", xlabel, "", height)
    axes.barh(range(len(table)), table["move"], color=[COLORS[c] for c in table["concept"]], height=0.65)
    axes.set_yticks(range(len(table)), [_short(meaning, 60) for meaning in table["meaning"]])
    shown = [c for c in CONCEPTS if c in set(table["concept"])]
    handles = [axes.barh([0], [0], color=COLORS[c]) for c in shown]
    axes.legend(handles, shown, frameon=False, loc="lower right")
    return figure


def draw_effects(effects: dict[str, pd.DataFrame]) -> Figure:
    """Mean log-odds over the values of each feature (`explanation.partial_effect`), and where the leads lie."""
    rows = -(-len(effects) // 2)
    figure = Figure(figsize=(9, 0.6 + 2.7 * rows), layout="constrained")
    figure.suptitle("How do the strongest features move the log-odds? (grey: where the leads lie; hollow: missing)",
                    x=0.01, ha="left")  # fmt: skip
    low = min(effect["log_odds"].min() for effect in effects.values())
    high = max(effect["log_odds"].max() for effect in effects.values())
    margin = 0.15 * max(high - low, 0.1)
    for place, (meaning, effect) in enumerate(effects.items(), start=1):
        axes = figure.add_subplot(rows, 2, place)
        _effect(axes, effect, (low - margin, high + margin))
        axes.set_title(_short(meaning, 52), loc="left", fontsize=10)
    return figure


def _effect(axes: Axes, effect: pd.DataFrame, span: tuple[float, float]) -> None:
    at = np.arange(len(effect))
    axes.bar(at, effect["share"] * (span[1] - span[0]), bottom=span[0], color=GREY, alpha=0.3, width=0.9)
    known = effect["value"].notna().to_numpy()
    numbers = pd.api.types.is_numeric_dtype(effect["value"])
    axes.plot(at[known], effect["log_odds"][known], "o-" if numbers else "o", color=BLUE, ms=4)
    axes.plot(at[~known], effect["log_odds"][~known], "o", mfc="white", mec=BLUE, ms=6)
    ticks = [_tick(value) for value in effect["value"]]
    axes.set_xticks(at, ticks, rotation=30, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_ylim(*span)
    axes.spines[["top", "right"]].set_visible(False)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 2]} …"


def _tick(value: object) -> str:
    if isinstance(value, str):
        return _short(value.replace("_", " "), 14)
    return _number(float(value))  # type: ignore[arg-type]


def _number(value: float) -> str:
    """A short tick: 0.46, 61, 6,983, 12.7M."""
    if np.isnan(value):
        return "none"
    for unit, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(unit, 1e4):
            return f"{value / unit:,.0f}{letter}" if abs(value) >= 100 * unit else f"{value / unit:.3g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"
