"""Whatever moment a job is killed at, readers see a whole state, and the same command again ends as if nothing was."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data.workspace import Workspace
from pipelines.jobs import init_workspace
from tests.flows import work

LEADS = 400


@dataclass(frozen=True)
class Job:
    """A job, the workspace it starts from (kept aside), how it ends undisturbed, and the seconds that takes.

    `published`: the scores that readers may find, the old ones and the new ones.
    """

    name: str
    arguments: tuple[Path, ...]
    before: Path
    seconds: float
    ends: dict[str, Any]
    published: tuple[bytes, bytes]

    @property
    def root(self) -> Path:
        return self.arguments[0]

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.before, self.root, symlinks=True)

    def check_rerun(self, moment: str) -> None:
        getattr(work, self.name)(*self.arguments)
        assert not work.differences(work.state(self.root), self.ends), f"{self.name} killed {moment}"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """A second, larger batch over a first one, and a second scoring of a day that was scored before."""
    folder = tmp_path_factory.mktemp("kills")
    root = folder / "var"
    part = work.write_company(folder / "part", LEADS, share=0.6)
    whole = work.write_company(folder / "whole", LEADS, spoiled=True)
    init_workspace(Workspace(root))
    work.ingest(root, part)
    work.score(root)

    def job(name, *arguments):
        before = shutil.copytree(root, folder / f"before_{name}", symlinks=True)
        seconds = work.run(name, root, *arguments)
        published = work.readers_see(before), work.readers_see(root)
        return Job(name, (root, *arguments), before, seconds, work.state(root), published)

    found = {"ingest": job("ingest", whole), "score": job("score")}
    assert found["score"].ends["quarantine"]
    return found


def kill_at_random(job: Job, kills: int, seed: int) -> int:
    """Kill the job at moments spread over its duration, each followed by a rerun; how often it was still at work."""
    rng, hit = random.Random(seed), 0
    for i in range(kills):
        job.restore()
        after_s = (i + rng.random()) / kills * job.seconds
        hit += work.run_and_kill(job.name, *job.arguments, after_s=after_s)
        assert work.readers_see(job.root) in job.published
        job.check_rerun(f"after {after_s:.3f} s")
    return hit


@pytest.mark.parametrize("name", ["ingest", "score"])
def test_three_kills_at_random_moments(jobs, name):
    kill_at_random(jobs[name], kills=3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ingest", "score"])
def test_fifteen_kills_at_random_moments(jobs, name):
    assert kill_at_random(jobs[name], kills=15, seed=2) >= 8, "most of the kills hit the job at work"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("ingest", "data.ingest._record"),  # all rows stored, the batch not recorded, nothing committed
        ("ingest", "data.ingest.IngestReport"),  # committed
        ("score", "serving.publish.pq.write_table"),
        ("score", "serving.publish.os.replace"),  # the files made, not in their place
        ("score", "serving.publish.os.readlink"),
        ("score", "serving.publish._point"),  # committed, the link still on the old files
        ("score", "serving.publish.shutil.rmtree"),  # linked, the old files still there
    ],
)
def test_a_kill_at_a_named_step(jobs, name, step):
    job = jobs[name]
    job.restore()
    work.run_until(step, job.name, *job.arguments)
    assert work.readers_see(job.root) in job.published
    job.check_rerun(f"before {step}")
