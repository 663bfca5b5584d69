"""What would training and scoring on each past day have brought? Learn from what was known, predict, judge afterwards.

Prequential (Dawid 1984): at each day a model learns from the answers known before it and predicts the hand-offs until
the next. Nothing of the predicted accounts is purged from what it learns from: an earlier answer about the same lead or
account was known that day, and the features see it too. Inside `learn` folds are purged as ever. The columns are those
of today's agreement and catalogue, each value as it was known at its snapshot.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data.agreement.model import Agreement
from data.errors import DataError, ModelError
from models.fitting.candidates import DEPLOYED
from models.fitting.deployed import ReadyModel
from models.fitting.learning import compare, fit
from models.judging import policy
from models.judging.selective import Reach, reach
from models.judging.training import learn
from models.metrics.claims import Gain, Metric, Verdict, paired_bootstrap
from models.metrics.evaluation import Vector, evaluate, log_losses
from models.metrics.sample_size import effective_parameters, riley_rows
from models.rows.training_set import LEAST_LABELS, TrainingSet, check

logger = logging.getLogger(__name__)
OURS = "leadready"
KEPT = "never_retrained"  # the model of the first day that could learn, as a last champion that nobody replaced
BASELINES = ("rulebook", "base_rate")
ARMS = (OURS, KEPT, *BASELINES)
IN_WORDS = {
    KEPT: "model of the first day, never retrained",
    "rulebook": "rules' points",
    "base_rate": "base rate",
}
METRICS: tuple[Metric, ...] = ("log_loss", "brier", "auc")
FIGURES = ("log_loss", "brier", "auc", "calibration_slope")
NO_HAND_OFF = "no hand-off until the next day"
LATER = "choose a later --from, by which sales had answered more"
MONTH_DAYS = 28
DAY_COLUMNS = ("day", "until", "predicted", "labels", "explored", "chosen", "calibration", "parameters", "skipped")


@dataclass(frozen=True)
class Backtest:
    """What came of predicting day by day.

    predicted: one row per predicted hand-off in time order (index: place in the training set): day, lead_id, as_of,
    group, propensity, mature (its horizon has closed), y, explored (labels of explored hand-offs that its model had),
    and a probability per arm. days: one row per day: what its model learned from, or why it was skipped. metrics: arm x
    `evaluate`; gains: arm -> metric -> gain of leadready, both on the mature rows. periods: see `over_time`.
    """

    predicted: pd.DataFrame
    days: pd.DataFrame
    metrics: pd.DataFrame
    gains: dict[str, dict[str, Gain]]
    periods: pd.DataFrame

    @property
    def judged(self) -> pd.DataFrame:
        """The predicted hand-offs whose horizon has closed."""
        return self.predicted[self.predicted["mature"]]

    @property
    def skipped(self) -> pd.DataFrame:
        """The days on which nothing was predicted."""
        return self.days[self.days["skipped"] != ""]

    @property
    def figures(self) -> dict[str, float]:
        """The main figures by name: leadready's own, those of the other arms after their name, and its gains."""
        others = {f"{arm}_{m}": float(self.metrics[m].loc[arm]) for arm in ARMS[1:] for m in FIGURES}
        ours = {m: float(self.metrics[m].loc[OURS]) for m in ("n", "base_rate", *FIGURES, "calibration_intercept")}
        gains = {f"gain_over_{arm}": g["log_loss"].mean for arm, g in self.gains.items()}
        return {**ours, **others, **gains, "days": len(self.days), "open": float((~self.predicted["mature"]).sum())}

    @property
    def reach(self) -> Reach:
        """Of whom the figures speak."""
        return reach(self.judged)

    @property
    def verdicts(self) -> list[Verdict]:
        """What may be said of leadready against each arm by log loss, judged by the labels of the last model."""
        last = self.days[self.days["skipped"] == ""].iloc[-1]
        auc, base_rate = (float(self.metrics[name].loc[OURS]) for name in ("auc", "base_rate"))
        least = riley_rows(float(last["parameters"]), auc, base_rate)
        return [Verdict(IN_WORDS[name], g["log_loss"], int(last["labels"]), least) for name, g in self.gains.items()]


@dataclass(frozen=True)
class Policies:
    """What handing off by the predictions was worth against the rules then in force.

    table: see `policy.value_picks`. curve: one row per hand-off in time order with the gains over the rules
    added up so far, in money. claim: what may be said. alike: why rules and model hand off whom the rules do, where
    that is because nobody below the gate was explored; else empty.
    """

    table: pd.DataFrame
    curve: pd.DataFrame
    claim: policy.Claim
    alike: str


def backtest(
    data: TrainingSet, first: pd.Timestamp, last: pd.Timestamp, every: timedelta, *, seed: int, folds: int = 4
) -> Backtest:
    """Learn at `first` and every so often until `last`, and predict each hand-off in [first, last) once.

    A day with too few labels, or without a hand-off until the next, is skipped and says why. Only rows whose horizon
    has closed at `data.now` are judged. Raises DataError where no day, or no judged row, is left.
    """
    with threadpool_limits(limits=1):  # as in training: the same bits each time
        days, parts = _walk(data, pd.date_range(first, last, freq=every, inclusive="left"), last, every, seed, folds)
    if not parts or not (predicted := pd.concat(parts))["mature"].any():
        what, (got, do) = f"testing back from {first:%Y-%m-%d} to {last:%Y-%m-%d}", _why_nothing(data, days, parts)
        wanted = "a day to learn on with hand-offs after it whose horizon has closed"
        raise DataError(what, expected=wanted, got=got, do=do)
    judged = predicted[predicted["mature"]]
    metrics = pd.DataFrame({arm: evaluate(judged["y"].to_numpy(), judged[arm].to_numpy()) for arm in ARMS}).T
    return Backtest(predicted, days, metrics.rename_axis("arm"), _gains(judged, seed), over_time(judged, every))


def over_time(judged: pd.DataFrame, every: timedelta) -> pd.DataFrame:
    """One row per calendar month, or per step where steps are longer: what was predicted and what came true.

    Columns period, rows, predicted (mean of leadready's p), accepted (share), low and high (where 95 % of accepted
    shares fall if p is right), z (calibration in the large, standard errors) and log_loss_<arm>.
    """
    months = judged["as_of"].dt.to_period("M").dt.start_time
    period = judged["day"] if every >= timedelta(days=MONTH_DAYS) else months
    y, p = judged["y"].to_numpy(), judged[OURS].to_numpy()
    lost = {f"log_loss_{arm}": log_losses(y, judged[arm].to_numpy()) for arm in ARMS}
    periods = judged.assign(period=period, variance=p * (1 - p), **lost).groupby("period")
    rows, predicted, accepted = periods["y"].count(), periods[OURS].mean(), periods["y"].mean()
    error = np.sqrt(periods["variance"].sum()) / rows
    low, high = (predicted - 1.96 * error).clip(0), (predicted + 1.96 * error).clip(upper=1)
    found = pd.DataFrame({"rows": rows, "predicted": predicted, "accepted": accepted, "low": low, "high": high})
    return found.assign(z=(accepted - predicted) / error).join(periods[list(lost)].mean()).reset_index()


def value_policies(
    judged: pd.DataFrame, standing: pd.DataFrame, agreements: Sequence[Agreement], vouched_from: int, seed: int
) -> Policies | None:
    """Value the judged hand-offs' policies; None where none of them could have been drawn (propensity 0).

    `standing`: what `build_rules` said of their (lead_id, as_of) under the agreement then in force.
    A model speaks of leads below the gate once it had learned from `vouched_from` explored hand-offs. The pick of equal
    volume is one over the whole time: who is picked early rests on how likely later ones were.
    """
    rows = judged.sort_values(["as_of", "lead_id"]).assign(p=lambda f: f[OURS])
    logged = policy.at_the_gate(rows, standing, agreements)
    if logged.empty:
        return None
    vouched = (logged["explored"] >= vouched_from).to_numpy()
    picks, equal = policy.pick_by_policy(logged, agreements, vouched), policy.claim(logged, seed=seed)
    rules, money = picks[policy.RULES], policy.brought(logged) * policy.weights(logged)
    sums = {name: np.cumsum((picked - rules) * money) for name, picked in picks.items() if name != policy.RULES}
    curve = pd.DataFrame({"as_of": logged["as_of"], **sums})
    alike = _why_alike(logged, picks, agreements)
    return Policies(policy.value_picks(logged, picks, equal, seed), curve, equal, alike)


def _why_nothing(data: TrainingSet, days: pd.DataFrame, parts: list[pd.DataFrame]) -> tuple[str, str]:
    """Why no hand-off is judged, and what would help."""
    if predicted := sum(map(len, parts)):
        return f"{predicted} hand-offs, all of them open", f"choose a --from before {data.now - data.horizon:%Y-%m-%d}"
    if len(refused := days["skipped"][days["skipped"] != NO_HAND_OFF]):
        few = min(np.bincount(data.y[data.labelled], minlength=2)) < LEAST_LABELS
        return f"none in {len(days)} days; the last one: {refused.iloc[-1]}", "ingest more decisions" if few else LATER
    began, ended = data.as_of.min(), data.as_of.max()
    later = data.as_of[data.as_of >= days["until"].max()].min()
    do = f"choose a --from before {ended:%Y-%m-%d}" if pd.isna(later) else f"choose a --to after {later:%Y-%m-%d}"
    return f"none in that time: the hand-offs run from {began:%Y-%m-%d} to {ended:%Y-%m-%d}", do


def _walk(
    data: TrainingSet, days: pd.DatetimeIndex, last: pd.Timestamp, every: timedelta, seed: int, folds: int
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    rows, parts, kept = [], [], None
    for day in days:
        until = min(day + every, last)
        test = np.flatnonzero(((data.as_of >= day) & (data.as_of < until)).to_numpy())
        row, p, kept = _step(data.before(day), data.X.iloc[test], kept, seed, folds)
        logger.info("%s: %s", f"{day:%Y-%m-%d}", row["skipped"] or f"{row['labels']} labels, {row['chosen']}")
        rows.append({"day": day, "until": until, "predicted": len(p), **row})
        if len(p):
            known = data.table(test, "lead_id", "as_of", "group", "propensity", "mature", "y")
            parts.append(known.assign(day=day, explored=row["explored"], **p))
    return pd.DataFrame(rows, columns=DAY_COLUMNS), parts


def _step(
    past: TrainingSet, X: pd.DataFrame, kept: ReadyModel | None, seed: int, folds: int
) -> tuple[dict[str, Any], pd.DataFrame, ReadyModel | None]:
    """What one day's model learned from, the arms' probabilities of X, and the model that is never retrained."""
    day, every = past.now, np.arange(len(past.y))
    row: dict[str, Any] = {"labels": int(past.labelled.sum()), "explored": int(past.explored.sum())}
    row |= {"chosen": "", "calibration": "", "parameters": np.nan, "skipped": "" if len(X) else NO_HAND_OFF}
    if row["skipped"]:
        return row, pd.DataFrame(), kept
    try:
        check(past)
        found = learn(past, every, day, compare(past, every, folds, seed, DEPLOYED), seed)
    except ModelError as error:
        why = "{what}: expected {expected}, got {got}".format(**error.parts)  # what it advises is for today
        return row | {"skipped": why}, pd.DataFrame(), kept
    kept = kept or found.model
    models = {OURS: found.model, KEPT: kept} | {name: fit(name, past, every, day, seed) for name in BASELINES}
    predicted = {name: model.predict_proba(X)[:, 1] for name, model in models.items()}
    row |= {"chosen": found.chosen, "calibration": found.calibration}
    row["parameters"] = effective_parameters(found.model, past.X)
    return row, pd.DataFrame(predicted, index=X.index), kept


def _gains(judged: pd.DataFrame, seed: int) -> dict[str, dict[str, Gain]]:
    y, ours = judged["y"].to_numpy(), judged[OURS].to_numpy()
    return {
        arm: {m: paired_bootstrap(y, ours, judged[arm].to_numpy(), judged["group"], m, seed=seed) for m in METRICS}
        for arm in ARMS[1:]
    }


def _why_alike(logged: pd.DataFrame, picks: dict[str, Vector], agreements: Sequence[Agreement]) -> str:
    in_force = {a.routing.combine for a in agreements if (logged["agreement_version"] == a.version).any()}
    speaks_below, same = (
        in_force & {"quadrant", "model_only"},
        np.array_equal(picks[policy.AGREED], picks[policy.RULES]),
    )
    if policy.explored(logged).any() or not speaks_below or not same:
        return ""
    agreed, rules = (policy.POLICIES[name] for name in (policy.AGREED, policy.RULES))
    return (
        f"{agreed}: the same hand-offs as {rules}, because every lead that met the rules was above the "
        "threshold, and no lead below the gate was explored, without which the model may not hand off anybody there"
    )
