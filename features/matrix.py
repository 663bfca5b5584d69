"""How does the catalogue become a table? (lead_id, as_of) rows -> one row of features each, as known at that moment.

Few grouped queries in DuckDB, and columns put together in NumPy:

1. `m_roster`: the rows asked for and, at the same moment, all other leads of their accounts, numbered by `rid`.
2. one or two queries per event table over the rows known before `as_of`: grouped by lead, and by lead and kind where
   families need it (then `features.placing` puts the kinds together).
3. lead, account, agent and house columns; then what is made of finished columns, and the sums over an account's leads.

Every sum is over whole numbers, so the order of rows and of threads cannot change a bit of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa

from data.agreement.model import Agreement
from data.errors import DataError
from data.sql import in_force, literal, quoted
from data.tables import TABLES
from data.warehouse import Warehouse
from features.catalogue import Feature, build_catalogue, needed
from features.concepts.timelines import AGENTS, HOUSE
from features.concepts.titles import titles_sql
from features.definition import ANY
from features.placing import Columns, merge_kinds, place
from features.rules.points import rules_sql

log = logging.getLogger(__name__)

ACROSS_ACCOUNTS = (AGENTS, HOUSE, f"CREATE OR REPLACE TEMP TABLE m_titles AS {titles_sql('leads')}")
"""What crosses accounts is computed first, once, and serves every bucket."""
BUCKET_ROWS = 250_000
TEXT_LIMIT = 100
"""Longer texts are cut: categories, not documents."""
EVENTS = {
    "touches": (
        "occurred_at",
        "e.* EXCLUDE (kind), coalesce(e.is_bot, false) AS bot, CASE WHEN e.is_bot THEN 'bot' ELSE e.kind END AS kind",
    ),
    "calls": ("called_at", "e.*, e.disposition AS kind"),
    "answers": ("answered_at", "e.*, e.criterion AS kind", "e.state <> 'not_asked'"),
    "handoffs": ("handed_off_at", "e.*, e.route AS kind"),
    "decisions": ("decided_at", "e.*, e.decision AS kind"),
}
"""Event table -> when it happened, what its rows carry, and which rows count (a question not asked is no answer)."""
LAST_AGENTS = f"""CREATE OR REPLACE TEMP TABLE m_last_agents AS SELECT r.rid, r.as_of,
    arg_max(e.agent_id, e.called_at) AS agent_id
    FROM m_roster r JOIN calls e ON e.lead_id = r.lead_id AND {in_force("r.as_of")} GROUP BY r.rid, r.as_of"""
AGENTS_NOW = """CREATE OR REPLACE TEMP TABLE m_agents_now AS SELECT c.rid, g.decided, g.accepted
    FROM m_last_agents c ASOF JOIN m_agents g ON g.agent_id = c.agent_id AND c.as_of > g.moment"""
HOUSE_NOW = """CREATE OR REPLACE TEMP TABLE m_house_now AS SELECT as_of, struct_pack(h.decided, h.accepted, h.waiting)
    AS h, struct_pack(h7.decided, h7.accepted) AS h7 FROM (SELECT DISTINCT as_of FROM m_roster) r
    ASOF LEFT JOIN m_house h ON r.as_of > h.moment ASOF LEFT JOIN m_house h7 ON r.as_of - INTERVAL 7 DAY > h7.moment"""
LEADS_NOW = f"""FROM m_roster r JOIN leads l ON l.lead_id = r.lead_id AND {in_force("r.as_of", "l")}
    LEFT JOIN accounts a ON a.account_id = l.account_id AND {in_force("r.as_of", "a")}
    LEFT JOIN m_titles t ON t.title = l.title LEFT JOIN m_agents_now g ON g.rid = r.rid
    LEFT JOIN m_house_now n ON n.as_of = r.as_of"""


def build_matrix(
    warehouse: Warehouse,
    index: pd.DataFrame,
    agreement: Agreement,
    *,
    features: tuple[Feature, ...] | None = None,
    names: Iterable[str] | None = None,
    bucket_rows: int = BUCKET_ROWS,
) -> pd.DataFrame:
    """The feature table of `index` (columns lead_id, as_of in UTC; any order, repeats allowed).

    Returns, in the order of `index`, the columns lead_id, as_of, house (the account, or the lead where it has none)
    and one column per feature: float64 (missing = NaN) or text (missing = "unknown"). `features` is the catalogue
    (default: the agreement's, with the source's extra columns), `names` the ones wanted of it (default: all).
    Memory is bounded by working through buckets of about `bucket_rows` rows; all leads of an account at one moment stay
    together.

    Raises DataError where a lead was not known before its `as_of`.
    """
    catalogue = features if features is not None else build_catalogue(agreement, warehouse)
    wanted = list(names) if names is not None else [f.name for f in catalogue]
    used = needed(catalogue, set(wanted))
    with warehouse.view("m_index", index[["lead_id", "as_of"]]):
        for statement in (*_asked(any(f.over == "peers" for f in used)), *ACROSS_ACCOUNTS):
            warehouse.execute(statement)
    _check_known(warehouse)
    buckets = 1 + warehouse.scalar("SELECT count(*) FROM m_all") // bucket_rows
    parts = []
    for bucket in range(buckets):
        parts.append(_build_bucket(warehouse, agreement, used, wanted, bucket, buckets))
        if buckets > 1:
            log.info("features: bucket %d of %d", bucket + 1, buckets)
    _drop_temporary(warehouse)
    return pd.concat(parts).sort_index().reset_index(drop=True) if buckets > 1 else parts[0]


def _asked(with_peers: bool) -> list[str]:
    peers = f"""UNION ALL SELECT DISTINCT l.lead_id, k.as_of, k.house, NULL
        FROM (SELECT DISTINCT account_id, as_of, house FROM m_known WHERE account_id IS NOT NULL) k
        JOIN leads l ON l.account_id = k.account_id AND {in_force("k.as_of", "l")}
        ANTI JOIN m_known o ON o.lead_id = l.lead_id AND o.as_of = k.as_of"""
    return [
        """CREATE OR REPLACE TEMP TABLE m_asked AS SELECT row_number() OVER () - 1 AS row_id,
        lead_id::VARCHAR AS lead_id, as_of::TIMESTAMP AS as_of FROM m_index""",
        f"""CREATE OR REPLACE TEMP TABLE m_known AS
        SELECT k.*, l.account_id, coalesce('account ' || l.account_id, 'lead ' || l.lead_id) AS house
        FROM (SELECT lead_id, as_of, min(row_id) AS place FROM m_asked GROUP BY lead_id, as_of) k
        JOIN leads l ON l.lead_id = k.lead_id AND {in_force("k.as_of", "l")}""",
        f"""CREATE OR REPLACE TEMP TABLE m_all AS
        SELECT lead_id, as_of, house, place FROM m_known {peers if with_peers else ""}""",
    ]


def _check_known(warehouse: Warehouse) -> None:
    unknown = warehouse.rows(
        "SELECT lead_id, as_of, count(*) OVER () FROM m_asked ANTI JOIN m_known USING (lead_id, as_of) LIMIT 1"
    )
    if unknown:
        lead, as_of, count = unknown[0]
        raise DataError(
            "building features",
            expected="leads known before their as_of",
            got=f"{count} that were not, the first {lead} at {as_of:%Y-%m-%d %H:%M}",
            do="take a later as_of, or ingest the lead's own row",
        )


def _build_bucket(
    warehouse: Warehouse,
    agreement: Agreement,
    used: tuple[Feature, ...],
    wanted: list[str],
    bucket: int,
    buckets: int,
) -> pd.DataFrame:
    """The wanted columns of one bucket's rows, indexed by their place in the index asked for."""
    warehouse.execute(
        "CREATE OR REPLACE TEMP TABLE m_roster AS SELECT row_number() OVER (ORDER BY place NULLS LAST) - 1 AS rid,"
        f" lead_id, as_of, house FROM m_all WHERE hash(house, as_of) % {buckets} = {bucket}"
    )
    size = warehouse.scalar("SELECT count(*) FROM m_roster")
    columns: Columns = {}
    for table in EVENTS:
        columns |= _from_events(warehouse, table, [f for f in used if f.over == table], size)
    for statement in (LAST_AGENTS, AGENTS_NOW, HOUSE_NOW):
        warehouse.execute(statement)
    of_leads = [f for f in used if f.over == "lead"]
    columns |= _placed(of_leads, warehouse.arrays(f"SELECT r.rid, {_select(of_leads)} {LEADS_NOW}"), size)
    of_rules = [f for f in used if f.over == "rules"]
    if of_rules:
        ruled = f"SELECT rid, {_select(of_rules)} FROM ({rules_sql(agreement, 'm_roster')})"
        columns |= _placed(of_rules, warehouse.arrays(ruled), size)
    columns |= _from_columns(warehouse, [f for f in used if f.over == "made"], columns, size)
    columns |= _from_columns(warehouse, [f for f in used if f.over == "peers"], columns, size)
    rows = warehouse.frame(
        "SELECT row_id, rid, lead_id, as_of, house FROM m_asked JOIN m_roster USING (lead_id, as_of) ORDER BY row_id"
    )
    rid = rows.pop("rid").to_numpy()
    texts = {f.name for f in used if f.dtype == "text"}
    in_place = np.array_equal(rid, np.arange(len(rid)))
    found = {name: columns[name][: len(rid)] if in_place else columns[name][rid] for name in wanted}
    of_text = {n: pd.array(pa.array(c, pa.large_string()), dtype="str") if n in texts else c for n, c in found.items()}
    keys = {name: rows[name].array for name in ("lead_id", "as_of", "house")}
    return pd.DataFrame({**keys, **of_text}, index=pd.Index(rows["row_id"].array), copy=False)


def _from_events(warehouse: Warehouse, table: str, features: list[Feature], size: int) -> Columns:
    """The columns of one event table: one query grouped by lead, one by lead and kind where families need it."""
    direct, by_kind = [f for f in features if not f.kinds], [f for f in features if f.kinds]
    columns: Columns = {}
    for where in dict.fromkeys(f.where for f in direct):
        alike = [f for f in direct if f.where == where]
        found = warehouse.arrays(f"SELECT rid, {_select(alike)} FROM {_seen(table)} WHERE {where} GROUP BY rid")
        columns |= _placed(alike, found, size)
    if by_kind:
        measures = list(dict.fromkeys(f.sql for f in by_kind))
        kinds = list(dict.fromkeys(k for f in by_kind for k in f.kinds if f.kinds != ANY))
        known = ", ".join(map(literal, kinds or ["-"]))
        code = f"coalesce(enum_code(TRY_CAST(kind AS ENUM ({known})))::TINYINT, -1)"
        firsts = ", ".join(f'{sql} AS "{i}"' for i, sql in enumerate(measures))
        found = warehouse.arrays(f"SELECT rid, {code} AS code, {firsts} FROM {_seen(table)} GROUP BY rid, kind")
        columns |= merge_kinds(by_kind, found, measures, kinds, size)
    return columns


def _seen(table: str) -> str:
    """The rows of an event table as seen at each roster row's `as_of`; rows without a key are never superseded."""
    at, columns, *only = EVENTS[table]
    known = in_force("r.as_of") if TABLES[table].key else "e.known_at < r.as_of"
    return f"""(SELECT r.rid, {columns}, date_diff('microsecond', e.{at}, r.as_of) / 864e8 AS age_days
        FROM m_roster r JOIN {table} e ON e.lead_id = r.lead_id AND {" AND ".join([known, *only])})"""


def _select(features: list[Feature]) -> str:
    def typed(f: Feature) -> str:
        return f"left(({f.sql})::VARCHAR, {TEXT_LIMIT})" if f.dtype == "text" else f"({f.sql})"

    return ", ".join([f"{typed(f)} AS {quoted(f.name)}" for f in features] or ["NULL"])


def _placed(features: list[Feature], found: Columns, size: int) -> Columns:
    return {f.name: place(f, found["rid"], found[f.name], size) for f in features}


def _from_columns(warehouse: Warehouse, features: list[Feature], columns: Columns, size: int) -> Columns:
    """What is made of finished columns: of the same lead, each on the ones before it; or summed over its account."""
    if not features:
        return {}
    numbers = {name: column for name, column in columns.items() if column.dtype == np.float64}
    with warehouse.view("m_columns", pd.DataFrame({"rid": np.arange(size), **numbers}, copy=False)):
        if features[0].over == "made":
            sql = f"SELECT rid, {_select(features)} FROM m_columns"
        else:
            own = ", ".join(f'({f.sql})::BIGINT AS "{f.name}"' for f in features)
            sums = ", ".join(f'sum("{f.name}") AS "{f.name}"' for f in features)
            rest = ", ".join(f's."{f.name}" - o."{f.name}" AS "{f.name}"' for f in features)
            sql = f"""WITH own AS (SELECT rid, house, as_of, {own} FROM m_columns JOIN m_roster USING (rid)),
                sums AS (SELECT house, as_of, {sums} FROM own GROUP BY house, as_of)
                SELECT o.rid, {rest} FROM own o JOIN sums s USING (house, as_of)"""
        return _placed(features, warehouse.arrays(sql), size)


def _drop_temporary(warehouse: Warehouse) -> None:
    made = warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name[:2] = 'm_'")
    for (name,) in made:
        warehouse.execute(f"DROP TABLE {name}")
