"""What do features over one event table come to, for each row of a range, by its number `rid`?

The rows of the table are read once, each with its age, its kind and what it gives to every measure; NumPy merges them
by kind and lead. What the last row says, and aggregates in plain SQL, are grouped by DuckDB.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.sql import in_force, literal, quoted
from data.tables import TABLES
from data.warehouse import Warehouse
from features.definition import ANY, Feature, select_features
from features.measures import MERGED, Array, Count, DecaySum, Distinct, Measure, Parts

Columns = dict[str, Any]
KINDS = re.compile(r"kind IN \(('[^']*'(, '[^']*')*)\)")
PORTION = 1_000_000
"""So many rows of a table are in memory at once."""


def number_values(warehouse: Warehouse, features: Iterable[Feature]) -> None:
    """Number the values of each column of which different ones are counted, at least those of the leads of `m_all`.

    `from_events` expects these tables.
    """
    [(least, most)] = warehouse.rows("SELECT min(lead_id), max(lead_id) FROM m_all")
    for f in features:
        if isinstance(f.value, Distinct):  # to ask for each lead takes longer than to number the values of more
            own = (
                f"{f.over} WHERE lead_id BETWEEN {literal(least or '')} AND {literal(most or '')} AND value IS NOT NULL"
            )
            values = f"SELECT DISTINCT {f.value.column} AS value FROM {own}"
            sql = f"SELECT value, row_number() OVER () AS number FROM ({values})"
            warehouse.execute(f"CREATE OR REPLACE TEMP TABLE {_numbers(f.over, f.value)} AS {sql}")


def _numbers(table: str, measure: Distinct) -> str:
    return quoted(f"m_{table}.{measure.column}")


def _values(warehouse: Warehouse, table: str, measure: Measure) -> int:
    """How many values there are, where different ones are counted."""
    if not isinstance(measure, Distinct):
        return 0
    return int(warehouse.scalar(f"SELECT count(*) FROM {_numbers(table, measure)}"))


def from_events(warehouse: Warehouse, table: str, features: list[Feature], size: int, among: str) -> Columns:
    """The columns of features over an event table, each with `size` values: those of the rows of `m_range`.

    `among` holds for all events of the range's leads.
    """
    seen = _seen(table, among)
    merged = [f for f in features if isinstance(f.value, Measure) and f.value.merge != "latest"]
    columns = _merge_rows(warehouse, table, seen, merged, size) if merged else {}
    if grouped := [f for f in features if f.name not in columns]:
        columns |= _group(warehouse, seen, grouped, size)
    return columns


def _seen(table: str, among: str) -> str:
    """The rows of an event table as seen by each roster row."""
    t = TABLES[table]
    own = f"e.*{' EXCLUDE (kind)' * ('kind' in t.names)}, {t.kind} AS kind"
    until = "r.sales_until" if t.of_sales else "r.as_of"
    return f"""(SELECT r.rid, {own}, date_diff('microsecond', e.{t.occurred_at}, r.as_of) / 864e8 AS age_days
        FROM m_range r JOIN {table} e ON e.lead_id = r.lead_id AND {in_force(until)} AND {t.counts}
        AND {among})"""


class _Merged:
    """What the rows so far came to for one measure, by kind and lead; a place is that of the kind times `size`, plus
    the lead's rid. `of`: the features that are made of it."""

    def __init__(self, of: list[Feature], kinds: list[str], size: int, values: int, counted: dict[str, Parts]) -> None:
        self.of, self.kinds, self.size = of, kinds, size
        self.measure = of[0].measure
        self.distinct = self.measure.merge == "distinct"
        cells = size if self.distinct else (len(kinds) + 1) * size
        self.parts = self.counts = Parts(self.measure.merge, cells, values)
        self.counting = self.measure.merge == "sum" and not isinstance(self.measure, Count)  # a sum may be 0
        if isinstance(self.measure, DecaySum):  # every row gives something: all of the same rows share their counts
            self.counting = self.measure.kept not in counted
            self.counts = counted.setdefault(self.measure.kept, Parts("sum", cells))
        elif self.counting:
            self.counts = Parts("sum", cells)
        self.of_kinds: Array | None = None
        if self.distinct and of[0].kinds not in ((), ANY):
            self.of_kinds = np.isin(np.arange(len(kinds) + 1), _places(of[0], kinds))

    def add(self, at: Array, age_days: Array, where: Array | None, given: Array | None) -> None:
        """Merge rows in: their places and ages, whether they count, and what they give (None: each counts one)."""
        tests = [where] if where is not None else []
        if self.measure.within is not None:
            tests.append(age_days < self.measure.within)
        if self.of_kinds is not None:
            tests.append(self.of_kinds[at // self.size])
        if tests:
            kept = tests[0] if len(tests) == 1 else np.logical_and.reduce(tests)
            at, given = at[kept], given if given is None else given[kept]
        at = at % self.size if self.distinct else at
        self.parts.add(at, 1.0 if given is None else given)
        if self.counting:
            self.counts.add(at, 1.0)

    def columns(self) -> Columns:
        """The columns of its features."""
        shape = len(self.kinds) + 1, self.size
        parts, counts = self.parts.whole(), self.counts.whole()
        if self.distinct:
            return {f.name: _column(f, parts, parts > 0) for f in self.of}
        none = MERGED["sum" if self.counts is not self.parts else self.measure.merge][1]
        there = counts.reshape(shape) != none
        return {f.name: _across_kinds(f, parts.reshape(shape), there, self.kinds) for f in self.of}


def _merge_rows(warehouse: Warehouse, table: str, seen: str, features: list[Feature], size: int) -> Columns:
    """The columns of measures whose parts merge, from one reading of the rows, a portion of them at a time.

    Kinds are in the order of their names; all that are of none of these come last, as one.
    """
    features = [_by_kinds(f) for f in features]
    kinds = sorted({kind for f in features for kind in f.kinds if f.kinds != ANY})
    alike: dict[object, list[Feature]] = {}
    for f in features:
        measure = replace(f.measure, across=None)
        alike.setdefault((measure, f.kinds) if measure.merge == "distinct" else measure, []).append(f)
    counted: dict[str, Parts] = {}
    merged = [_Merged(of, kinds, size, _values(warehouse, table, of[0].measure), counted) for of in alike.values()]
    sql, names = _reading(table, seen, [m.measure for m in merged], kinds, size)
    for batch in warehouse.batches(sql, rows=PORTION):
        read = {name: batch[name].to_numpy(zero_copy_only=False) for name in ("at", "age_days")}
        for m in merged:
            where = given = None
            if m.measure.where:
                where = batch[names["where", m.measure.where]].to_numpy(zero_copy_only=False)
            if not isinstance(m.measure, Count):
                column = batch[names["given", m.measure.given]]
                if column.null_count:
                    known = column.is_valid().to_numpy(zero_copy_only=False)
                    where, column = known if where is None else known & where, column.fill_null(0)
                given = column.to_numpy()
            m.add(read["at"], read["age_days"], where, given)
    columns: Columns = {}
    for m in merged:
        columns |= m.columns()
    return columns


def _by_kinds(feature: Feature) -> Feature:
    """A feature over rows `where` nothing but their kind is asked for, as one of these kinds: they have numbers."""
    asked = KINDS.fullmatch(feature.measure.where)
    kinds = tuple(re.findall("'([^']*)'", asked[1])) if asked else ()
    if not asked or kinds == ANY or feature.kinds or feature.measure.across:
        return feature
    return replace(feature, kinds=kinds, value=replace(feature.measure, where=""))


def _reading(
    table: str, seen: str, measures: list[Measure], kinds: list[str], size: int
) -> tuple[str, dict[tuple[str, str], str]]:
    """A SELECT of each row's place `at` and `age_days`, what is given to measures and whether their `where` holds.

    Beside it what the column of each such expression is called: DuckDB tells apart no names by letter case alone.
    """
    wanted: dict[tuple[str, str], str] = {}
    joined: dict[str, str] = {}
    for m in measures:
        if isinstance(m, Distinct):
            numbers = _numbers(table, m)
            joined[numbers] = f"LEFT JOIN {numbers} ON {numbers}.value = seen.{m.column}"
            wanted["given", m.given] = f"{numbers}.number"
        elif not isinstance(m, Count) and m.given != "age_days":
            whole = "BIGINT" if m.merge == "bit_or" else "DOUBLE"
            wanted["given", m.given] = f"({m.given})::{whole}"
        if m.where:
            wanted["where", m.where] = f"coalesce(({m.where}), false)"
    names = {of: f"value_{at}" for at, of in enumerate(wanted)} | {("given", "age_days"): "age_days"}
    code = f"coalesce(enum_code(TRY_CAST(kind AS ENUM ({', '.join(map(literal, kinds))}))), {len(kinds)})"
    place = f"{code if kinds else 0}::BIGINT * {size} + rid AS at"
    given = "".join(f", {sql} AS {names[of]}" for of, sql in wanted.items())
    return f"SELECT {place}, age_days{given} FROM {seen} AS seen {' '.join(joined.values())}", names


def _across_kinds(feature: Feature, parts: Array, there: Array, kinds: list[str]) -> Any:
    """A feature from the parts of each kind (a row each), and whether there are any."""
    places, measure = _places(feature, kinds), feature.measure
    known = reduce(np.logical_or, (there[at] for at in places))
    if measure.across == "latest":
        newest, rows = parts[places].argmin(axis=0), np.flatnonzero(known)
        named = pa.DictionaryArray.from_arrays(newest[rows], [kinds[at] for at in places]).cast("string")
        return place(feature, rows, pa.chunked_array([named]), len(newest))
    function, none = MERGED[measure.across or measure.merge]
    of_kinds = (np.where(there[at], parts[at], none) if measure.across else parts[at] for at in places)
    return _column(feature, reduce(function, of_kinds), known)


def _places(feature: Feature, kinds: list[str]) -> list[int]:
    """The places of a feature's kinds; without any it is of all."""
    return list(range(len(kinds) + 1)) if feature.kinds in ((), ANY) else sorted({*map(kinds.index, feature.kinds)})


def _column(feature: Feature, parts: Array, there: Any) -> Array:
    """What whole parts come to; where none is `there`, 0 or, where the feature says what that means, missing."""
    values = feature.measure.value(parts).astype(float)
    return np.where(there, values, np.nan if feature.null else 0.0)


def _group(warehouse: Warehouse, seen: str, features: list[Feature], size: int) -> Columns:
    """The columns that DuckDB groups: those of named kinds by kind first."""
    columns: Columns = {}
    direct, of_kinds = [f for f in features if not f.kinds], [f for f in features if f.kinds]
    queries = [(direct, f"SELECT rid, {select_features(direct)} FROM {seen} GROUP BY rid")] if direct else []
    if of_kinds:
        named = {sql: f"part_{at}" for at, sql in enumerate(dict.fromkeys(f.sql for f in of_kinds))}
        parts = ", ".join(f"{sql} AS {name}" for sql, name in named.items())
        sums = ", ".join(f"({_sum_of_kinds(f, named[f.sql])})::DOUBLE AS {quoted(f.name)}" for f in of_kinds)
        by_kind = f"SELECT rid, kind, {parts} FROM {seen} GROUP BY rid, kind"
        queries.append((of_kinds, f"SELECT rid, {sums} FROM ({by_kind}) GROUP BY rid"))
    for of, sql in queries:
        columns |= place_all(of, warehouse.table(sql), size)
    return columns


def _sum_of_kinds(feature: Feature, part: str) -> str:
    """How the parts of a feature's kinds become one, as SQL."""
    how = feature.measure.across or feature.measure.merge
    among = "true" if feature.kinds == ANY else f"kind IN ({', '.join(map(literal, feature.kinds))})"
    return f"{how}({part}) FILTER ({among})"


def place_all(features: list[Feature], found: pa.Table, size: int) -> Columns:
    """The columns of these features from a result with their names and the row `rid` that each is for."""
    rid = found["rid"].to_numpy()
    return {f.name: place(f, rid, found[f.name], size) for f in features}


def place(feature: Feature, rid: Array, values: pa.ChunkedArray, size: int) -> Any:
    """The column of a feature: what `values` come to at the rows `rid` (each once) of `size`, missing elsewhere.

    Numbers as a NumPy array, texts as a pandas one.
    """
    if feature.dtype == "text":
        at = np.full(size, -1)
        at[rid] = np.arange(len(rid))
        texts = values.cast(pa.large_string()).take(pa.array(at, mask=at < 0))
        return pd.array(pc.fill_null(texts, "unknown"), dtype="str")
    column = np.full(size, np.nan) if feature.null else np.zeros(size)
    parts = values.to_numpy()
    if values.null_count:
        known = values.is_valid().to_numpy()
        rid, parts = rid[known], parts[known]
    column[rid] = feature.measure.value(parts)
    return column
