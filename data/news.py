"""What came to be known between two moments? Each row of it by kind, and the same news arriving one kind at a time.

A snapshot sees a row from its `known_at` on. So the news of a day are taken apart by letting them arrive once more, in
temporary tables and within the last microseconds before `until`: first what is about the time before `since`, then new
touches, and so on. A snapshot between two kinds is a real one, of a world in which only the kinds so far came in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pandas as pd

from data.permission import LEADS
from data.sql import in_force, literal, quoted
from data.tables import TABLES, Table
from data.warehouse import Warehouse

CORRECTED, TRAITS, SALES = "corrected", "traits", "sales"
KINDS = (CORRECTED, "touches", "answers", TRAITS, SALES)
"""The kinds of news, in the order in which they arrive; `answers` are calls too."""
KIND_OF = {"touches": "touches", "calls": "answers", "answers": "answers", "leads": TRAITS, "accounts": TRAITS}
"""The kind of a table's news; of the others' it is SALES."""
OF_NOW = ("leads", "accounts", "opportunities")
"""Tables whose new versions say what is so now, and correct nothing."""
BY_LEAD = ("touches", "answers")
"""Tables of which only the rows of the leads looked at, and of their colleagues, are needed."""
STEP = timedelta(microseconds=1)
WHAT = {
    "touches": "{kind}",
    "calls": "concat_ws(' ', 'call', '(' || e.disposition || ')')",
    "answers": "concat_ws(' ', e.criterion || ':', e.state, '(' || e.level || ')')",
    "handoffs": "'hand-off'",
    "decisions": "concat_ws(' ', e.decision, 'by sales', '(' || e.reason || ')')",
    "opportunities": "concat_ws(' ', 'deal', CASE WHEN e.won THEN 'won' WHEN e.won IS FALSE THEN 'lost' END)",
}
"""What an event is called, as SQL over its row `e`."""
FOUND = "lead_id, kind, how, what, happened"


@contextmanager
def arriving(warehouse: Warehouse, leads: list[str], since: datetime, until: datetime) -> Iterator[dict[str, datetime]]:
    """Let the news of [since, until) arrive kind by kind; gives the moment at which each kind but the last has come in.

    "" is the moment at which nothing has come in yet. After the last one the clock says `until`. Valid within the block
    for snapshots of `leads` (ids) at these moments.
    """
    moments = {name: until - (len(KINDS) - place) * STEP for place, name in enumerate(("", *KINDS[:-1]))}
    before = dict(zip(KINDS, moments.values(), strict=True))
    _note_house(warehouse, leads)
    with warehouse.shadowed({name: _arrivals(t, since, until, before) for name, t in TABLES.items()}):
        yield moments
    warehouse.execute("DROP TABLE news_own; DROP TABLE news_leads")


def list_news(warehouse: Warehouse, leads: list[str], since: datetime, until: datetime) -> pd.DataFrame:
    """The events and traits of `leads` (ids) that are known otherwise at `until` than at `since`, by lead and time.

    Columns lead_id, kind (KINDS), how (new, late: it happened before `since`; changed, gone, merged), what (in words)
    and happened (NaT for traits). A touch that is a bot's is news only where it was taken for a person's before.
    """
    _note_house(warehouse, leads)
    parts = [_events(t, since, until) for name, t in TABLES.items() if name in WHAT]
    parts += [_traits(warehouse, TABLES[name], since, until) for name in ("leads", "accounts")]
    sql = " UNION ALL ".join(f"SELECT {FOUND} FROM ({part})" for part in parts)
    found = warehouse.frame(f"FROM ({sql}) SEMI JOIN news_own USING (lead_id) ORDER BY ALL")
    warehouse.execute("DROP TABLE news_own; DROP TABLE news_leads")
    return found


def _note_house(warehouse: Warehouse, leads: list[str]) -> None:
    """The leads as the relation `news_own`, and with all that ever shared a company with them as `news_leads`."""
    warehouse.execute("CREATE OR REPLACE TEMP TABLE news_own AS SELECT unnest($1::VARCHAR[]) AS lead_id", [leads])
    warehouse.execute("""CREATE OR REPLACE TEMP TABLE news_leads AS SELECT lead_id FROM news_own
        UNION SELECT l.lead_id FROM leads l SEMI JOIN (FROM leads SEMI JOIN news_own USING (lead_id)) o
        ON o.account_id = l.account_id""")


def _kind(table: Table, since: datetime, row: str = "e") -> str:
    kind = literal(KIND_OF.get(table.name, SALES))
    if table.name in OF_NOW:
        return kind
    return f"CASE WHEN {row}.{table.occurred_at} < {_at(since)} THEN '{CORRECTED}' ELSE {kind} END"


def _at(moment: datetime) -> str:
    return f"TIMESTAMP '{moment}'"


def _arrivals(table: Table, since: datetime, until: datetime, before: dict[str, datetime]) -> str:
    """SQL of a table's rows that are in force at either moment, the news among them known from when they arrive.

    Versions that came and went in between are left out. What a lead refused holds, whichever version said so.
    """
    start, end = _at(since), _at(until)
    cases = " ".join(f"WHEN '{kind}' THEN {_at(moment)}" for kind, moment in before.items())
    gone = f"e.superseded_at >= {start} AND e.superseded_at < {end}"
    rows = LEADS if table.name == "leads" else table.name
    only = "AND e.lead_id IN (FROM news_leads)" if table.name in BY_LEAD else ""
    new = f"e.known_at >= {start}"
    clocks = f"""CASE WHEN {new} THEN arrives ELSE e.known_at END AS known_at,
        CASE WHEN {gone} THEN arrives WHEN e.superseded_at < {end} THEN e.superseded_at END AS superseded_at"""
    if table.name in (*BY_LEAD, "calls"):  # no age below 0
        happened = f"e.{table.occurred_at}"
        clocks += f", CASE WHEN {new} THEN least({happened}, arrives) ELSE {happened} END AS {table.occurred_at}"
    return f"""SELECT * EXCLUDE (arrives) REPLACE ({clocks}) FROM (
            SELECT e.*, CASE {_kind(table, since)} {cases} END AS arrives FROM {rows} e
            WHERE e.known_at < {end} {only}) e
        WHERE NOT coalesce({new} AND e.superseded_at < {end}, false)"""


def _ends(table: Table, since: datetime, until: datetime) -> str:
    """SQL of the versions that are in force at only one of the two moments: `old_` and `new_` rows by key.

    Of an event without an id the whole row is the key.
    """
    key, end, start = [*table.key], _at(until), _at(since)
    if table.event_id:
        key.append(f"CASE WHEN e.{table.event_id} IS NULL THEN e.rowid END")
    keys = ", ".join(key)
    who = "account_id IN (SELECT account_id FROM leads SEMI JOIN news_own USING (lead_id))"
    own = who if table.name == "accounts" else "lead_id IN (FROM news_own)"
    rows = f"SELECT e.*, hash({keys}) AS of_row, {{}} AS is_new FROM {table.name} e WHERE e.{own} AND"
    new = f"{rows.format('true')} {in_force(end)} AND e.known_at >= {start}"
    old = f"{rows.format('false')} {in_force(start)} AND e.superseded_at < {end}"
    return f"""SELECT *, count(*) OVER (PARTITION BY of_row) = 2 AS paired FROM ({new} UNION ALL {old})
        QUALIFY is_new OR NOT paired"""


def _events(table: Table, since: datetime, until: datetime) -> str:
    """SQL of the news among a table's events, as FOUND. A version that says the same as before is none."""
    kind = f"({table.kind})" if table.name == "touches" else "''"
    counts = f"AND ({table.counts})" if table.kind else ""
    bots = f"AND ({kind} <> 'bot' OR paired)"
    what = WHAT[table.name].format(kind=f"CASE {kind} WHEN 'bot' THEN 'touch by a bot' ELSE {kind} END")
    late = f"""CASE WHEN e.copied_from <> e.lead_id THEN 'merged' WHEN NOT is_new THEN 'gone' WHEN paired THEN 'changed'
        WHEN {_kind(table, since)} = '{CORRECTED}' THEN 'late' ELSE 'new' END"""
    return f"""SELECT e.lead_id, {_kind(table, since)} AS kind, {late} AS how, replace({what}, '_', ' ') AS what,
        e.{table.occurred_at} AS happened FROM ({_ends(table, since, until)}) e WHERE true {counts} {bots}"""


def _traits(warehouse: Warehouse, table: Table, since: datetime, until: datetime) -> str:
    """SQL of the columns in which leads or their accounts became others, as FOUND."""
    own = (*table.key, "known_at", "superseded_at", "batch_id", "retracted_at", "copied_from")
    names = [n for n in warehouse.columns(table.name) if n not in own]
    changed = ", ".join(
        f"CASE WHEN a.{quoted(n)} IS DISTINCT FROM b.{quoted(n)} THEN {literal(n.replace('_', ' '))} END" for n in names
    )
    start, end, key = _at(since), _at(until), table.key[0]
    who = f"SELECT l.lead_id AS of, l.{key} AS id FROM leads l SEMI JOIN news_own USING (lead_id)"
    return f"""SELECT o.of AS lead_id, '{TRAITS}' AS kind, 'changed' AS how, concat_ws(', ', {changed}) AS what,
        NULL::TIMESTAMP AS happened FROM ({who} WHERE {in_force(end, "l")}) o
        JOIN {table.name} b ON b.{key} = o.id AND {in_force(end, "b")} AND b.known_at >= {start}
        JOIN {table.name} a ON a.{key} = b.{key} AND {in_force(start, "a")} WHERE concat_ws(', ', {changed}) <> ''"""
