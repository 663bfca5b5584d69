"""A workspace of an earlier leadready is opened, brought to the present form, scored and backed up."""

import io
import os
import subprocess
import sys
import tarfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from data.opened import open_workspace
from data.workspace import Workspace
from models.registry.client import Registry
from pipelines.jobs.backup import back_up, restore
from pipelines.jobs.replay import replay_scores
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from serving import replay
from tests.flows import work
from tests.unit.data.test_migrations import DUMP, ROWS

pytestmark = pytest.mark.slow
HERE = Path(__file__).parents[2]
BEFORE = "57a86eb"
"""The commit before workspaces could be backed up."""
MADE_THEN = """
import sys
from pathlib import Path
from data.workspace import Workspace
from models.registry.client import Registry
from pipelines.jobs.start import init_workspace
from tests.flows import work

root = Path(sys.argv[1])
assert not (Path.cwd() / "data" / "backup.py").exists()
init_workspace(Workspace(root))
(root / "settings.toml").write_text("[training]\\nfolds = 1\\n")
work.ingest(root, work.write_company(root.parent / "source", 500, seed=4))
work.train(root)
Registry(Workspace(root)).promote(1, work.LOADED_AT, force=True, why="for this test")
work.score(root)
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """A workspace that was made, filled, trained in and scored by the code of that commit."""
    folder = tmp_path_factory.mktemp("older")
    if subprocess.run(["git", "cat-file", "-e", BEFORE], cwd=HERE, check=False, capture_output=True).returncode:
        pytest.skip("the history of this checkout does not reach back to that commit")
    code = subprocess.run(["git", "archive", BEFORE], cwd=HERE, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(code)) as tar:
        if hasattr(tarfile, "data_filter"):  # Python before 3.11.4 has none
            tar.extraction_filter = staticmethod(tarfile.data_filter)
        tar.extractall(folder / "code")
    command = [sys.executable, "-c", MADE_THEN, str(folder / "var")]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run(command, cwd=folder / "code", check=True, env=env)
    return folder / "var"


def test_a_workspace_of_the_release_before_is_scored_by_its_own_model(older, tmp_path, monkeypatch):
    """And what was published then comes out the same today, to the last bit."""
    monkeypatch.setattr(replay, "ALIKE", 0.0)
    back_up(open_workspace(older), tmp_path / "b", work.LOADED_AT)
    restore(tmp_path / "var", tmp_path / "b", work.LOADED_AT)
    aside = older.rename(older.with_name("aside"))  # so that nothing can be read from its old place
    try:
        opened = open_workspace(tmp_path / "var")
        assert Registry(opened.workspace).champion().version == 1
        replayed = replay_scores(opened, work.AS_OF)
        assert replayed.equal == replayed.rows > 0
        done = score_open_leads(opened, work.AS_OF + timedelta(days=1))
        assert set(done.scores["model_version"]) == {"1"}
    finally:
        aside.rename(older)


def test_a_workspace_from_before_versions_of_tables_is_copied_migrated_and_scored(tmp_path):
    space = Workspace(tmp_path / "var")
    init_workspace(space)
    space.warehouse.unlink()
    with duckdb.connect(space.warehouse) as connection:
        connection.execute(DUMP.read_text())
        connection.execute(ROWS)
    done = score_open_leads(open_workspace(space.root), datetime(2026, 1, 15))
    assert list(done.scores["lead_id"]) == ["L1"]
    assert (space.root / "warehouse.duckdb.before-schema-1").is_file()


def test_a_person_who_is_forgotten_is_in_no_copy_from_before_a_migration(tmp_path):
    space = Workspace(tmp_path / "var")
    init_workspace(space)
    copy = space.root / "warehouse.duckdb.before-schema-1"
    with duckdb.connect(copy) as connection:
        connection.execute(DUMP.read_text())
        connection.execute(ROWS)
    work.forget(space.root, "L1")
    assert not copy.exists()
