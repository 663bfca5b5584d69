"""What must hold for every feature of the catalogue, whatever happened to the leads."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.agreement.file import default_agreement
from data.errors import DataError
from data.sql import in_force
from data.tables import ANSWER_STATES, DISPOSITIONS, EVENTS, TABLES, TOUCH_KINDS
from data.warehouse import Warehouse
from features.catalogue import build_catalogue
from features.definition import ANY, Feature
from features.invariance import differences, find_leaks
from features.matrix import build_matrix
from features.measures import (
    ActiveDays,
    Count,
    DecaySum,
    Distinct,
    Largest,
    Last,
    SinceFirst,
    SinceLast,
    Sum,
)
from features.rules.standing import build_rules
from tests.tables import warehouse_of

AGREEMENT = default_agreement()
AS_OF = datetime(2026, 3, 1)
START = datetime(2025, 11, 1)
Tables = dict[str, pd.DataFrame]


def company(seed: int, leads: int = 12) -> Tables:
    """Random events on a grid of 6 hours that `AS_OF` lies on, so that ties happen; half of them known later."""
    rng = np.random.default_rng(seed)
    grid = timedelta(hours=6)

    def times(n: int) -> pd.Series:
        return pd.Series([START + grid * int(k) for k in rng.integers(0, 640, n)])

    def events(table: str, n: int, at: str, **columns: object) -> pd.DataFrame:
        happened = times(n)
        delay = pd.to_timedelta(rng.choice([0, 6, 24, 24 * 30], n), unit="h")
        rows = pd.DataFrame({"lead_id": rng.choice(ids, n), at: happened, "known_at": happened + delay, **columns})
        rows.loc[: n // 20, [at, "known_at"]] = AS_OF  # ties
        rows.loc[n // 8 : n // 5, at] = AS_OF - timedelta(hours=9)
        rows.loc[n // 8 : n // 5, "known_at"] = AS_OF - timedelta(hours=1)
        # calls have ids of their own, and a merged lead may bring an answer of the same instant
        return rows if table != "handoffs" else rows.drop_duplicates(["lead_id", at])

    ids = [f"L{i}" for i in range(leads)]
    created = pd.Series([START - timedelta(days=int(d), hours=int(d) % 24) for d in rng.integers(0, 200, leads)])
    titles = rng.choice(["VP Sales", "IT Manager", "Buyer", None], leads)
    tables = {
        "leads": pd.DataFrame(
            {
                "lead_id": ids,
                "created_at": created,
                "title": titles,
                "account_id": rng.choice(["A", "B", None], leads),
                "known_at": created,
                "flavour": rng.choice(["sweet", "sour"], leads),
                "weight": rng.normal(size=leads),
            }
        ),
        "accounts": pd.DataFrame({"account_id": ["A", "B"], "employees": [20, 3000], "known_at": [START, AS_OF]}),
        "touches": events(
            "touches",
            250,
            "occurred_at",
            kind=rng.choice(TOUCH_KINDS, 250),
            asset=rng.choice(list("abcdef"), 250),
            is_bot=rng.choice([True, False, None], 250, p=[0.1, 0.6, 0.3]),
            direction=rng.choice(["inbound", "outbound", None], 250, p=[0.5, 0.1, 0.4]),
        ),
        "calls": events(
            "calls",
            80,
            "called_at",
            disposition=rng.choice(DISPOSITIONS, 80),
            agent_id=rng.choice(["ann", "bob"], 80),
            duration_s=rng.integers(0, 900, 80),
            purpose=rng.choice(["first", "follow up"], 80),
        ),
        "answers": events(
            "answers",
            80,
            "answered_at",
            criterion=rng.choice(list(AGREEMENT.criteria), 80),
            state=rng.choice(ANSWER_STATES, 80),
            level=rng.choice(["active", "planned", None], 80),
        ),
        "handoffs": events("handoffs", 25, "handed_off_at", route=rng.choice(["rules", "exploration"], 25)),
    }
    handed = tables["handoffs"].sample(frac=0.7, random_state=seed)
    tables["decisions"] = pd.DataFrame(
        {
            "lead_id": handed["lead_id"],
            "handed_off_at": handed["handed_off_at"],
            "decided_at": handed["handed_off_at"] + timedelta(days=3),
            "reason": "price",
            "decision": rng.choice(["accepted", "rejected"], len(handed)),
            "known_at": handed["known_at"] + timedelta(days=3),
        }
    )
    return {name: rows.assign(superseded_at=pd.NaT) for name, rows in tables.items()}


def matrix(tables: Tables, index: pd.DataFrame | None = None, **options: object) -> pd.DataFrame:
    with warehouse_of(**tables) as warehouse:
        catalogue = build_catalogue(AGREEMENT, warehouse)
        return build_matrix(
            warehouse, every_lead(tables) if index is None else index, AGREEMENT, features=catalogue, **options
        )  # type: ignore[arg-type]


def rules(tables: Tables, index: pd.DataFrame) -> pd.DataFrame:
    with warehouse_of(**tables) as warehouse:
        return build_rules(warehouse, index, [AGREEMENT])


def every_lead(tables: Tables) -> pd.DataFrame:
    return pd.DataFrame({"lead_id": tables["leads"]["lead_id"], "as_of": AS_OF})


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    one, other = one.reset_index(drop=True), other.reset_index(drop=True)
    assert list(one.columns) == list(other.columns)
    assert differences(one, other) == {}


def past(tables: Tables) -> Tables:
    return {name: rows[rows["known_at"] < AS_OF] for name, rows in tables.items()}


@given(st.integers(0, 10_000))
def test_rows_known_from_as_of_on_change_nothing(seed: int) -> None:
    """Adding or deleting: with and without the later rows, ties at as_of among them, the matrix is the same."""
    tables = company(seed)
    assert any((rows["known_at"] == AS_OF).any() for rows in tables.values())
    assert_same(matrix(tables), matrix(past(tables)))


@given(st.integers(0, 10_000))
def test_changing_later_rows_changes_nothing(seed: int) -> None:
    tables = company(seed)
    changed = {}
    for name, rows in tables.items():
        later = rows["known_at"] >= AS_OF
        shuffled = rows[later].sample(frac=1, random_state=seed)
        content = [
            c for c in rows.columns if c not in ("lead_id", "account_id", "known_at", "superseded_at", "created_at")
        ]
        keys = rows[later].drop(columns=content).reset_index(drop=True)
        changed[name] = pd.concat([rows[~later], keys.join(shuffled[content].reset_index(drop=True))])
    assert_same(matrix(tables), matrix(changed))


@pytest.mark.slow
@given(st.integers(0, 10_000))
def test_correcting_rows_later_changes_nothing(seed: int) -> None:
    """A correction known from as_of on supersedes the row from then on, and not before."""
    tables = past(company(seed))
    corrected = {}
    for name, rows in tables.items():
        rows = rows.copy()
        picked = rows.index[: len(rows) // 2] if name != "touches" else rows.index[:0]
        rows["superseded_at"] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
        rows.loc[picked, "superseded_at"] = pd.Timestamp(AS_OF)
        news = rows.loc[picked].assign(known_at=AS_OF, superseded_at=pd.NaT)
        for column in {"level", "disposition", "reason", "route", "title"} & set(rows.columns):
            news[column] = news[column].sample(frac=1, random_state=seed).to_numpy()
        corrected[name] = pd.concat([rows, news])
    index = every_lead(tables)
    assert_same(matrix(tables, index), matrix(corrected, index))


@given(st.integers(0, 10_000))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    tables = company(seed)
    shuffled = {name: rows.sample(frac=1, random_state=seed) for name, rows in tables.items()}
    index = every_lead(tables)
    assert_same(matrix(tables, index), matrix(shuffled, index))
    assert_same(rules(tables, index), rules(shuffled, index))


@given(st.integers(0, 10_000), st.integers(1, 11))
def test_one_lead_gets_the_row_that_the_batch_gives_it(seed: int, one: int) -> None:
    tables = company(seed)
    index = every_lead(tables)
    batch, alone = matrix(tables, index), matrix(tables, index.iloc[[one]])
    assert_same(batch.iloc[[one]].reset_index(drop=True), alone)


@pytest.mark.slow
@given(st.integers(0, 10_000))
def test_an_index_of_many_moments_gives_the_rows_of_each_moment(seed: int) -> None:
    """Training builds many moments at once, scoring one: the rows are the same, in the order asked."""
    tables = company(seed)
    moments = [AS_OF, AS_OF - timedelta(days=9, hours=5), AS_OF + timedelta(days=20)]
    index = pd.concat([every_lead(tables).assign(as_of=m) for m in moments]).sample(frac=1, random_state=seed)
    together = matrix(tables, index.reset_index(drop=True))
    for moment in moments:
        at = index.reset_index(drop=True)["as_of"] == moment
        alone = matrix(tables, index.reset_index(drop=True)[at].reset_index(drop=True))
        assert_same(together[at.to_numpy()].reset_index(drop=True), alone)


@pytest.mark.slow
@given(st.integers(0, 10_000))
def test_ranges_of_accounts_give_what_one_piece_gives(seed: int) -> None:
    tables = company(seed)
    assert_same(matrix(tables), matrix(tables, range_rows=3))


KINDS = ((), ("chat",), ("chat", "chat"), ("email_click", "page_view", "never_seen"), ANY)
TAKEN = (
    *(Count(), Count(within=7), Count(where="asset = 'a'"), Count(where="asset = 'A'"), Sum("strlen(asset)", 10)),
    *(DecaySum(7), SinceLast(), SinceLast(24), SinceFirst(), Largest("strlen(kind)", within=30), ActiveDays(within=30)),
    *(Distinct("asset"), Distinct("asset", within=30), Distinct("channel"), Largest("STRLEN(kind)")),
    *(Count(where="kind IN ('chat', 'chat', 'page_view')"), Count(where="kind IN ('*')"), DecaySum(30)),
    *(DecaySum(7, where="kind IN ('email_open')"), DecaySum(7, where="asset = 'a'"), DecaySum(30, where="asset = 'a'")),
    *(Distinct("asset", where="kind IN ('chat', 'bot')"), Distinct("asset", where="kind IN ('never''s', 'chat')")),
)


@given(st.integers(0, 10_000))
def test_a_feature_of_any_measure_and_kinds_is_what_its_sql_says(seed: int) -> None:
    """With a word for missing values and without; over all rows that are seen, grouped by lead alone."""
    tables = company(seed, leads=8)
    made = [
        Feature(f"{at}/{len(kinds)}{''.join(kinds[:1])}/{null}", "engagement", "touches", m, "x", null, kinds=kinds)
        for at, m in enumerate(TAKEN)
        for kinds in KINDS
        for null in ("", "none")
    ]
    with warehouse_of(**tables) as warehouse:
        index = every_lead(tables)
        found = build_matrix(warehouse, index, AGREEMENT, features=tuple(made)).set_index("lead_id")
        warehouse.execute(
            f"""CREATE TEMP TABLE seen AS SELECT * REPLACE ({TABLES["touches"].kind} AS kind),
            date_diff('microsecond', occurred_at, $1::TIMESTAMP) / 864e8 AS age_days
            FROM touches e WHERE {in_force("$1")}""",
            [AS_OF],
        )
        for f in made:
            among = "true" if f.kinds in ((), ANY) else f"kind IN {f.kinds!r}".replace(",)", ")")
            sql = f"SELECT lead_id, ({f.sql})::DOUBLE, ({f.sql}) FROM seen WHERE {among} GROUP BY lead_id"
            expected = pd.Series(np.nan if f.null else 0.0, found.index)
            for lead, part, exact in warehouse.rows(sql):
                if part is not None and (part or not f.null):
                    expected[lead] = f.measure.value(np.array([exact]))[0]
            if isinstance(f.value, Sum) and f.null:  # a sum of 0 is one
                expected = expected.where(expected.notna() | found[f.name].isna(), 0.0)
            np.testing.assert_allclose(found[f.name], expected, rtol=1e-12, err_msg=f.name)


def test_plain_sql_over_kinds_is_added_up_and_the_last_of_kinds_is_said_in_full() -> None:
    plain = Feature("plain", "engagement", "touches", "count(*)", "x", kinds=("chat", "page_view"))
    last = Feature("last", "engagement", "touches", Last("1", across="sum"), "x", kinds=ANY)
    kinds = Feature("kinds", "engagement", "touches", Count(), "x", kinds=("chat", "page_view"))
    tables = company(5)
    found = matrix_of(tables, plain, last, kinds)
    assert found["plain"].tolist() == found["kinds"].tolist()
    assert found["last"].max() > 1
    for value, named in (
        (Last("asset"), ("chat",)),
        (SinceLast(across="latest"), ANY),
        (SinceLast(across="latest"), ()),
    ):
        with pytest.raises(DataError, match="expected named kinds and `across`, to take the last"):
            Feature("odd", "engagement", "touches", value, "x", kinds=named)


def matrix_of(tables: Tables, *features: Feature) -> pd.DataFrame:
    with warehouse_of(**tables) as warehouse:
        return build_matrix(warehouse, every_lead(tables), AGREEMENT, features=features)


def test_no_row_asked_for_gives_every_column_without_rows() -> None:
    tables = company(1)
    none, some = (matrix(tables, every_lead(tables).head(n)) for n in (0, 1))
    assert none.empty
    assert list(none.columns) == list(some.columns)


def test_a_contract_says_what_features_need_of_a_table_of_events() -> None:
    """Its time is a column; a feature over a table that names no kinds is a plain error."""
    assert set(EVENTS) <= set(company(1)), "`company` has rows of every table of events"
    assert all(TABLES[name].occurred_at in TABLES[name].names for name in EVENTS)
    said = r"defining the feature deals: expected over to be one of touches, .*, got opportunities; correct it, or"
    with pytest.raises(DataError, match=said):
        Feature("deals", "journey", "opportunities", Count(), "deals")


def test_types_hold_for_every_feature() -> None:
    """Numbers are float64; texts are never missing."""
    tables = company(3)
    with warehouse_of(**tables) as warehouse:
        catalogue = build_catalogue(AGREEMENT, warehouse)
        found = build_matrix(warehouse, every_lead(tables), AGREEMENT, features=catalogue)
    for feature in catalogue:
        column = found[feature.name]
        assert (column.dtype == np.float64) == (feature.dtype == "number"), feature.name
        if feature.dtype == "text" or not feature.null:
            assert not column.isna().any(), feature.name


def test_every_feature_takes_more_than_one_value_somewhere() -> None:
    """A feature that is the same for all leads of a lively company would be a slip of the pen."""
    found = pd.concat([matrix(company(seed, leads=40)) for seed in range(3)])
    same = [c for c in found.columns if found[c].nunique(dropna=False) < 2]
    assert set(same) <= {
        "as_of",
        "industry",
        "account_country",
        "country",
        "source",
        "permission",
        "annual_revenue",
        "revenue_band",
        "last_reject_reason",
    }


LEAKING = {
    "all_touches_ever": "(SELECT count(*) FROM touches x WHERE x.lead_id = l.lead_id)",
    "next_call": "(SELECT min(x.called_at) FROM calls x WHERE x.lead_id = l.lead_id AND x.called_at > r.as_of)",
    "seen_on_the_tie": "(SELECT count(*) FROM touches x WHERE x.lead_id = l.lead_id AND x.known_at <= r.as_of)",
}


@pytest.mark.parametrize("name", LEAKING)
def test_a_planted_leak_is_caught(name: str) -> None:
    sql = f"epoch({LEAKING[name]})" if name == "next_call" else LEAKING[name]
    planted = Feature(name, "journey", "lead", sql, "reads what it may not")
    with warehouse_of(**company(5)) as warehouse:
        honest = build_catalogue(AGREEMENT, warehouse)
        assert set(leaks(warehouse, (*honest, planted))) == {name}


def leaks(warehouse: Warehouse, features: tuple[Feature, ...]) -> dict[str, str]:
    return find_leaks(warehouse, AGREEMENT, features, [AS_OF])


def test_the_whole_catalogue_passes_its_own_check() -> None:
    for seed in (1, 2):
        with warehouse_of(**company(seed)) as warehouse:
            assert leaks(warehouse, build_catalogue(AGREEMENT, warehouse)) == {}
