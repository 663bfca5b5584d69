"""Which rows are new? Events once each; keyed rows as versions, each in force until the next one is known."""

from __future__ import annotations

from data.intake.contract import Columns
from data.sql import quoted
from data.tables import Table
from data.warehouse import Warehouse


def store(
    warehouse: Warehouse, table: Table, columns: Columns, *, load: str, batch_id: str, mutable: tuple[str, ...] = ()
) -> tuple[int, int]:
    """Store the rows of the relation `good` that are new; see `contracts.checked_sql` for its columns.

    Returns how many input rows (not versions) were new, and how many were there already. `load` is the load time as
    SQL. Rows that contradict a stored one or an earlier one of the batch (same key, same `known_at`, other content)
    are left in the relation `conflicts` (_row, known_at, reason).

    A row whose source says when it was known is a version whatever came before, so that versions may arrive in any
    order. A row that is known by its load only is new only if it differs from the version in force.
    """
    warehouse.execute("CREATE OR REPLACE TEMP TABLE conflicts (_row BIGINT, known_at TIMESTAMP, reason VARCHAR)")
    if not table.key:
        stored = _store_events(warehouse, table, columns, batch_id)
        return stored, warehouse.scalar("SELECT count(*) FROM good") - stored
    overwritten = tuple(c.name for c in columns.stored if c.name.lower() in {m.lower() for m in mutable})
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE candidates AS {_candidates(load, overwritten)}")
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE verdicts AS {_verdicts(table, columns, load, overwritten)}")
    warehouse.execute(
        "INSERT INTO conflicts SELECT _row, min(known_at), min(conflict) FROM verdicts"
        " WHERE conflict IS NOT NULL GROUP BY _row"
    )
    warehouse.execute(
        "CREATE OR REPLACE TEMP TABLE fresh AS SELECT c.* FROM candidates c JOIN verdicts v USING (_row, _part)"
        " WHERE v.is_new AND _row NOT IN (SELECT _row FROM conflicts) ORDER BY _row, _part"
    )
    names = ", ".join(quoted(c.name) for c in columns.stored)
    warehouse.execute(f"INSERT INTO {table.name} BY NAME SELECT {names}, known_at, '{batch_id}' AS batch_id FROM fresh")
    _supersede(warehouse, table)
    new = warehouse.scalar("SELECT count(DISTINCT _row) FROM fresh")
    other = "FROM verdicts WHERE _row NOT IN (SELECT _row FROM fresh UNION ALL SELECT _row FROM conflicts)"
    return new, warehouse.scalar(f"SELECT count(DISTINCT _row) {other}")


def _store_events(warehouse: Warehouse, table: Table, columns: Columns, batch_id: str) -> int:
    """Each different row once; the first one stays, known from the earliest time that a source says for it.

    Rows of one lead are stored side by side, which reads faster.
    """
    names = [c.name for c in columns.stored]
    warehouse.execute(
        f"""UPDATE {table.name} s SET known_at = g.known_at FROM good g
        WHERE {_same("g", "s", names)} AND g._clock <> 'load' AND g.known_at < s.known_at"""
    )
    found = warehouse.scalar(
        f"""INSERT INTO {table.name} BY NAME
        SELECT {", ".join(map(quoted, names))}, arg_min(known_at, _row) AS known_at, '{batch_id}' AS batch_id
        FROM good g WHERE NOT EXISTS (SELECT 1 FROM {table.name} s WHERE {_same("g", "s", names)})
        GROUP BY {", ".join(map(quoted, names))} ORDER BY lead_id, {table.occurred_at}, min(_row)"""
    )
    return int(found)


def _candidates(load: str, overwritten: tuple[str, ...]) -> str:
    """The versions that rows stand for: a backfilled row with columns that its source overwrites stands for two."""
    if not overwritten:
        return "SELECT *, 1 AS _part FROM good"
    unknown = ", ".join(f"NULL AS {quoted(n)}" for n in overwritten)
    return f"""SELECT *, 1 AS _part FROM good WHERE _clock <> 'event'
        UNION ALL BY NAME
        SELECT * REPLACE ({unknown}), 1 AS _part FROM good WHERE _clock = 'event' AND known_at < {load}
        UNION ALL BY NAME
        SELECT * REPLACE ({load} AS known_at, 'load' AS _clock), 2 AS _part FROM good WHERE _clock = 'event'"""


def _verdicts(table: Table, columns: Columns, load: str, overwritten: tuple[str, ...]) -> str:
    """For each candidate: `conflict`, a reason or NULL, and whether it is new.

    s: stored with its known_at; f: the batch's first with its known_at; v: stored and in force at the load.
    """
    content = [c.name for c in columns.stored if c.name not in table.key]
    keys = ", ".join(map(quoted, table.key))
    nothing_learned = " AND ".join(["c._part = 2", *(f"c.{quoted(n)} IS NULL" for n in overwritten)])
    wrong = f"""'{table.key[0]}: expected one content known at ' || c.known_at
        || ', got different content on line ' || c._line || ' of ' || c._file"""
    return f"""WITH twice AS (
            SELECT {keys}, known_at, min(_row) AS _first FROM candidates GROUP BY ALL HAVING count(*) > 1)
        SELECT c._row, c._part, c.known_at,
            CASE WHEN s.known_at IS NOT NULL AND NOT ({_same("c", "s", content)})
                THEN {wrong} || ' and in batch ' || s.batch_id
                WHEN s.known_at IS NULL AND f._row <> c._row AND NOT ({_same("c", "f", content)})
                THEN {wrong} || ' and on line ' || f._line || ' of ' || f._file END AS conflict,
            s.known_at IS NULL AND coalesce(f._row = c._row, TRUE) AND NOT coalesce(
                CASE WHEN v.known_at IS NULL THEN {nothing_learned} ELSE {_same("c", "v", content)} END, FALSE)
            AS is_new
        FROM candidates c
        LEFT JOIN {table.name} s ON {_same("c", "s", table.key)} AND s.known_at = c.known_at
        LEFT JOIN twice t ON {_same("c", "t", table.key)} AND t.known_at = c.known_at
        LEFT JOIN candidates f ON f._row = t._first AND f.known_at = c.known_at
        LEFT JOIN {table.name} v ON {_same("c", "v", table.key)} AND c._clock = 'load' AND v.known_at <= {load}
            AND (v.superseded_at IS NULL OR v.superseded_at > {load})"""


def _supersede(warehouse: Warehouse, table: Table) -> None:
    """Let every version of the keys that got a new one end where the next begins."""
    keys = ", ".join(map(quoted, table.key))
    warehouse.execute(
        f"""UPDATE {table.name} t SET superseded_at = n.next_at FROM (
            SELECT e.rowid AS id, lead(known_at) OVER (PARTITION BY {keys} ORDER BY known_at) AS next_at
            FROM {table.name} e SEMI JOIN (
                SELECT {keys} FROM {table.name} a SEMI JOIN fresh b ON {_same("a", "b", table.key)}
                GROUP BY ALL HAVING count(*) > 1) k ON {_same("e", "k", table.key)}) n
        WHERE t.rowid = n.id AND t.superseded_at IS DISTINCT FROM n.next_at"""
    )


def _same(left: str, right: str, names: list[str] | tuple[str, ...]) -> str:
    """Equality where an unknown equals an unknown."""
    return " AND ".join(f"{left}.{quoted(n)} IS NOT DISTINCT FROM {right}.{quoted(n)}" for n in names) or "TRUE"
