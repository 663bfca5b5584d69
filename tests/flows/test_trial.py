"""`leadready agreement try` from the command line on a company of its own: what it says, and that it keeps nothing."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.agreement.file import default_text
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


def state(home: Path) -> dict[str, str]:
    files = [p for p in home.rglob("*") if p.is_file() and ".wal" not in p.name and "log" not in p.parts]
    return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


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
    assert told["robust"] is told["weighted"] is None


def test_what_cannot_be_told_is_said_and_what_would_help(home: Path) -> None:
    draft = home.parent / "a draft.toml"
    draft.write_text(default_text("BANT") + "\n[zones]\nqualified = 15\nnearly = 5\n")
    found = CliRunner().invoke(app, ["agreement", "try", str(draft), "-w", str(home), "--as-of", AS_OF])
    assert found.exit_code == 0
    assert "That cannot be told" in found.stdout
    assert "hand off a random share" in found.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [("name = ", "TOML"), ("[zones]\nqualified = 45\n", "name"), (None, "no such file")],
)
def test_a_wrong_draft_ends_in_one_line(home: Path, content: str | None, said: str) -> None:
    draft = home.parent / "wrong.toml"
    draft.unlink(missing_ok=True)
    if content is not None:
        draft.write_text(content)
    found = CliRunner().invoke(app, ["agreement", "try", str(draft), "-w", str(home)])
    assert found.exit_code != 0
    assert said in (found.output + str(found.exception)).lower() or said in str(found.exception)
