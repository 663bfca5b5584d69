"""How many of the leads that an agreement would qualify would sales accept? Estimated from hand-offs under another.

A lead is looked at when the rules first rate it qualified, and there may be three kinds of such moments: both
agreements say so, only the old one, or only the new one. Of each kind sales has answered hand-offs; those that were
drawn at random below the gate stand for 1 / propensity others, at most 20. What they show is carried to the leads of
their kind in two ways. *Weighted*: their share of acceptances (self-normalised inverse propensity, Swaminathan &
Joachims 2015); right where hand-offs are made at such moments and of all such leads, wrong where a model chose among
them, and too low where only draws are: these find a lead on any day, not when it has just become qualified.
*Corrected*: the expectation of a model for each lead, less the model's weighted mean error on the answers of its kind
(the form of doubly robust estimates, Dudík, Langford & Li 2011), the model of each account fitted without it
(Chernozhukov et al. 2018). It is right where who was handed off, and when, depends on what the model sees, and where
its error is the same for all leads of a kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.fitting.deployed import BEYOND_SAMPLING
from models.fitting.learning import fit
from models.judging.policy import LEAST_EFFECTIVE, effective_size, weights
from models.metrics.claims import draw_accounts
from models.metrics.evaluation import Vector
from models.rows.training_set import TrainingSet

OLD, NEW = "old", "new"
BOTH, OLD_ONLY, NEW_ONLY = "both", "old only", "new only"
KINDS = (BOTH, OLD_ONLY, NEW_ONLY)
FEW_LEADS = 0.05
"""Up to this share of an agreement's leads may be of kinds that sales' answers say too little of."""
FOLDS = 5


@dataclass(frozen=True)
class Answers:
    """What there is to tell by, of each kind of moment (KINDS).

    leads: how many come to it under either agreement. answered, explored: hand-offs that sales answered, and those of
    them made by a draw. effective: the effective number of the accounts that tell of such leads (Kish 1965): of those
    that only the new agreement qualifies the drawn ones, as others that went to sales were chosen by somebody. few: the
    kinds that have leads and fewer than 100 of these; blind: so many of one agreement's leads are of such kinds that
    nothing is claimed.
    """

    leads: dict[str, int]
    answered: dict[str, int]
    explored: dict[str, int]
    effective: dict[str, float]
    few: tuple[str, ...]
    blind: bool


@dataclass(frozen=True)
class Span:
    """An expected number with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """How many would be accepted under the old agreement, under the new one, and the new one less the old one.

    Of leads of a kind of which too little is known none to all count at the ends of the intervals, half in the mean.
    """

    old: Span
    new: Span
    change: Span


def kinds(old: Vector, new: Vector) -> Vector:
    """The kind of n moments from whether the old and the new agreement rate the lead qualified; '' for neither."""
    return np.select([old & new, old & ~new, ~old & new], KINDS, "")


def count_answers(reached: pd.DataFrame, answers: pd.DataFrame) -> Answers:
    """What sales' answers can tell of two agreements.

    reached: a row per agreement and lead that it qualifies: lead_id, `agreement` (OLD, NEW) and `kind` of that moment.
    answers: a row per hand-off that sales answered: `kind`, propensity above 0, group (account).
    """
    leads = {kind: int(reached.loc[reached["kind"] == kind, "lead_id"].nunique()) for kind in KINDS}
    of = {kind: answers[answers["kind"] == kind] for kind in KINDS}
    telling = of | {NEW_ONLY: of[NEW_ONLY][of[NEW_ONLY]["propensity"] < 1]}
    effective = {kind: _effective(rows) for kind, rows in telling.items()}
    few = tuple(kind for kind in KINDS if leads[kind] and effective[kind] < LEAST_EFFECTIVE)
    unknown = reached["kind"].isin(few).groupby(reached["agreement"]).mean()
    return Answers(
        leads=leads,
        answered={kind: len(rows) for kind, rows in of.items()},
        explored={kind: int((rows["propensity"] < 1).sum()) for kind, rows in of.items()},
        effective=effective,
        few=few,
        blind=bool((unknown > FEW_LEADS).any()),
    )


def _effective(rows: pd.DataFrame) -> float:
    """The effective number of accounts behind hand-offs."""
    return effective_size(np.bincount(pd.factorize(rows["group"])[0], weights=weights(rows))) if len(rows) else 0.0


def cross_fit(
    data: TrainingSet, candidate: str, others: pd.DataFrame, group: pd.Series, seed: int
) -> tuple[Vector, Vector]:
    """What the candidate expects of the N rows of `data` and of n others, always fitted without the row's account.

    others: n rows with the columns of `data.X`; group: their accounts.
    """
    folds = list(GroupKFold(FOLDS).split(data.X, groups=data.group))
    fold_of = {account: k for k, (_, held) in enumerate(folds) for account in data.group.iloc[held]}
    fold = group.map(fold_of).fillna(0).to_numpy()  # an account without an answer: no model has seen it
    p, beside = np.full(len(data.y), np.nan), np.full(len(others), np.nan)
    with threadpool_limits(limits=1):  # sums in another order would differ in the last bit
        for number, (rows, held) in enumerate(folds):
            fitted = fit(candidate, data, rows, data.now, seed)
            p[held] = fitted.predict_proba(data.X.iloc[held])[:, 1]
            if (mine := fold == number).any():
                beside[mine] = fitted.predict_proba(others[mine])[:, 1]
    return p, beside


def estimate(
    reached: pd.DataFrame, answers: pd.DataFrame, few: tuple[str, ...], draws: int = 2000, seed: int = 0
) -> Estimate:
    """The corrected estimate from columns p, what a model says, in both; the weighted one where p is missing.

    reached, answers: as `count_answers` takes them, answers with y (0/1). The sum of p over the leads, each corrected
    by the weighted mean of y - p in its kind. Interval: whole accounts of the answers are drawn; where a model speaks
    it is BEYOND_SAMPLING times as wide, as those of the model's probabilities are.
    """
    codes, names = pd.factorize(answers["group"])
    weight, off = weights(answers), (answers["y"] - answers["p"].fillna(0)).to_numpy(float)
    modelled = np.array([answers.loc[answers["kind"] == kind, "p"].notna().any() for kind in KINDS])
    of_kind = np.column_stack([(answers["kind"] == kind).to_numpy(float) for kind in KINDS]) * weight[:, None]
    sizes = _by_account(codes, len(names), of_kind)
    errors = _by_account(codes, len(names), of_kind * off[:, None])

    def shares(times: Vector) -> Vector:
        total = times @ sizes
        return np.asarray(np.divide(times @ errors, total, out=np.zeros_like(total), where=total > 0))

    drawn = [shares(times) for times in draw_accounts(len(names), len(answers), draws, seed)]
    mean = shares(np.ones((1, len(names))))
    shown = mean + (np.concatenate([mean, *drawn]) - mean) * np.where(modelled, BEYOND_SAMPLING, 1.0)
    sums, unknown = {}, {}
    for agreement in (OLD, NEW):
        rows = reached[reached["agreement"] == agreement]
        known = rows[~rows["kind"].isin(few)]
        counts = np.array([(known["kind"] == kind).sum() for kind in KINDS], dtype=float)
        sums[agreement] = known["p"].sum() + shown @ counts
        unknown[agreement] = len(rows) - len(known)
    return Estimate(
        _span(sums[OLD], 0, unknown[OLD]),
        _span(sums[NEW], 0, unknown[NEW]),
        _span(sums[NEW] - sums[OLD], -unknown[OLD], unknown[NEW]),
    )


def _by_account(codes: Vector, accounts: int, rows: Vector) -> Vector:
    return np.column_stack([np.bincount(codes, weights=column, minlength=accounts) for column in rows.T])


def _span(found: Vector, least: float, most: float) -> Span:
    """Of the estimate (first) and its draws, where between `least` and `most` more are unknown."""
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return Span(float(found[0]) + (least + most) / 2, float(low) + least, float(high) + most)
