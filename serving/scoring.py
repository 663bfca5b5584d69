"""Who would sales accept today? One row per open lead: probability beside the rules, and the route."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data.agreement.model import Agreement
from data.agreement.promises import due_at, promise_of, promised_hours
from data.cohorts import open_leads
from data.errors import DataError, ModelError
from data.sql import in_force
from data.warehouse import Warehouse
from data.workspace import day_name
from features.catalogue import Feature, build_catalogue, catalogue_version, needed
from features.concepts.timelines import WAITING_DAYS
from features.matrix import Across, build_matrix
from features.rules.standing import build_rules, find_reheated
from features.supposing import suppose
from models.registry.client import LoadedModel
from serving.exploration import earlier_draws
from serving.overrides import overrides_at
from serving.questions import weigh_calls
from serving.reasons import LeadExplainer, explain_scores
from serving.routes import routes_where
from serving.routing import Routed, choose_routes, prices

log = logging.getLogger(__name__)

CATALOGUE_TAG = "catalogue_version"
BLOCK = 20_000
"""Rows predicted at once: so many are encoded together in bounded memory."""
SIGNS = {"days_since_touch": 1, "days_since_answer": 1, "hours_since_connect": 24}
"""Columns that say when the person last gave a sign, and how many of their units make a day."""
BESIDE = ("handoffs_before", "hours_since_handoff", "hours_since_decision", "days_since_created", *SIGNS)
"""Columns that routing needs, whatever the model uses."""
VOUCHED_FROM = 100
"""Labels of explored hand-offs from which the model may speak of leads below the gate (docs/models.md)."""
POINTS = ("digital_points", "research_points", "rule_points")
MANY_OUTSIDE = 0.5
"""The share of leads outside the model's support from which it is a warning."""
KNOWN = dict.fromkeys(("probability", "probability_low", "probability_high"), "float64") | {"support": "str"}
"""What a model knows of a lead; empty without one."""
KEPT = (*POINTS, "zone", "urgent", "missing", "team", "persona", "buying_stage")


class Looked(NamedTuple):
    """The n open leads of one moment, in the order of lead_id, by one index from 0.

    leads: what `choose_routes` needs, but for the day. matrix: n rows of at least the columns of `columns_of`.
    """

    leads: pd.DataFrame
    matrix: pd.DataFrame


Look = Callable[[Warehouse, Agreement, "LoadedModel | None", datetime, Agreement], Looked]
"""As `look_at_leads` does."""


class Scored(NamedTuple):
    """The scores of n open leads and what they rest on.

    capacity: the use of each capacity (`choose_routes`). features: of the model, without one of the catalogue; matrix:
    n rows of at least their columns. segments: n places in `agreement.values.costs()`. By the index of `scores`.
    """

    scores: pd.DataFrame
    capacity: pd.DataFrame
    features: tuple[Feature, ...]
    matrix: pd.DataFrame
    segments: pd.Series[int]


def score_leads(
    warehouse: Warehouse,
    agreement: Agreement,
    model: LoadedModel | None,
    as_of: datetime,
    trained_under: Agreement | None = None,
    time_zone: str = "UTC",
    look: Look | None = None,
) -> Scored:
    """Score every open lead at `as_of`, by lead_id.

    Places and draws are those of the day, by the calendar of `time_zone`. Zone and route follow `agreement`, the one in
    force; the model sees points as under the one it was trained with. Without a model the rules alone route. The
    columns `model_status`, `stale` and `changed` are left to others (`pipelines.jobs.score`). Raises DataError where
    no lead is open, ModelError where the catalogue no longer makes the model's columns.
    `look`: how another engine looks at the leads, with the result of `look_at_leads`.
    """
    seen_under = trained_under or agreement
    if seen_under.version != agreement.version:
        log.warning("the agreement changed to %s after the model was trained: train again soon", agreement.version)
    features, used = columns_of(warehouse, model, seen_under)
    looked = (look or look_at_leads)(warehouse, agreement, model, as_of, seen_under)
    if looked.leads.empty:
        raise _nothing_open(warehouse, as_of)
    leads, matrix = looked.leads.assign(day=day_name(as_of, time_zone)), looked.matrix
    calls = _weigh_calls(warehouse, model, agreement, seen_under, leads, used, matrix)
    past = earlier_draws(warehouse, as_of, time_zone)
    wanted = overrides_at(warehouse, as_of)
    routed = choose_routes(leads.join(calls[["call_value", "due"]]), agreement, vouches(model), past, wanted)
    _warn(leads, routed)
    _tell_overrides(leads, routed, wanted)
    if model:
        _warn_of_strangers(model, matrix, leads)
    number = str(model.version) if model else "none"
    scored = (
        leads[["lead_id", "as_of", *KNOWN, *KEPT]].join(routed.leads).join(calls.drop(columns=["call_value", "due"]))
    )
    scored = scored.join(_words(scored, agreement))
    seen = scored["route"].isin(routes_where(lambda r: r.seen))
    scored = scored.join(explain_scores(model.pipeline if model else None, features, matrix, seen)).assign(
        exploration_seed=agreement.exploration.seed,
        policy_version=f"{agreement.version}/model-{number}",
        model_version=number,
        agreement_version=agreement.version,
        catalogue_version=catalogue_version(features),
    )
    return Scored(scored, routed.capacity, features, matrix, leads["segment"])


def look_at_leads(
    warehouse: Warehouse,
    agreement: Agreement,
    model: LoadedModel | None,
    as_of: datetime,
    seen_under: Agreement,
    across: Across | None = None,
) -> Looked:
    """Every open lead at `as_of` with its features, what the rules say, and how likely the model finds it.

    Asks of no lead what only others' rows tell, but for its account's and `across` (`build_matrix`): whole accounts may
    be looked at apart.
    """
    index = open_leads(warehouse, as_of, agreement.recycle.cool_off_days, agreement.recycle.never)
    matrix = _seen(warehouse, model, seen_under, index, across)
    known = assess(model, matrix) if model else pd.DataFrame(index=matrix.index, columns=list(KNOWN)).astype(KNOWN)
    return Looked(_leads_to_route(warehouse, agreement, as_of, index, matrix, known), matrix)


def _leads_to_route(
    warehouse: Warehouse,
    agreement: Agreement,
    as_of: datetime,
    index: pd.DataFrame,
    matrix: pd.DataFrame,
    known: pd.DataFrame,
) -> pd.DataFrame:
    """The open leads of one moment with what `choose_routes` needs, but for the day."""
    unanswered = ~(matrix["hours_since_decision"] <= matrix["hours_since_handoff"])
    return pd.concat([build_rules(warehouse, index, [agreement]), known], axis=1).assign(
        with_sales=unanswered & (matrix["hours_since_handoff"] < WAITING_DAYS * 24),
        cooling=index["cooling"],
        reheat=index["lead_id"].isin(find_reheated(warehouse, agreement, as_of)),
        episode=matrix["handoffs_before"].astype(int),
        age_days=days_quiet(matrix),
        account_id=index["lead_id"].map(_accounts(warehouse, as_of)),
    )


def _accounts(warehouse: Warehouse, as_of: datetime) -> pd.Series[str]:
    """The account of each lead, as known at `as_of`, by lead_id; missing where it has none."""
    found = warehouse.frame(f"SELECT lead_id, account_id FROM leads e WHERE {in_force('$as_of')}", {"as_of": as_of})
    return found.set_index("lead_id")["account_id"]


def _weigh_calls(
    warehouse: Warehouse,
    model: LoadedModel | None,
    agreement: Agreement,
    seen_under: Agreement,
    leads: pd.DataFrame,
    used: tuple[Feature, ...],
    matrix: pd.DataFrame,
) -> pd.DataFrame:
    """What a call of each lead is worth and what to ask (`questions.weigh_calls`), by the index of `leads`.

    `matrix` holds the columns of `used` by the same index.
    """

    def after(asked_of: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
        rows = pd.Series(leads.index, leads["lead_id"])[asked_of["lead_id"]]
        own = matrix.loc[rows].reset_index(drop=True)
        return predict(cast("LoadedModel", model), suppose(warehouse, seen_under, asked_of, asked, used, own).matrix)

    day, predicted = prices(leads, agreement, vouches(model)), after if model else None
    return weigh_calls(warehouse, day, agreement, predicted, vouches(model)).reindex(leads.index)


def explain_one(
    warehouse: Warehouse, model: LoadedModel, trained_under: Agreement, lead: str, as_of: datetime
) -> dict[str, object]:
    """What the model makes of one lead at `as_of`, open or not: probability, and what `reasons.LeadExplainer` says."""
    index = pd.DataFrame({"lead_id": [lead], "as_of": pd.Timestamp(as_of)})
    features, _ = columns_of(warehouse, model, trained_under)
    matrix = _seen(warehouse, model, trained_under, index)
    said = LeadExplainer(model.pipeline, features).explain(matrix)
    return {name: assess(model, matrix)[name].iloc[0] for name in KNOWN} | said


def score_snapshots(
    warehouse: Warehouse, model: LoadedModel, trained_under: Agreement, index: pd.DataFrame
) -> pd.Series[float]:
    """What the model would have said of n snapshots, by the index of `index`, which may be empty.

    index: as `build_matrix` takes it. Raises ModelError where the model cannot score any more, also of no snapshot.
    """
    if index.empty:
        columns_of(warehouse, model, trained_under)
        return pd.Series(index=index.index, dtype=float)
    return pd.Series(predict(model, _seen(warehouse, model, trained_under, index)), index.index)


def columns_of(
    warehouse: Warehouse, model: LoadedModel | None, agreement: Agreement
) -> tuple[tuple[Feature, ...], tuple[Feature, ...]]:
    """The model's features (without a model: all of the catalogue), and those that they and BESIDE build on.

    Raises ModelError where the catalogue no longer makes the model's columns.
    """
    catalogue = build_catalogue(agreement, warehouse, identifiers=True)
    features = used_features(model, catalogue) if model else catalogue
    return features, needed(catalogue, {*(f.name for f in features if model), *BESIDE})


def _seen(
    warehouse: Warehouse,
    model: LoadedModel | None,
    agreement: Agreement,
    index: pd.DataFrame,
    across: Across | None = None,
) -> pd.DataFrame:
    """The matrix of the columns of `columns_of`."""
    _, used = columns_of(warehouse, model, agreement)
    return build_matrix(warehouse, index, agreement, features=used, names=[f.name for f in used], across=across)


def _warn(leads: pd.DataFrame, routed: Routed) -> None:
    """Say what a person should know of these routes."""
    lapsed = int(routed.capacity.loc[routed.capacity["team"] == "exploration", "held"].sum())
    if lapsed:
        log.warning(
            "%d leads were picked at random and found no place today: their draw lapses, so fewer leads are explored "
            "than agreed; raise per_day or lower share",
            lapsed,
        )
    above = (leads["probability"] >= routed.leads["threshold"]).mean()
    if above > 0.9:
        log.warning(
            "%.0f %% of the open leads are above the threshold p*: at these costs, capacity decides who is handed off, "
            "not the threshold",
            100 * above,
        )
    homeless = int((routed.leads["case"] == "no_team").sum())
    if homeless:
        log.warning("%d leads are worth handing off, but no team in the agreement takes them", homeless)


def _tell_overrides(leads: pd.DataFrame, routed: Routed, wanted: pd.DataFrame) -> None:
    """Say how many of the overrides in force are followed, and of whom they are that are not."""
    if wanted.empty:
        return
    asked = leads["lead_id"].map(wanted.set_index("lead_id")["route"])
    followed = set(leads.loc[asked == routed.leads["route"], "lead_id"])
    log.info("%d of %d overrides are followed", len(followed), len(wanted))
    for lead, route in wanted[["lead_id", "route"]].itertuples(index=False):
        if lead not in followed:
            found = routed.leads.loc[leads["lead_id"] == lead, "route"]
            instead = f"its route is {found.iloc[0]}" if len(found) else "it is not open"
            log.warning("the override of %s, %s, is not followed: %s", lead, route, instead)


def days_quiet(matrix: pd.DataFrame) -> pd.Series[float]:
    """Days since the person last gave a sign: a touch, an answer, a call that reached it; without any, since creation.

    `matrix` holds n rows with `days_since_created` and the columns of SIGNS.
    """
    signs = pd.DataFrame({name: matrix[name] / units for name, units in SIGNS.items()})
    return signs.min(axis=1).fillna(matrix["days_since_created"])


def _nothing_open(warehouse: Warehouse, as_of: datetime) -> DataError:
    known = warehouse.rows("SELECT min(known_at), max(known_at), count(*) FROM leads")[0]
    span = f"leads known from {known[0]:%Y-%m-%d} to {known[1]:%Y-%m-%d}" if known[2] else "no lead at all"
    got, do = f"none ({span} in the warehouse)", "choose an --as-of within the data, or ingest newer data"
    return DataError(f"scoring as of {as_of:%Y-%m-%d %H:%M}", expected="open leads", got=got, do=do)


def vouches(model: LoadedModel | None) -> bool:
    """Whether the model has learned from enough explored hand-offs to speak of leads below the gate."""
    return model is not None and int(model.tags.get("explored_labels", 0)) >= VOUCHED_FROM


def _warn_of_strangers(model: LoadedModel, matrix: pd.DataFrame, known: pd.DataFrame) -> None:
    """Say how many leads are unlike those that the model learned from, and what is like it for nobody."""
    outside = int((known["support"] == "outside").sum())
    level = logging.WARNING if outside > MANY_OUTSIDE * len(known) else logging.INFO
    log.log(level, "%d of %d leads lie outside what past hand-offs cover: go by their bounds", outside, len(known))
    if names := model.never_so(matrix):
        log.warning(
            "the same for all leads today, and never so in training: %s; check the source, or train again",
            ", ".join(names),
        )


def _words(scored: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """The promise of those handed off, in hours and when it is due, and what to say and send by persona and stage."""
    hours = promised_hours(promise_of(scored["zone"], scored["urgent"], agreement), agreement)
    hours = hours.where(scored["route"].isin(routes_where(lambda r: r.to_sales)))
    tracks = {(name, stage): t for name, p in agreement.personas.items() for stage, t in p.stages.items()}
    found = [tracks.get(key) for key in zip(scored["persona"], scored["buying_stage"], strict=True)]
    return pd.DataFrame(
        {
            "promise_hours": hours,
            "promise_due_at": due_at(scored["as_of"], hours, agreement.working_time),
            "message": [t.message if t else None for t in found],
            "information": [t.information if t else None for t in found],
        },
        index=scored.index,
    )


def used_features(model: LoadedModel, catalogue: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """The definitions behind the model's columns; ModelError where one is gone or means something else by now."""
    by_name = {f.name: f for f in catalogue}
    gone = [n for n in model.features if n not in by_name]
    what = f"scoring with model version {model.version}"
    if gone:
        got, do = f"no {', '.join(gone[:10])}", "ingest the source that provides them, or train again"
        raise ModelError(what, expected="the columns it was trained on", got=got, do=do)
    used = tuple(by_name[n] for n in model.features)
    trained, now = model.tags.get(CATALOGUE_TAG), catalogue_version(used)
    if trained != now:
        wanted = f"features as defined in its catalogue {trained}"
        got = f"features whose definitions have changed since, catalogue {now}"
        raise ModelError(what, expected=wanted, got=got, do="train again with today's definitions")
    return used


def assess(model: LoadedModel, matrix: pd.DataFrame) -> pd.DataFrame:
    """The columns of KNOWN for each row of the matrix; on one thread, as training fits."""
    if matrix.empty:
        return pd.DataFrame(index=matrix.index, columns=list(KNOWN)).astype(KNOWN)
    with threadpool_limits(limits=1):  # sums in another order would differ in the last bit
        return pd.concat([model.assess(matrix.iloc[i : i + BLOCK]) for i in range(0, len(matrix), BLOCK)]).astype(KNOWN)


def predict(model: LoadedModel, matrix: pd.DataFrame) -> np.ndarray:
    """The model's probability of acceptance for each row of the matrix; on one thread, as training fits."""
    with threadpool_limits(limits=1):  # sums in another order would differ in the last bit
        blocks = [model.predict(matrix.iloc[i : i + BLOCK]) for i in range(0, len(matrix), BLOCK)]
    return np.concatenate([np.empty(0), *blocks])
