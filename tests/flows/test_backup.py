"""A backup restored elsewhere is the workspace it was; who was forgotten since stays so; a kill leaves old or new."""

import csv
import json
import random
import shutil
import stat
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace

import pandas as pd
import pytest

from data.backup import pack, unpack
from data.errors import BusyError, ConfigError, DataError, UsageError
from data.forgotten import list_forgotten, read_forgotten, still_there
from data.opened import open_workspace
from data.warehouse import Warehouse
from data.workspace import Workspace
from models.registry.client import Registry
from pipelines.jobs import backup as jobs
from pipelines.jobs.backup import back_up, restore
from pipelines.jobs.doctor import examine
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from tests.flows import work

pytestmark = pytest.mark.slow
NEXT = work.AS_OF + timedelta(days=1)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """A workspace with a model in use and two scorings, its backup, and the company's files."""
    folder = tmp_path_factory.mktemp("company")
    root = folder / "var"
    init_workspace(Workspace(root))
    (root / "settings.toml").write_text("[training]\nfolds = 1\nrefits = 2\n[compute]\nwait_s = 0.5\n")
    source = work.write_company(folder / "source", 500, seed=4)
    work.ingest(root, source)
    work.run("train", root)
    Registry(Workspace(root)).promote(1, work.LOADED_AT, force=True, why="for this test")
    for day in (1, 0):
        score_open_leads(open_workspace(root), work.AS_OF - timedelta(days=day))
    kept = back_up(open_workspace(root), folder / "b.tar.zst", work.LOADED_AT)
    return SimpleNamespace(root=root, file=kept.file, kept=kept, source=source)


@pytest.fixture
def var(company, tmp_path):
    """The workspace restored at a path of its own, to spoil."""
    restore(tmp_path / "var", company.file, work.LOADED_AT)
    return tmp_path / "var"


def scored(root):
    """The bytes of the next day's export, and the version that scored."""
    done = score_open_leads(open_workspace(root), NEXT)
    return (done.folder / "scores.parquet").read_bytes(), set(done.scores["model_version"])


def test_restored_elsewhere_it_holds_the_same_and_scores_to_the_same_bytes(company, tmp_path):
    """Its old place is gone by then, so nothing can be read from there."""
    before = work.state(company.root)
    work.run("restore", tmp_path / "elsewhere" / "other", company.file)
    there = tmp_path / "elsewhere" / "other"
    assert work.differences(work.state(there), before) == []
    aside = company.root.rename(company.root.with_name("aside"))
    try:
        registry = Registry(Workspace(there))
        assert registry.champion().version == 1
        registry.check_place()
        assert len(registry.holdout(registry.load("champion")))
        assert registry.card(registry.load("champion"))
        found = scored(there)
        shutil.copytree(aside, company.root, symlinks=True)
        assert found == scored(company.root)
        shutil.rmtree(company.root)
    finally:
        aside.rename(company.root)
    assert found[1] == {"1"}


def test_a_restored_workspace_keeps_what_it_learns_in_its_own_place(company, var):
    run = Registry(Workspace(var)).log_report("backtest", "b", {}, {}, {"t": pd.DataFrame({"a": [1]})}, {})
    assert (var / "artifacts" / run / "artifacts" / "report" / "t.csv").is_file()


def test_what_is_left_out_is_made_anew_or_said(company, var):
    assert not (var / "page").exists()
    assert not (var / "prefect").exists()
    assert work.exports(var) == work.exports(company.root)
    assert {"warehouse.duckdb", "mlflow.db", "artifacts", "settings.toml"} <= company.kept.sizes.keys()
    assert not {"mlflow.lock", "mlflow.moving", "exports", "page"} & company.kept.sizes.keys()


def test_what_it_writes_is_its_owners_alone(company, var):
    assert stat.S_IMODE(company.file.stat().st_mode) == 0o600
    assert {stat.S_IMODE(p.stat().st_mode) for p in [var, *var.rglob("*")] if not p.is_symlink()} == {0o600, 0o700}


def test_links_to_folders_are_left_out_and_said(var, tmp_path):
    (tmp_path / "big").mkdir()
    (var / "mappings").mkdir()
    (var / "mappings" / "crm").symlink_to(tmp_path / "big")
    kept = back_up(open_workspace(var), tmp_path / "b", work.LOADED_AT)
    assert kept.links == ("mappings/crm",)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (lambda root: root.parent, "got .*, a folder"),
        (lambda root: root / "b", "one in the workspace itself"),
        (lambda root: root.parent / "there", "which is there; name another, or add --replace"),
    ],
)
def test_a_place_where_no_backup_belongs_is_refused(var, place, said):
    (var.parent / "there").write_text("mine")
    with pytest.raises(UsageError, match=said):
        back_up(open_workspace(var), place(var), work.LOADED_AT)
    assert (var.parent / "there").read_text() == "mine"


def test_a_workspace_that_is_there_is_not_overwritten_without_being_told(company, var):
    (var / "mine").write_text("1")
    with pytest.raises(UsageError, match="got a folder that is not empty; name a new folder"):
        restore(var, company.file, work.LOADED_AT)
    assert (var / "mine").exists()
    restore(var, company.file, work.LOADED_AT, replace=True)
    assert not (var / "mine").exists()


def test_a_folder_that_is_no_workspace_is_never_replaced(company, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").write_text("1")
    with pytest.raises(ConfigError, match="expected a workspace to replace"):
        restore(tmp_path / "home", company.file, work.LOADED_AT, replace=True)
    assert (tmp_path / "home" / "mine").exists()


def test_a_broken_backup_changes_nothing(company, var, tmp_path):
    before = work.state(var)
    (tmp_path / "broken").write_bytes(company.file.read_bytes()[:-1000])
    with pytest.raises(DataError, match="nothing was changed"):
        restore(var, tmp_path / "broken", work.LOADED_AT, replace=True)
    assert work.differences(work.state(var), before) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken", "var"]


def traces(root, lead):
    """Where a lead's id is still found: rows of tables, and files by their text or their rows."""
    with Warehouse.open(root / "warehouse.duckdb") as warehouse:
        tables = [n for (n,) in warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary")]
        found = [n for n in tables if lead in str(warehouse.rows(f"FROM {n}"))]
    for path in (p for p in root.rglob("*") if p.is_file()):
        rows = pd.read_parquet(path).to_csv().encode() if path.suffix == ".parquet" else path.read_bytes()
        found += [path.name] * (lead.encode() in rows)
    return found


def test_who_was_forgotten_since_stays_forgotten(company, var, tmp_path):
    """One who was in the backup, and one who came and went after it; rows of both that come later are dropped."""
    with (company.source / "leads.csv").open() as file:
        row = next(csv.DictReader(file))
    more = tmp_path / "more" / "leads.csv"
    more.parent.mkdir()
    more.write_text(f"{','.join(row)}\n{','.join(['LATER', *list(row.values())[1:]])}\n")
    ingest_batch(open_workspace(var), "canonical", str(more), work.LOADED_AT + timedelta(days=1))
    for lead in (work.KEPT, "LATER"):
        work.forget(var, lead)
    done = restore(var, company.file, work.LOADED_AT, replace=True)
    assert (done.forgotten, done.lost) == (1, 0)
    assert traces(company.root, work.KEPT)
    assert traces(var, work.KEPT) == []
    again = ingest_batch(open_workspace(var), "canonical", str(more), work.LOADED_AT + timedelta(days=2))
    assert sum(count.forgotten for count in again.tables.values()) == 1
    assert ingest_batch(open_workspace(var), "canonical", str(company.source), work.LOADED_AT).stored == 0


def test_a_restore_that_was_killed_between_its_last_steps_still_knows_who_was_forgotten(company, var):
    work.forget(var, work.KEPT)
    var.rename(var.with_name(".var.old"))
    found = examine(Workspace(var), NEXT)
    assert (found.code, "run the same restore again" in found.findings["workspace"].do) == (10, True)
    with pytest.raises(UsageError, match="a folder that is not empty"):
        restore(var, company.file, work.LOADED_AT)
    assert restore(var, company.file, work.LOADED_AT, replace=True).forgotten == 1


def test_the_list_of_the_forgotten_kept_elsewhere_is_applied(company, var, tmp_path):
    """Where the workspace itself is lost. The list names nobody."""
    work.forget(var, work.KEPT)
    listed = tmp_path / "forgotten.json"
    said = subprocess.run(leadready("forgotten", listed, "-w", var), check=True, capture_output=True, text=True)
    assert "1 people" in said.stdout
    assert work.KEPT not in listed.read_text()
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600
    shutil.rmtree(var)
    subprocess.run(leadready("restore", company.file, "-w", var, "--forgotten", listed), check=True)
    assert traces(var, work.KEPT) == []


def test_hashes_of_another_salt_are_found_in_the_data_and_counted_where_they_cannot_be_kept(company, var, tmp_path):
    work.forget(var, work.KEPT)
    back_up(open_workspace(var), tmp_path / "b", work.LOADED_AT)
    other = tmp_path / "other"
    restore(other, company.file, work.LOADED_AT)
    work.forget(other, work.DELETED)
    with open_workspace(other).warehouse() as warehouse:
        (tmp_path / "listed").write_text(list_forgotten(warehouse).as_json())
    done = restore(tmp_path / "third", tmp_path / "b", work.LOADED_AT, forgotten=tmp_path / "listed")
    assert (done.forgotten, done.lost) == (1, 1)
    assert traces(tmp_path / "third", work.DELETED) == []


def test_a_lead_that_only_the_quarantine_holds_is_found(var, tmp_path):
    bad = tmp_path / "bad" / "leads.csv"
    bad.parent.mkdir()
    bad.write_text("lead_id,created_at\nSTRANGER,never\n")
    ingest_batch(open_workspace(var), "canonical", str(bad), work.LOADED_AT)
    with open_workspace(var).warehouse() as warehouse:
        hashed = warehouse.scalar("SELECT sha256('salt' || 'STRANGER')")
        known = {"format": 1, "salt": "salt", "forgotten": [{"hash": hashed, "forgotten_at": "2026-01-11T00:00:00"}]}
        (tmp_path / "l").write_text(json.dumps(known))
        assert still_there(warehouse, read_forgotten(tmp_path / "l")) == ["STRANGER"]


def test_a_workspace_whose_list_cannot_be_read_is_replaced_only_with_a_list(company, var, tmp_path):
    (var / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(ConfigError, match="give that list with --forgotten, or move the workspace away"):
        restore(var, company.file, work.LOADED_AT, replace=True)
    (tmp_path / "listed").write_text('{"format": 1, "salt": "", "forgotten": []}')
    restore(var, company.file, work.LOADED_AT, replace=True, forgotten=tmp_path / "listed")
    assert Registry(Workspace(var)).champion().version == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "salt": "s", "forgotten": [1]}'])
def test_a_file_that_is_no_list_is_refused(company, tmp_path, text):
    (tmp_path / "listed").write_text(text)
    with pytest.raises(DataError, match="expected a list as `leadready forgotten` writes it"):
        restore(tmp_path / "var", company.file, work.LOADED_AT, forgotten=tmp_path / "listed")
    assert not (tmp_path / "var").exists()


def leadready(*words):
    return [sys.executable, "-m", "pipelines.cli", *map(str, words)]


def test_while_another_command_is_at_work_it_waits_and_then_says_so(company, var, tmp_path):
    with work.held(var):
        for job in (["backup", tmp_path / "b"], ["restore", company.file, "--replace"]):
            said = subprocess.run(leadready(*job, "-w", var), capture_output=True, text=True)
            assert said.returncode == 14, said.stderr
            assert "is in use by another leadready command" in said.stderr
    assert not (tmp_path / "b").exists()


def test_nobody_writes_while_a_backup_is_made(var, tmp_path, monkeypatch):
    """The lock on the warehouse holds after its bytes were read, though their file was opened a second time."""
    tried = []

    def pack_and_try(making, about, files):
        sizes = pack(making, about, files)
        tried.append(subprocess.run(leadready("retract", "--lead", work.KEPT, "-w", var), capture_output=True))
        return sizes

    monkeypatch.setattr(jobs, "pack", pack_and_try)
    back_up(open_workspace(var), tmp_path / "b", work.LOADED_AT)
    assert tried[0].returncode == BusyError.exit_code


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("back_up", "data.backup._as_json"),
        ("back_up", "data.whole.os.replace"),
        ("restore", "pipelines.jobs.backup.unpack"),
        ("restore", "data.warehouse.Warehouse.open"),
        ("restore", "models.registry.moved.move_to"),
        ("restore", "serving.sinks.files.finish"),
        ("restore", "data.whole.shutil.rmtree"),  # the new one in its place, the old one beside it
    ],
)
def test_a_kill_leaves_the_old_or_the_new_and_the_next_one_completes_it(company, var, tmp_path, name, step):
    back_up(open_workspace(var), tmp_path / "b", work.LOADED_AT)
    (var / "mine").write_text("1")
    before, old = work.state(var), (tmp_path / "b").read_bytes()
    arguments = (var, tmp_path / "b") if name == "back_up" else (var, company.file)
    work.run_until(step, name, *arguments)
    if name == "back_up":
        assert (tmp_path / "b").read_bytes() == old
    else:
        assert (var / "mine").exists() is (step != "data.whole.shutil.rmtree")
    assert work.differences(work.state(var), before) == []
    work.run(name, *arguments)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "var"]
    restore(tmp_path / "again", tmp_path / "b", work.LOADED_AT)
    assert work.differences(work.state(tmp_path / "again"), before) == []


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", ["back_up", "restore"])
def test_kills_at_random_moments(company, var, tmp_path, tmp_path_factory, name, kills):
    """In between the backup is the old one or the new one, and so is the workspace."""
    back_up(open_workspace(var), tmp_path / "b", work.LOADED_AT)
    before, arguments = work.state(var), (var, tmp_path / "b")
    seconds, rng, hit = work.run(name, *arguments), random.Random(8), 0
    for i in range(kills):
        hit += work.run_and_kill(name, *arguments, after_s=(i + rng.random()) / kills * seconds)
        unpack(tmp_path / "b", tmp_path_factory.mktemp("unpacked"))  # which compares all hashes
        between = var if var.exists() else var.with_name(".var.old")
        assert work.differences(work.state(between), before) == []
        work.run(name, *arguments)
        assert work.differences(work.state(var), before) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "var"]
    restore(tmp_path / "again", tmp_path / "b", work.LOADED_AT)
    assert work.differences(work.state(tmp_path / "again"), before) == []
    work.say(name.replace("_", " "), kills, hit)
    assert hit


def said(root, check, mend=False):
    found = examine(Workspace(root), NEXT, mend)
    return found.findings[check], found.code


def test_the_doctor_finds_a_workspace_with_a_model_in_order_and_changes_nothing(var):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in var.rglob("*") if p.is_file()}
    found = examine(Workspace(var), NEXT)
    ill = {name: one for name, one in found.findings.items() if one.state != "fine"}
    assert not ill.keys() - {"packages", "space"}, ill
    assert found.findings["models"].says == "version 1 is in use and can score"
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in var.rglob("*") if p.is_file()} == before


def test_the_doctor_finds_a_workspace_that_was_moved_and_mends_it(var):
    moved = var.rename(var.with_name("moved"))
    one, code = said(moved, "store of models")
    assert (one.state, code, "the workspace was moved" in one.says) == ("broken", 12, True)
    one, code = said(moved, "store of models", mend=True)
    assert (one.state, code) == ("fine", 0)
    assert Registry(Workspace(moved)).champion().version == 1


def test_the_doctor_finds_a_model_whose_files_were_changed(var):
    [kept] = var.rglob("model.skops")
    kept.write_bytes(kept.read_bytes()[:-1])
    one, code = said(var, "models")
    assert (one.state, code, "changed since training logged them" in one.says) == ("broken", 12, True)
    Registry(Workspace(var))._mlflow().MlflowClient().delete_registered_model_alias("lead-readiness", "champion")
    one, code = said(var, "models")
    assert (one.state, code, "version 1 was changed" in one.says) == ("look", 0, True)


def test_the_doctor_finds_a_model_whose_agreement_is_gone(var):
    [agreement] = (var / "agreements").glob("*.toml")
    agreement.write_text(f"{agreement.read_text()}\n[criteria.budget]\nyes = 21\n")
    one, code = said(var, "models")
    assert (one.state, code, "it was edited or removed" in one.says) == ("broken", 12, True)


def test_the_doctor_finds_a_damaged_store_of_models(var):
    (var / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"damage" * 1000)
    one, code = said(var, "store of models", mend=True)
    assert (one.state, code, "mlflow.db cannot be read" in one.says) == ("broken", 12, True)
