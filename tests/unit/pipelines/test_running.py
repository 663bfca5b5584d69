"""What commands log on stderr, for people and for machines."""

import json
import logging
from datetime import datetime

import pytest

from data.workspace import Workspace
from pipelines.cli.running import LOG_FORMAT, show_progress
from pipelines.runs import ROOMS, recorded


@pytest.fixture(autouse=True)
def logging_as_it_was():
    kept = {room: (log.handlers, log.propagate, log.level) for room in ROOMS if (log := logging.getLogger(room))}
    yield
    for room, (handlers, propagate, level) in kept.items():
        log = logging.getLogger(room)
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)


@recorded("{done} leads", lambda done: {"as_of": datetime(2026, 3, 2).isoformat(), "leads": done})
def score(workspace):
    """A job."""
    logging.getLogger("serving.scoring").warning("22 %% of %d leads", 5)
    return 5


@pytest.fixture
def root(tmp_path):
    space = Workspace(tmp_path / "var")
    space.create()
    return space.root


def test_lines_of_json_name_the_run_and_its_end_has_moment_and_counts(root, monkeypatch, capsys):
    monkeypatch.setenv(LOG_FORMAT, "json")
    show_progress()
    score(root)
    said, ended = map(json.loads, capsys.readouterr().err.splitlines())
    assert (said["level"], said["room"], said["message"]) == ("warning", "serving.scoring", "22 % of 5 leads")
    assert said["run"] == ended["run"] == ended["log"].removeprefix("logs/").removesuffix(".log")
    assert (ended["job"], ended["outcome"], ended["what"]) == ("score", "done", "5 leads")
    assert ended["facts"] == {"as_of": "2026-03-02T00:00:00", "leads": 5}


def test_people_see_the_seconds_and_not_the_record_of_the_end(root, monkeypatch, capsys):
    monkeypatch.delenv(LOG_FORMAT, raising=False)
    show_progress()
    score(root)
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(" s] 22 % of 5 leads")
