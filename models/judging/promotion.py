"""May the trained model be used? A pure decision from its test on later time, with every reason."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import pandas as pd

from data.agreement.model import Agreement
from data.errors import ModelError, PromotionRefused, UsageError
from data.warehouse import Warehouse
from features.rules.standing import build_rules
from models.judging.leak_guard import MODEL, MODEL_AUC
from models.judging.policy import Estimate, agreed_pick, at_the_gate, policy_gain
from models.judging.training import TrainingResult, Unjudged
from models.metrics.claims import LEAST_ROWS, Verdict, paired_bootstrap
from models.metrics.evaluation import Vector, auc, calibration
from models.metrics.sample_size import riley_rows
from models.rows.training_set import TrainingSet

Alias = Literal["champion", "challenger"]
SLOPES = (0.8, 1.2)
LOOKS, BOUNDARY = 20, 2.672
"""A training every week looks again and again at much the same rows: so many looks at equal models cross the boundary,
in standard errors, in one of twenty cases (Pocock 1977)."""
UNJUDGED: dict[Unjudged, str] = {
    "same points": "the rules cannot be judged: the leads to learn from, or those to test on, all have the same points",
    "no more accepted": "the rules cannot be judged as a model: in the data to learn from, leads with more points were "
    "not accepted more often",
}


@dataclass(frozen=True)
class Decision:
    """Whether the model is put to use, under which alias (None: none), and why.

    `provisional`: ahead on later time, but on too few rows or from too few labels to be sure; where it is used, every
    score says so. `verdicts`: what may be said against the base rate, the rules and the champion, as far as compared.
    `against`: the version in use when it was judged (None: none was). `waiting`: it would be put to use if a person
    had not wished to be asked.
    """

    promote: bool
    alias: Alias | None
    provisional: bool
    reasons: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()
    against: int | None = None
    waiting: bool = False


@dataclass(frozen=True)
class Champion:
    """The model in use when a training begins.

    p: its probabilities, by index, of those snapshots of the training set that are later than `trained_until`, the last
    as_of it learned from. fault: why it cannot score any more; then it has none.
    """

    version: int
    p: pd.Series[float] = field(default_factory=lambda: pd.Series(dtype=float))
    trained_until: pd.Timestamp = pd.Timestamp.min
    fault: str = ""


def decide(
    result: TrainingResult,
    champion: Champion | None,
    parameters: float | None = None,
    policy_gain: Estimate | None = None,
) -> Decision:
    """Judge the chosen candidate by log loss on the held-out later rows (paired, account-clustered bootstrap).

    It must show no leak, and be ahead of the base rate and of the rules where these can be judged. The first champion
    may be ahead by its mean alone (provisional), and is provisional too where it learned from fewer labels than Riley's
    criteria ask for `parameters` (`sample_size.effective_parameters`; None: not asked). A later one is measured against
    the champion (`judge`), on at least 100 rows after the champion's training; where that one can no longer score, as
    a first. policy_gain: what its hand-offs are worth more than the champion's (`policy.policy_gain`; None: not asked).
    """
    found = _decide(result, champion, parameters, policy_gain)
    if champion is None:
        return found
    broken = f"version {champion.version}, the model in use, can no longer score ({champion.fault})"
    broken += ", so the new model was judged as if it were the first" if found.promote else ""
    return replace(found, reasons=found.reasons + (broken,) * bool(champion.fault), against=champion.version)


def let_wait(decision: Decision) -> Decision:
    """The same where a person is asked before a model is put to use."""
    if not decision.promote:
        return decision
    why = 'it waits for a person, who puts it into use with `leadready promote` (`promote = "ask"` in settings.toml)'
    reasons = (*decision.reasons, why)
    return replace(decision, promote=False, alias="challenger", reasons=reasons, waiting=True)


def overtaken(decision: Decision, version: int, now: int | None) -> Decision:
    """The same where another version is in use by now than it was judged against: `version` is kept as challenger."""
    judged, found = (f"version {v}" if v else "no model" for v in (decision.against, now))
    do = f"train again, or compare them yourself and run `leadready promote {version}`"
    why = f"judged while {judged} was in use, but {found} is in use now: {do}"
    return replace(decision, promote=False, alias="challenger", reasons=(*decision.reasons, why))


def check_by_hand(version: int, alarms: str, fault: str, force: bool, why: str) -> None:
    """Refuse to put a version to use by hand that cannot score (`fault`: why), or against the leak guard's `alarms`.

    Raises ModelError and PromotionRefused, unless `force` is given; then UsageError where it is not said why.
    """
    what, do = f"promoting version {version}", "train again, or use it anyway with --force --why TEXT"
    if fault and not force:
        suspected = f"; and leak alarms about {alarms}" if alarms else ""
        wanted = "a model that can score with today's agreements and catalogue"
        raise ModelError(what, expected=wanted, got=f"{fault}{suspected}", do=do)
    if alarms and not force:
        got = f"alarms about {alarms}, which may know the answer"
        look = "check report/columns.csv of its run, list harmless columns under allowed_columns in settings.toml and "
        raise PromotionRefused(what, expected="a model without leak alarms", got=got, do=look + do)
    if (alarms or fault) and not why.strip():
        wanted = "a reason that stays with the model"
        raise UsageError(f"{what} by force", expected=wanted, got="none", do="add --why TEXT")


def _decide(
    result: TrainingResult, champion: Champion | None, parameters: float | None, policy_gain: Estimate | None
) -> Decision:
    leaks = _leaks(result)
    if leaks:
        return Decision(False, None, False, leaks)
    rows, rules = result.holdout, not result.rules_unjudged
    ranked = auc(rows["y"].to_numpy(), rows[result.chosen].to_numpy())
    least = 0 if parameters is None else riley_rows(parameters, ranked, result.all_rows.base_rate)
    bars = {"base rate": "base_rate"} | ({"rules": "rulebook"} if rules else {})
    verdicts = tuple(_verdict(rows, result, bar, rows[name], least) for bar, name in bars.items())
    unjudged = () if rules else (UNJUDGED[result.rules_unjudged],)
    reasons = tuple(v.sentence for v in verdicts) + unjudged
    if not all(v.gain.mean > 0 for v in verdicts):
        stays = "stays the champion" if champion and champion.fault else "stays in use"
        goes_on = f"version {champion.version} {stays}" if champion else "the rules alone route leads"
        return Decision(False, None, False, (*reasons, f"not ahead of what it has to beat: {goes_on}"), verdicts)
    unsure = not all(v.made for v in verdicts)
    if champion and not champion.fault:
        ahead = Decision(False, "challenger", unsure, reasons, verdicts)
        return _against_champion(result, champion, ahead, least, policy_gain)
    note = (
        "provisional: there are too few later rows or labels to be sure"
        if unsure
        else "there is no model to compare it with"
    )
    return Decision(True, "champion", unsure, (*reasons, note), verdicts)


def judge(verdict: Verdict, y: Vector, p: Vector, policy_gain: Estimate | None = None) -> tuple[bool, tuple[str, ...]]:
    """Whether a challenger takes the champion's place, and each reason.

    It does if the 95 % interval of its gain in log loss lies above 0 and the gain is beyond BOUNDARY standard errors,
    the slope of calibration of its p on n outcomes y is in [.8, 1.2], and its hand-offs are not worth less: their gain
    is no further below 0 than one standard error, and its interval does not lie below 0. A loss which chance explains
    does not stop it; a margin in money would have to be set anew for each agreement.
    """
    # against the champion certainty alone decides: how many labels either had is in the other verdicts
    slope, gain = calibration(y, p)[0], verdict.gain
    sure = gain.sure and gain.mean > BOUNDARY * gain.error
    unsure = "" if sure else ", but perhaps by chance"
    unsure += f", as trainings look at it up to {LOOKS} times" * (gain.sure and not sure)
    words = f"ahead of the {verdict.other}{unsure}" if gain.mean > 0 else f"not ahead of the {verdict.other}"
    reasons = [f"{words}: {gain}"]
    reasons.append(f"calibration slope {slope:.2f} (required: {SLOPES[0]} to {SLOPES[1]})")
    no_loss = policy_gain is None or (policy_gain.mean >= -policy_gain.error and policy_gain.high >= 0)
    if policy_gain is not None:
        worth = "no less than" if no_loss else "less than"
        reasons.append(f"its hand-offs are worth {worth} the champion's: {policy_gain}")
    return sure and SLOPES[0] <= slope <= SLOPES[1] and no_loss, tuple(reasons)


def _against_champion(
    result: TrainingResult, champion: Champion, ahead: Decision, least: int | None, policy_gain: Estimate | None
) -> Decision:
    """`ahead`: what is decided of one that is ahead of the rules, before it is held against the champion."""
    rows, until = result.holdout[result.holdout["as_of"] > champion.trained_until], f"{champion.trained_until:%Y-%m-%d}"
    if len(rows) < LEAST_ROWS:
        few = f"only {len(rows)} test rows are later than the champion's training ({until}); {LEAST_ROWS} are needed"
        return replace(ahead, reasons=(*ahead.reasons, few))
    verdict = _verdict(rows, result, "champion", champion.p[rows.index], least)
    promote, why = judge(verdict, rows["y"].to_numpy(), rows[result.chosen].to_numpy(), policy_gain)
    alias: Alias = "champion" if promote else "challenger"
    reasons, verdicts = (*ahead.reasons, *why), (*ahead.verdicts, verdict)
    return replace(ahead, promote=promote, alias=alias, reasons=reasons, verdicts=verdicts)


def _verdict(rows: pd.DataFrame, result: TrainingResult, other: str, p: pd.Series[float], least: int | None) -> Verdict:
    chosen = rows[result.chosen].to_numpy()
    gain = paired_bootstrap(rows["y"].to_numpy(), chosen, p.to_numpy(), rows["group"], seed=result.seed)
    return Verdict(other, gain, result.all_rows.rows, least)


def _leaks(result: TrainingResult) -> tuple[str, ...]:
    guard = result.leakage
    table, blocking = guard.columns, guard.blocking
    found = [
        f"the model's AUC of {guard.model_auc:.3f} is too good to be true (the limit is {MODEL_AUC})"
        if name == MODEL
        else f"{name} may know the answer: alone it has an AUC of {table.auc[name]:.3f} and a null gap of "
        f"{table.null_gap[name]:.2f}{_lifted(table.lift[name], guard.gain)}"
        for name in blocking
    ]
    names = ", ".join(f'"{name}"' for name in blocking)
    advice = f"if a person finds them harmless, put allowed_columns = [{names}] into settings.toml"
    return (*found, advice) if found else ()


def _lifted(lift: float, gain: float) -> str:
    return f"; without it trees lose {lift:.3f} of the {gain:.3f} of log loss that they gain" if lift > 0 else ""


def zones_of(warehouse: Warehouse, data: TrainingSet, agreement: Agreement) -> pd.DataFrame:
    """What the rules say of the snapshots under one agreement, whether it was in force then or not."""
    rows = pd.DataFrame({"lead_id": data.lead_id, "as_of": data.as_of}).drop_duplicates()
    return build_rules(warehouse, rows, [agreement.from_ever_on()])


def hand_off_gain(
    agreement: Agreement, zones: pd.DataFrame, result: TrainingResult, champion: Champion
) -> Estimate | None:
    """What the new model's hand-offs are worth more than the champion's, on rows later than both learned from.

    Both follow the agreement without limits of capacity, and neither speaks of leads below the gate. `zones`: see
    `zones_of`. None where there is no such row, or the champion can no longer score.
    """
    if champion.fault:
        return None
    rows = result.holdout[result.holdout["as_of"] > champion.trained_until]
    gate = at_the_gate(rows.assign(p=rows[result.chosen], before=champion.p[rows.index]), zones, [agreement])
    if gate.empty:
        return None
    at = [gate, gate.assign(p=gate["before"])]
    new, old = (agreed_pick(g, g["zone"], agreement.routing, vouched=False).astype(float) for g in at)
    return policy_gain(gate, new, old)
