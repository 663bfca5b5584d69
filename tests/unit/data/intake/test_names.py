"""Columns of sources: whatever they are called, they are stored, and every command still works."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.agreement.file import default_agreement
from data.cohorts import handed_off, open_leads
from data.intake.ingest import ingest
from data.intake.names import column_name
from data.tables import ACCOUNTS, LEADS, REPORT_TABLES, SCORES, TABLES
from data.warehouse import VERSION_COLUMNS, Warehouse
from data.workspace import Workspace
from features.matrix import build_matrix
from features.rules.points import STANDING
from features.rules.standing import build_lines
from serving.pages.report.report import write_report
from serving.scoring import score_leads

pytestmark = pytest.mark.slow

LOAD = datetime(2026, 2, 1)
NOW = datetime(2026, 2, 2)
INSIDE = """handoff refused_at anchor as_of zone y rid house place range row_id at qualified_at employees_band
    known given
    size repeats turn born moment unsubscribed label target index level_0 y_pred e l a t g h r s seen closed deal"""
WORDS = """select from where group order by limit null true false table column user current_date case when end join
    all any array as asc desc distinct in into is like not on or over primary union using window with qualify"""
HARD = """a"b a'b a.b lead.a account.a [a] {a} (a) a;b a--b /*a*/ $1 $as_of %s ? a\\b 1st 007 - * # @ a,b null NaN None
    <b>
    &amp; :a
    a:b a=b a|b `a` ~ ^ ! a/b .. 😀 ünï 名前 שם الاسم \u202ertl \uff21 e\u0301 é ß ẞ İ \u0131 \u212a a\u200bb"""
SPACED = (
    *("a b", " a", "a\tb", "a\nb", "a\u00a0b", "\N{ZERO WIDTH JOINER}x", "x" * 300, "fresh need", "fact of title"),
    *("digital milli", "answer need", "given lead_id", "as of", "Lead Id", "lead id ", "select *"),
    *(a + b for a in ("q", "9", "É", '"', "'", "[", ".") for b in ("", "1", " 2", ".3", '"', "]", "_", "%", "$", "ö")),
    *(f"{word} {place}" for word in ("Größe", "size", "№", "∑", "€ %") for place in range(14)),
)
OURS = sorted({*(n for t in (*TABLES.values(), SCORES, *REPORT_TABLES.values()) for n in t.names), *STANDING})


def unlike(table, names):
    """Those that are no columns of the table itself, each once whatever its letter case and what cannot be seen."""
    own = {*table.names, "known_at"}
    by_case = {column_name(n, 0).lower(): n for n in names if column_name(n, 0).lower() not in own}
    return list(by_case.values())


@pytest.fixture
def warehouse():
    with Warehouse.open(None, threads=1) as warehouse:
        yield warehouse


def load(warehouse, folder, names):
    """Two leads of one account, with every name as a column of text and, on the account, of numbers."""
    leads = {"lead_id": ["L1", "L2"], "account_id": ["A1", "A1"], "created_at": ["2026-01-01"] * 2}
    extras = unlike(LEADS, names), unlike(ACCOUNTS, names)
    pq.write_table(pa.table(leads | {n: ["1", "b"] for n in extras[0]}), folder / "leads.parquet")
    pq.write_table(pa.table({"account_id": ["A1"], **{n: [1.0] for n in extras[1]}}), folder / "accounts.parquet")
    for name, columns in {
        "touches": "lead_id,occurred_at,kind\nL1,2026-01-02,chat\n",
        "calls": "lead_id,called_at,disposition,agent_id\nL1,2026-01-03,connected,ann\n",
        "answers": "lead_id,answered_at,criterion,state\nL1,2026-01-03,need,yes\n",
        "handoffs": "lead_id,handed_off_at\nL1,2026-01-04\n",
        "decisions": "lead_id,handed_off_at,decision,decided_at,reason\nL1,2026-01-04,rejected,2026-01-04,price\n",
        "opportunities": "lead_id,opened_at,amount\nL1,2026-01-04,5\n",
    }.items():
        (folder / f"{name}.csv").write_text(columns)
    return extras, ingest(warehouse, "canonical", folder, loaded_at=LOAD, backfill=True)


@pytest.mark.parametrize(
    "names",
    [OURS, INSIDE.split(), WORDS.split(), [*HARD.split(), *SPACED]],
    ids=["ours", "inside our SQL", "SQL", "odd"],
)
def test_a_column_of_any_name_is_a_feature_and_stops_nothing(warehouse, tmp_path, names):
    """`reason`, `decision`, `handoff`, `persona` on leads, `lead_id` on accounts: each ended `score` or `report`."""
    extras, report = load(warehouse, tmp_path, names)
    assert report.quarantined == 0
    said = {n for label in (report.left_out, report.ignored) for n in label}
    kept = [{f"{t.name}.{n}" for n in warehouse.extras(t)} for t in (LEADS, ACCOUNTS)]
    for table, names_given, found in zip((LEADS, ACCOUNTS), extras, kept, strict=True):
        assert {f"{table.name}.{column_name(n, 0)}" for n in names_given} == found | {
            n for n in said if n.startswith(table.name)
        }
    agreement = default_agreement()
    index = pd.DataFrame({"lead_id": ["L1", "L2"], "as_of": pd.Timestamp(NOW)})
    matrix = build_matrix(warehouse, index, agreement)
    assert all(f"lead.{n}" in matrix for n in warehouse.extras(LEADS))
    assert all((matrix[f"account.{n}"] == 1).all() for n in warehouse.extras(ACCOUNTS))
    assert len(open_leads(warehouse, NOW, 0, ()))
    assert len(warehouse.frame(handed_off(warehouse))) == 1
    scores = score_leads(warehouse, agreement, None, NOW).scores
    assert set(scores["lead_id"]) <= {"L1", "L2"}
    build_lines(warehouse, index, [agreement])
    assert (write_report(Workspace(tmp_path / "var"), warehouse, [agreement], NOW) / "report.html").exists()


def test_columns_that_an_earlier_version_stored_under_their_own_name_are_renamed(tmp_path):
    """A workspace in which `reason` ended every report works again once it is opened."""
    path = tmp_path / "warehouse.duckdb"
    with Warehouse.open(path) as warehouse:
        warehouse.execute(
            'ALTER TABLE leads ADD COLUMN "reason" VARCHAR; ALTER TABLE accounts ADD COLUMN lead_id DOUBLE;'
            " DROP TABLE meta"
        )
    for _ in range(2):
        with Warehouse.open(path) as warehouse:
            assert (warehouse.extras(LEADS), warehouse.extras(ACCOUNTS)) == (
                {"reason": "VARCHAR"},
                {"lead_id": "DOUBLE"},
            )
            assert [*warehouse.columns("leads")] == [*LEADS.names, *VERSION_COLUMNS, "lead.reason"]
