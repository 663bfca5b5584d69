"""How does the catalogue become a table? (lead_id, as_of) rows -> one row of features each, as known at that moment.

The rows asked for and, at the same moment, all other leads of their accounts are parted into ranges of whole accounts.
`features.ranges` builds one range after another, and its columns are written where the rows asked for have their place.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data.agreement.model import Agreement
from data.errors import DataError
from data.sql import in_force, quoted
from data.warehouse import Warehouse
from features.catalogue import Feature, build_catalogue, needed
from features.events import number_values
from features.ranges import ACROSS_ACCOUNTS, build_range

log = logging.getLogger(__name__)

RANGE_ROWS = 250_000
Across = Mapping[str, pa.Table]
KEYS = ("lead_id", "as_of", "house")
SEEN = "lead_id, as_of, sales_until"


def build_matrix(
    warehouse: Warehouse,
    index: pd.DataFrame,
    agreement: Agreement,
    *,
    features: tuple[Feature, ...] | None = None,
    names: Iterable[str] | None = None,
    range_rows: int = RANGE_ROWS,
    across: Across | None = None,
) -> pd.DataFrame:
    """The feature table of `index` (columns lead_id, as_of in UTC; any order, repeats allowed).

    Seen is what was known before `as_of`; of hand-offs and decisions what was known before `sales_until`, where `index`
    has that column too (`data.cohorts.build_cohort`: a snapshot at a hand-off does not see the hand-off being judged).

    Returns, in the order of `index`, the columns lead_id, as_of, house (the account, or the lead where it has none)
    and one column per feature: float64 (missing = NaN) or text (missing = "unknown"). `features` is the catalogue
    (default: the agreement's, with the source's extra columns), `names` the ones wanted of it (default: all).
    Memory is bounded by working through ranges of about `range_rows` rows; an account is never parted.
    `across`: what crosses accounts (`read_across`), where the warehouse holds only some of a company's accounts.

    Raises DataError where a lead was not known before its `as_of`.
    """
    catalogue = features if features is not None else build_catalogue(agreement, warehouse)
    wanted = list(names) if names is not None else [f.name for f in catalogue]
    used = needed(catalogue, set(wanted))
    asked = index[["lead_id", "as_of"]].assign(sales_until=index.get("sales_until", index["as_of"]))
    with warehouse.view("m_index", asked):
        for statement in _asked(any(f.over == "peers" for f in used), range_rows):
            warehouse.execute(statement)
    if any(f.over == "lead" for f in used):
        _put_across(warehouse, across)
    number_values(warehouse, used)
    _check_known(warehouse)
    keys = warehouse.table(f"SELECT {', '.join(KEYS)} FROM m_known ORDER BY place").to_pandas()
    columns = _from_ranges(warehouse, agreement, used, wanted, len(keys))
    matrix = pd.DataFrame({name: keys[name].array for name in KEYS} | columns, copy=False)
    if len(index) > len(matrix):  # repeats
        places = f"SELECT place FROM m_asked JOIN m_known USING ({SEEN}) ORDER BY row_id"
        matrix = matrix.take(warehouse.arrays(places)["place"]).reset_index(drop=True)
    _drop_own(warehouse)
    return matrix


def read_across(warehouse: Warehouse) -> Across:
    """What crosses accounts, worked out from a warehouse that holds all of them: a table by name, as `m_agents`."""
    _put_across(warehouse, None)
    found = {name: warehouse.batches(f"FROM {name}").read_all() for name in ACROSS_ACCOUNTS}
    _drop_own(warehouse)
    return found


def _put_across(warehouse: Warehouse, across: Across | None) -> None:
    for name, sql in ACROSS_ACCOUNTS.items():
        if across is None:
            warehouse.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
        else:
            with warehouse.view("m_given", across[name]):
                warehouse.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM m_given")


def _drop_own(warehouse: Warehouse) -> None:
    for (name,) in warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name[:2] = 'm_'"):
        warehouse.execute(f"DROP TABLE {quoted(name)}")


def _asked(with_peers: bool, range_rows: int) -> list[str]:
    """The rows asked for (`m_known`, numbered by `place`), and with their colleagues parted into ranges (`m_all`)."""
    peers = f"""UNION ALL SELECT DISTINCT l.lead_id, k.as_of, k.sales_until, k.house, NULL
        FROM (SELECT DISTINCT account_id, as_of, sales_until, house FROM m_known WHERE account_id IS NOT NULL) k
        JOIN leads l ON l.account_id = k.account_id AND {in_force("k.as_of", "l")}
        ANTI JOIN m_known o ON o.lead_id = l.lead_id AND o.as_of = k.as_of AND o.sales_until = k.sales_until"""
    return [
        """CREATE OR REPLACE TEMP TABLE m_asked AS SELECT row_number() OVER () - 1 AS row_id,
        lead_id::VARCHAR AS lead_id, as_of::TIMESTAMP AS as_of, sales_until::TIMESTAMP AS sales_until FROM m_index""",
        f"""CREATE OR REPLACE TEMP TABLE m_known AS
        SELECT k.*, l.account_id, coalesce('account ' || l.account_id, 'lead ' || l.lead_id) AS house
        FROM (SELECT {SEEN}, row_number() OVER (ORDER BY min(row_id)) - 1 AS place FROM m_asked GROUP BY ALL) k
        JOIN leads l ON l.lead_id = k.lead_id AND {in_force("k.as_of", "l")}""",
        f"""CREATE OR REPLACE TEMP TABLE m_all AS
        SELECT *, (rank() OVER (ORDER BY house) - 1) // {range_rows} AS range
        FROM (SELECT {SEEN}, house, place FROM m_known {peers if with_peers else ""})""",
    ]


def _check_known(warehouse: Warehouse) -> None:
    unknown = warehouse.rows(
        f"SELECT lead_id, as_of, count(*) OVER () FROM m_asked ANTI JOIN m_known USING ({SEEN}) LIMIT 1"
    )
    if unknown:
        lead, as_of, count = unknown[0]
        raise DataError(
            "building features",
            expected="leads known before their as_of",
            got=f"{count} that were not, the first {lead} at {as_of:%Y-%m-%d %H:%M}",
            do="take a later as_of, or ingest the lead's own row",
        )


def _from_ranges(
    warehouse: Warehouse, agreement: Agreement, used: tuple[Feature, ...], wanted: list[str], size: int
) -> dict[str, Any]:
    """The wanted columns, built range by range: numbers are written where they belong, texts put in order at the end.

    A column leaves its range as it is written, so that it is never there twice.
    """
    numbers = {f.name: np.empty(size) for f in used if f.dtype == "number" and f.name in wanted}
    texts: dict[str, list[Any]] = {f.name: [] for f in used if f.dtype == "text" and f.name in wanted}
    ranges = [number for (number,) in warehouse.rows("SELECT DISTINCT range FROM m_all ORDER BY range")]
    places = []
    for number in ranges or [0]:
        rows = f"""SELECT row_number() OVER (ORDER BY place NULLS LAST) - 1 AS rid, {SEEN}, house, place
            FROM m_all WHERE range = {number}"""
        built = build_range(warehouse, rows, agreement, used)
        place = warehouse.arrays("SELECT place FROM m_range WHERE place IS NOT NULL ORDER BY rid")["place"]
        for name in numbers:
            column = built.pop(name)[: len(place)]
            if len(place) == size:
                numbers[name] = column  # all rows, in order
            else:
                numbers[name][place] = column
        for name, parts in texts.items():
            parts.append(pd.Series(built.pop(name)[: len(place)]))
        places.append(place)
        if len(ranges) > 1:
            log.info("features: %d of %d rows", sum(map(len, places)), size)
    order = np.argsort(np.concatenate(places))
    found = {name: pd.concat(parts, ignore_index=True).array.take(order) for name, parts in texts.items()}
    return {name: numbers[name] if name in numbers else found[name] for name in wanted}
