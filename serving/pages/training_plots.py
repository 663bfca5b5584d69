"""What do the figures look like? Reliability, gain, candidates side by side and telling columns; no global state."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from models.fitting.candidates import CANDIDATES
from models.fitting.learning import choosing_losses, later_half
from models.judging.ablation import ALL, Ablation
from models.judging.backtest import KEPT, OURS, Backtest, Policies
from models.judging.leak_guard import TELLING_AUC, TELLING_NULL_GAP
from models.judging.policy import AGREED, EQUAL, POLICIES
from models.judging.training import TrainingResult
from models.metrics.evaluation import Vector, calibration_bins, gain_curve

BLUE, GREY, RED = "#1f5fa8", "#8a8f98", "#b3261e"
ARM_LINES = {OURS: (BLUE, "-"), KEPT: (BLUE, ":"), "rulebook": (RED, "-"), "base_rate": (GREY, "--"),
             "frequencies": (GREY, ":")}  # fmt: skip


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
    return name.replace("_", " ")


def new_axes(title: str, xlabel: str, ylabel: str, height: float = 5.5) -> tuple[Figure, Axes]:
    """A figure 900 pixels wide at 100 dpi, `height` in inches, and its one pair of axes."""
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
    figure, axes = new_axes(
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
    figure, axes = new_axes("Who finds the acceptances first?", "leads worked, best first", "acceptances found")
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
    """Log loss of each candidate: a dot per fold, full where it chooses, a bar for their mean, a ring for the test.

    The axis ends a little beyond those that can be chosen; an arrow with the mean says what lies further out.
    """
    figure, axes = new_axes("How do the candidates compare on later leads?", "log loss (less is better)", "", 4.2)
    means = choosing_losses(folds).sort_values(ascending=False)
    low, high = _span(folds, tested)
    for place, (name, mean) in enumerate(zip(means.index, means, strict=True)):
        losses, color = folds["log_loss"].xs(name), BLUE if name == chosen else GREY
        late, test = later_half(losses.index.to_series()), tested.loc[name, "log_loss"]
        axes.hlines(place, losses.min(), losses.max(), color=color, alpha=0.4)
        for which, fill, said in ((~late, "white", "earlier fold"), (late, color, "fold that chooses")):
            axes.plot(losses[which], np.full(which.sum(), place), "o", mec=color, mfc=fill, ms=5, alpha=0.6,
                      label=said * (not place))  # fmt: skip
        axes.plot(mean, place, "|", color=color, ms=18, mew=3, label="their mean" * (not place))
        axes.plot(test, place, "D", mfc="white", mec=color, ms=8, label="held-out test" * (not place))
        if (beyond := max(losses.max(), test)) > high:
            axes.annotate(f"off the axis: mean {mean:.2f}, up to {beyond:.2f}  \u2192", (high, place),
                          (0, 9), textcoords="offset points", ha="right", fontsize=9, color=color)  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(-0.6, len(means) - 0.4)
    axes.set_yticks(range(len(means)), [f"{label(n)} (chosen)" if n == chosen else label(n) for n in means.index])
    figure.legend(*axes.get_legend_handles_labels(), frameon=False, ncols=4, loc="outside lower right")
    return figure


def _span(folds: pd.DataFrame, tested: pd.DataFrame) -> tuple[float, float]:
    """The ends of an axis of log losses: all, or twice the room of those that can be chosen where that is less."""
    losses = pd.concat([folds["log_loss"].droplevel("fold"), tested["log_loss"]])
    usable = losses[losses.index.isin([c.name for c in CANDIDATES if c.deployed])]
    width = max(float(np.ptp(usable)), 0.01)
    low, high = float(losses.min()), min(float(losses.max()), float(usable.max()) + width)
    return low - 0.05 * width, high + 0.05 * width


def draw_columns(telling: pd.DataFrame) -> Figure:
    """The most telling columns by their own out-of-fold AUC, with the line from which on they are suspects."""
    title = "Which columns tell the most by themselves?"
    figure, axes = new_axes(title, "out-of-fold AUC of the column alone", "", 4.5)
    table = telling.iloc[::-1]
    suspect = (table["auc"] > TELLING_AUC) | (table["null_gap"] > TELLING_NULL_GAP)
    axes.barh(table.index, table["auc"] - 0.5, left=0.5, color=np.where(suspect, RED, BLUE), height=0.6)
    for place, (value, gap) in enumerate(zip(table["auc"], table["null_gap"], strict=True)):
        text = f"{value:.2f}" + (f", missing differs by {100 * gap:.0f} percentage points" if gap >= 0.1 else "")
        inside = value > 0.75
        axes.annotate(text, (max(value, 0.5), place), (-4 if inside else 4, 0), textcoords="offset points", va="center",
                      ha="right" if inside else "left", color="white" if inside else "black")  # fmt: skip
    axes.axvline(TELLING_AUC, color=RED, lw=1, ls=":")
    axes.annotate("suspect", (TELLING_AUC, len(table) - 0.5), color=RED, ha="right", va="top", rotation=90)
    axes.set_xlim(0.5, 1.0)
    return figure


def draw_backtest(result: Backtest, policies: Policies | None) -> dict[str, Figure]:
    """Every plot of a backtest by its name; the policies' only where they could be valued."""
    judged = result.judged
    figures = {
        "log_loss_over_time": draw_losses(result.periods),
        "predicted_and_came_true": draw_came_true(result.periods),
        "reliability": draw_reliability(judged["y"].to_numpy(), judged[OURS].to_numpy(), OURS),
    }
    return figures | ({"policy_gain": draw_policy_gain(policies)} if policies else {})


def draw_losses(periods: pd.DataFrame) -> Figure:
    """Log loss of each arm in each period; one row of `periods` per period, as `backtest.over_time` gives it."""
    figure, axes = new_axes("Who predicts best as time goes on?", "", "log loss (less is better)")
    seen = periods[[f"log_loss_{arm}" for arm in ARM_LINES if arm != "frequencies"]].to_numpy()
    room = 0.15 * float(np.ptp(seen)) + 0.01
    top = float(seen.max()) + 2 * room
    for arm, (color, dashes) in ARM_LINES.items():
        losses, width = periods[f"log_loss_{arm}"], 2.5 if arm == OURS else 1.4
        name = label(arm) + " (partly above)" * bool(losses.max() > top)
        axes.plot(periods["period"], losses, color=color, ls=dashes, lw=width, marker="o", ms=4, label=name)
    axes.set_ylim(max(0.0, float(seen.min()) - room), top)
    _by_date(axes)
    figure.legend(*axes.get_legend_handles_labels(), frameon=False, ncols=5, loc="outside lower center")
    return figure


def draw_came_true(periods: pd.DataFrame) -> Figure:
    """Mean probability and accepted share per period, with the band in which 95 % of right predictions fall."""
    title = "Did the predicted share of acceptances come true?"
    figure, axes = new_axes(title, "the numbers: hand-offs judged in the period", "share accepted")
    when = periods["period"]
    axes.fill_between(when, periods["low"], periods["high"], color=GREY, alpha=0.3, lw=0,
                      label="where 95 % of right predictions fall")  # fmt: skip
    axes.plot(when, periods["predicted"], color=GREY, lw=1.5, label="predicted")
    axes.plot(when, periods["accepted"], "o-", color=BLUE, label="what happened")
    for at, share, rows in zip(when, periods["accepted"], periods["rows"], strict=True):
        axes.annotate(f"{rows}", (at, share), (0, 7), textcoords="offset points", ha="center", fontsize=8, color=BLUE)
    axes.yaxis.set_major_formatter("{x:.0%}")
    top = float(max(periods["high"].max(), periods["accepted"].max()))
    axes.set_ylim(max(0.0, float(min(periods["low"].min(), periods["accepted"].min())) - 0.1), min(1.05, top + 0.1))
    _by_date(axes)
    figure.legend(*axes.get_legend_handles_labels(), frameon=False, ncols=3, loc="outside lower center")
    return figure


def draw_policy_gain(policies: Policies) -> Figure:
    """Money gained over the rules of each time, added up hand-off by hand-off."""
    curve = policies.curve
    about = " (gated population only)" if policies.claim.gated_only else ""
    title = f"What would deciding otherwise have brought over the rules?{about}"
    few = "a hand-off that was explored stands for up to 20 leads at the gate"
    figure, axes = new_axes(title, few, "gain so far, in the agreement's currency")
    axes.axhline(0, color=GREY, lw=1)
    for policy, color in ((AGREED, BLUE), (EQUAL, RED)):
        axes.step(curve["as_of"], curve[policy], where="post", color=color, lw=2, label=POLICIES[policy])
    axes.yaxis.set_major_formatter("{x:,.0f}")
    _by_date(axes)
    figure.legend(*axes.get_legend_handles_labels(), frameon=False, ncols=3, loc="outside lower center")
    return figure


def draw_ablation(result: Ablation) -> Figure:
    """Log loss of each arm and the paired gain of everything over it, both with 95 % intervals."""
    table, gains = result.arms.iloc[::-1], result.gains
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 1])
    figure.suptitle(f"What does each kind of knowledge add? {len(result.tested):,} later leads", x=0.01, ha="left")
    for place, (name, row) in enumerate(table.iterrows()):
        color = BLUE if name == ALL else GREY
        left.hlines(place, row["low"], row["high"], color=color, lw=3, alpha=0.5)
        left.plot(row["log_loss"], place, "o", color=color, ms=7)
        if gain := gains.get(str(name)):
            sure = BLUE if gain.sure else RED if gain.high < 0 else GREY
            right.hlines(place, gain.low, gain.high, color=sure, lw=3, alpha=0.5)
            right.plot(gain.mean, place, "o", color=sure, ms=7)
    right.axvline(0, color="black", lw=1)
    left.set_yticks(range(len(table)), [str(name) for name in table.index])
    left.set_xlabel("log loss (less is better)")
    right.set_xlabel("gain of everything over it (blue: surely above 0)")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _by_date(axes: Axes) -> None:
    locator = AutoDateLocator(maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
