"""Two scorings at once, and readers beside them: the second waits, and nobody ever reads half a day."""

import re
import subprocess
import sys
import threading
import time
from datetime import datetime
from functools import partial

import pyarrow.parquet as pq
import pytest

from data.opened import open_workspace
from data.tables import SCORES
from data.workspace import Workspace
from pipelines.jobs.start import init_workspace
from serving.pages.review.store import PER_PAGE, Chosen, Store
from tests.flows import work
from tests.flows.served import wait_for

pytestmark = pytest.mark.slow
READERS = 10


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


@pytest.mark.soak
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


def read_files(root):
    table = pq.read_table(root / "exports" / f"{work.AS_OF:%Y-%m-%d}" / "scores.parquet")
    return table["as_of"].unique().to_pylist(), table.num_rows, len(table["lead_id"].unique())


def read_page(store):
    day = store.day()
    listed = day.leads(Chosen({}))
    assert len(listed) == min(day.facts["leads"], PER_PAGE)
    return [*{row["as_of"] for row in listed}], day.count(Chosen({})), day.facts["leads"]


def read_postgres(database):
    look = "SELECT array_agg(DISTINCT as_of)::text, count(*), count(DISTINCT lead_id) FROM leadready.latest_scores"
    [(moments, rows, leads)] = database.rows(look)
    return [datetime.fromisoformat(m.split("+")[0]) for m in re.findall('[^{}",]+', moments)], rows, leads


@pytest.mark.parametrize("seconds", [10, pytest.param(300, marks=pytest.mark.soak)])
def test_two_scorers_and_ten_readers(tmp_path, postgres, seconds):
    """No error and no mixture, no reader goes back in time, and every scoring is there once."""
    root, stop, wrong = tmp_path / "var", threading.Event(), []
    init_workspace(Workspace(root))
    work.ingest(root, work.write_company(tmp_path / "source", 200))
    (tmp_path / "url").write_text(postgres.url)
    (root / "settings.toml").write_text('[compute]\nwait_s = 600\n[publish.postgres]\nurl = "$LEADREADY_PUBLISH_URL"\n')
    seen = [[] for _ in range(READERS)]

    def read(number):
        kinds = [partial(read_files, root), partial(read_page, Store(Workspace(root)))]
        kind = [*kinds, partial(read_postgres, postgres)][number % 3]
        while not stop.is_set():
            try:
                moments, rows, different = kind()
            except Exception as error:
                wrong.append((number, repr(error)))
                return
            if len(moments) != 1 or rows != different:
                wrong.append((number, moments, rows, different))
            seen[number].append((moments[0], rows))
            time.sleep(0.2)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    with work.running("score_on", root, tmp_path / "first"), work.running("score_on", root, tmp_path / "second"):
        for there in (root / "page" / "now", root / "exports" / f"{work.AS_OF:%Y-%m-%d}"):
            wait_for(there.exists)
        wait_for(lambda: postgres.rows("SELECT to_regclass('leadready.latest_scores')::text") != [(None,)])
        for reader in readers:
            reader.start()
        stop.wait(seconds)
        wait_for(lambda: wrong or all(len(set(moments)) > 1 for moments in seen))
        (tmp_path / "stop").touch()
    stop.set()
    for reader in readers:
        reader.join()
    told = [line for name in ("first", "second") for line in (tmp_path / name).read_text().splitlines()]
    with open_workspace(root).warehouse() as warehouse:
        stored = warehouse.rows("SELECT as_of, count(*), count(DISTINCT lead_id) FROM scores GROUP BY 1 ORDER BY 1")
        published = warehouse.rows("SELECT as_of FROM publications ORDER BY 1")
    print(f"\n{len(told)} scorings by two, {sum(map(len, seen)):,} reads by {READERS}")
    assert wrong == []
    assert [str(moment) for moment, *_ in stored] == [str(moment) for (moment,) in published] == sorted(told)
    assert all(rows == different for _, rows, different in stored)
    leads = {moment: rows for moment, rows, _ in stored}
    for moments in seen:
        assert moments == sorted(moments), "a reader never goes back"
        assert all(leads[moment] == rows for moment, rows in moments)
    assert read_postgres(postgres)[0] == read_files(root)[0] == [stored[-1][0]]
