"""When does each stored row count? Until its next version, its retraction or the merge of its lead.

A load's rows stay as they came. What a retraction brings back and what a merge hands on are copies (`copied_from`) that
are known from then on, made anew from the rows whenever something of their leads or accounts changes. So no reader
needs to know of either: `data.sql.in_force` says it all.
"""

from __future__ import annotations

from data.permission import NO_CALL, NO_MAIL, REFUSALS, refusing
from data.sql import ALIKE, WAYS, quoted
from data.tables import Table
from data.warehouse import Warehouse

GONE = """(SELECT key AS id, min(known_at) AS gone_at FROM retractions WHERE what IN ('merge', '{deleted}')
    GROUP BY key)"""
SAID = f"""(SELECT coalesce(s.other, l.lead_id) AS lead_id, l.known_at, l.permission, l.retracted_at
    FROM leads l LEFT JOIN {ALIKE} s ON s.lead_id = l.lead_id WHERE l.copied_from IS NULL)"""
"""What a person said of permission under any of its leads."""


def settle(warehouse: Warehouse, table: Table, changed: str, *, all_of_them: bool = True) -> None:
    """Let the rows of the leads (accounts) in the relation `changed`, and of those with the same events, count anew.

    All their rows end anew, and copies of what is in force after a retraction are made anew. Unless `all_of_them`, of
    those leads only that retractions concern.
    """
    key = table.key[0]
    if not warehouse.scalar("SELECT count(*) FROM retractions"):
        return
    ids, concerned = f"SELECT {key} AS id FROM {changed}", "true"
    if table.event_id and table.event_id in warehouse.columns(changed):
        ids += f" UNION SELECT lead_id FROM {table.name} SEMI JOIN {changed} USING ({_event(table)})"
    if not all_of_them:
        concerned = f"""id IN (SELECT {key} FROM {table.name} WHERE retracted_at IS NOT NULL
            OR copied_from IS NOT NULL UNION ALL SELECT key FROM retractions)"""
    warehouse.execute(
        f"""CREATE OR REPLACE TEMP TABLE special AS WITH changed AS (SELECT DISTINCT id FROM ({ids}))
        SELECT id FROM changed WHERE {concerned} UNION SELECT s.other FROM {ALIKE} s JOIN changed ON s.lead_id = id"""
    )
    warehouse.execute(f"DELETE FROM {table.name} WHERE copied_from IS NOT NULL AND {key} IN (FROM special)")
    _bring_back(warehouse, table)
    _end(warehouse, table)
    if key == "lead_id":
        if table.name != "leads":
            _hand_on(warehouse, table)
        warehouse.execute(
            f"""UPDATE {table.name} t SET superseded_at = greatest(t.known_at, least(t.superseded_at, g.gone_at))
            FROM {GONE.format(deleted="lead" if table.name == "leads" else "")} g
            WHERE g.id = t.lead_id AND t.lead_id IN (FROM special) AND coalesce(t.copied_from, t.lead_id) = t.lead_id"""
        )


def _end(warehouse: Warehouse, table: Table) -> None:
    """Let rows end where the next version begins, their batch was retracted or, of events, another lead has them."""
    keys, moved = ", ".join(map(quoted, table.key)), "NULL"
    if table.event_id:
        keys += f", CASE WHEN {table.event_id} IS NULL THEN e.rowid END"
        moved = f"""(SELECT min(o.known_at) FROM {table.name} o WHERE o.{table.event_id} = e.{table.event_id}
            AND o.{table.occurred_at} = e.{table.occurred_at} AND o.lead_id <> e.lead_id AND o.known_at > e.known_at
            AND o.copied_from IS NULL)"""
    warehouse.execute(
        f"""UPDATE {table.name} t SET superseded_at = n.ends FROM (
            SELECT e.rowid AS id, least(lead(known_at) OVER (PARTITION BY {keys} ORDER BY known_at, e.rowid),
                e.retracted_at, {moved}) AS ends
            FROM {table.name} e WHERE {table.key[0]} IN (FROM special)) n
        WHERE t.rowid = n.id AND t.superseded_at IS DISTINCT FROM n.ends"""
    )


def _bring_back(warehouse: Warehouse, table: Table) -> None:
    """From each retraction on, the version before it that was not retracted by then counts again.

    m: a key and the moment `at` of a retraction that concerns it; e: the stored versions of that key, of which the
    newest before `at` is copied. Of an event that had moved, only the newest over all its leads is. A lead's new
    version says what the person refused by then, under whichever of merged leads; a consent that was retracted does not
    count, a refusal does.
    """
    key = table.key[0]
    same = " AND ".join(f"e.{quoted(k)} IS NOT DISTINCT FROM m.{quoted(k)}" for k in table.key)
    permission = ""
    if table.name == "leads":
        permission = f", {refusing(_refused(NO_CALL), _refused(NO_MAIL), 'e.permission')} AS permission"
    found = f"""SELECT e.* REPLACE (m.at AS known_at, e.{key} AS copied_from{permission}), m.of_lead, m.of_time,
            e.known_at AS before
        FROM (SELECT DISTINCT * FROM ({_moments(table)})) m JOIN {table.name} e ON {same}
            AND e.known_at < m.at AND coalesce(e.retracted_at > m.at, true) AND e.copied_from IS NULL
        QUALIFY row_number() OVER (PARTITION BY m.of_lead, m.of_time, {", ".join(f"e.{quoted(k)}" for k in table.key)},
            m.at ORDER BY e.known_at DESC) = 1"""
    if table.event_id:
        found = f"""FROM ({found}) WHERE lead_id = of_lead OR {table.occurred_at} = of_time
            QUALIFY row_number() OVER (PARTITION BY {table.event_id}, known_at, of_lead, of_time
            ORDER BY before DESC, lead_id) = 1"""
    counted = f"SELECT DISTINCT * EXCLUDE (of_lead, of_time, before) FROM ({found}) WHERE {key} IN (FROM special)"
    warehouse.insert(table.name, counted)


def _moments(table: Table) -> str:
    """SQL of keys and moments `at` from which their version counts anew; `of_lead`, `of_time`: the event retracted."""
    none = "NULL AS of_lead, NULL::TIMESTAMP AS of_time"
    moments = f"""SELECT {", ".join(map(quoted, table.key))}, retracted_at AS at, {none} FROM {table.name}
        WHERE retracted_at IS NOT NULL AND copied_from IS NULL AND {table.key[0]} IN (FROM special)"""
    if table.name == "leads":
        moments += f""" UNION SELECT w.into, greatest(l.known_at, w.from_at), {none} FROM leads l JOIN {WAYS} w
            ON w.lead_id = l.lead_id AND (w.to_at IS NULL OR w.to_at > l.known_at)
            WHERE l.permission IN {REFUSALS} AND w.into IN (FROM special)"""
    if table.event_id:
        moments = f"""SELECT unnest([r.lead_id, o.lead_id]) AS lead_id, {table.event_id}, r.retracted_at AS at,
                r.lead_id AS of_lead, {table.occurred_at} AS of_time
            FROM {table.name} r JOIN {table.name} o USING ({_event(table)})
            WHERE r.retracted_at IS NOT NULL AND r.copied_from IS NULL AND {table.event_id} IN (
            SELECT {table.event_id} FROM {table.name} WHERE lead_id IN (FROM special))"""
    return moments


def _event(table: Table) -> str:
    """The columns that say whether rows of two leads are one event."""
    return f"{table.event_id}, {table.occurred_at}"


def _refused(values: tuple[str, str]) -> str:
    """SQL: whether the last such refusal that the person of `e` gave by `m.at` is later than the last consent."""

    def last(where: str) -> str:
        said = f"FROM {SAID} s WHERE s.lead_id = e.lead_id AND s.known_at <= m.at"
        return f"coalesce((SELECT max(s.known_at) {said} AND {where}), '-infinity'::TIMESTAMP)"

    consent = "s.permission = 'all' AND s.retracted_at IS NULL"
    return f"{last(f's.permission IN {values}')} > {last(consent)}"


def _hand_on(warehouse: Warehouse, table: Table) -> None:
    """From a merge on, the lead that stays (the heir) has the other's events; one that both have counts once.

    given: each row of a merged lead, its heir, and the moment `begins` from which the heir has it. own: the heir's own
    rows of the same event: `until` when those from before it count, and when the `next` one begins. copies: the given
    rows for the time in which the heir has none of its own. Of copies of one event, each begins where those before end.
    """
    keyed = f"hash({', '.join(quoted(k) for k in table.key[1:])})"
    if table.event_id:
        whole = f"hash({', '.join(quoted(n) for n in table.names if n != 'lead_id')})"
        keyed = f"CASE WHEN {table.event_id} IS NULL THEN {whole} ELSE {keyed} END"
    rows = f"(SELECT *, rowid AS id, {keyed} AS same FROM {table.name} WHERE coalesce(copied_from, lead_id) = lead_id)"
    warehouse.insert(
        table.name,
        f"""WITH given AS MATERIALIZED (
        SELECT e.*, w.into AS heir, w.to_at, greatest(e.known_at, w.from_at) AS begins
        FROM {rows} e JOIN {WAYS} w ON w.lead_id = e.lead_id AND e.lead_id IN (FROM special)),
        own AS (SELECT g.id, g.heir, g.begins, min(o.known_at) FILTER (o.known_at > g.begins) AS next,
            max(coalesce(o.superseded_at, 'infinity')) FILTER (o.known_at <= g.begins) AS until
            FROM given g JOIN {rows} o ON o.lead_id = g.heir AND o.same = g.same
            AND coalesce(o.superseded_at > greatest(g.begins, o.known_at), true) GROUP BY ALL),
        copies AS MATERIALIZED (SELECT g.* EXCLUDE (id, heir, to_at, begins) REPLACE (g.heir AS lead_id,
            greatest(g.begins, own.until) AS known_at, g.lead_id AS copied_from, NULL AS retracted_at,
            least(g.superseded_at, g.to_at, own.next) AS superseded_at)
            FROM given g LEFT JOIN own USING (id, heir, begins)
            WHERE coalesce(least(g.superseded_at, g.to_at, own.next, 'infinity') > greatest(g.begins, own.until), true))
        SELECT * EXCLUDE (same, until) REPLACE (greatest(known_at, until) AS known_at) FROM (
            SELECT *, max(coalesce(superseded_at, 'infinity')) OVER (PARTITION BY lead_id, same
                ORDER BY known_at, copied_from ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until FROM copies)
        WHERE coalesce(until < coalesce(superseded_at, 'infinity'), true)""",
    )
