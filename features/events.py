"""What are the columns of one event table? One row for each row of a range, by its number `rid`.

The rows of the table are read once, each with its age, its kind and what it gives to every measure; NumPy merges them
by kind and lead. What the last row says, and aggregates in plain SQL, are grouped by DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.sql import in_force, literal, quoted
from data.tables import TABLES
from data.warehouse import Warehouse
from features.definition import ANY, Feature, select_features
from features.measures import MERGED, Array, Distinct, Measure, merge_parts

Columns = dict[str, Any]


def number_values(warehouse: Warehouse, features: Iterable[Feature]) -> None:
    """Number the values of each column of which different ones are counted: the tables that `from_events` needs."""
    for f in features:
        if isinstance(f.value, Distinct):
            values = f"SELECT DISTINCT {f.value.column} AS value FROM {f.over} WHERE value IS NOT NULL"
            sql = f"SELECT value, row_number() OVER () AS number FROM ({values})"
            warehouse.execute(f"CREATE OR REPLACE TEMP TABLE {_numbers(f.over, f.value)} AS {sql}")


def _numbers(table: str, measure: Distinct) -> str:
    return quoted(f"m_{table}.{measure.column}")


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


def _merge_rows(warehouse: Warehouse, table: str, seen: str, features: list[Feature], size: int) -> Columns:
    """The columns of measures whose parts merge, from one reading of the rows.

    A row's place is that of its kind (in the order of their names, what is of no other kind last) times `size` and its
    rid, so that the parts of a kind lie together.
    """
    kinds = sorted({kind for f in features for kind in f.kinds if f.kinds != ANY})
    rows = _read_rows(warehouse, table, seen, [f.measure for f in features], kinds, size)
    columns: Columns = {}
    for measure in dict.fromkeys(replace(f.measure, across=None) for f in features):
        own = [f for f in features if replace(f.measure, across=None) == measure]
        at, parts = _kept(rows, measure)
        if measure.merge == "distinct":
            columns |= {f.name: _count_distinct(f, at, parts, kinds, size) for f in own}
            continue
        by_kind = merge_parts(measure.merge, at, parts, (len(kinds) + 1) * size).reshape(len(kinds) + 1, size)
        counts = by_kind
        if measure.merge == "sum" and parts is not None and any(f.null for f in own):  # a sum may be 0
            counts = merge_parts("sum", at, None, by_kind.size).reshape(by_kind.shape)
        columns |= {f.name: _across_kinds(f, by_kind, counts, kinds) for f in own}
    return columns


def _read_rows(
    warehouse: Warehouse, table: str, seen: str, measures: list[Measure], kinds: list[str], size: int
) -> Columns:
    """Of each row its place `at`, its `age_days`, what it gives to each measure, and whether each `where` holds."""
    wanted, joined = {}, ""
    for measure in measures:
        if isinstance(measure, Distinct):
            numbers = _numbers(table, measure)
            joined += f" LEFT JOIN {numbers} ON {numbers}.value = seen.{measure.column}"
            wanted[measure.given] = f"{numbers}.number"
        elif measure.given != "*":
            wanted[measure.given] = measure.given
        if measure.where:
            wanted[measure.where] = f"coalesce(({measure.where}), false)"
    code = f"coalesce(enum_code(TRY_CAST(kind AS ENUM ({', '.join(map(literal, kinds))}))), {len(kinds)})"
    place = f"{code if kinds else 0}::BIGINT * {size} + rid AS at"
    given = (f"{sql} AS {quoted(name)}" for name, sql in ({"age_days": "age_days"} | wanted).items())
    return warehouse.arrays(f"SELECT {place}, {', '.join(given)} FROM {seen} AS seen {joined}")


def _kept(rows: Columns, measure: Measure) -> tuple[Array, Any]:
    """Where the rows that count for a measure lie, and what they give (None: each counts one)."""
    keep = rows[measure.where] if measure.where else None
    if measure.within is not None:
        window = rows["age_days"] < measure.within
        keep = window if keep is None else keep & window
    parts = rows.get(measure.given)
    if isinstance(parts, np.ma.MaskedArray):
        known = ~np.ma.getmaskarray(parts)
        keep, parts = known if keep is None else keep & known, parts.data
    if keep is None:
        return rows["at"], parts
    return rows["at"][keep], parts if parts is None else parts[keep]


def _count_distinct(feature: Feature, at: Array, numbers: Array, kinds: list[str], size: int) -> Array:
    if feature.kinds not in ((), ANY):
        own = np.isin(at // size, _places(feature, kinds))
        at, numbers = at[own], numbers[own]
    counts = merge_parts("distinct", at % size, numbers, size)
    return _column(feature, counts, counts > 0)


def _across_kinds(feature: Feature, by_kind: Array, counts: Array, kinds: list[str]) -> Any:
    """A feature from the parts of each kind (a row each); where `counts` are as in MERGED, there is none."""
    places = _places(feature, kinds)
    measure, parts = feature.measure, by_kind[places]
    none = MERGED[measure.merge][1]
    there = (counts[places] != none).any(axis=0)
    if measure.across == "latest":
        last = pa.DictionaryArray.from_arrays(parts.argmin(axis=0), [kinds[place] for place in places])
        return place(feature, np.flatnonzero(there), pa.chunked_array([last.filter(there).cast("string")]), len(there))
    function, start = MERGED[measure.across or measure.merge]
    if measure.across:
        parts = np.where(parts == none, start, parts)
    return _column(feature, function.reduce(parts, axis=0), there)


def _places(feature: Feature, kinds: list[str]) -> list[int]:
    """The places of a feature's kinds; without any it is of all."""
    return list(range(len(kinds) + 1)) if feature.kinds in ((), ANY) else sorted(map(kinds.index, feature.kinds))


def _column(feature: Feature, parts: Array, there: Any) -> Array:
    """What whole parts come to; missing where none is `there` and the feature says what that means."""
    values = feature.measure.value(parts).astype(float)
    if feature.null:
        values = np.where(there, values, np.nan)
    return values


def _group(warehouse: Warehouse, seen: str, features: list[Feature], size: int) -> Columns:
    """The columns that DuckDB groups: those of named kinds by kind first."""
    columns: Columns = {}
    direct, of_kinds = [f for f in features if not f.kinds], [f for f in features if f.kinds]
    queries = [(direct, f"SELECT rid, {select_features(direct)} FROM {seen} GROUP BY rid")] if direct else []
    if of_kinds:
        parts = ", ".join(f"{sql} AS {quoted(sql)}" for sql in dict.fromkeys(f.sql for f in of_kinds))
        own = {f: f"FILTER (kind IN ({', '.join(map(literal, f.kinds))}))" for f in of_kinds}
        sums = ", ".join(
            f"({f.measure.across}({quoted(f.sql)}) {of})::DOUBLE AS {quoted(f.name)}" for f, of in own.items()
        )
        by_kind = f"SELECT rid, kind, {parts} FROM {seen} GROUP BY rid, kind"
        queries.append((of_kinds, f"SELECT rid, {sums} FROM ({by_kind}) GROUP BY rid"))
    for of, sql in queries:
        columns |= place_all(of, warehouse.table(sql), size)
    return columns


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
