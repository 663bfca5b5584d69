"""Whatever moment a job is killed at, readers see a whole state, and the same command again ends as if nothing was."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data.workspace import Workspace
from models.registry.client import Registry
from pipelines.jobs.start import init_workspace
from tests.flows import work

pytestmark = pytest.mark.slow

LEADS = 400
JOBS = {"ingest": 25, "score": 25, "retract": 15, "merge": 15, "forget": 15, "monitor": 25}
"""Each with the kills of the soak."""
TRAININGS = 15


@dataclass(frozen=True)
class Job:
    """A job, the workspace it starts from (kept aside), how it ends undisturbed, and the seconds that takes.

    `typed_ends`: the same for the command line, where the clock says when a batch is loaded. `published`: the scores
    that readers may find, the old ones and the new ones.
    """

    name: str
    arguments: tuple[Path, ...]
    before: Path
    seconds: float
    ends: dict[str, Any]
    typed_ends: dict[str, Any]
    published: tuple[dict[str, Any], dict[str, Any]]

    @property
    def root(self) -> Path:
        return self.arguments[0]

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.before, self.root, symlinks=True)

    def check_readers(self) -> None:
        seen = work.readers_see(self.root)
        assert [name for name in seen if seen[name] not in [of[name] for of in self.published]] == []

    def check_rerun(self, moment: str) -> None:
        getattr(work, self.name)(*self.arguments)
        differing = work.differences(work.state(self.root), self.ends)
        differing += work.differences(work.readers_see(self.root), self.published[1])
        assert differing == [], f"{self.name} killed {moment}"


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
        ends, typed_ends = work.state(root), work.state(root, without="loaded_at")
        return Job(name, (root, *arguments), before, seconds, ends, typed_ends, published)

    found = {"ingest": job("ingest", whole), "score": job("score")}
    work.forget(root, work.DELETED)  # so that the salt of hashes is there
    found |= {name: job(name) for name in ("retract", "merge", "forget", "monitor")}
    assert found["score"].ends["quarantine"]
    return found


def kill_at_random(job: Job, kills: int, seed: int) -> int:
    """Kill the job at moments spread over its duration, each followed by a rerun; how often it was still at work."""
    rng, hit = random.Random(seed), 0
    for i in range(kills):
        job.restore()
        after_s = (i + rng.random()) / kills * job.seconds
        at_work = work.run_and_kill(job.name, *job.arguments, after_s=after_s)
        if not at_work:  # the machine had more to do when the job was timed
            job.restore()
            after_s /= 4
            at_work = work.run_and_kill(job.name, *job.arguments, after_s=after_s)
        hit += at_work
        job.check_readers()
        job.check_rerun(f"after {after_s:.3f} s")
    work.say(job.name, kills, hit)
    return hit


@pytest.mark.parametrize(
    ("name", "kills"),
    [
        *((name, 2) for name in JOBS),
        *(pytest.param(name, kills, marks=pytest.mark.soak) for name, kills in JOBS.items()),
    ],
)
def test_kills_at_random_moments(jobs, name, kills):
    hit = kill_at_random(jobs[name], kills, seed=kills)
    assert hit >= kills // 2, "half of the kills hit the job at work"


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    """A workspace with a model in use, what a second training comes to undisturbed, and the seconds that takes."""
    root = tmp_path_factory.mktemp("learner") / "var"
    init_workspace(Workspace(root))
    (root / "settings.toml").write_text("[training]\nfolds = 1\nrefits = 2\n")
    work.ingest(root, work.write_company(root.parent / "whole", 500, seed=4))
    work.run("train", root)
    Registry(Workspace(root)).promote(1, work.LOADED_AT, force=True, why="for this test")
    work.score(root)
    seconds = work.run("train", root)
    return root, seconds, work.learned(root)


@pytest.mark.soak
def test_kills_of_a_training_at_random_moments(learner):
    """Whatever versions and runs were left behind: the next has the same model, and what is in use stays in use."""
    (root, seconds, ends), rng, hit = learner, random.Random(6), 0
    for i in range(TRAININGS):
        after_s = (i + rng.random()) / TRAININGS * seconds
        hit += work.run_and_kill("train", root, after_s=after_s)
        work.run("train", root)
        assert work.differences(work.learned(root), ends) == [], f"train killed after {after_s:.3f} s"
    work.say("train", TRAININGS, hit)
    assert hit * 2 >= TRAININGS


@pytest.mark.soak
@pytest.mark.parametrize(
    "step",
    [
        "models.registry.kept._log_candidate",  # a run and its files, no model
        "models.registry.kept._log_model",
        "models.registry.client.register",  # a model, no version
        "models.registry.client.Registry.apply",  # a version, not what the decision says of it
    ],
)
def test_a_kill_of_a_training_at_a_named_step(learner, step):
    root, _, ends = learner
    work.run_until(step, "train", root)
    work.run("train", root)
    assert work.differences(work.learned(root), ends) == [], f"train killed before {step}"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("ingest", "data.intake.ingest._record"),  # all rows stored, the batch not recorded, nothing committed
        ("ingest", "data.intake.ingest.IngestReport"),  # committed
        ("score", "serving.sinks.files.pq.write_table"),
        ("score", "data.whole.os.replace"),  # the files made, not in their place
        ("score", "serving.sinks.files.os.readlink"),
        ("score", "serving.sinks.files.point"),  # committed, the link still on the old files
        ("score", "data.whole.shutil.rmtree"),  # linked, the old files still there
        ("retract", "data.intake.retraction.discard"),  # rows ended in every table, nothing committed
        ("merge", "data.intake.timeline._hand_on"),
        ("merge", "data.intake.retraction._counted"),  # about to commit
        ("forget", "data.intake.retraction.forget_held"),  # gone from files, the warehouse as it was
        ("forget", "serving.sinks.files.point"),  # committed, the link still on the old files
        ("forget", "pipelines.jobs.forget.rewrite"),  # gone, the bytes of deleted rows still in the file
        ("forget", "data.whole.os.replace"),
        ("monitor", "pipelines.jobs.monitor.as_metrics"),  # kept in the warehouse, not on the page
        ("monitor", "data.whole.os.replace"),
    ],
)
def test_a_kill_at_a_named_step(jobs, name, step):
    job = jobs[name]
    job.restore()
    work.run_until(step, job.name, *job.arguments)
    job.check_readers()
    job.check_rerun(f"before {step}")


def command(job: Job, server: dict[str, str]) -> subprocess.Popen[str]:
    """The job as it is typed, in a process group of its own."""
    words = {
        "ingest": ["ingest", "canonical", *map(str, job.arguments[1:])],
        "score": ["score", "--as-of", work.AS_OF.isoformat()],
    }[job.name]
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *words, "-w", str(job.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**{k: v for k, v in os.environ.items() if k != "PREFECT_API_URL"}, **server},
    )


def at_work(process: subprocess.Popen[str], name: str) -> None:
    """Wait until the command says that its job has begun."""
    sign = {"ingest": "read ", "score": "no model is in use"}[name]
    seen = next((line for line in process.stderr if sign in line), None)
    assert seen, f"{name} ended before it began its work"


def kill_tree(process: subprocess.Popen[str], home: str) -> None:
    """Kill the command with whatever it started: its Prefect server is known by the folder it works in."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    for number in alive(home):
        with contextlib.suppress(OSError):
            os.kill(number, signal.SIGKILL)


def alive(home: str) -> list[int]:
    """The processes that work in that folder of Prefect's."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"PREFECT_HOME={home}\0".encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
    return found


@pytest.mark.parametrize(
    ("sign", "number", "code", "by"),
    [("starting Prefect", signal.SIGTERM, 143, "SIGTERM"), ("no model is in use", signal.SIGINT, 130, "Ctrl-C")],
)
def test_a_command_that_is_stopped_ends_with_what_it_started(jobs, tmp_path, sign, number, code, by):
    """Nothing of it is left, the readers see a whole state, and the last line says what happened."""
    job, home = jobs["score"], str(tmp_path / "prefect")
    job.restore()
    process = command(job, {"PREFECT_HOME": home})
    assert any(sign in line for line in process.stderr)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert said.splitlines()[-1] == f"leadready: stopped by {by}; run the same command again to complete its work"
    assert alive(home) == []
    job.check_readers()
    job.check_rerun(f"stopped by {by}")


@pytest.mark.parametrize(
    ("name", "own_server", "seed"),
    [
        pytest.param("ingest", False, 3, marks=pytest.mark.soak),
        pytest.param("score", False, 4, marks=pytest.mark.soak),
        ("score", True, 5),
    ],
)
def test_a_kill_of_the_command_under_prefect(jobs, prefect_url, tmp_path, name, own_server, seed):
    """The whole process group dies while the job works; the same command again completes it."""
    job, home = jobs[name], str(tmp_path / "prefect")
    server = {"PREFECT_HOME": home} | ({} if own_server else {"PREFECT_API_URL": prefect_url})
    job.restore()
    process = command(job, server)
    at_work(process, name)
    time.sleep(random.Random(seed).random() * job.seconds)
    kill_tree(process, home)
    job.check_readers()
    again = command(job, server)
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert work.differences(work.state(job.root, without="loaded_at"), job.typed_ends) == []
    if own_server:
        assert {"Completed"} == set(kept_states(home, "flow_run")[1:]) == set(kept_states(home, "task_run")[1:])


def kept_states(home: str, table: str) -> list[str]:
    """What an embedded server kept of its runs, in the order they began."""
    with contextlib.closing(sqlite3.connect(f"{home}/prefect.db")) as database:
        return [state for (state,) in database.execute(f"SELECT state_name FROM {table} ORDER BY created")]
