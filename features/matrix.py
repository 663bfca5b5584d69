"""How does the catalogue become a table? (lead_id, as_of) rows -> one row of features each, as known at that moment.

The definitions are compiled into few grouped queries over temporary tables:

1. `m_roster`: the rows asked for and, at the same moment, all other leads of their accounts.
2. one or two queries per event table: rows known before `as_of`, grouped by lead (and kind first, where a family
   needs it), into `m_<table>`.
3. `m_wide`: those side by side, with what is made of them; `m_peers`: sums over an account's leads.
4. the answer: lead, account, agent and house columns joined to it, in the order asked.

Every sum is over whole numbers, so the order of rows and of threads cannot change a bit of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pandas as pd

from data.agreement import Agreement
from data.errors import DataError
from data.warehouse import Warehouse, in_force
from features.catalog import Feature, build_catalogue, needed
from features.definition import ANY
from features.rules import quote
from features.timelines import AGENTS, HOUSE
from features.titles import titles_sql

log = logging.getLogger(__name__)

ACROSS_ACCOUNTS = (AGENTS, HOUSE, f"CREATE OR REPLACE TEMP TABLE m_titles AS {titles_sql('leads')}")
"""What crosses accounts is computed first, once, and serves every bucket."""
BUCKET_ROWS = 250_000
EVENTS = {
    "touches": (
        "occurred_at",
        "e.* EXCLUDE (kind), coalesce(e.is_bot, false) AS bot, CASE WHEN e.is_bot THEN 'bot' ELSE e.kind END AS kind",
    ),
    "calls": ("called_at", "e.*, e.disposition AS kind"),
    "answers": ("answered_at", "e.*, e.criterion AS kind"),
    "handoffs": ("handed_off_at", "e.*, e.route AS kind"),
    "decisions": ("decided_at", "e.*, e.decision AS kind"),
}
"""Event table -> when it happened, and what its rows carry."""
TEXT_LIMIT = 100
"""Longer texts are cut: categories, not documents."""
LEAD_ROWS = f"""
JOIN leads l ON l.lead_id = r.lead_id AND {in_force("r.as_of", "l")}
LEFT JOIN accounts a ON a.account_id = l.account_id AND {in_force("r.as_of", "a")}
LEFT JOIN m_titles t ON t.title = l.title
ASOF LEFT JOIN m_house h ON r.as_of > h.moment
ASOF LEFT JOIN m_house h7 ON r.as_of - INTERVAL 7 DAY > h7.moment"""


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
    Memory is bounded by working through buckets of whole accounts of about `bucket_rows` rows.

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
        for statement in compile_bucket(used, wanted, bucket, buckets):
            warehouse.execute(statement)
        parts.append(warehouse.frame("SELECT * FROM m_answer"))
        if buckets > 1:
            log.info("features: bucket %d of %d", bucket + 1, buckets)
    by_row = pd.concat(parts, ignore_index=True) if buckets > 1 else parts[0]
    ordered = by_row.sort_values("row_id", ignore_index=True).drop(columns="row_id")
    _drop_temporary(warehouse)
    return ordered


def compile_bucket(used: tuple[Feature, ...], wanted: list[str], bucket: int = 0, buckets: int = 1) -> list[str]:
    """The statements that fill `m_answer` for one bucket of accounts, from `m_all`, `m_asked` and the event tables."""
    statements = [
        f"CREATE OR REPLACE TEMP TABLE m_roster AS SELECT * FROM m_all WHERE hash(house) % {buckets} = {bucket}"
    ]
    parts = []
    for table in EVENTS:
        of_table = [f for f in used if f.over == table]
        by_kind, direct = [f for f in of_table if f.kinds], [f for f in of_table if not f.kinds]
        if by_kind:
            statements.append(_two_levels(table, by_kind))
            parts.append((f"m_{table}_kinds", by_kind))
        if direct:
            statements.append(_one_level(table, direct))
            parts.append((f"m_{table}", direct))
    statements.append(_wide(parts, used))
    peers = [f for f in used if f.over == "peers"]
    if peers:
        statements.append(_peers(peers))
    statements.append(_answer(used, wanted))
    return statements


def _asked(with_peers: bool) -> list[str]:
    peers = f"""UNION SELECT l.lead_id, k.as_of, k.house
        FROM (SELECT DISTINCT account_id, as_of, house FROM m_known WHERE account_id IS NOT NULL) k
        JOIN leads l ON l.account_id = k.account_id AND {in_force("k.as_of", "l")}"""
    return [
        "CREATE OR REPLACE TEMP TABLE m_asked AS SELECT row_number() OVER () - 1 AS row_id, lead_id::VARCHAR AS lead_id,"
        " as_of::TIMESTAMP AS as_of FROM m_index",
        f"""CREATE OR REPLACE TEMP TABLE m_known AS
        SELECT k.lead_id, k.as_of, l.account_id, coalesce('account ' || l.account_id, 'lead ' || l.lead_id) AS house
        FROM (SELECT DISTINCT lead_id, as_of FROM m_asked) k
        JOIN leads l ON l.lead_id = k.lead_id AND {in_force("k.as_of", "l")}""",
        f"""CREATE OR REPLACE TEMP TABLE m_all AS SELECT row_number() OVER () AS rid, * FROM
        (SELECT lead_id, as_of, house FROM m_known {peers if with_peers else ""})""",
    ]


def _check_known(warehouse: Warehouse) -> None:
    unknown = warehouse.rows(
        "SELECT lead_id, as_of, count(*) OVER () FROM m_asked ANTI JOIN m_known USING (lead_id, as_of) LIMIT 1"
    )
    if unknown:
        lead, as_of, count = unknown[0]
        raise DataError(
            "building features", expected="leads known before their as_of", got=f"{count} that were not, the first "
            f"{lead} at {as_of:%Y-%m-%d %H:%M}", do="take a later as_of, or ingest the lead's own row",
        )  # fmt: skip


def _seen(table: str) -> str:
    """The rows of an event table as seen at each roster row's `as_of`."""
    at, columns = EVENTS[table]
    return f"""(SELECT r.rid, {columns}, date_diff('microsecond', e.{at}, r.as_of) / 864e8 AS age_days
        FROM m_roster r JOIN {table} e ON e.lead_id = r.lead_id AND {in_force("r.as_of")})"""


def _one_level(table: str, features: list[Feature]) -> str:
    columns = ", ".join(f'{f.sql} AS "{f.name}"' for f in features)
    return f"CREATE OR REPLACE TEMP TABLE m_{table} AS SELECT rid, {columns} FROM {_seen(table)} GROUP BY rid"


def _two_levels(table: str, features: list[Feature]) -> str:
    measures = list(dict.fromkeys(f.sql for f in features))
    firsts = ", ".join(f"{sql} AS v{i}" for i, sql in enumerate(measures))
    merged = ", ".join(f'{_merged(f, measures.index(f.sql))} AS "{f.name}"' for f in features)
    return f"""CREATE OR REPLACE TEMP TABLE m_{table}_kinds AS SELECT rid, {merged}
        FROM (SELECT rid, kind, {firsts} FROM {_seen(table)} GROUP BY rid, kind) GROUP BY rid"""


def _merged(feature: Feature, measure: int) -> str:
    if feature.kinds == ANY:
        return feature.merge.replace("{}", f"v{measure}")
    kinds = ", ".join(map(quote, feature.kinds))
    return feature.merge.replace("{}", f"CASE WHEN kind IN ({kinds}) THEN v{measure} END")


def _wide(parts: list[tuple[str, list[Feature]]], used: tuple[Feature, ...]) -> str:
    columns = [_filled(f, f'{part}."{f.name}"') for part, features in parts for f in features]
    columns += [_filled(f, f.sql) for f in used if f.over == "lead"]
    joins = "\n".join(f"LEFT JOIN {part} ON {part}.rid = r.rid" for part, _ in parts)
    agent = [part for part, features in parts for f in features if f.name == "last_agent"]
    if agent:
        joins += f"\nASOF LEFT JOIN m_agents g ON g.agent_id = {agent[0]}.last_agent AND r.as_of > g.moment"
    wide = f"SELECT r.rid, r.lead_id, r.as_of, r.house, {', '.join(columns)} FROM m_roster r {LEAD_ROWS} {joins}"
    # a SELECT of its own, in which each may build on the ones made before it
    made = "".join(f", {_filled(f, f.sql)}" for f in used if f.over == "made")
    return f"CREATE OR REPLACE TEMP TABLE m_wide AS SELECT *{made} FROM ({wide})"


def _filled(feature: Feature, value: str) -> str:
    """The finished column: of its type, and with what an absent row means."""
    if feature.dtype == "text":
        empty = feature.empty or "'unknown'"
        return f'coalesce(left(({value})::VARCHAR, {TEXT_LIMIT}), {empty}) AS "{feature.name}"'
    return f'coalesce({value}, {feature.empty or "NULL"})::DOUBLE AS "{feature.name}"'


def _peers(peers: list[Feature]) -> str:
    sums = ", ".join(f'sum(({f.sql})::BIGINT) AS "{f.name}"' for f in peers)
    return f"CREATE OR REPLACE TEMP TABLE m_peers AS SELECT house, as_of, {sums} FROM m_wide GROUP BY house, as_of"


def _answer(used: tuple[Feature, ...], wanted: list[str]) -> str:
    sql = {f.name: f'w."{f.name}"' for f in used}
    peers = [f for f in used if f.over == "peers"]
    # an account's sum less the lead's own part
    sql |= {f.name: f'(p."{f.name}" - ({f.sql})::BIGINT)::DOUBLE' for f in peers}
    columns = ", ".join(f'{sql[name]} AS "{name}"' for name in wanted)
    joined = "LEFT JOIN m_peers p ON p.house = w.house AND p.as_of = w.as_of" if peers else ""
    return f"""CREATE OR REPLACE TEMP TABLE m_answer AS SELECT q.row_id, w.lead_id, w.as_of, w.house, {columns}
        FROM m_asked q JOIN m_wide w ON w.lead_id = q.lead_id AND w.as_of = q.as_of {joined}"""


def _drop_temporary(warehouse: Warehouse) -> None:
    for (name,) in warehouse.rows(
        "SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name LIKE 'm\\_%' ESCAPE '\\'"
    ):
        warehouse.execute(f"DROP TABLE {name}")
