"""One absurd number in a file: it is held back with its row, and nobody else is stopped by it."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.intake.ingest import ingest, quarantined
from data.tables import TABLES
from data.warehouse import Warehouse
from data.workspace import Workspace
from features.matrix import build_matrix
from serving.pages.report.report import write_report
from serving.scoring import score_leads

pytestmark = pytest.mark.slow

NOW = datetime(2026, 2, 2)
FILES = {
    "accounts": "account_id,employees,annual_revenue,rank\nA1,10,5,1\n",
    "leads": "lead_id,account_id,created_at,visits\nL1,A1,2026-01-01,3\nL2,A1,2026-01-01,4\nL3,A1,2026-01-01,5\n",
    "calls": "lead_id,called_at,duration_s,disposition\nL1,2026-01-02,60,connected\n",
    "handoffs": "lead_id,handed_off_at,propensity\nL1,2026-01-04,1\n",
    "opportunities": "lead_id,opened_at,amount,margin,won\nL1,2026-01-04,5,5,true\n",
}
ROWS = {
    "calls": "L2,2026-01-02,{},connected",
    "accounts": "A2,{0},{0},1",
    "handoffs": "L2,2026-01-04,{}",
    "opportunities": "L2,2026-01-04,{0},{0},true",
    "leads": "L9,A1,2026-01-01,{}",
}
ABSURD = ("9.3e15", "-9.3e15", "1e19", "1e300", "-1e300", "1e400", "9223372036854775808")
WORDS = ("inf", "-inf")
"""No numbers: an extra column stores them as missing and the report says so."""


def load(warehouse, folder, files):
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return ingest(warehouse, "canonical", folder, loaded_at=datetime(2026, 2, 1), backfill=True)


def use(warehouse, folder):
    """Features, scores and the report of all leads."""
    leads = warehouse.frame("SELECT DISTINCT lead_id FROM leads ORDER BY lead_id")
    matrix = build_matrix(warehouse, leads.assign(as_of=pd.Timestamp(NOW)), default_agreement())
    scores = score_leads(warehouse, default_agreement(), None, NOW).scores
    write_report(Workspace(folder / "var"), warehouse, [default_agreement()], NOW)
    return matrix, scores


@pytest.mark.parametrize("table", ROWS)
def test_an_absurd_number_is_held_back(table, tmp_path):
    with Warehouse.open(None, threads=1) as warehouse:
        load(warehouse, tmp_path, FILES)
        header = FILES[table].split("\n")[0]
        given = ABSURD if table == "leads" else (*ABSURD, *WORDS)
        bad = "\n".join([header, *(ROWS[table].format(number) for number in given)])
        report = load(warehouse, tmp_path, FILES | {table: bad})
        assert (report.tables[table].stored, report.tables[table].quarantined) == (0, len(given))
        assert len(quarantined(warehouse)) == len(given)
        _, scores = use(warehouse, tmp_path)
    assert "L2" in set(scores["lead_id"])


def test_the_largest_numbers_that_pass_stop_nobody(tmp_path):
    most = {c.name: c.most for t in TABLES.values() for c in t.columns if c.type == "number"}
    assert None not in most.values()
    edge = {
        "accounts": "account_id,employees,annual_revenue,rank\n"
        f"A1,{most['employees']},{most['annual_revenue']},-1e15\n",
        "leads": FILES["leads"].replace("A1,2026-01-01,3", "A1,2026-01-01,1e15"),
        "calls": "lead_id,called_at,duration_s\n"
        + "".join(f"L{1 + i % 3},2026-01-0{1 + i // 3},{most['duration_s']}\n" for i in range(24)),
        "opportunities": "lead_id,opened_at,amount,margin,won\n"
        + "".join(f"L{i},2026-01-04,{most['amount']},-{most['margin']},true\n" for i in (1, 3)),
    }
    with Warehouse.open(None, threads=1) as warehouse:
        assert load(warehouse, tmp_path, FILES | edge).quarantined == 0
        matrix, scores = use(warehouse, tmp_path)
    assert len(matrix) == 3
    assert len(scores)
