"""The ways back as they are typed: what each says and leaves, and that a forgotten person is nowhere any more."""

import json
from datetime import datetime

import pandas as pd
import pytest
from typer.testing import CliRunner

from data.agreement.file import default_agreement
from data.errors import LeadreadyError, ModelError
from data.intake.ingest import ingest
from data.opened import open_workspace
from data.workspace import Workspace
from features.catalogue import build_catalogue
from models.registry.client import LoadedModel, Registry
from pipelines.cli import app
from pipelines.jobs.report import report_on
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from serving.scoring import used_features

AS_OF = datetime(2026, 2, 20)
LOADED_AT = datetime(2026, 2, 1)
PERSON, TWIN = "LEAD-of-erased", "LEAD-twin-erased"
PLANTED = (PERSON, TWIN, "gone@erased.example", "+49 30 555 0199", "Erased Person")
LEADS = f"""lead_id,account_id,created_at,title,name,email,phone,Stage
{PERSON},A1,2026-01-01,Buyer,Erased Person,gone@erased.example,+49 30 555 0199,hot
{TWIN},A1,2026-01-02,Buyer,Erased Person,,,hot
L1,A1,2026-01-01,CEO,Another,other@kept.example,,cold
L2,A2,2026-01-03,CFO,,,,
"""
FILES = {
    "accounts": "account_id,industry\nA1,retail\nA2,retail\n",
    "leads": LEADS,
    "touches": f"lead_id,occurred_at,kind\n{PERSON},2026-01-05,email_click\nL1,2026-01-05,chat\n{PERSON},soon,chat\n",
    "calls": f"lead_id,called_at,disposition,notes\n{PERSON},2026-01-06,connected,spoke to Erased Person\n"
    "L1,2026-13-06,busy,gone@erased.example wrote\nL2,2026-13-06,busy,\n"
    f"L1,too,many,fields,of {PERSON}\nL1,too,many,fields,here\n",
    "handoffs": f"lead_id,handed_off_at\n{TWIN},2026-01-10\nL1,2026-01-10\n",
    "decisions": f"lead_id,handed_off_at,decision,decided_at\n{TWIN},2026-01-10,rejected,2026-01-11\n",
}


def typed(root, *words):
    """The exit code and what is printed as JSON, or the error."""
    done = CliRunner().invoke(app, [*words, "-w", str(root), "--json"])
    if isinstance(done.exception, LeadreadyError):
        return done.exception.exit_code, str(done.exception)
    assert done.exit_code == 0, done.output
    return 0, json.loads(done.stdout)


def load(root, folder, loaded_at=LOADED_AT, **files):
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    with open_workspace(root).warehouse() as warehouse:
        return ingest(warehouse, "canonical", folder, loaded_at=loaded_at, backfill=True)


@pytest.fixture
def root(tmp_path):
    """A workspace with two leads of one person, scored, reported on and tested on."""
    root = tmp_path / "var"
    init_workspace(Workspace(root))
    load(root, tmp_path / "files", **FILES)
    return root


def holding(root, *texts):
    """The files below a folder that hold one of these texts."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return {p.relative_to(root).parts[0] for p in files if any(t.encode() in p.read_bytes() for t in texts)}


@pytest.mark.slow
def test_a_forgotten_person_is_nowhere(root, tmp_path):
    opened = open_workspace(root)
    score_open_leads(opened, AS_OF)
    assert typed(root, "merge", TWIN, "--into", PERSON)[0] == 0
    report_on(opened, AS_OF)
    tested = pd.DataFrame({"lead_id": [TWIN, "L1"], "y": [0, 1]})
    Registry(opened.workspace).log_report("backtest", "b", {}, {}, {"holdout": tested}, {})
    assert {"exports", "warehouse.duckdb", "reports", "artifacts"} <= holding(root, *PLANTED)
    code, receipt = typed(root, "forget", f" {PERSON}")
    assert (code, receipt["changed"]) == (0, True)
    expected = {
        "leads": 2,
        "scores": 1,
        "touches": 1,
        "calls": 1,
        "handoffs": 2,
        "decisions": 2,
        "quarantine": 3,
        "exports": 1,
    }
    assert {name: receipt["rows"][name] for name in (*expected, "artifacts")} == expected | {"artifacts": 2}
    assert holding(root, *PLANTED) == set()
    assert {"exports", "warehouse.duckdb", "reports", "artifacts"} <= holding(root, "L1")
    assert len(pd.read_parquet(root / "exports" / "2026-02-20" / "scores.parquet")) == 2
    with opened.warehouse() as warehouse:
        assert warehouse.rows("SELECT lead_id FROM leads ORDER BY 1") == [("L1",), ("L2",)]
        assert warehouse.scalar("SELECT count(*) FROM quarantine") == 2
    again = load(root, tmp_path / "again", datetime(2026, 3, 1), **FILES)
    forgotten = {"accounts": 0, "leads": 2, "touches": 2, "calls": 2, "handoffs": 1, "decisions": 1}
    assert {name: count.forgotten for name, count in again.tables.items()} == forgotten
    assert holding(root, PERSON, TWIN) == set()
    assert typed(root, "forget", PERSON)[1]["changed"] is False


def test_a_column_is_dropped_everywhere_and_does_not_come_back(root, tmp_path):
    load(root, tmp_path / "bad", leads="lead_id,created_at,stage\nL7,never,sensitive-word\n")
    assert "warehouse.duckdb" in holding(root, "sensitive-word")
    code, done = typed(root, "drop-column", "leads", "stage")
    assert (code, done["rows"]) == (0, {"leads": 3, "quarantine": 1})
    assert holding(root, "sensitive-word") == set()
    assert typed(root, "drop-column", "leads", "Stage")[1]["changed"] is False
    report = load(root, tmp_path / "again", leads=LEADS)
    assert (report.ignored, report.stored) == (("leads.Stage",), 0)
    with open_workspace(root).warehouse() as warehouse:
        assert "lead.Stage" not in warehouse.columns("leads")
    for words in (("leads", "title"), ("leads", "nothing"), ("touches", "kind")):
        assert typed(root, "drop-column", *words)[0] == 2


def test_retract_and_merge_say_what_they_did(root):
    with open_workspace(root).warehouse() as warehouse:
        (batch,) = warehouse.rows("SELECT DISTINCT batch_id FROM batches")[0]
    assert typed(root, "retract", "--lead", "L2")[1]["rows"] == {"leads": 1}
    assert typed(root, "retract", "--lead", "L2")[1]["changed"] is False
    assert typed(root, "merge", "L1", "--into", "L2") == (
        2,
        "merging leads: expected a lead that is there, got L2, which was deleted; merge the other way round",
    )
    assert typed(root, "merge", TWIN, "--into", PERSON)[1]["rows"] == {"handoffs": 1, "decisions": 1}
    assert typed(root, "merge", TWIN, "--into", PERSON)[1]["changed"] is False
    done = typed(root, "retract", "--batch", batch, "--from-start", "--why", "test")[1]
    assert (done["rows"]["leads"], done["rows"]["quarantine"]) == (4, 5)
    assert typed(root, "retract", "--batch", batch)[1]["changed"] is False
    for words in (("retract",), ("retract", "--batch", "x", "--lead", "y"), ("retract", "--lead", "nobody")):
        assert typed(root, *words)[0] == 2


def test_a_model_that_used_a_dropped_column_refuses_plainly(root):
    model = LoadedModel(None, 1, ("lead.Stage",), {})
    with open_workspace(root).warehouse() as warehouse:
        agreement = default_agreement()
        assert [f.name for f in build_catalogue(agreement, warehouse) if f.name in model.features] == ["lead.Stage"]
    typed(root, "drop-column", "leads", "Stage")
    with open_workspace(root).warehouse() as warehouse, pytest.raises(ModelError, match=r"got no lead\.Stage; ingest"):
        used_features(model, build_catalogue(agreement, warehouse))


AS_STORED, OTHER = "00Q5g00000AbCdEEAV", "00QOTHER0000001"


@pytest.mark.parametrize("lead", ["00Q5g00000AbCdE", AS_STORED, " 00Q5g00000AbCdE\u200b", '="00Q5g00000AbCdE"'])
def test_an_id_is_typed_as_any_file_may_write_it(tmp_path, lead):
    """By one rule with ingest: 15 or 18 characters of Salesforce, spaces, Excel's guard."""
    root = tmp_path / "var"
    init_workspace(Workspace(root))
    leads = f"lead_id,created_at\n00Q5g00000AbCdE,2026-01-01\n{OTHER},2026-01-01\n"
    load(root, tmp_path / "files", leads=leads)
    for words in (("explain", lead), ("agreement", "explain", lead, AS_STORED)):
        code, said = typed(root, *words, "--as-of", f"{AS_OF:%Y-%m-%d}")
        assert (code, AS_STORED in json.dumps(said)) == (0, True)
    for words in (("merge", lead, "--into", OTHER), ("retract", "--lead", lead), ("forget", lead)):
        code, said = typed(root, *words)
        assert (code, said["changed"]) == (0, True)
    assert AS_STORED.encode() not in (root / "warehouse.duckdb").read_bytes()
