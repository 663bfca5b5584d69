"""Two scorings at once, and readers beside them: the second waits, and nobody ever reads half a day."""

import subprocess
import sys
import threading

import pyarrow.parquet as pq
import pytest

from data.tables import SCORES
from data.workspace import Workspace
from pipelines.jobs.start import init_workspace
from tests.flows import work

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "var"
    init_workspace(Workspace(made))
    work.ingest(made, work.write_company(tmp_path / "source", 400))
    work.score(made)
    return made


def scorer(root, url):
    command = [sys.executable, "-m", "pipelines.cli", "score", "--as-of", work.AS_OF.isoformat(), "-w", str(root)]
    environment = {"PATH": "/usr/bin:/bin", "PREFECT_API_URL": url}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)


def test_the_second_of_two_scorings_waits_and_ten_readers_see_whole_days(root, prefect_url):
    before, done, torn = work.state(root), threading.Event(), []

    def read():
        while not done.is_set():
            table = pq.read_table(root / "exports" / f"{work.AS_OF:%Y-%m-%d}" / "scores.parquet")
            if table.column_names != list(SCORES.names) or table.num_rows != rows:
                torn.append((table.num_rows, table.column_names))

    rows = pq.read_table(root / "exports" / f"{work.AS_OF:%Y-%m-%d}" / "scores.parquet").num_rows
    readers = [threading.Thread(target=read) for _ in range(10)]
    for reader in readers:
        reader.start()
    with work.held(root) as release:  # so that both have to wait
        scorers = [scorer(root, prefect_url) for _ in range(2)]
        for process in scorers:
            assert any("is in use by another leadready command (process" in line for line in process.stderr)
        release()
    ended = [(process.communicate(timeout=300)[1], process.returncode) for process in scorers]
    done.set()
    for reader in readers:
        reader.join()
    assert [code for _, code in ended] == [0, 0], ended
    assert torn == []
    assert work.differences(work.state(root), before) == []


def test_a_scoring_that_waited_long_enough_ends_with_14(root, prefect_url):
    (root / "settings.toml").write_text("[compute]\nwait_s = 1\n")
    with work.held(root):
        process = scorer(root, prefect_url)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 14, said
    assert "after 1 s of waiting; wait until it ends and run the same command again" in said
