"""What do the figures look like? Reliability, gain, candidates side by side and telling columns; no global state."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.evaluation import Vector, calibration_bins, gain_curve
from models.leakage import TELLING_AUC, TELLING_NULL_GAP
from models.training import TrainingResult

BLUE, GREY, RED = "#1f5fa8", "#8a8f98", "#b3261e"
LABELS = {"base_rate": "base rate", "digital_only": "digital only"}


def draw_training(result: TrainingResult) -> dict[str, Figure]:
    """Every plot of a training by its name, 900 pixels wide at 100 dpi."""
    y = result.holdout["y"].to_numpy()
    p = {name: result.holdout[name].to_numpy() for name in result.holdout_metrics.index}
    shown = {name: p[name] for name in dict.fromkeys((result.chosen, "rulebook", "digital_only"))}
    return {
        "reliability": draw_reliability(y, p[result.chosen], label(result.chosen)),
        "gain": draw_gain(y, shown),
        "candidates": draw_candidates(result.fold_metrics, result.holdout_metrics, result.chosen),
        "columns": draw_columns(result.leakage.most_telling),
    }


def label(name: str) -> str:
    """A candidate's name as people read it."""
    return LABELS.get(name, name)


def _axes(title: str, xlabel: str, ylabel: str, height: float = 5.5) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def draw_reliability(y: Vector, p: Vector, name: str) -> Figure:
    """Accepted share against predicted probability in bins of equal size, with the band of a right model."""
    rows, expected, observed, variance = calibration_bins(y, p)
    figure, axes = _axes(
        f"Do the probabilities of {name} come true? {len(y):,} later leads",
        f"predicted probability (about {int(np.median(rows))} leads a point)",
        "accepted share",
    )
    spread = 1.96 * np.sqrt(variance)
    top = min(1.0, 1.15 * float(max((expected + spread).max(), observed.max())))
    axes.plot([0, top], [0, top], color=GREY, lw=1)
    axes.errorbar(expected, expected, spread, fmt="none", ecolor=GREY, elinewidth=7, alpha=0.35,
                  label="where 95 % of right predictions fall")  # fmt: skip
    axes.plot(expected, observed, "o-", color=BLUE, label="what happened")
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.legend(frameon=False, loc="upper left")
    return figure


def draw_gain(y: Vector, predictions: dict[str, Vector]) -> Figure:
    """Share of all acceptances found against the share of leads worked, best first; ties at their expectation."""
    figure, axes = _axes("Who finds the acceptances first?", "leads worked, best first", "acceptances found")
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="in random order")
    for (name, p), color in zip(predictions.items(), (BLUE, RED, GREY), strict=False):
        taken, found = gain_curve(y, p)
        axes.plot(taken / len(y), found / max(found[-1], 1), label=label(name), color=color, lw=2)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(frameon=False, loc="lower right")
    return figure


def draw_candidates(folds: pd.DataFrame, tested: pd.DataFrame, chosen: str) -> Figure:
    """Log loss of each candidate: a small dot per fold, a bar for their mean, a ring for the held-out test."""
    figure, axes = _axes("How do the candidates compare on later leads?", "log loss (less is better)", "", 4.2)
    order = list(folds["log_loss"].groupby("candidate").mean().sort_values(ascending=False).index)
    for place, name in enumerate(order):
        losses, color = folds["log_loss"].xs(name).to_numpy(), BLUE if name == chosen else GREY
        axes.hlines(place, losses.min(), losses.max(), color=color, alpha=0.4)
        axes.plot(losses, np.full(len(losses), place), "o", color=color, ms=5, alpha=0.6, label="fold" * (not place))
        axes.plot(losses.mean(), place, "|", color=color, ms=18, mew=3, label="mean of folds" * (not place))
        axes.plot(tested.loc[name, "log_loss"], place, "D", mfc="white", mec=color, ms=8,
                  label="held-out test" * (not place))  # fmt: skip
    axes.set_yticks(range(len(order)), [f"{label(n)} (chosen)" if n == chosen else label(n) for n in order])
    figure.legend(*axes.get_legend_handles_labels(), frameon=False, ncols=3, loc="outside lower right")
    return figure


def draw_columns(telling: pd.DataFrame) -> Figure:
    """The most telling columns by their own out-of-fold AUC, with the line from which on they are suspects."""
    figure, axes = _axes("Which columns tell the most by themselves?", "out-of-fold AUC of the column alone", "", 4.5)
    table = telling.iloc[::-1]
    suspect = (table["auc"] > TELLING_AUC) | (table["null_gap"] > TELLING_NULL_GAP)
    axes.barh(table.index, table["auc"] - 0.5, left=0.5, color=np.where(suspect, RED, BLUE), height=0.6)
    for place, (value, gap) in enumerate(zip(table["auc"], table["null_gap"], strict=True)):
        text = f"{value:.2f}" + (f", missing differs by {100 * gap:.0f} points" if gap >= 0.1 else "")
        inside = value > 0.75
        axes.annotate(text, (max(value, 0.5), place), (-4 if inside else 4, 0), textcoords="offset points", va="center",
                      ha="right" if inside else "left", color="white" if inside else "black")  # fmt: skip
    axes.axvline(TELLING_AUC, color=RED, lw=1, ls=":")
    axes.annotate("suspect", (TELLING_AUC, len(table) - 0.5), color=RED, ha="right", va="top", rotation=90)
    axes.set_xlim(0.5, 1.0)
    return figure
