"""After an answer that is only supposed a lead looks as it would had it been given."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement, parse_agreement
from data.agreement.model import Agreement
from features.catalogue import build_catalogue, needed
from features.matrix import build_matrix
from features.rules.points import STANDING
from features.rules.standing import build_rules
from features.supposing import (
    answer_chances,
    answer_pairs,
    last_answers,
    open_questions,
    possible_answers,
    single_answers,
    suppose,
)
from tests.properties.test_features import AS_OF, company
from tests.tables import warehouse_of

APNRP = parse_agreement('name = "ours"\nscheme = "APNRP"\n', date(2020, 1, 1), "a test")
SECOND = timedelta(microseconds=1)


def asked_of(warehouse, agreement: Agreement, index: pd.DataFrame, pairs: bool) -> pd.DataFrame:
    questions = pd.DataFrame(True, index=index.index, columns=[n for n, c in agreement.criteria.items() if c.asked])
    answers = answer_chances(warehouse, agreement, AS_OF)
    if not pairs:
        return single_answers(questions, answers)
    return list(answer_pairs(questions, answers))[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agreement", "pairs"),
    [(default_agreement(), False), (default_agreement(), True), (APNRP, False)],
    ids=["BANT, one", "BANT, two", "APNRP"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_row_is_the_one_built_after_the_answer(agreement: Agreement, seed: int, pairs: bool):
    tables = company(seed, leads=8)
    index = pd.DataFrame({"lead_id": tables["leads"]["lead_id"], "as_of": AS_OF})
    with warehouse_of(**tables) as warehouse:
        features = needed(build_catalogue(agreement, warehouse), {f.name for f in build_catalogue(agreement)})
        matrix = build_matrix(warehouse, index, agreement, features=features)
        asked = asked_of(warehouse, agreement, index, pairs)
        found = suppose(warehouse, agreement, index, asked, features, matrix)
        answers = warehouse.frame("SELECT lead_id, criterion, answered_at, state, level, known_at FROM answers")
    rng = np.random.default_rng(seed)
    own = [f.name for f in features if f.over != "peers"]
    for sid in rng.choice(asked["sid"].unique(), 12, replace=False):
        given = asked[asked["sid"] == sid]
        lead, at = index["lead_id"][given["place"].iloc[0]], AS_OF - SECOND
        new = pd.DataFrame({"lead_id": lead, "answered_at": at, "known_at": at, "state": given["state"]})
        name = given["criterion"].map(lambda c: (agreement.criteria[c].answers or (c,))[0])
        more = pd.concat([answers, new.assign(criterion=name, level=given["level"])], ignore_index=True)
        with warehouse_of(**{**tables, "answers": more}) as warehouse:
            one = index[index["lead_id"] == lead].reset_index(drop=True)
            wanted = build_matrix(warehouse, one, agreement, features=features)
            rules = build_rules(warehouse, one, [agreement])
        got = found.matrix.loc[[sid], own].reset_index(drop=True)
        pd.testing.assert_frame_equal(got, wanted[own], atol=1e-9, check_dtype=False)
        standing = found.standing.loc[[sid]].reset_index(drop=True)
        pd.testing.assert_frame_equal(standing, rules[list(STANDING)], check_dtype=False)


def test_every_level_can_be_the_answer_and_chances_add_up_to_one():
    agreement = default_agreement()
    with warehouse_of(**company(3)) as warehouse:
        chances = answer_chances(warehouse, agreement, AS_OF)
        seen = "SELECT criterion, state, count(*) FROM answers WHERE known_at < $1 GROUP BY ALL"
        given = warehouse.rows(seen, [AS_OF])
    assert np.allclose(chances.groupby("criterion")["chance"].sum(), 1)
    pd.testing.assert_frame_equal(chances.drop(columns="chance"), possible_answers(agreement))
    of = {(name, state): n for name, state, n in given}
    need = chances[chances["criterion"] == "need"].set_index("state")["chance"]
    assert of["need", "refused"] > of["need", "no"] or need["no"] >= need["refused"]


def test_an_answer_that_still_counts_is_not_asked_for_again():
    last = pd.DataFrame(
        [(0, "yes", 10.0), (1, "yes", 200.0), (2, "refused", 10.0)], columns=["place", "state", "age_days"]
    ).assign(criterion="need")
    found = open_questions(last, default_agreement(), 4)
    assert found["need"].tolist() == [False, True, False, True]
    assert found.drop(columns="need").all(axis=None)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_last_answer_is_the_one_that_the_rules_see(seed: int):
    agreement, tables = default_agreement(), company(seed)
    index = pd.DataFrame({"lead_id": tables["leads"]["lead_id"], "as_of": AS_OF})
    asked = [n for n, c in agreement.criteria.items() if c.asked]
    with warehouse_of(**tables) as warehouse:
        found = last_answers(warehouse, agreement, index).set_index(["place", "criterion"])
        names = [f"{c}_{part}" for c in asked for part in ("state", "age_days")]
        seen = build_matrix(warehouse, index, agreement, names=names)
    for place, criterion in itertools.product(index.index, asked):
        state, age = seen.loc[place, f"{criterion}_state"], seen.loc[place, f"{criterion}_age_days"]
        if state == "not_asked":
            assert (place, criterion) not in found.index
        else:
            assert tuple(found.loc[(place, criterion)]) == (state, age)
