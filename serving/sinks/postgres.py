"""How do scores get into PostgreSQL? As a new partition that takes the old one's place in one transaction.

Nothing is sent before the warehouse has the publication: `finish` compares what the server has with the newest one and
brings it there, so that a server that was away, or a run that was killed, is made up for by whoever finishes next.
Tables and view stay what they are, with the grants and the views that others put on them; only their rows change.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple

from data.errors import ConfigError, LeadreadyError
from data.intake.databases import without_password
from data.intake.quarantine import VALUE
from data.postgres import Postgres, Refuse, connected
from data.settings import PostgresTarget, from_environment, read_settings
from data.sql import literal, quoted
from data.tables import FAILURES, SCORES, ColumnType
from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.outgoing import OUTGOING, TELLING, outgoing_sql
from serving.publication import Publication

log = logging.getLogger(__name__)

ELSEWHERE = True
"""What it writes to may be away while the workspace is whole."""
TYPES: dict[ColumnType, str] = {
    "text": "text",
    "time": "timestamptz",
    "number": "double precision",
    "whole": "bigint",
    "flag": "boolean",
}
KEPT = 30
"""Of so many publications, the newest ones, `changes` and `publications` have rows."""
NEWEST = "SELECT as_of, folder FROM publications ORDER BY as_of DESC LIMIT 1"
SESSION = ("SET LOCAL lock_timeout = '60s'", "SET LOCAL work_mem = '128MB'", "SET LOCAL maintenance_work_mem = '128MB'")
PARTITIONS = "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = {}::regclass"
WAIT_S = 3
PATIENTLY = """DO $$ BEGIN FOR attempt IN 1..20 LOOP
    BEGIN LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; RETURN;
    EXCEPTION WHEN lock_not_available THEN IF attempt = 20 THEN RAISE; END IF; END;
    PERFORM pg_sleep(1); END LOOP; END $$"""
"""Who reads the old rows is waited for, some seconds at a time; in between, who comes later gets in."""


class _Newest(NamedTuple):
    """The newest publication that the warehouse has; `folder` names its content."""

    as_of: datetime
    folder: str


def write(workspace: Workspace, warehouse: Warehouse, publication: Publication) -> None:  # noqa: ARG001
    """Note beside the scores what could not be scored; the server is not spoken to."""
    if not publication.settings.publish.postgres.url:
        return
    warehouse.make(FAILURES)
    held = warehouse.frame("SELECT source, table_name, reason AS why, count(*) AS rows FROM quarantine GROUP BY ALL")
    held["why"] = held["why"].str.replace(VALUE, " got a value that is not shown", regex=True)
    with warehouse.view("held_rows", held):
        warehouse.execute("DELETE FROM failures")
        warehouse.execute(
            """INSERT INTO failures SELECT $1, 'quarantined', source, table_name, why, sum(rows) FROM held_rows
            GROUP BY ALL ORDER BY ALL""",
            [publication.as_of],
        )
    for why, leads in publication.beside.closed.items() if publication.beside else ():
        values = [publication.as_of, "not scored", "", "leads", why, leads]
        warehouse.execute("INSERT INTO failures VALUES ($1, $2, $3, $4, $5, $6)", values)


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Bring the server to the newest publication, unless it has it.

    Raises ConfigError where it cannot be reached or refuses; then it has what it had.
    """
    target = read_settings(workspace.settings).publish.postgres
    newest = warehouse.rows(NEWEST) if target.url else []
    if newest:
        warehouse.make(FAILURES)
        with _session(workspace, target) as session:
            _publish(session, warehouse, target.schema_, _Newest(*newest[0]))


def forget(workspace: Workspace, leads: Sequence[str]) -> int:
    """Delete the rows of these leads on the server; how many. Raises as `finish`."""
    target = read_settings(workspace.settings).publish.postgres
    if not target.url:
        return 0
    ids, count = ", ".join(map(literal, leads)), 0
    with _session(workspace, target) as session:
        for name in ("scores", "changes"):
            table = _named(target.schema_, name)
            if session.scalar(f"SELECT to_regclass({literal(table)})::text"):
                gone = f"WITH gone AS (DELETE FROM {table} WHERE lead_id IN ({ids}) RETURNING 1)"
                count += session.scalar(f"{gone} SELECT count(*) FROM gone")
        session.commit()
    return count


def _session(workspace: Workspace, target: PostgresTarget) -> AbstractContextManager[Postgres]:
    url = from_environment("[publish.postgres], url", target.url)
    return connected(url, _refuse(url, workspace), target.silence_s)


def _refuse(url: str, workspace: Workspace) -> Refuse:
    """The error of a server that is away or refuses."""
    do = "put this right and run `leadready publish`, or let the next scoring do it"

    def refused(got: str) -> LeadreadyError:
        where = f"{got} (the files in {workspace.exports} and the page are complete)"
        what, expected = f"publishing to {without_password(url)}", "a PostgreSQL server that takes the scores"
        return ConfigError(what, expected=expected, got=where, do=do)

    return refused


def _publish(session: Postgres, warehouse: Warehouse, schema: str, newest: _Newest) -> None:
    scores, lock = _named(schema, "scores"), literal(f"leadready {schema}")
    session.run(*SESSION)
    session.rows(f"SELECT pg_advisory_xact_lock(hashtext({lock}))::text")
    _make(session, schema)
    published = _named(schema, "publications")
    same = f"as_of = {_moment(newest)} AND folder = {literal(newest.folder)}"
    there = session.rows(f"SELECT publication, {same} FROM {published} ORDER BY publication DESC LIMIT 1")
    last, is_there = there[0] if there else (0, False)
    old = [name for (name,) in session.rows(PARTITIONS.format(literal(scores)))]
    if is_there and old:
        return
    number = last + 1
    made = f"scores_{number}_{newest.folder[-8:]}"
    _fill(session, warehouse, schema, made, newest)
    _tell_changes(session, schema, made, number, newest)
    _swap(session, schema, made, old, newest)
    _note(session, warehouse, schema, number, newest)
    session.commit()
    log.info("PostgreSQL has the scores as of %s UTC, publication %d of %s", newest.as_of, number, schema)


def _make(session: Postgres, schema: str) -> None:
    """Make what is absent: schema, tables, the columns that an older leadready did not know, and the view."""
    if not session.rows(f"SELECT 1 FROM pg_namespace WHERE nspname = {literal(schema)}"):
        session.run(f"CREATE SCHEMA {quoted(schema)}")
    in_schema = f"SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = {literal(schema)}"
    there = set(session.rows(in_schema))
    scores, changes, failures, publications, latest = (
        _named(schema, n) for n in ("scores", "changes", "failures", "publications", "latest_scores")
    )
    columns = {c.name: f"{c.name} {TYPES[c.type]}" for c in SCORES.columns}
    of_failures = ", ".join(f"{c.name} {TYPES[c.type]}" for c in FAILURES.columns)
    counts = ", ".join(f"{word} bigint" for word in ("leads", "new", "changed", "gone"))
    tables = {
        "scores": f"""CREATE TABLE {scores} ({", ".join(columns.values())}, PRIMARY KEY (lead_id, as_of))
            PARTITION BY LIST (as_of)""",
        "changes": f"""CREATE TABLE {changes} (publication bigint, lead_id text, as_of timestamptz, change text,
            changed text, score_percent_before integer, zone_before text, route_before text,
            PRIMARY KEY (publication, lead_id))""",
        "failures": f"CREATE TABLE {failures} ({of_failures})",
        "publications": f"""CREATE TABLE {publications} (publication bigint PRIMARY KEY, as_of timestamptz NOT NULL,
            folder text NOT NULL, {counts})""",
    }
    absent = [name for name in tables if name not in {table for table, _ in there}]
    session.run(*(tables[name] for name in absent))
    if "scores" in absent:
        session.run(f"CREATE INDEX ON {scores} (route, probability DESC)")
    else:
        new = [sql for name, sql in columns.items() if ("scores", name) not in there]
        session.run(*(f"ALTER TABLE {scores} ADD COLUMN {sql}" for sql in new))
    if not {("latest_scores", name) for name in OUTGOING} <= there:
        session.run(f"CREATE OR REPLACE VIEW {latest} AS SELECT {outgoing_sql()} FROM {scores}")


def _fill(session: Postgres, warehouse: Warehouse, schema: str, made: str, newest: _Newest) -> None:
    """A table with the scores, their key and indexes; nobody sees it yet."""
    table = _named(schema, made)
    session.run(
        f"CREATE TABLE {table} (LIKE {_named(schema, 'scores')})",
        f"ALTER TABLE {table} ADD CHECK (as_of = {_moment(newest)})",  # so that attaching it reads no row
    )
    columns = [f"timezone('UTC', {c.name}) AS {c.name}" if c.type == "time" else c.name for c in SCORES.columns]
    stored = f"SELECT {', '.join(columns)} FROM scores WHERE as_of = $1"
    with warehouse.batches(stored, [newest.as_of]) as rows:
        session.load(schema, made, rows)
    session.run(
        f"ALTER TABLE {table} ADD PRIMARY KEY (lead_id, as_of)",
        f"CREATE INDEX ON {table} (route, probability DESC)",
        f"ANALYZE {table}",
    )


def _tell_changes(session: Postgres, schema: str, made: str, number: int, newest: _Newest) -> None:
    """Note which leads are new, changed or gone since what is still there."""
    before, now = (f"(SELECT {outgoing_sql()} FROM {_named(schema, name)})" for name in ("scores", made))
    differs = {name: f"n.{name} IS DISTINCT FROM o.{name}" for name in TELLING}
    named = ", ".join(f"CASE WHEN {sql} THEN '{name}' END" for name, sql in differs.items())
    one_alone = "n.lead_id IS NULL OR o.lead_id IS NULL"
    session.run(
        f"""INSERT INTO {_named(schema, "changes")} SELECT {number}, lead_id, {_moment(newest)},
            CASE WHEN o.lead_id IS NULL THEN 'new' WHEN n.lead_id IS NULL THEN 'gone' ELSE 'changed' END,
            CASE WHEN NOT ({one_alone}) THEN concat_ws(', ', {named}) END,
            o.score_percent, o.zone, o.route
        FROM {now} n FULL JOIN {before} o USING (lead_id) WHERE {one_alone} OR {" OR ".join(differs.values())}"""
    )


def _swap(session: Postgres, schema: str, made: str, old: Sequence[str], newest: _Newest) -> None:
    """Let the new table take the old one's place as soon as nobody reads that."""
    scores = _named(schema, "scores")
    session.run(f"SET LOCAL lock_timeout = '{WAIT_S}s'", PATIENTLY.format(scores))
    session.run(
        *(f"DROP TABLE {_named(schema, name)}" for name in old),
        f"ALTER TABLE {scores} ATTACH PARTITION {_named(schema, made)} FOR VALUES IN ({_moment(newest)})",
    )


def _note(session: Postgres, warehouse: Warehouse, schema: str, number: int, newest: _Newest) -> None:
    """Note the publication and what could not be scored, and drop what is too old."""
    changes, failures, published = (_named(schema, name) for name in ("changes", "failures", "publications"))
    counts = ", ".join(f"count(*) FILTER (WHERE change = '{word}')" for word in ("new", "changed", "gone"))
    leads = f"(SELECT count(*) FROM {_named(schema, 'scores')})"
    session.run(
        f"""INSERT INTO {published} SELECT {number}, {_moment(newest)}, {literal(newest.folder)}, {leads}, {counts}
        FROM {changes} WHERE publication = {number}""",
        *(f"DELETE FROM {table} WHERE publication <= {number - KEPT}" for table in (changes, published)),
        f"DELETE FROM {failures}",
    )
    with warehouse.batches("SELECT * REPLACE (timezone('UTC', as_of) AS as_of) FROM failures") as rows:
        session.load(schema, "failures", rows)


def _moment(newest: _Newest) -> str:
    return f"'{newest.as_of.isoformat(sep=' ')}+00'::timestamptz"


def _named(schema: str, name: str) -> str:
    return f"{quoted(schema)}.{quoted(name)}"
