"""What did the rules say of each lead at its moment? The agreement in force run over (lead_id, as_of) rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from data.agreement.checks import TEXT_FACTS, comparisons_of, spoken_of
from data.agreement.file import pick
from data.agreement.model import MILLI, Agreement
from data.cohorts import BY_PERSONS
from data.errors import ConfigError
from data.sql import in_force
from data.toml_errors import close
from data.warehouse import Warehouse
from features.concepts.extras import extra_columns
from features.concepts.titles import titles_sql
from features.rules.points import FACT_SQL, STANDING, lines_sql, rules_sql

ROSTER = "m_rules_roster"
RANGE_ROWS = 1_000_000
REACHED = ("automation_qualified_at", "qualified_at")
ANSWERED = """SELECT DISTINCT criterion, CASE state WHEN 'yes' THEN level END FROM answers
    WHERE state <> 'not_asked' AND superseded_at IS NULL ORDER BY ALL"""
MOMENTS = """CREATE OR REPLACE TEMP TABLE m_moments AS SELECT DISTINCT e.lead_id, e.known_at AS moment FROM (
        SELECT lead_id, known_at FROM touches WHERE is_bot IS NOT TRUE
        UNION ALL SELECT lead_id, known_at FROM answers WHERE state <> 'not_asked'
        UNION ALL SELECT lead_id, known_at FROM leads
        UNION ALL SELECT l.lead_id, a.known_at FROM leads l JOIN accounts a USING (account_id)) e
    JOIN (SELECT lead_id, min(known_at) AS born FROM leads GROUP BY lead_id) l USING (lead_id)
    WHERE e.known_at >= l.born AND e.known_at < $as_of AND e.known_at >= $first"""


def build_rules(warehouse: Warehouse, index: pd.DataFrame, agreements: list[Agreement]) -> pd.DataFrame:
    """What the rules said of each row of `index` (lead_id, as_of), each under the agreement in force at its `as_of`.

    Returns in the order of `index`: lead_id, as_of, agreement_version and the columns of STANDING. Raises ConfigError
    where no agreement was in force, or where one speaks of a column that no source brought.
    """
    return _by_agreement(warehouse, index, agreements, _standing)


def build_lines(warehouse: Warehouse, index: pd.DataFrame, agreements: list[Agreement]) -> pd.DataFrame:
    """The lines that add up to the points of each row of `index`.

    Columns lead_id, as_of, axis (digital, research), criterion, what, occurred_at, points, agreement_version.
    """
    return _by_agreement(warehouse, index, agreements, _lines)


@contextmanager
def lines_of(warehouse: Warehouse, index: pd.DataFrame, agreement: Agreement) -> Iterator[str]:
    """The lines of very many rows, a SELECT that may be asked within the block.

    Columns lead_id, axis, criterion, what, occurred_at, points; in the order of `index`, the lines of one
    row in no particular order.
    """
    with _roster(warehouse, index[["lead_id", "as_of"]].reset_index(drop=True), agreement):
        yield f"""SELECT lead_id, axis, criterion, what, occurred_at, milli / {MILLI:.1f} AS points
            FROM ({lines_sql(agreement, ROSTER)}) JOIN {ROSTER} USING (rid) ORDER BY rid"""


def first_reached(warehouse: Warehouse, agreements: list[Agreement], as_of: datetime) -> pd.DataFrame:
    """When each lead first had enough digital points, and when it was first qualified (NaT: not by `as_of`).

    Looked at right after anything of the lead, its account, its touches or its answers came to be known, one range
    of leads after another. Columns lead_id, automation_qualified_at, qualified_at.
    """
    warehouse.execute(MOMENTS, {"as_of": as_of, "first": agreements[0].effective_from})
    ranges = 1 + warehouse.scalar("SELECT count(*) FROM m_moments") // RANGE_ROWS
    parts = []
    for number in range(ranges):
        index = warehouse.frame(f"""SELECT lead_id, moment + INTERVAL 1 MICROSECOND AS as_of FROM m_moments
            WHERE hash(lead_id) % {ranges} = {number} ORDER BY ALL""")
        parts.append(_by_agreement(warehouse, index, agreements, _reached).groupby("lead_id")[[*REACHED]].min())
    warehouse.execute("DROP TABLE m_moments")
    leads = warehouse.frame("SELECT DISTINCT lead_id FROM leads WHERE known_at < $1 ORDER BY lead_id", [as_of])
    return leads.join(pd.concat(parts), on="lead_id")


def find_reheated(warehouse: Warehouse, agreement: Agreement, as_of: datetime) -> set[str]:
    """Leads that were hot, went quiet for long enough and show new signs at `as_of` (the agreement's [reheat])."""
    wish = agreement.reheat
    quiet_from = as_of - timedelta(days=wish.new_days + wish.quiet_days)
    back = warehouse.frame(
        f"""SELECT e.lead_id FROM touches e JOIN leads l ON l.lead_id = e.lead_id AND {in_force("$quiet_from", "l")}
        WHERE {in_force("$as_of")} AND {BY_PERSONS}
        AND e.kind <> 'unsubscribe' GROUP BY e.lead_id HAVING max(e.occurred_at) > $new_from
        AND bool_or(e.occurred_at <= $quiet_from)
        AND count(*) FILTER (e.occurred_at > $quiet_from AND e.occurred_at <= $new_from) = 0 ORDER BY e.lead_id""",
        {"as_of": as_of, "quiet_from": quiet_from, "new_from": as_of - timedelta(days=wish.new_days)},
    )
    before = _under(warehouse, back.assign(as_of=pd.Timestamp(quiet_from)), agreement, _standing)
    return set(before.loc[before["digital_points"] >= wish.hot, "lead_id"])


def find_unseen(warehouse: Warehouse, agreement: Agreement) -> list[str]:
    """What the agreement speaks of and no lead or answer has, and what answers say that it does not speak of.

    Either is perhaps misspelt. Nothing without leads; levels only of criteria that were answered with yes.
    """
    if not warehouse.scalar("SELECT count(*) FROM leads"):
        return []
    compared: dict[str, set[str]] = {}
    for comparison in comparisons_of(agreement):
        if comparison.name in TEXT_FACTS and comparison.operator in ("=", "in"):
            compared.setdefault(comparison.name, set()).update(v.lower() for v in comparison.values)
    said = {f"lead has {name}": (values, _seen_facts(warehouse, name)) for name, values in compared.items()}
    answered: dict[str, set[str]] = {}
    for name, level in warehouse.rows(ANSWERED):
        answered.setdefault(name, set()).update([level] if level else [])
    criteria = agreement.answer_names()
    said["answer is called"] = (set(criteria), {*answered})
    if answered:
        said["criterion of the agreement takes the answer"] = ({*answered}, {*criteria, *agreement.drop})
    for name in sorted(answered.keys() & criteria.keys()):
        if levels := set(agreement.criteria[criteria[name]].levels):
            said[f"answer about {name} has the level"] = (levels if answered[name] else set(), answered[name])
            said[f"level of {name} in the agreement is"] = (answered[name], levels)
    columns = {name for name in spoken_of(agreement) if "." in name}
    said["source brought a column"] = (columns, extra_columns(warehouse))
    rows = ((what, word, seen) for what, (words, seen) in said.items() for word in sorted(words - seen))
    return [f"no {what} {word}: {_instead(word, seen)}" for what, word, seen in rows]


def _instead(word: str, seen: set[str]) -> str:
    near = close(word, seen)
    return f"try {near[0]}" if near else f"there are {', '.join(sorted(seen)[:8]) or 'none yet'}"


def _seen_facts(warehouse: Warehouse, name: str) -> set[str]:
    rows = warehouse.rows(f"""SELECT DISTINCT lower(({FACT_SQL[name]})::VARCHAR) FROM leads l LEFT JOIN accounts a
        USING (account_id) LEFT JOIN ({titles_sql("leads")}) t ON t.title = l.title""")
    return {value for (value,) in rows if value is not None}


def _standing(agreement: Agreement) -> str:
    return f"SELECT rid, {', '.join(STANDING)} FROM ({rules_sql(agreement, ROSTER)}) ORDER BY rid"


def _lines(agreement: Agreement) -> str:
    return f"""SELECT rid, axis, criterion, what, occurred_at, milli / {MILLI:.1f} AS points
        FROM ({lines_sql(agreement, ROSTER)}) ORDER BY rid, axis, criterion, occurred_at, what, milli"""


def _reached(agreement: Agreement) -> str:
    enough = f"digital_points >= {agreement.zones.digital[0]!r}" if agreement.zones.digital else "false"
    names = zip(REACHED, (enough, "zone = 'qualified'"), strict=True)
    reached = ", ".join(f"CASE WHEN {holds} THEN r.as_of END AS {name}" for name, holds in names)
    return f"SELECT rid, {reached} FROM ({rules_sql(agreement, ROSTER)}) JOIN {ROSTER} r USING (rid) ORDER BY rid"


def _by_agreement(
    warehouse: Warehouse, index: pd.DataFrame, agreements: list[Agreement], sql_of: Callable[[Agreement], str]
) -> pd.DataFrame:
    rows = index[["lead_id", "as_of"]].reset_index(drop=True)
    if len(rows):
        pick(agreements, rows["as_of"].min())
    begins = np.array([a.effective_from for a in agreements], dtype="datetime64[us]")
    place = np.searchsorted(begins, rows["as_of"].to_numpy("datetime64[us]"), side="right") - 1
    used = np.unique(place) if len(rows) else np.array([-1])
    parts = [_under(warehouse, rows[place == i], agreements[i], sql_of) for i in used]
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def _under(
    warehouse: Warehouse, rows: pd.DataFrame, agreement: Agreement, sql_of: Callable[[Agreement], str]
) -> pd.DataFrame:
    """The rows (lead_id, as_of) with what the query says of them under one agreement."""
    with _roster(warehouse, rows, agreement):
        found = warehouse.frame(sql_of(agreement)).assign(agreement_version=agreement.version)
    return rows.join(found.set_index("rid"), how="inner")


@contextmanager
def _roster(warehouse: Warehouse, rows: pd.DataFrame, agreement: Agreement) -> Iterator[None]:
    """Let the rows (lead_id, as_of) be the table ROSTER, by their index; ConfigError where the agreement speaks of a
    column that no source brought."""
    brought = extra_columns(warehouse)
    for name in sorted({name for name in spoken_of(agreement) if "." in name} - brought):
        raise ConfigError(
            f"applying agreement {agreement.version}",
            expected="columns that a source brought",
            got=name,
            do=f"use one of {', '.join(sorted(brought))}" if brought else "ingest a source that has it first",
        )
    with warehouse.view("m_index", rows.rename_axis("rid").reset_index()):
        typed = "rid, lead_id::VARCHAR AS lead_id, as_of::TIMESTAMP AS as_of"
        warehouse.execute(f"CREATE OR REPLACE TEMP TABLE {ROSTER} AS SELECT {typed} FROM m_index")
    try:
        yield
    finally:
        warehouse.execute(f"DROP TABLE {ROSTER}")
