"""A full disk: a plain error, nothing lost, and the same command again completes it once there is room."""

import os
import resource
import subprocess
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from data.errors import ConfigError, DataError
from data.opened import open_workspace
from data.workspace import Workspace
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from tests.flows.work import differences, state, write_company

pytestmark = pytest.mark.slow  # each case fills a disk: a minute in all
LOADED_AT, AS_OF = datetime(2026, 1, 10), datetime(2025, 12, 15)


class LimitedFiles:
    """No file may grow beyond the room: works for every user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def full(self, room):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def close(self) -> None:
        pass


class SmallDisk:
    """A file system of its own, filled up to the room: needs the right to mount."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=True, capture_output=True)

    @contextmanager
    def full(self, room):
        ballast, free = self.folder / "ballast", os.statvfs(self.folder)
        ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - room))
        try:
            yield
        finally:
            ballast.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


def can_mount() -> bool:
    done = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
    return done.returncode == 0


@pytest.fixture(params=[LimitedFiles, *([SmallDisk] if os.getuid() == 0 and can_mount() else [])])
def disk(request, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    made = request.param(folder)
    yield made
    made.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_company(tmp_path_factory.mktemp("source"), leads=1200)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, source):
    """The states after ingesting and after scoring."""
    space = Workspace(tmp_path_factory.mktemp("undisturbed") / "var")
    init_workspace(space)
    ingest_batch(open_workspace(space.root), "canonical", str(source), LOADED_AT)
    ingested = state(space.root)
    score_open_leads(open_workspace(space.root), AS_OF)
    return ingested, state(space.root)


@pytest.mark.parametrize("room", [0, 20, 1000])
def test_a_workspace_is_made_whole_or_made_later(disk, room):
    space = Workspace(disk.folder / "var")
    with disk.full(room), pytest.raises((ConfigError, DataError), match=r"expected .*free space"):
        init_workspace(space)
    init_workspace(space)
    assert init_workspace(space) == []
    assert score_says_no_lead(space)


def score_says_no_lead(space):
    """Workspace, settings and agreement are read without complaint."""
    with pytest.raises(DataError, match="no lead at all"):
        score_open_leads(open_workspace(space.root), AS_OF)
    return True


@pytest.mark.parametrize("room", [200_000, 1_000_000])
def test_a_batch_is_stored_whole_or_not_at_all(disk, source, undisturbed, room):
    space = Workspace(disk.folder / "var")
    init_workspace(space)
    before = state(space.root)
    with disk.full(room), pytest.raises(DataError, match=r"expected room on disk .* nothing of this run was kept"):
        ingest_batch(open_workspace(space.root), "canonical", str(source), LOADED_AT)
    assert differences(state(space.root), before) == []
    ingest_batch(open_workspace(space.root), "canonical", str(source), LOADED_AT)
    assert differences(state(space.root), undisturbed[0]) == []


@pytest.mark.parametrize("room", [0, 30_000])
def test_scores_are_published_whole_or_not_at_all(disk, source, undisturbed, room):
    space = Workspace(disk.folder / "var")
    init_workspace(space)
    ingest_batch(open_workspace(space.root), "canonical", str(source), LOADED_AT)
    score_open_leads(open_workspace(space.root), AS_OF - timedelta(days=1))
    before = state(space.root)
    with disk.full(room), pytest.raises((ConfigError, DataError), match=r"expected .*free space"):
        score_open_leads(open_workspace(space.root), AS_OF)
    assert differences(state(space.root), before) == []
    score_open_leads(open_workspace(space.root), AS_OF)
    ends = state(space.root)
    scores = [n for n in undisturbed[1] if n.endswith(("scores.csv", "scores.parquet"))]
    assert scores
    assert [n for n in scores if ends[n] != undisturbed[1][n]] == []
