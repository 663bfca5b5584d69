"""May the trained model be used? A pure decision from its test on later time, with every reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from models.claims import LEAST_ROWS, Verdict, paired_bootstrap
from models.evaluation import Vector, auc, calibration
from models.leakage import MODEL, MODEL_AUC
from models.policy import Estimate
from models.sample_size import riley_rows
from models.training import TrainingResult

SLOPES = (0.8, 1.2)


@dataclass(frozen=True)
class Decision:
    """Whether the model is put to use, under which alias (None: none), and why.

    `provisional`: ahead on later time, but on too few rows or from too few labels to be sure; where it is used, every
    score says so. `verdicts`: what may be said against the base rate, the rules and the champion, as far as compared.
    """

    promote: bool
    alias: Literal["champion", "challenger"] | None
    provisional: bool
    reasons: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class ChampionHoldout:
    """The present champion's probabilities on the rows of `result.holdout`, and the last as_of it was trained on."""

    p: Vector
    trained_until: pd.Timestamp


def decide(
    result: TrainingResult,
    champion_holdout: ChampionHoldout | None,
    parameters: float | None = None,
    policy_gain: Estimate | None = None,
) -> Decision:
    """Judge the chosen candidate by log loss on the held-out later rows (paired, account-clustered bootstrap).

    It must show no leak, and be ahead of the base rate and of the rules where these can be judged. The first champion
    may be ahead by its mean alone (provisional), and is provisional too where it learned from fewer labels than Riley's
    criteria ask for `parameters` (`sample_size.effective_parameters`; None: not asked). A later one is measured against
    the champion (`judge`), on at least 100 rows after the champion's training. policy_gain: what its hand-offs are
    worth more than the champion's (`policy.policy_gain`; None: not asked).
    """
    leaks = _leaks(result)
    if leaks:
        return Decision(False, None, False, leaks)
    least = _least_labels(result, parameters)
    bars = {"base rate": "base_rate", **({"rules": "rulebook"} if result.rules_judgeable else {})}
    verdicts = tuple(_verdict(result, bar, result.holdout[name].to_numpy(), least) for bar, name in bars.items())
    said = tuple(v.sentence for v in verdicts) + _unjudged(result)
    if not all(v.gain.mean > 0 for v in verdicts):
        return Decision(
            False, None, False, (*said, "not ahead of what it has to beat: the rules alone route"), verdicts
        )
    if champion_holdout is not None:
        return _against_champion(result, champion_holdout, said, verdicts, least, policy_gain)
    unsure = not all(v.made for v in verdicts)
    note = "too few later rows or labels to be sure: provisional" if unsure else "no model in use to compare it with"
    return Decision(True, "champion", unsure, (*said, note), verdicts)


def judge(verdict: Verdict, y: Vector, p: Vector, policy_gain: Estimate | None = None) -> tuple[bool, tuple[str, ...]]:
    """Whether a challenger takes the champion's place, and each reason.

    It does if the 95 % interval of its gain in log loss lies above 0, the slope of calibration of its p on n outcomes y
    is in [.8, 1.2], and its hand-offs are not worth less: their gain is no further below 0 than one standard error, and
    its interval does not lie below 0. A loss which chance explains does not stop it; a margin in money would have to be
    set anew for each agreement.
    """
    slope = calibration(y, p)[0]
    right = SLOPES[0] <= slope <= SLOPES[1]
    reasons = [_said(verdict), f"calibration slope {slope:.2f}, to be within {SLOPES[0]} and {SLOPES[1]}"]
    if policy_gain is not None:
        words = "no less than" if not_inferior(policy_gain) else "less than"
        reasons.append(f"its hand-offs are worth {words} the champion's: {policy_gain}")
    return verdict.gain.sure and right and (policy_gain is None or not_inferior(policy_gain)), tuple(reasons)


def not_inferior(gain: Estimate) -> bool:
    """No loss beyond one standard error, nor a sure one."""
    return gain.mean >= -gain.error and gain.high >= 0


def _against_champion(
    result: TrainingResult, champion: ChampionHoldout, said: tuple[str, ...], verdicts: tuple[Verdict, ...],
    least: int | None, policy_gain: Estimate | None,
) -> Decision:  # fmt: skip
    fresh = (result.holdout["as_of"] > champion.trained_until).to_numpy()
    unsure = not all(v.made for v in verdicts)
    if fresh.sum() < LEAST_ROWS:
        until = f"{champion.trained_until:%Y-%m-%d}"
        few = f"only {fresh.sum()} test rows lie after the champion's training ({until}), {LEAST_ROWS} are needed"
        return Decision(False, "challenger", unsure, (*said, few), verdicts)
    verdict = _verdict(result, "champion", champion.p, least, fresh)
    rows = result.holdout[fresh]
    promote, why = judge(verdict, rows["y"].to_numpy(), rows[result.chosen].to_numpy(), policy_gain)
    alias: Literal["champion", "challenger"] = "champion" if promote else "challenger"
    return Decision(promote, alias, unsure, (*said, *why), (*verdicts, verdict))


def _least_labels(result: TrainingResult, parameters: float | None) -> int | None:
    if parameters is None:
        return 0
    ranked = auc(result.holdout["y"].to_numpy(), result.holdout[result.chosen].to_numpy())
    return riley_rows(parameters, ranked, result.all_rows.base_rate)


def _verdict(
    result: TrainingResult, other: str, p: Vector, least: int | None, where: Vector | slice = slice(None)
) -> Verdict:
    rows = result.holdout[where]
    gain = paired_bootstrap(
        rows["y"].to_numpy(), rows[result.chosen].to_numpy(), np.asarray(p)[where], rows["group"], seed=result.seed
    )
    return Verdict(other, gain, result.all_rows.rows, least)


def _said(verdict: Verdict) -> str:
    """Against the champion certainty alone decides: how many labels either had is in the other verdicts."""
    gain = verdict.gain
    words = "surely ahead of" if gain.sure else "ahead of, but not surely," if gain.mean > 0 else "not ahead of"
    return f"{words} the {verdict.other}: {gain}"


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
