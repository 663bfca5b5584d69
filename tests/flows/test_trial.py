"""`leadready agreement try` from the command line on a company of its own: what it says, and that it keeps nothing."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmarks.trials import summary
from benchmarks.trials import tried as trials
from data.agreement.file import default_text
from data.opened import open_workspace
from data.simulator.worlds import named_world
from pipelines.cli import app
from tests.flows.work import ingest, write_company

AS_OF = "2025-12-15"
MOVED = "[zones]\nqualified = 60\nnearly = 25\n[promises]\nqualified = { hours = 1 }\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tried")
    source = write_company(root / "source", leads=600)
    assert CliRunner().invoke(app, ["init", "-w", str(root / "w")]).exit_code == 0
    ingest(root / "w", source)
    return root / "w"


def state(home: Path) -> dict[str, object]:
    """Every file but the warehouse by its hash, and every table of it by its rows."""
    files = [p for p in home.rglob("*") if p.is_file() and "warehouse" not in p.name and "log" not in p.parts]
    found: dict[str, object] = {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    with open_workspace(home).warehouse() as warehouse:
        names = [name for (name,) in warehouse.rows("SELECT table_name FROM duckdb_tables() ORDER BY ALL")]
        return found | {n: warehouse.rows(f"SELECT count(*), sum(hash(t)) FROM {n} t") for n in names}


def tried(home: Path, text: str, *more: str) -> dict:
    draft = home.parent / "the draft.toml"
    draft.write_text(text)
    found = CliRunner().invoke(
        app, ["agreement", "try", str(draft), "-w", str(home), "--as-of", AS_OF, "--json", *more]
    )
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_the_agreement_in_force_changes_nothing(home: Path) -> None:
    found = tried(home, default_text("BANT"))
    assert found["changed"] == []
    assert found["routes"]["old"] == found["routes"]["new"]
    assert found["volume"]["old"] == found["volume"]["new"]
    assert found["promises"]["old"] == found["promises"]["new"]
    assert found["acceptances"]["answers"]["leads"] | {"both": 0} == {"both": 0, "old only": 0, "new only": 0}


def test_a_draft_is_laid_over_today_and_the_past_and_nothing_is_kept(home: Path) -> None:
    before = state(home)
    text = default_text("BANT").replace("[promises.qualified]\nhours = 48", "[promises.qualified]\nhours = 1")
    found = tried(home, text + "\n[zones]\nqualified = 60\nnearly = 25\n", "--months", "12")
    assert state(home) == before
    assert found["changed"]
    assert all(r["zone_old"] != r["zone_new"] or r["route_old"] != r["route_new"] for r in found["changed"])
    assert found["volume"]["new"]["leads"] < found["volume"]["old"]["leads"]
    assert found["promises"]["new"]["kept"] < found["promises"]["old"]["kept"]
    told = found["acceptances"]
    assert told["answers"]["blind"]
    assert told["corrected"] is told["weighted"] is None


def test_what_cannot_be_told_is_said_and_what_would_help(home: Path) -> None:
    draft = home.parent / "a draft.toml"
    draft.write_text(default_text("BANT") + "\n[zones]\nqualified = 15\nnearly = 5\n")
    found = CliRunner().invoke(app, ["agreement", "try", str(draft), "-w", str(home), "--as-of", AS_OF])
    assert found.exit_code == 0
    assert "That cannot be told" in found.stdout
    assert "hand off a random share" in found.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [("name = ", "TOML"), ("[zones]\nqualified = 45\n", "key name"), (None, "no such file")],
)
def test_a_wrong_draft_ends_in_one_line(home: Path, content: str | None, said: str) -> None:
    draft = home.parent / "wrong.toml"
    draft.unlink(missing_ok=True)
    if content is not None:
        draft.write_text(content)
    found = CliRunner().invoke(app, ["agreement", "try", str(draft), "-w", str(home)])
    assert found.exit_code != 0
    assert said in (found.output + str(found.exception)).lower() or said in str(found.exception)


@pytest.mark.slow
def test_the_intervals_hold_the_truth_of_a_company_and_nothing_is_told_without_draws() -> None:
    found = pd.DataFrame(trials(named_world("default"), leads=8000, seed=1005))
    told = found[found["told"] & (found["estimate"] == "corrected")]
    assert {"three of four", "active need"} <= set(told["draft"])
    assert summary(told)[["old held", "new held", "change held"]].min(axis=None) >= 0.5
    blind = pd.DataFrame(trials(replace(named_world("default"), explored=0.0), leads=3000, seed=1005))
    wider = {"need alone", "any one of four", "active need alone, or two others"}
    assert not blind.loc[blind["draft"].isin(wider), "told"].any()
