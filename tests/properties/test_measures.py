"""What must hold for every measure of the catalogue, whatever the events: parts merge into the whole, and age.

The whole is the measure's SQL, run by DuckDB; features merge the parts of rows in NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.agreement.file import default_agreement
from data.tables import ANSWER_STATES, DISPOSITIONS
from data.warehouse import Warehouse
from features.catalogue import build_catalogue
from features.measures import FIXED_POINT, FLAGS, MERGED, Array, Count, DecaySum, Distinct, Measure, Parts

LEADS, HOURS = 5, 24
MEASURES = tuple(dict.fromkeys(f.value for f in build_catalogue(default_agreement()) if isinstance(f.value, Measure)))
Parted = tuple[Array, Array]
"""Leads and what is known of each."""


def events(seed: int, rows: int = 120) -> pd.DataFrame:
    """Rows with all columns that measures read; whole hours old, window edges among them, no two equally old."""
    rng = np.random.default_rng(seed)
    edges = HOURS * np.array([0, 1, 6, 7, 29, 30, 89, 90])
    hours = np.concatenate([edges, rng.choice(np.setdiff1d(np.arange(100 * HOURS), edges), rows - len(edges), False)])
    columns = {
        "disposition": DISPOSITIONS,
        "purpose": ("first", "again"),
        "agent_id": ("ann", "bob", "cy", None),
        "asset": tuple("abcd"),
        "kind": ("page_view", "chat", "unsubscribe", "bot"),
        "bot": (True, False),
        "state": [state for state in ANSWER_STATES if state != "not_asked"],
        "route": ("rules", "exploration", None),
        "decision": ("accepted", "rejected"),
        "reason": ("price", "size", None),
    }
    drawn = {name: rng.choice(np.array(values, dtype=object), rows) for name, values in columns.items()}
    return pd.DataFrame(
        {"rid": rng.integers(0, LEADS, rows), "hours": hours, "duration_s": rng.integers(0, 9000, rows) / 8, **drawn}
    )


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with Warehouse.open(None) as opened:
        yield opened


def parts_of(warehouse: Warehouse, measure: Measure, rows: pd.DataFrame, sql: str = "") -> Parted:
    """The parts per lead, where there are any."""
    with warehouse.view("events", rows.assign(age_days=rows["hours"] / HOURS)):
        found = warehouse.arrays(f"SELECT rid, {sql or measure.sql()} AS part FROM events GROUP BY rid ORDER BY rid")
    return found["rid"], found["part"]


def known(parts: Parted) -> dict[int, object]:
    rid, values = parts
    there = ~np.ma.getmaskarray(values)
    return dict(zip(rid[there].tolist(), np.ma.getdata(values)[there].tolist(), strict=True))


def merged(warehouse: Warehouse, measure: Measure, rows: pd.DataFrame, portions: int = 1, values: int = 0) -> Array:
    """The parts of all rows, added in so many portions; as if there were so many different `values`, or those there
    are."""
    at, parts = rows_of(warehouse, measure, rows)
    found = Parts(measure.merge, LEADS, values or len(np.unique(parts)))
    for some in np.array_split(np.arange(len(at)), portions):
        found.add(at[some], parts[some])
    return found.whole()


def rows_of(warehouse: Warehouse, measure: Measure, rows: pd.DataFrame) -> Parted:
    """The lead and the part of each row that counts."""
    given = "1" if isinstance(measure, Count) else measure.given
    with warehouse.view("events", rows.assign(age_days=rows["hours"] / HOURS)):
        found = warehouse.arrays(f"SELECT rid, {given} AS part FROM events WHERE {measure.kept or 'true'}")
    there = ~np.ma.getmaskarray(found["part"])
    parts = np.ma.getdata(found["part"])[there]
    return found["rid"][there], pd.factorize(parts)[0] + 1 if isinstance(measure, Distinct) else parts


def dense(how: str, parts: Array) -> dict[int, object]:
    """Places and parts where there are any."""
    none = MERGED[how][1] if how in MERGED else 0
    return {int(k): parts[k].item() for k in np.flatnonzero(parts != none)}


def test_the_catalogue_measures_in_every_way_there_is() -> None:
    assert {type(m) for m in MEASURES} == set(every_kind(Measure))


def every_kind(of: type[Measure]) -> list[type[Measure]]:
    return [kind for below in of.__subclasses__() for kind in (below, *every_kind(below))]


@pytest.mark.parametrize("measure", [m for m in MEASURES if m.merge != "latest"], ids=str)
@given(st.integers(0, 10_000), st.integers(0, 120))
def test_parts_of_rows_merge_into_what_sql_says(warehouse: Warehouse, measure: Measure, seed: int, n: int) -> None:
    """Also of no rows, of few, and of leads without any."""
    rows = events(seed).head(n)
    whole = {k: v for k, v in known(parts_of(warehouse, measure, rows)).items() if v or measure.merge in ("min", "max")}
    assert dense(measure.merge, merged(warehouse, measure, rows, portions=3)) == whole
    assert dense(measure.merge, merged(warehouse, measure, rows, portions=3, values=FLAGS)) == whole


@pytest.mark.parametrize("measure", [m for m in MEASURES if m.merge in MERGED], ids=str)
@given(st.integers(0, 10_000))
def test_parts_of_some_rows_merge_with_those_of_the_others(warehouse: Warehouse, measure: Measure, seed: int) -> None:
    rows = events(seed)
    some = np.random.default_rng(seed).random(len(rows)) < 0.5
    both = [merged(warehouse, measure, own) for own in (rows[some], rows[~some])]
    assert MERGED[measure.merge][0](*both).tolist() == merged(warehouse, measure, rows).tolist()


@pytest.mark.parametrize("measure", [m for m in MEASURES if m.ages], ids=str)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_a_part_ages_as_if_it_were_made_anew(warehouse: Warehouse, measure: Measure, seed: int, days: int) -> None:
    rows = events(seed)
    rid, parts = parts_of(warehouse, measure, rows)
    later = known(parts_of(warehouse, measure, rows.assign(hours=rows["hours"] + days * HOURS)))
    aged = known((rid, measure.age(parts, days)))
    if isinstance(measure, DecaySum):
        assert aged == {k: pytest.approx(v, abs=len(rows)) for k, v in later.items()}
        assert 8000 * len(rows) < FIXED_POINT
    else:
        rest = {k: 0 for k in aged if k not in later}  # an empty window has no part: nothing is left
        assert {k: v or 0 for k, v in aged.items()} == pytest.approx(later | rest)


@pytest.mark.parametrize("measure", [m for m in MEASURES if isinstance(m, Count) and m.within], ids=str)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_a_count_in_a_window_ages_by_what_leaves_it(warehouse: Warehouse, measure: Count, seed: int, days: int) -> None:
    rows = events(seed)
    later = known(parts_of(warehouse, measure, rows.assign(hours=rows["hours"] + days * HOURS)))
    now, leaving = known(parts_of(warehouse, measure, rows)), known(parts_of(warehouse, measure.leaving(days), rows))
    assert {k: v - leaving[k] for k, v in now.items()} == later


def test_where_and_window_both_count() -> None:
    assert Count(within=7, where="bot").sql() == "count(*) FILTER (bot AND age_days < 7)"
    assert Count().sql() == "count(*)"
