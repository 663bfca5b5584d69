"""May the trained model be used? A pure decision from its test on later time, with every reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from models.claims import Gain, paired_bootstrap
from models.evaluation import Vector, calibration
from models.leakage import MODEL, MODEL_AUC
from models.training import TrainingResult

LEAST_ROWS = 100
SLOPES = (0.8, 1.2)


@dataclass(frozen=True)
class Decision:
    """Whether the model is put to use, under which alias (None: none), and why.

    `provisional`: ahead on later time, but on too few rows to be sure; it is used, and every score says so.
    """

    promote: bool
    alias: Literal["champion", "challenger"] | None
    provisional: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ChampionHoldout:
    """The present champion's probabilities on the rows of `result.holdout`, and the last as_of it was trained on."""

    p: Vector
    trained_until: pd.Timestamp


def decide(result: TrainingResult, champion_holdout: ChampionHoldout | None) -> Decision:
    """Judge the chosen candidate by log loss on the held-out later rows (paired, account-clustered bootstrap).

    It must show no leak, and be ahead of the base rate and of the rules where these can be judged. The first champion
    may be ahead by its mean alone (provisional); a later one must be ahead of the champion with its 95 % interval, on
    at least 100 rows after the champion's training, and have a calibration slope in [.8, 1.2]. Without fresh rows or
    certainty it stays a challenger.
    """
    leaks = _leaks(result)
    if leaks:
        return Decision(False, None, False, leaks)
    bars = ("base_rate", *(("rulebook",) if result.rules_judgeable else ()))
    gains = {bar: _gain(result, result.holdout[bar].to_numpy()) for bar in bars}
    said = tuple(_said(gain, bar) for bar, gain in gains.items()) + _unjudged(result)
    if not all(gain.mean > 0 for gain in gains.values()):
        return Decision(False, None, False, (*said, "not ahead of what it has to beat: the rules alone route"))
    if champion_holdout is not None:
        return _against_champion(result, champion_holdout, said)
    provisional = not all(gain.sure for gain in gains.values())
    note = "too few later rows to be sure: provisional" if provisional else "no champion in use takes these columns"
    return Decision(True, "champion", provisional, (*said, note))


def _against_champion(result: TrainingResult, champion: ChampionHoldout, said: tuple[str, ...]) -> Decision:
    fresh = (result.holdout["as_of"] > champion.trained_until).to_numpy()
    if fresh.sum() < LEAST_ROWS:
        until = f"{champion.trained_until:%Y-%m-%d}"
        few = f"only {fresh.sum()} test rows lie after the champion's training ({until}), {LEAST_ROWS} are needed"
        return Decision(False, "challenger", False, (*said, few))
    gain = _gain(result, champion.p, fresh)
    rows = result.holdout[fresh]
    slope = calibration(rows["y"].to_numpy(), rows[result.chosen].to_numpy())[0]
    right = SLOPES[0] <= slope <= SLOPES[1]
    promote = gain.sure and right
    why = f"calibration slope {slope:.2f}, to be within {SLOPES[0]} and {SLOPES[1]}"
    return Decision(promote, "champion" if promote else "challenger", False, (*said, _said(gain, "the champion"), why))


def _gain(result: TrainingResult, p: Vector, where: Vector | slice = slice(None)) -> Gain:
    rows = result.holdout[where]
    return paired_bootstrap(
        rows["y"].to_numpy(), rows[result.chosen].to_numpy(), np.asarray(p)[where], rows["group"], seed=result.seed
    )


def _said(gain: Gain, other: str) -> str:
    verdict = "surely ahead of" if gain.sure else "ahead of, but not surely," if gain.mean > 0 else "not ahead of"
    return f"{verdict} {other.replace('_', ' ')}: {gain}"


def _unjudged(result: TrainingResult) -> tuple[str, ...]:
    return () if result.rules_judgeable else ("the rules cannot be judged: no rule points differ in these data",)


def _leaks(result: TrainingResult) -> tuple[str, ...]:
    table = result.leakage.columns
    found = tuple(
        f"the model's AUC of {result.leakage.model_auc:.3f} is too good to be true (from {MODEL_AUC} on)"
        if name == MODEL
        else f"{name} may know the answer: alone it has AUC {table.auc[name]:.3f}, null gap {table.null_gap[name]:.2f}"
        for name in result.leakage.blocking
    )
    names = ", ".join(f'"{name}"' for name in result.leakage.blocking)
    advice = f"if a person finds them harmless, put allowed_columns = [{names}] into settings.toml"
    return (*found, advice) if found else ()
