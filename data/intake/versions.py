"""Which rows are new? Each key's rows are versions, in force until the next; events without an id once each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data.intake.contract import Columns
from data.intake.timeline import GONE, settle
from data.permission import NO_CALL, NO_MAIL, REFUSALS, refusing
from data.sql import quoted
from data.tables import Table
from data.warehouse import Warehouse

NO_CONSENT = f"""CASE WHEN permission <> 'all' OR lead_id NOT IN
    (SELECT lead_id FROM leads WHERE permission IN {REFUSALS}) THEN permission END"""
"""An old export may bring a refusal, but never a consent for a lead that refused since."""


@dataclass(frozen=True)
class Stored:
    """How many rows of a batch (not versions) were new, and how many were there already.

    Of the new ones, `corrected` are of an event that was stored. `unnamed` are events without an id; `alike` of these
    have the lead and time of a stored one but differ from it. `beside` have an id, and the lead and time of a stored
    event without one. `named` counts stored events that had no id and have one now.
    """

    new: int
    repeats: int
    corrected: int = 0
    unnamed: int = 0
    alike: int = 0
    beside: int = 0
    named: int = 0


def store(
    warehouse: Warehouse, table: Table, columns: Columns, *, load: str, batch_id: str, mutable: tuple[str, ...] = ()
) -> Stored:
    """Store the rows of the relation `good` that are new; see `contract.checked_sql` for its columns.

    `load` is the load time as SQL. Rows that contradict a stored one or an earlier one of the batch (same key, same
    `known_at`, other content; or an event that another lead has) are left in the relation `conflicts` (_row, known_at,
    reason).

    A row whose source says when it was known is a version whatever came before, so that versions may arrive in any
    order. A row that is known by its load only is new only if it differs from the version in force. What a lead's row
    refuses counts even if it is in conflict.
    """
    warehouse.execute("CREATE OR REPLACE TEMP TABLE conflicts (_row BIGINT, known_at TIMESTAMP, reason VARCHAR)")
    named = _name(warehouse, table, columns) if table.event_id else 0
    unnamed = _store_unnamed(warehouse, table, columns, batch_id) if table.event_id else Stored(0, 0)
    lower = {name.lower() for m in mutable for name in (m, table.extra(m))}
    overwritten = tuple(c.name for c in columns.stored if c.name.lower() in lower)
    relation = "TABLE" if overwritten else "VIEW"  # what a load overwrites is looked up once, before rows are stored
    warehouse.execute(f"CREATE OR REPLACE TEMP {relation} candidates AS {_candidates(table, load, overwritten)}")
    rising = bool(table.event_id) and _are_rising(warehouse, table)
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE several AS {_several(table, rising)}")
    warehouse.execute(
        f"CREATE OR REPLACE TEMP TABLE again AS FROM candidates c SEMI JOIN several s ON {_id(table)} = s.id"
    )
    names = ", ".join(quoted(c.name) for c in columns.stored)
    if warehouse.scalar("SELECT count(*) FROM (FROM again LIMIT 1)"):
        found = _store_versions(warehouse, table, columns, load, overwritten, names, batch_id)
    else:
        found = _store_all(warehouse, table, names, batch_id)
    if table.name == "leads":
        _refuse(warehouse)
    warehouse.execute(f"DROP {relation} candidates")
    settle(warehouse, table, "good", all_of_them=False)
    return replace(
        found,
        new=unnamed.new + found.new,
        repeats=unnamed.repeats + found.repeats,
        unnamed=unnamed.new,
        alike=unnamed.alike,
        named=named,
    )


def _store_all(warehouse: Warehouse, table: Table, names: str, batch_id: str) -> Stored:
    """Store all candidates, as none has a key that is stored or comes twice: there is nothing to compare with."""
    beside = _count_beside(warehouse, table, "candidates") if table.event_id else 0
    return Stored(_insert(warehouse, table, names, batch_id, "candidates"), 0, beside=beside)


def _insert(warehouse: Warehouse, table: Table, names: str, batch_id: str, rows: str) -> int:
    """Store the rows of a relation in order; how many. As `Warehouse.insert`, without another copy of all of them.

    Rows that come in order are not sorted, for which all of them would have to be in memory.
    """
    order = _order(table)
    before, is_early = ", ".join(f"lag({c}) OVER () AS before_{c}" for c in order), "FALSE"
    for c in reversed(order):
        is_early = f"{c} < before_{c} OR ({c} = before_{c} AND ({is_early}))"
    found = f"SELECT count(_row), count(*) FILTER ({is_early}) FROM (SELECT {', '.join(order)}, {before} FROM {rows})"
    [(count, early)] = warehouse.rows(found)
    if count:
        given = f"SELECT {names}, known_at, '{batch_id}' AS batch_id FROM {rows}"
        sort = f"ORDER BY {', '.join(order)}" if early else ""
        warehouse.execute(f"INSERT INTO {table.name} BY NAME {given} {sort}")
    return int(count)


def _store_versions(
    warehouse: Warehouse,
    table: Table,
    columns: Columns,
    load: str,
    overwritten: tuple[str, ...],
    names: str,
    batch_id: str,
) -> Stored:
    """Store those candidates that are new, where keys of some come `again`."""
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE verdicts AS {_verdicts(table, columns, load, overwritten)}")
    warehouse.execute(
        "INSERT INTO conflicts SELECT _row, min(known_at), min(conflict) FROM verdicts"
        " WHERE conflict IS NOT NULL GROUP BY _row"
    )
    warehouse.execute(
        """CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT *, FALSE AS _again FROM candidates ANTI JOIN again USING (_row, _part)
        UNION ALL BY NAME SELECT c.*, TRUE AS _again FROM again c JOIN verdicts v USING (_row, _part)
            WHERE v.is_new AND _row NOT IN (SELECT _row FROM conflicts)"""
    )
    corrected = beside = 0
    if table.event_id:
        corrected, beside = _count_corrected(warehouse, table), _count_beside(warehouse, table, "fresh")
    _replace_retracted(warehouse, table, table.key)
    _insert(warehouse, table, names, batch_id, "fresh")
    _supersede(warehouse, table)
    if table.event_id:
        _move(warehouse, table)
    done = "SELECT _row FROM fresh WHERE _again UNION ALL SELECT _row FROM conflicts"
    repeats = warehouse.scalar(f"SELECT count(DISTINCT _row) FROM verdicts WHERE _row NOT IN ({done})")
    return Stored(warehouse.scalar("SELECT count(DISTINCT _row) FROM fresh"), repeats, corrected, beside=beside)


def _order(table: Table) -> tuple[str, ...]:
    """Events of one lead are stored side by side, which reads faster."""
    return (*(("lead_id", str(table.occurred_at)) if table.event_id else ()), "_row", "_part")


def _name(warehouse: Warehouse, table: Table, columns: Columns) -> int:
    """Give ids to stored events without one that equal a row of the batch in all else; how many.

    So it is where a source's ids begin later. An id that is stored already, with that lead or time, is another event's.
    """
    if not warehouse.scalar(f"SELECT count(*) FROM (FROM {table.name} WHERE {table.event_id} IS NULL LIMIT 1)"):
        return 0
    names = [c.name for c in columns.stored if c.name != table.event_id]
    rest = ", ".join(map(quoted, names))
    other = f"FROM {table.name} k WHERE k.{table.event_id} = g.{table.event_id} AND k"
    return int(
        warehouse.scalar(
            f"""UPDATE {table.name} s SET {table.event_id} = n.id FROM (
                SELECT {rest}, arg_min({table.event_id}, _row) AS id FROM good g WHERE {table.event_id} IS NOT NULL
                AND NOT EXISTS ({other}.lead_id = g.lead_id)
                AND NOT EXISTS ({other}.{table.occurred_at} = g.{table.occurred_at}) GROUP BY {rest}) n
            WHERE s.{table.event_id} IS NULL AND s.retracted_at IS NULL AND s.copied_from IS NULL
            AND {_same("n", "s", names)}"""
        )
    )


def _refuse(warehouse: Warehouse) -> None:
    """Let the stored row of a moment refuse all that is refused by the batch's rows of that lead and moment."""
    both = refusing(f"bool_or(permission IN {NO_CALL})", f"bool_or(permission IN {NO_MAIL})", "NULL")
    warehouse.execute(
        f"""UPDATE leads t SET permission = r.permission FROM (
            SELECT lead_id, known_at, {both} AS permission
            FROM (SELECT lead_id, known_at, permission FROM candidates UNION ALL
                SELECT lead_id, known_at, permission FROM leads SEMI JOIN candidates USING (lead_id, known_at)
                WHERE retracted_at IS NULL AND copied_from IS NULL)
            WHERE permission IN {REFUSALS} GROUP BY ALL) r
        WHERE t.lead_id = r.lead_id AND t.known_at = r.known_at AND t.retracted_at IS NULL AND t.copied_from IS NULL
        AND t.permission IS DISTINCT FROM r.permission"""
    )


def _store_unnamed(warehouse: Warehouse, table: Table, columns: Columns, batch_id: str) -> Stored:
    """Events without an id, each different row once; the first stays, known from the earliest time said for it.

    One that equals a stored event in all but its id is that event.
    """
    unnamed = f"good g WHERE g.{table.event_id} IS NULL"
    if not warehouse.scalar(f"SELECT count(*) FROM (FROM {unnamed} LIMIT 1)"):
        return Stored(0, 0)
    names = [c.name for c in columns.stored]
    rest = [name for name in names if name != table.event_id]
    warehouse.execute(
        f"""UPDATE {table.name} s SET known_at = g.known_at FROM {unnamed}
        AND {_same("g", "s", names)} AND g._clock <> 'load' AND g.known_at < s.known_at
        AND s.retracted_at IS NULL AND s.copied_from IS NULL"""
    )
    warehouse.execute(
        f"""CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT {", ".join(map(quoted, names))}, arg_min(known_at, _row) AS known_at, '{batch_id}' AS batch_id
        FROM {unnamed} AND NOT EXISTS (SELECT 1 FROM {table.name} s WHERE {_same("g", "s", rest)}
            AND s.retracted_at IS NULL)
        GROUP BY {", ".join(map(quoted, names))} ORDER BY lead_id, {table.occurred_at}, min(_row)"""
    )
    instant = _same("f", "s", ["lead_id", str(table.occurred_at)])
    alike = warehouse.scalar(f"SELECT count(*) FROM fresh f SEMI JOIN {table.name} s ON {instant}")
    _replace_retracted(warehouse, table, names)
    found = warehouse.insert(table.name, "FROM fresh")
    return Stored(found, warehouse.scalar(f"SELECT count(*) FROM {unnamed}") - found, alike=alike)


def _replace_retracted(warehouse: Warehouse, table: Table, names: list[str] | tuple[str, ...]) -> None:
    """Delete retracted rows that equal a fresh one in these columns and `known_at`: only one of the two may count."""
    same = _same("t", "f", [*names, "known_at"])
    warehouse.execute(f"DELETE FROM {table.name} t USING fresh f WHERE t.retracted_at IS NOT NULL AND {same}")


def _count_corrected(warehouse: Warehouse, table: Table) -> int:
    """How many fresh rows are of an event that is stored."""
    same = f"s.{table.event_id} = f.{table.event_id} AND (s.lead_id = f.lead_id OR {_at_once(table)})"
    found = f"(FROM fresh WHERE _again) f SEMI JOIN {table.name} s ON {same}"
    return int(warehouse.scalar(f"SELECT count(DISTINCT _row) FROM {found}"))


def _count_beside(warehouse: Warehouse, table: Table, rows: str) -> int:
    """How many of these rows may be an event that is stored without an id."""
    unnamed = f"(FROM {table.name} WHERE {table.event_id} IS NULL AND retracted_at IS NULL) s"
    found = f"{rows} f SEMI JOIN {unnamed} ON s.lead_id = f.lead_id AND {_at_once(table)}"
    return int(warehouse.scalar(f"SELECT count(DISTINCT _row) FROM {found}"))


def _at_once(table: Table) -> str:
    return f"s.{table.occurred_at} = f.{table.occurred_at}"


def _move(warehouse: Warehouse, table: Table) -> None:
    """Where an event comes back under another lead (same id and time), its row of the lead before ends then.

    b: the rows of fresh events; a: earlier rows of the same event under another lead.
    """
    ids = f"a.{table.event_id} = b.{table.event_id} AND a.{table.occurred_at} = b.{table.occurred_at}"
    warehouse.execute(
        f"""UPDATE {table.name} t SET superseded_at = n.moved_at FROM (
            SELECT a.rowid AS id, min(b.known_at) AS moved_at
            FROM (FROM {table.name} s SEMI JOIN (FROM fresh WHERE _again) f
                USING ({table.event_id}, {table.occurred_at})) b
            JOIN {table.name} a ON {ids} AND a.lead_id <> b.lead_id AND a.known_at < b.known_at
            WHERE b.retracted_at IS NULL AND b.copied_from IS NULL GROUP BY ALL) n
        WHERE t.rowid = n.id AND (t.superseded_at IS NULL OR t.superseded_at > n.moved_at)"""
    )


def _candidates(table: Table, load: str, overwritten: tuple[str, ...]) -> str:
    """The versions that rows stand for: a backfilled row with columns that its source overwrites stands for two."""
    keyed = f"good WHERE {table.event_id or table.key[0]} IS NOT NULL"
    if not overwritten:
        return f"SELECT *, 1 AS _part FROM {keyed}"
    unknown = ", ".join(f"NULL AS {quoted(n)}" for n in overwritten)
    asked_again = f", {NO_CONSENT} AS permission" if "permission" in overwritten else ""
    return f"""SELECT *, 1 AS _part FROM {keyed} AND _clock <> 'event'
        UNION ALL BY NAME
        SELECT * REPLACE ({unknown}), 1 AS _part FROM {keyed} AND _clock = 'event' AND known_at < {load}
        UNION ALL BY NAME
        SELECT * REPLACE ({load} AS known_at, 'load' AS _clock{asked_again}), 2 AS _part
        FROM {keyed} AND _clock = 'event'"""


def _id(table: Table) -> str:
    """What candidates are told apart by. Ids of events as they are: where all stored ones lie beyond those of a batch,
    DuckDB reads none."""
    return quoted(table.event_id) if table.event_id else f"hash({', '.join(map(quoted, table.key))})"


def _are_rising(warehouse: Warehouse, table: Table) -> bool:
    """Whether each candidate's id is longer than the one before it or comes after it: then none comes twice."""
    ids = f"SELECT {table.event_id} AS id, lag({table.event_id}) OVER () AS before FROM candidates"
    rises = "strlen(id) > strlen(before) OR (strlen(id) = strlen(before) AND id > before)"
    return not warehouse.scalar(f"SELECT count(*) FROM ({ids}) WHERE NOT ({rises})")


def _several(table: Table, rising: bool) -> str:
    """The ids that are stored, come twice or have a second part: their candidates come `again`, the others are new.

    Of ids that are `rising` none comes twice.
    """
    twice = "" if rising else "SELECT id FROM ids GROUP BY id HAVING count(*) > 1 UNION"
    return f"""WITH ids AS (SELECT {_id(table)} AS id FROM candidates)
        {twice} SELECT id FROM (SELECT {_id(table)} AS id FROM {table.name}) SEMI JOIN ids USING (id)
        UNION SELECT {_id(table)} FROM candidates WHERE _part > 1"""


def _verdicts(table: Table, columns: Columns, load: str, overwritten: tuple[str, ...]) -> str:
    """For each candidate that came `again`: `conflict`, a reason or NULL, and whether it is new.

    c: the candidate. Of its key and known_at, s: the stored row; t: the number of the batch's first row, where it has
    several; f: that row. Of its key, v: the stored row in force at the load, or the last one of a lead that was deleted
    or merged. o: the lead that owns the event (`_owners`). What was retracted is as if it were not there.
    """
    content = [c.name for c in columns.stored if c.name not in table.key]
    keys = ", ".join(map(quoted, table.key))
    current = f"""(FROM {table.name} e WHERE superseded_at IS NULL OR superseded_at > {load}
        UNION ALL SELECT e.* FROM {table.name} e JOIN {GONE.format(deleted="lead")} ON id = e.{table.key[0]}
        WHERE known_at <= {load} AND copied_from IS NULL AND retracted_at IS NULL
        QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY known_at DESC) = 1 AND superseded_at <= {load})"""
    nothing_learned = " AND ".join(["c._part = 2", *(f"c.{quoted(n)} IS NULL" for n in overwritten)])
    wrong = f"""'{table.key[0]}: expected one content known at ' || c.known_at
        || ', got different content on line ' || c._line || ' of ' || c._file"""
    refuses = f" || CASE WHEN c.permission IN {REFUSALS} THEN ' (what it refuses counts all the same)' ELSE '' END"
    said, moved, owners = refuses if table.name == "leads" else "", "", ""
    if table.event_id:
        own = (str(table.event_id), str(table.occurred_at), "known_at")
        moved = f"""WHEN s.known_at IS NULL AND o.lead_id <> c.lead_id
                THEN '{table.event_id}: expected one lead for an event known at ' || c.known_at
                || ', got two, on line ' || c._line || ' of ' || c._file || ' and ' || o.place"""
        owners = f"LEFT JOIN ({_owners(table, ', '.join(own))}) o ON {_same('c', 'o', own)}"
    return f"""WITH twice AS (
            SELECT {keys}, known_at, min(_row) AS _first FROM again GROUP BY ALL HAVING count(*) > 1)
        SELECT c._row, c._part, c.known_at,
            CASE WHEN s.known_at IS NOT NULL AND NOT ({_same("c", "s", content)})
                THEN {wrong} || ' and in batch ' || s.batch_id
                WHEN s.known_at IS NULL AND f._row <> c._row AND NOT ({_same("c", "f", content)})
                THEN {wrong} || ' and on line ' || f._line || ' of ' || f._file {moved} END{said} AS conflict,
            s.known_at IS NULL AND coalesce(f._row = c._row, TRUE) AND NOT coalesce(
                CASE WHEN v.known_at IS NULL THEN {nothing_learned} ELSE {_same("c", "v", content)} END, FALSE)
            AS is_new
        FROM again c
        LEFT JOIN {table.name} s ON {_same("c", "s", table.key)} AND s.known_at = c.known_at
            AND s.retracted_at IS NULL AND s.copied_from IS NULL
        LEFT JOIN twice t ON {_same("c", "t", table.key)} AND t.known_at = c.known_at
        LEFT JOIN again f ON f._row = t._first AND f.known_at = c.known_at
        {owners}
        LEFT JOIN {current} v ON {_same("c", "v", table.key)} AND c._clock = 'load' AND v.known_at <= {load}"""


def _owners(table: Table, event: str) -> str:
    """SQL of the one lead that keeps an event which several have, by `event` (columns): the stored one, else the first.

    shared: the candidates' events that several leads have, stored or in the batch. of_id: all rows with their ids. An
    id that still other leads have, at other times, is a number within each lead: such events are left out.
    """
    whole = f"{table.name} WHERE retracted_at IS NULL AND copied_from IS NULL"
    rows = f"""SELECT {event}, lead_id, 0 AS _row, 'in batch ' || batch_id AS place FROM {whole}
        UNION ALL SELECT {event}, lead_id, _row, 'on line ' || _line || ' of ' || _file FROM again"""
    at_once = f"SELECT {event} FROM ({rows}) SEMI JOIN again USING ({event})"
    return f"""WITH shared AS MATERIALIZED (
            {at_once} GROUP BY {event} HAVING min(lead_id) <> max(lead_id)),
        of_id AS MATERIALIZED (FROM ({rows}) SEMI JOIN shared USING ({table.event_id}))
        SELECT {event}, arg_min(lead_id, _row) AS lead_id, arg_min(place, _row) AS place
        FROM of_id SEMI JOIN shared USING ({event}) GROUP BY {event}
        HAVING count(DISTINCT lead_id) = (
            SELECT count(DISTINCT o.lead_id) FROM of_id o WHERE o.{table.event_id} = of_id.{table.event_id})"""


def _supersede(warehouse: Warehouse, table: Table) -> None:
    """Let every version of the keys that got a new one end where the next begins."""
    keys = ", ".join(map(quoted, table.key))
    warehouse.execute(
        f"""UPDATE {table.name} t SET superseded_at = n.next_at FROM (
            SELECT e.rowid AS id, lead(known_at) OVER (PARTITION BY {keys} ORDER BY known_at) AS next_at
            FROM {table.name} e SEMI JOIN (
                SELECT {keys} FROM {table.name} a SEMI JOIN (FROM fresh WHERE _again) b ON {_same("a", "b", table.key)}
                GROUP BY ALL HAVING count(*) > 1) k ON {_same("e", "k", table.key)}) n
        WHERE t.rowid = n.id AND t.superseded_at IS DISTINCT FROM n.next_at"""
    )


def _same(left: str, right: str, names: list[str] | tuple[str, ...]) -> str:
    """Equality where an unknown equals an unknown."""
    return " AND ".join(f"{left}.{quoted(n)} IS NOT DISTINCT FROM {right}.{quoted(n)}" for n in names) or "TRUE"
