"""What commands log on stderr, for people and for machines."""

import json
import logging
import warnings
from datetime import datetime

import pytest

from data.workspace import Workspace
from pipelines.cli.running import LOG_FORMAT, say_end, show_progress
from pipelines.runs import ROOMS, recorded


@pytest.fixture(autouse=True)
def logging_as_it_was():
    kept = {
        room: (log.handlers, log.propagate, log.level)
        for room in (*ROOMS, "py.warnings")
        if (log := logging.getLogger(room))
    }
    yield
    logging.captureWarnings(False)
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


def test_a_command_that_shows_no_progress_warns_in_json_too(monkeypatch, capsys):
    monkeypatch.setenv(LOG_FORMAT, "json")
    show_progress(logging.WARNING)
    logging.getLogger("data.intake").info("not said")
    logging.getLogger("data.intake").warning("stale")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], first["room"], first["message"]) == ("warning", "data.intake", "stale")
    assert (second["level"], second["room"]) == ("warning", "py.warnings")
    assert "DeprecationWarning: old" in second["message"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["runs", "-w", "nowhere"], 10, "opening the workspace nowhere: expected a folder made by"),
        (["runs", "--wrong"], 2, "No such option"),
        (["runs", "--most", "0"], 2, "Invalid value"),
        (["wrong"], 2, "No such command"),
    ],
)
def test_why_a_command_ended_is_a_line_of_json(leadready, monkeypatch, words, code, said):
    monkeypatch.setenv(LOG_FORMAT, "text")  # so that it is put back
    ended = leadready("--log-format", "json", *words)
    [line] = ended.err.splitlines()
    line = json.loads(line)
    assert (ended.code, line["exit_code"], line["level"], ended.out) == (code, code, "error", "")
    assert said in line["message"]
    assert {"at", "run", "room"} <= line.keys()
    assert code == 2 or {"what", "expected", "got", "do"} <= line.keys()


def test_a_fault_of_ours_and_a_signal_are_lines_of_json(monkeypatch, capsys):
    monkeypatch.setenv(LOG_FORMAT, "json")
    say_end("stopped by SIGTERM", 143)
    assert json.loads(capsys.readouterr().err)["exit_code"] == 143
    monkeypatch.setenv(LOG_FORMAT, "text")
    say_end("stopped by SIGTERM", 143)
    assert capsys.readouterr().err == "leadready: stopped by SIGTERM\n"
