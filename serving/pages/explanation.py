"""What moves the scores? Concepts, features and the effects of the strongest, over all leads, as figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.explaining.explanation import Contributions, Explainer, partial_effect
from serving.pages.sections import Section

SIZES = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))


def explanation_figures(
    explainer: Explainer, X: pd.DataFrame, features: pd.DataFrame, strongest: int = 6
) -> list[Section]:
    """Every figure for n leads of the raw frame X; `features` as `explanation.importance` gives them for X."""
    top = features.head(strongest)
    found = {m: partial_effect(explainer, X, f) for f, m in zip(top["feature"], top["meaning"], strict=True)}
    return [concepts(explainer.explain(X)), strongest_features(features), effects(found)]


def concepts(found: Contributions) -> Section:
    """How far each concept moves the leads' log-odds: the middle 50 and 90 %, and the mean size."""
    size = found.values.abs().mean().sort_values(ascending=False)
    names = ("p5", "p25", "median", "p75", "p95")
    spread = found.values[size.index].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).set_axis(names).T
    frame = spread.assign(mean_size=size, nothing=0.0).rename_axis("concept").reset_index()
    return Section(
        f"Which concepts make the scores of {len(found.values):,} leads differ?",
        ("Contribution to the log-odds: median (dot), middle 50 % (bar) and middle 90 % (line) of the leads.",),
        frame=frame,
        kind="dots - concept median p5 p95 nothing p25 p75 = mean_size",
    )


def strongest_features(features: pd.DataFrame, most: int = 15) -> Section:
    """The features that move the log-odds most (see `explanation.importance`)."""
    frame = features.head(most)[["meaning", "concept", "move", "feature"]]
    about = ("By how much the log-odds change, on average, when the feature alone is as in another lead.",)
    return Section("Which features move the scores most?", about, frame=frame, kind="bars meaning move = move concept")


def effects(found: dict[str, pd.DataFrame]) -> Section:
    """Mean log-odds over the values of each feature, by its meaning (`explanation.partial_effect`)."""
    frame = pd.concat([effect.assign(feature=meaning) for meaning, effect in found.items()], ignore_index=True)
    mean = {meaning: np.average(effect["log_odds"], weights=effect["share"]) for meaning, effect in found.items()}
    frame = frame.assign(value=frame["value"].map(_tick), mean=frame["feature"].map(mean))
    frame = frame.rename(columns={"share": "leads_share"})[["feature", "value", "log_odds", "leads_share", "mean"]]
    return Section(
        "How do the strongest features move the log-odds?",
        ("Mean log-odds with the feature set to each value, and the share of leads near it; dashed: the mean.",),
        frame=frame,
        kind="dots feature value log_odds - - mean = log_odds leads_share",
    )


def _tick(value: object) -> str:
    return value.replace("_", " ") if isinstance(value, str) else _number(float(value))  # type: ignore[arg-type]


def _number(value: float) -> str:
    """A short value: 0.46, 61, 6,983, 12.7M."""
    if np.isnan(value):
        return "missing"
    for unit, letter in SIZES:
        if abs(value) >= max(unit, 1e4):
            return f"{value / unit:,.0f}{letter}" if abs(value) >= 100 * unit else f"{value / unit:.3g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"
