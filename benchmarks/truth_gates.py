"""What is asked of each figure, and is it so? Figures of many seeds become a table of gates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import t


@dataclass(frozen=True)
class Gate:
    """A figure with bounds.

    by: "mean" (over seeds, within the bounds), "above" (the mean is above the least), "surely" (its whole interval is
    within), "unless surely" (not all of the interval lies beyond), "total" (the sum over seeds is within), "rms" (the
    root mean square is at most the most). kind:
    "gate"; "naive": an arm that has to miss the bounds; "printed": decides nothing.
    """

    name: str
    figure: str
    asked: str
    least: float = -math.inf
    most: float = math.inf
    by: Literal["mean", "above", "surely", "unless surely", "total", "rms"] = "mean"
    kind: Literal["gate", "naive", "printed"] = "gate"

    def holds(self, values: pd.Series) -> bool:
        """Whether the figures (index: seed) are as asked."""
        mean, (low, high) = float(values.mean()), interval(values)
        match self.by:
            case "mean":
                return self.least <= mean <= self.most
            case "above":
                return mean > self.least
            case "surely":
                return self.least < low and high < self.most
            case "unless surely":
                return high >= self.least and low <= self.most
            case "total":
                return self.least <= float(values.sum()) <= self.most
            case "rms":
                return rms(values) <= self.most

    def worst(self, values: pd.Series) -> tuple[int, float] | None:
        """The seed that is furthest on the wrong side, and its figure; None where no side is wrong."""
        if math.isinf(self.least) and math.isinf(self.most):
            return None
        beyond = np.maximum(self.least - values.to_numpy(), values.to_numpy() - self.most)
        at = int(beyond.argmax())
        return int(values.index.to_numpy()[at]), float(values.iloc[at])

    def verdict(self, values: pd.Series) -> str:
        """In a word; FAIL also where a naive arm holds, or where a seed has no figure."""
        if values.isna().any() and self.kind != "printed":
            return "FAIL: no figure"
        holds = self.holds(values)
        match self.kind:
            case "gate":
                return "pass" if holds else "FAIL"
            case "naive":
                return "FAIL: holds" if holds else "misses it, as it should"
            case "printed":
                return ("holds" if holds else "misses it") if self.worst(values) else ""


REPORT: tuple[Gate, ...] = (
    Gate("calibration slope, 5,000 labels", "slope", ".9 to 1.1", 0.9, 1.1),
    Gate("- log loss beyond the truth's own", "loss beyond the truth", "", kind="printed"),
    Gate("bias below the gate, 5 % explored", "bias", "within .04", -0.04, 0.04),
    Gate("- unlabelled coded as rejected", "bias of unlabelled as rejected", "to miss it", -0.04, 0.04, kind="naive"),
    Gate("- nobody explored", "bias without exploration", "to miss it", -0.04, 0.04, kind="naive"),
    Gate("concept fidelity (1)", "fidelity", "at least .65", least=0.65),
    Gate("- concepts swapped", "fidelity, concepts swapped", "to miss it", least=0.65, kind="naive"),
    Gate("- all on one concept", "fidelity, all on one concept", "to miss it", least=0.65, kind="naive"),
    Gate("- with the rep's share", "fidelity, journey included", "", kind="printed"),
    Gate("policy value of the oracle's (2)", "policy value", "at least .90", least=0.9),
    Gate("- gain over BANT alone, per lead", "gain over the rules", "surely above 0", least=0.0, by="surely"),
    Gate("- policy value of BANT alone", "policy value of the rules", "", kind="printed"),
    Gate("- share of the oracle's gain (3)", "share of the gain", "", kind="printed"),
    Gate("- share of it by BANT alone", "rules' share of the gain", "", kind="printed"),
    Gate("- share of the gain, no limit", "share of the gain, no limit", "", kind="printed"),
)  # fmt: skip
LEARNING: tuple[Gate, ...] = (
    Gate("error after a shift, updated", "error after", "below .04", most=0.04),
    Gate("- without the update", "error before", "to miss it", most=0.04, kind="naive"),
    *(
        gate
        for labels in ("100", "300", "1000")
        for gate in (
            Gate(f"{labels} labels: loss beyond better (4)", f"{labels} labels: beyond", "not surely above 0",
                 most=0.0, by="unless surely"),
            Gate("- its loss", f"{labels} labels: ours", "", kind="printed"),
            Gate("- the rules' loss", f"{labels} labels: rulebook", "", kind="printed"),
            Gate("- the base rate's loss", f"{labels} labels: base_rate", "", kind="printed"),
        )
    ),
)  # fmt: skip
WAYS = ("falling", "rising")
NAIVE_DELAYS = ("mature only", "decided so far", "pending as rejected")
DELAY: tuple[Gate, ...] = (
    *(Gate(f"delay: bias, base rate {way}", f"weighted: bias, {way}", "within .03", -0.03, 0.03) for way in WAYS),
    *(Gate(f"- loss of {arm} beyond it", f"gain over {arm}", "above 0", least=0.0, by="above") for arm in NAIVE_DELAYS),
    Gate("delay: the move's cost, none before day 10", "late: cost of the move", "at most .005", most=0.005),
    Gate("- loss of it where the intercept stays", "gain over weighted, intercept stays", "", kind="printed"),
    *(
        Gate(f"- bias of {arm}, {way}", f"{arm}: bias, {way}", "", -0.03, 0.03, kind="printed")
        for arm in ("weighted, intercept stays", *NAIVE_DELAYS)
        for way in WAYS
    ),
)
ALONE: tuple[Gate, ...] = (
    Gate("claims in the null world, in all", "claims", "none; one may slip", most=1.0, by="total"),
    Gate("- share of models put to use", "first champion", "", kind="printed"),
    Gate("equal challengers promoted", "equal promoted", "at most 5 %", most=0.05),
    Gate("- in 20 weekly looks", "equal promoted in 20 looks", "at most 5 %", most=0.05),
    Gate("challengers .03 AUC better promoted", "better promoted", "at least 80 %", least=0.8),
    Gate("contributions less log-odds", "gap", "below 1e-9", most=1e-9),
    Gate("trained twice: the same hash", "same hash", "always", least=1.0),
)
STRANGE = tuple(
    replace(gate, name=f"strange: {gate.name}", figure=f"strange: {gate.figure}", kind="printed") for gate in REPORT
)
PARTS = ("0-7", "7-30", "30-90", "90+", "not_yet", "nearly", "qualified", "unfit")
"""Age bands in days since the last sign of the person, and zones."""


def of_a_day(leads: int, most: float) -> tuple[Gate, ...]:
    """What is asked of a scoring day of a company of so many leads: over all its open leads, not hand-offs alone."""
    printed = ("excess", "rank", "true among best 20", "true among best 60", "true among best 200", "width of bands",
               "error inside", "error outside", "changes above .1 in 14 hours")  # fmt: skip
    size = f"{leads} leads: "
    return (
        *(
            Gate(f"{size}error of mean p, {part}", f"{size}bias {part}", f"rms at most {most}", most=most, by="rms")
            for part in PARTS
        ),
        *(
            Gate(f"- its mean, {part}, {leads} leads", f"{size}bias {part}", "within .02", -0.02, 0.02)
            for part in PARTS
        ),
        Gate(f"{size}bands and zones held", f"{size}bands held", "not surely below .9", least=0.9, by="unless surely"),
        Gate(f"{size}deciles held by bounds", f"{size}deciles held", "at least .9", least=0.9),
        Gate(f"{size}outside the support", f"{size}outside", "at most .35", most=0.35),
        Gate(f"{size}error outside less inside", f"{size}error outside less inside", "above 0", least=0.0, by="above"),
        Gate(f"{size}change in 14 hours, median", f"{size}median change in 14 hours", "at most .02", most=0.02),
        Gate(f"{size}change with ages fixed", f"{size}change with ages fixed", "none", most=1e-9),
        *(Gate(f"- {size}{name}", f"{size}{name}", "", kind="printed") for name in printed),
    )


DAY = (*of_a_day(3000, 0.07), *of_a_day(9000, 0.035))
ARTICLES = tuple(
    replace(gate, name=f"articles: {gate.name}", figure=f"articles: {gate.figure}") for gate in (*REPORT, *DAY)
)
"""The same, asked of the second world, on which nobody tunes."""
GATES = (*REPORT, *DAY, *ARTICLES, *LEARNING, *DELAY, *ALONE, *STRANGE)


def rms(values: pd.Series) -> float:
    """Root mean square over seeds: how far off a company is, whatever the sign."""
    return float(np.sqrt(np.mean(values**2)))


def interval(values: pd.Series) -> tuple[float, float]:
    """95 % interval of the mean over seeds (Student's t); the mean itself for a single seed."""
    n, mean = len(values), float(values.mean())
    half = float(t.ppf(0.975, n - 1) * values.std() / math.sqrt(n)) if n > 1 else 0.0
    return mean - half, mean + half


def judge(gates: tuple[Gate, ...], figures: pd.DataFrame) -> pd.DataFrame:
    """One row per gate whose figure is there. figures: seed, figure, value."""
    by_figure = {name: rows.set_index("seed")["value"] for name, rows in figures.groupby("figure")}
    return pd.DataFrame([_row(gate, by_figure[gate.figure]) for gate in gates if gate.figure in by_figure])


def _row(gate: Gate, values: pd.Series) -> dict[str, object]:
    (low, high), (seed, worst) = interval(values), gate.worst(values) or (None, None)
    value = {"total": values.sum, "rms": lambda: rms(values)}.get(gate.by, values.mean)()
    if gate.by == "total":
        low, high = len(values) * low, len(values) * high
    return {"gate": gate.name, "asked": gate.asked, "value": value, "low": low, "high": high, "seeds": len(values),
            "worst": worst, "worst_seed": seed, "verdict": gate.verdict(values)}  # fmt: skip


def as_text(table: pd.DataFrame) -> str:
    """The table for people: aligned columns, figures to four digits."""
    ends, worst = zip(table["low"], table["high"], strict=True), zip(table["worst"], table["worst_seed"], strict=True)
    shown = table.assign(
        value=table["value"].map(_number),
        interval=["" if low == high else f"{_number(low)} to {_number(high)}" for low, high in ends],
        worst=["" if pd.isna(seed) else f"{_number(value)} (seed {seed:.0f})" for value, seed in worst],
    )[["gate", "asked", "value", "interval", "worst", "verdict"]]
    lines = [list(shown), *shown.astype(str).to_numpy().tolist()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _number(value: float) -> str:
    return f"{value:.1e}" if 0 < abs(value) < 1e-4 else f"{value:.4f}".rstrip("0").rstrip(".") or "0"
