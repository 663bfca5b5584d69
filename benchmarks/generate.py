"""How does leadready do on millions of rows? A big company of any size as canonical Parquet files, in seconds.

`python benchmarks/generate.py --leads 100000 --touches 3000000 --out DIR` writes one file a table with `known_at`.
Every value is a hash of its row's number and the seed, so the same arguments give the same rows on any number of
threads. Touches and calls lie in lead order and, within a lead, in order of time. Nothing here is meant to be
believed but the shapes: data/simulator has the company whose truth is known.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import duckdb

START, DAYS = "2025-01-06", 365
SETUP = """
SET TimeZone = 'UTC';
SET enable_progress_bar = false;
SET preserve_insertion_order = true;
SET autoinstall_known_extensions = false;
CREATE MACRO u(i, salt) AS (hash(i, salt, {seed}) >> 11)::DOUBLE / 9007199254740992.0;
CREATE MACRO pick(words, i, salt) AS words[1 + floor(u(i, salt) * len(words))::BIGINT];
CREATE MACRO days_on(t, d) AS t + to_milliseconds(floor(d * 86400000)::BIGINT);
"""
STEPS = {  # 1 to 5 leads an account; `need` moves touches, calls, answers and decisions
    "company": """
        SELECT a, row_number() OVER (ORDER BY a) - 1 AS i
        FROM (SELECT a, unnest(range(1 + (hash(a, 'size', {seed}) % 5)::BIGINT)) FROM range({leads}) r(a))
        ORDER BY i LIMIT {leads}""",
    "person": """
        SELECT i, a, printf('L%09d', i) AS lead_id, u(a, 'need') * 0.7 + u(i, 'need') * 0.3 AS need,
            days_on(TIMESTAMP '{start}', u(i, 'created') * {days} * 0.8) AS created_at,
            -- whole numbers: their sums do not depend on the order of adding
            (-1e6 * ln(1 - u(i, 'busy')) * (0.3 + need))::BIGINT AS weight,
            (-1e6 * ln(1 - u(i, 'dialled')) * (0.3 + need))::BIGINT AS call_weight
        FROM company""",
    "counted": """
        SELECT *, epoch_ms(TIMESTAMP '{start}' + INTERVAL {days} DAY) - epoch_ms(created_at) AS span_ms,
            sum(weight) OVER o / sum(weight) OVER () AS upto,
            sum(call_weight) OVER o / sum(call_weight) OVER () AS call_upto
        FROM person WINDOW o AS (ORDER BY i ROWS UNBOUNDED PRECEDING)""",
    "planned": """
        SELECT i, a, lead_id, need, created_at, span_ms,
            round(upto * {touches})::BIGINT AS last_touch,
            round(call_upto * {calls})::BIGINT AS last_call,
            last_touch - lag(last_touch, 1, 0) OVER (ORDER BY i) AS touches,
            last_call - lag(last_call, 1, 0) OVER (ORDER BY i) AS calls
        FROM counted""",
    "dialled": """
        SELECT lead_id, need, call, days_on(created_at, (n + 0.9 * u(call, 'call')) / calls * span_ms * 0.99 / 864e5)
                AS called_at,
            u(call, 'reached') < 0.05 + 0.1 * need AS reached,
            CASE WHEN reached
                THEN pick(['connected', 'connected', 'callback', 'not_interested', 'meeting_booked'], call, 'talk')
                ELSE pick(['no_answer', 'no_answer', 'voicemail', 'gatekeeper', 'busy'], call, 'missed') END
                AS disposition,
            round(CASE WHEN reached THEN 60 + 600 * u(call, 'long') ELSE 5 + 40 * u(call, 'short') END) AS duration_s
        FROM (SELECT *, unnest(range(calls)) AS n, last_call - calls + n AS call FROM planned)""",
    "handed": """
        SELECT i, lead_id, need,
            CASE WHEN u(i, 'explored') < 0.05 THEN 'exploration' ELSE 'rules' END AS route,
            days_on(created_at, (0.05 + 0.6 * u(i, 'handed')) * span_ms / 864e5) AS handed_off_at,
            days_on(handed_off_at, exp(1 + 0.9 * (u(i, 'd1') + u(i, 'd2') + u(i, 'd3') - 1.5) * 2)) AS decided_at,
            u(i, 'accepted') < 0.2 + 0.7 * need AS accepted
        FROM planned WHERE u(i, 'gate') < 0.1 + 0.25 * need""",
}
TABLES = {
    "accounts": """
        SELECT printf('A%09d', a) AS account_id,
            pick(['software', 'manufacturing', 'finance', 'healthcare', 'logistics', 'retail'], a, 'industry')
                AS industry,
            round(exp(2 + 7 * u(a, 'staff'))) AS employees, round(employees * (5e4 + 2e5 * u(a, 'revenue')), -3)
                AS annual_revenue,
            pick(['US', 'DE', 'GB', 'FR', 'NL', 'IN'], a, 'country') AS country,
            printf('Company %d', a) AS name, TIMESTAMP '{start}' AS known_at
        FROM range((SELECT max(a) + 1 FROM company)) r(a)""",
    "leads": """
        SELECT lead_id, printf('A%09d', a) AS account_id, created_at,
            pick(['website', 'paid_search', 'webinar', 'event', 'referral'], i, 'source') AS source,
            pick(['CTO', 'IT Manager', 'Head of Procurement', 'VP Operations', 'Business Analyst', 'Director of IT'],
                i, 'title') AS title,
            NULL::VARCHAR AS job_function, NULL::VARCHAR AS seniority,
            pick(['US', 'DE', 'GB', 'FR', 'NL', 'IN'], a, 'country') AS country,
            pick(['all', 'all', 'all', 'all', 'all', 'all', 'all', 'no_call', 'no_mail', 'unknown'], i, 'permission')
                AS permission,
            printf('Person %d', i) AS name, printf('person%d@example.com', i) AS email,
            printf('+00 %d', i) AS phone, created_at AS known_at
        FROM planned""",
    "touches": """
        SELECT lead_id,
            days_on(created_at, (n + 0.9 * u(touch, 'at')) / touches * span_ms * 0.99 / 864e5) AS occurred_at,
            pick(['page_view', 'page_view', 'page_view', 'page_view', 'email_open', 'email_open', 'email_open',
                'email_click', 'email_click', 'pricing_view', 'form_start', 'form_submit', 'content_download',
                'webinar_register', 'webinar_attend', 'ad_click', 'chat'], touch, 'kind') AS kind,
            CASE WHEN kind LIKE 'email%' THEN 'email' WHEN kind LIKE 'webinar%' THEN 'webinar'
                WHEN kind = 'ad_click' THEN 'ad' WHEN kind = 'chat' THEN 'chat' ELSE 'web' END AS channel,
            printf('asset_%d', floor(40 * u(touch, 'asset'))::BIGINT) AS asset, 'inbound' AS direction,
            CASE WHEN u(touch, 'marked') < 0.8 THEN u(touch, 'bot') < 0.03 END AS is_bot,
            printf('t%d', touch) AS event_id,
            CASE WHEN u(touch, 'late') < 0.03 THEN days_on(occurred_at, 0.1 + 5 * u(touch, 'delay'))
                ELSE occurred_at END AS known_at
        FROM (SELECT *, unnest(range(touches)) AS n, last_touch - touches + n AS touch FROM planned)""",
    "calls": """
        SELECT lead_id, called_at, printf('agent_%d', 1 + floor(40 * u(call, 'agent'))::BIGINT) AS agent_id,
            'qualification' AS purpose, disposition, duration_s,
            CASE WHEN reached THEN 'Spoke.' END AS notes, printf('c%d', call) AS call_id,
            called_at + to_seconds(duration_s::BIGINT) AS known_at
        FROM dialled""",
    "answers": """
        SELECT lead_id, called_at + to_seconds(duration_s::BIGINT) AS answered_at, criterion,
            CASE WHEN heard < 0.1 THEN 'refused' WHEN heard < 0.65 - 0.4 * need THEN 'no' ELSE 'yes' END AS state,
            CASE state WHEN 'no' THEN words[1] WHEN 'yes' THEN pick(words[2:], call, criterion) END AS level,
            'call' AS source, answered_at AS known_at
        FROM (SELECT *, u(call, criterion || ' heard') AS heard FROM dialled, (VALUES
            ('budget', ['none', 'planned', 'approved']), ('authority', ['user', 'influencer', 'decision_maker']),
            ('need', ['none', 'latent', 'active']),
            ('timeframe', ['over_12_months', 'within_12_months', 'within_6_months', 'within_90_days'])
            ) v(criterion, words) WHERE reached AND u(call, criterion || ' asked') < 0.7)
        ORDER BY call, criterion""",
    "handoffs": """
        SELECT lead_id, handed_off_at, route, (CASE route WHEN 'rules' THEN 1 ELSE 0.05 END)::DOUBLE AS propensity,
            'generated-1' AS policy_version, handed_off_at AS known_at
        FROM handed""",
    "decisions": """
        SELECT lead_id, handed_off_at, CASE WHEN accepted THEN 'accepted' ELSE 'rejected' END AS decision, decided_at,
            CASE WHEN accepted THEN 'qualified' ELSE pick(['too_early', 'no_budget', 'poor_fit'], i, 'why') END
                AS reason,
            pick(['rep_1', 'rep_2', 'rep_3', 'rep_4', 'rep_5'], i, 'rep') AS sales_rep, decided_at AS known_at
        FROM handed WHERE u(i, 'silent') >= 0.12 AND {ended}""",
    "opportunities": """
        SELECT lead_id, decided_at AS opened_at, 'discovery' AS stage, round(5e4 * u(i, 'amount'), -2) AS amount,
            NULL::DOUBLE AS margin, NULL::TIMESTAMP AS closed_at, NULL::BOOLEAN AS won, decided_at AS known_at
        FROM handed WHERE u(i, 'silent') >= 0.12 AND accepted AND {ended}""",
}


def generate(out: Path, leads: int, touches: int, calls: int, seed: int = 1) -> dict[str, int]:
    """Write `<table>.parquet` for every canonical table into `out`; the rows of each."""
    ended = f"decided_at < TIMESTAMP '{START}' + INTERVAL {DAYS} DAY"
    sizes = {"leads": leads, "touches": touches, "calls": calls, "seed": seed}
    facts = {**sizes, "start": START, "days": DAYS, "ended": ended}
    out.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(SETUP.format(**facts))
        for name, query in STEPS.items():
            connection.execute(f"CREATE TEMP TABLE {name} AS {query.format(**facts)}")
        return {
            name: _written(connection, query.format(**facts), out / f"{name}.parquet") for name, query in TABLES.items()
        }


def _written(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    target = str(path).replace("'", "''")
    row = connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)").fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--touches", type=int, default=3_000_000)
    parser.add_argument("--calls", type=int, help="a sixth of the touches by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    given, begun = parser.parse_args(), time.perf_counter()
    calls = given.touches // 6 if given.calls is None else given.calls
    for name, rows in generate(given.out, given.leads, given.touches, calls, given.seed).items():
        print(f"{name:<14} {rows:>12,}")
    print(f"{time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main()
