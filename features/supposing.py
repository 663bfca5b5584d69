"""What would be known of a lead if it answered? Its points, zone and features after an answer nobody has given yet.

Only the answer is supposed. That somebody called to ask, and reached the person, is left as it is: what a model makes
of a call is no part of what it makes of an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data.agreement.model import Agreement
from data.errors import DataError
from data.sql import in_force, literal
from data.warehouse import Warehouse
from features.definition import Feature, select_features
from features.events import place
from features.rules.points import STANDING, SUPPOSED_TYPE, rules_sql

PRIOR = 1.0
"""Each possible answer counts as if it had been given so many times before: Laplace's rule of succession."""
SUPPOSED = "m_supposed"
COUNTED = {"answers_known": ("yes", "no"), "answers_yes": ("yes",), "answers_refused": ("refused",)}
"""Columns that count last answers by their state."""


@dataclass(frozen=True)
class Supposed:
    """Leads as they would be, by what-if: what the rules say (`features.rules.points.STANDING`), and their matrix."""

    standing: pd.DataFrame
    matrix: pd.DataFrame


def possible_answers(agreement: Agreement) -> pd.DataFrame:
    """Every answer that a question of the agreement can get: criterion, answer (its place), state, level (or None)."""
    rows = [
        (name, at, state, level)
        for name, c in agreement.criteria.items()
        if c.asked
        for at, (state, level) in enumerate(
            [*(("yes", level) for level in (*c.levels, None) if level or not c.levels), ("no", None), ("refused", None)]
        )
    ]
    return pd.DataFrame(rows, columns=["criterion", "answer", "state", "level"]).astype({"level": object})


def answer_chances(warehouse: Warehouse, agreement: Agreement, as_of: datetime) -> pd.DataFrame:
    """`possible_answers` with `chance`: how often each was the answer to its question so far, as known at `as_of`.

    Every possible answer has PRIOR answers beside those that were given. A yes with a level that the agreement does not
    list says nothing about which of its levels comes next, and is left out where the criterion has levels.
    """
    given = warehouse.frame(
        f"""SELECT criterion AS name, state, CASE WHEN state = 'yes' THEN level END AS level, count(*) AS n
        FROM answers e WHERE state <> 'not_asked' AND {in_force("$1")} GROUP BY ALL""",
        [as_of],
    )
    given["criterion"] = given["name"].map(agreement.answer_names())
    without = given["criterion"].isin([name for name, c in agreement.criteria.items() if not c.levels])
    given["level"] = given["level"].astype(object).where(given["level"].notna() & ~without, "")
    times = given.groupby(["criterion", "state", "level"])["n"].sum()
    found = possible_answers(agreement)
    keys = pd.MultiIndex.from_arrays([found["criterion"], found["state"], found["level"].fillna("")])
    found["chance"] = times.reindex(keys).fillna(0).to_numpy(float) + PRIOR
    found["chance"] /= found.groupby("criterion")["chance"].transform("sum")
    return found


def last_answers(warehouse: Warehouse, agreement: Agreement, index: pd.DataFrame) -> pd.DataFrame:
    """The last answer about each criterion of n leads (lead_id, as_of) as the rules see it: place, criterion, state,
    age_days; no row where there was none."""
    with warehouse.view("m_index", index[["lead_id", "as_of"]].rename_axis("place").reset_index()):
        found = warehouse.frame(
            f"""SELECT place, e.criterion AS name, arg_max(state, (answered_at, state)) AS state,
                max(answered_at) AS last_at,
                min(date_diff('microsecond', answered_at, r.as_of::TIMESTAMP)) / 864e8 AS age_days
            FROM m_index r JOIN answers e ON e.lead_id = r.lead_id AND {in_force("r.as_of::TIMESTAMP")}
            WHERE state <> 'not_asked' GROUP BY ALL ORDER BY place, last_at, name"""
        )
    found["criterion"] = found["name"].map(agreement.answer_names())
    last = found.dropna(subset="criterion").drop_duplicates(["place", "criterion"], keep="last", ignore_index=True)
    return last[["place", "criterion", "state", "age_days"]]


def open_questions(last: pd.DataFrame, agreement: Agreement, leads: int) -> pd.DataFrame:
    """Which criteria may be asked about, leads x criteria that are asked: not answered, or too long ago to count.

    `last`: as `last_answers` gives it. Who would not say is not asked again before that answer has aged.
    """
    criteria = {name: c.fresh_days for name, c in agreement.criteria.items() if c.asked}
    found = pd.DataFrame(True, index=range(leads), columns=list(criteria))
    fresh = last[last["age_days"] < last["criterion"].map(criteria).astype(float)]
    for name, of in fresh.groupby("criterion"):
        found.loc[of["place"], name] = False
    return found


def suppose(
    warehouse: Warehouse,
    agreement: Agreement,
    index: pd.DataFrame,
    asked: pd.DataFrame,
    features: tuple[Feature, ...] = (),
    matrix: pd.DataFrame | None = None,
) -> Supposed:
    """Leads after the answers of m what-ifs.

    index: n rows (lead_id, as_of). asked: a row for each answer of each what-if: sid (0 .. m - 1), place (the row of
    `index` it is about), criterion, state, level; several criteria may share a sid, which then has one place.
    features, matrix: the features to work out and all they build on, in the catalogue's order, and their columns for
    `index`, of which those that an answer changes are worked out anew: those of the rules, the counts of answers, and
    what is made of them. Without features the matrix has no columns.
    Both parts of the result are in the order of sid.
    """
    ruled = [f for f in features if f.over == "rules"]
    _put_down(warehouse, agreement, index, asked)
    wanted = ", ".join(filter(None, (select_features(ruled), ", ".join(f'{c} AS "is {c}"' for c in STANDING))))
    found = warehouse.frame(
        f"SELECT sid, {wanted} FROM ({rules_sql(agreement, 'm_if_roster', SUPPOSED)}) r ORDER BY sid"
    )
    standing = found[[f"is {c}" for c in STANDING]].set_axis(list(STANDING), axis=1)
    if not features or matrix is None:
        return Supposed(standing, pd.DataFrame(index=found.index))
    of = asked.drop_duplicates("sid").sort_values("sid")["place"].to_numpy()
    before = matrix[[f.name for f in features]].take(of)
    known: dict[str, Any] = {f.name: before[f.name].array for f in features}
    known |= _counts(warehouse, agreement, asked, matrix, {f.name for f in features if f.over == "answers"})
    known |= {f.name: _column(f, found[f.name]) for f in ruled}
    made = [f for f in features if f.over == "made"]
    numbers = {f.name: known[f.name] for f in features if f.dtype == "number"}
    if made:
        with warehouse.view("m_columns", pd.DataFrame({"rid": np.arange(len(of)), **numbers}, copy=False)):
            anew = warehouse.frame(f"SELECT {select_features(made)} FROM m_columns r ORDER BY rid")
        known |= {f.name: _column(f, anew[f.name]) for f in made}
    return Supposed(standing, pd.DataFrame(known))


def _put_down(warehouse: Warehouse, agreement: Agreement, index: pd.DataFrame, asked: pd.DataFrame) -> None:
    """The rows of `index` and the what-ifs about them, as tables."""
    rows = index[["lead_id", "as_of"]].rename_axis("rid").reset_index()
    typed = asked.astype({"state": object, "level": object})
    with warehouse.view("m_index", rows), warehouse.view("m_ifs", typed):
        warehouse.execute(
            """CREATE OR REPLACE TEMP TABLE m_if_roster AS
            SELECT rid, lead_id::VARCHAR AS lead_id, as_of::TIMESTAMP AS as_of FROM m_index"""
        )
        criteria = [name for name, c in agreement.criteria.items() if c.asked]
        warehouse.execute(
            f"""CREATE OR REPLACE TEMP TABLE {SUPPOSED} AS SELECT sid::BIGINT AS sid, any_value(place)::BIGINT AS rid,
            {", ".join(_answer(c) for c in criteria)} FROM m_ifs JOIN m_if_roster ON rid = place GROUP BY sid"""
        )


def _answer(criterion: str) -> str:
    pack = "struct_pack(state := state::VARCHAR, level := level::VARCHAR, at := as_of, age := 0.0::DOUBLE)"
    of = f"any_value({pack}) FILTER (criterion = {literal(criterion)})"
    return f'{of}::{SUPPOSED_TYPE} AS "supposed {criterion}"'


def _column(feature: Feature, values: pd.Series) -> Any:
    given = pa.Table.from_pandas(values.to_frame("given"), preserve_index=False)["given"]
    return place(feature, np.arange(len(values)), given, len(values))


def _counts(
    warehouse: Warehouse, agreement: Agreement, asked: pd.DataFrame, matrix: pd.DataFrame, names: set[str]
) -> dict[str, np.ndarray]:
    """The features over answers, one answer further on for each answer supposed."""
    wrong = names - {*COUNTED, "answers_asked", "answers_given", "days_since_answer"}
    if wrong:
        do = "say in features/supposing.py how one more answer changes it"
        raise DataError("supposing answers", expected="features it knows", got=", ".join(sorted(wrong)), do=do)
    before = _last_states(warehouse, agreement, asked)
    new, of = asked["state"].to_numpy(), asked.drop_duplicates("sid").sort_values("sid")["place"].to_numpy()
    more = {name: np.isin(new, of_state) * 1.0 - np.isin(before, of_state) for name, of_state in COUNTED.items()}
    more |= {"answers_asked": (before == "") * 1.0, "answers_given": np.ones(len(asked))}
    sids = asked["sid"].to_numpy()
    counted = {
        name: matrix[name].to_numpy(float)[of] + np.bincount(sids, weights=by, minlength=len(of))
        for name, by in more.items()
        if name in names
    }
    return counted | {name: np.zeros(len(of)) for name in names & {"days_since_answer"}}


def _last_states(warehouse: Warehouse, agreement: Agreement, asked: pd.DataFrame) -> np.ndarray:
    """The state of the last answer before each supposed one, under the name that the next answer comes in by."""
    first = {name: (c.answers or (name,))[0] for name, c in agreement.criteria.items() if c.asked}
    last = warehouse.frame(
        f"""SELECT rid AS place, criterion AS name, arg_max(state, (answered_at, state)) AS was
        FROM m_if_roster r JOIN answers e ON e.lead_id = r.lead_id AND {in_force("r.as_of")} AND e.state <> 'not_asked'
        GROUP BY ALL"""
    )
    keys = asked[["place"]].assign(name=asked["criterion"].map(first))
    return keys.merge(last, on=["place", "name"], how="left")["was"].fillna("").to_numpy(object)


def single_answers(questions: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """A what-if for every answer of every open question: sid, place, criterion, state, level, chance.

    questions: n leads x criteria, as `open_questions` gives them. answers: as `answer_chances` gives them.
    """
    at, of = np.nonzero(questions.to_numpy())
    asked = pd.DataFrame({"place": at, "criterion": questions.columns.to_numpy(object)[of]})
    found = asked.merge(answers, on="criterion", sort=False)
    return (
        found.sort_values(["place", "criterion", "answer"], kind="stable", ignore_index=True)
        .rename_axis("sid")
        .reset_index()
    )


def answer_pairs(questions: pd.DataFrame, answers: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The same for two questions at once, a frame for each pair: both rows of a what-if, with the chance of both."""
    names = list(questions.columns)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            at = np.flatnonzero(questions[one].to_numpy() & questions[other].to_numpy())
            first, second = (answers[answers["criterion"] == c] for c in (one, other))
            both = pd.DataFrame({"place": at}).merge(first, how="cross").merge(second, how="cross", suffixes=("", "_2"))
            both = both.assign(chance=both["chance"] * both["chance_2"]).rename_axis("sid").reset_index()
            later = both[["sid", "place", "chance"]].assign(
                criterion=other, answer=both["answer_2"], state=both["state_2"], level=both["level_2"]
            )
            yield pd.concat([both[later.columns], later], ignore_index=True)
