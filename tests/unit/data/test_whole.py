"""Files and folders are there whole or not at all, and locks hold among processes."""

import os
import subprocess
import sys
import threading

import pytest

from data.errors import ConfigError
from data.whole import locked, remove, shared, whole, writing


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("options", [{}, {"unless_there": True}, {"alone": True}])
def test_a_file_that_was_not_finished_is_not_there(tmp_path, options):
    def cut_short():
        with whole(tmp_path / "made.txt", **options) as making:
            making.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_short()
    assert names(tmp_path) == []


def test_a_file_takes_the_place_of_the_old_one_at_the_end(tmp_path):
    path = tmp_path / "below" / "made.txt"
    with whole(path) as making:
        making.write_text("old")
    with whole(path) as making:
        making.write_text("new")
        assert path.read_text() == "old"
    assert (path.read_text(), names(path.parent)) == ("new", ["made.txt"])


@pytest.mark.parametrize("links", [True, False])
def test_the_first_one_stays_where_one_is_there(tmp_path, links, monkeypatch):
    path = tmp_path / "made.txt"
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: os.open("/dev/null/nothing", os.O_RDONLY))
    with whole(path, unless_there=True) as making:
        making.write_text("second")
        with whole(path, unless_there=True) as sooner:
            sooner.write_text("first")
    assert (path.read_text(), names(tmp_path)) == ("first", ["made.txt"])


def test_a_folder_takes_the_place_of_a_folder(tmp_path):
    for text in ("old", "new"):
        with whole(tmp_path / "report", alone=True) as making:
            making.mkdir()
            (making / text).write_text(text)
    assert names(tmp_path) == ["report"]
    assert names(tmp_path / "report") == ["new"]


@pytest.mark.parametrize("step", [1, 2])
def test_what_a_killed_one_left_of_a_folder_is_mended_by_the_next(tmp_path, step):
    """Killed while it wrote, or between the two renames."""
    report, making, old = tmp_path / "report", tmp_path / ".report.making", tmp_path / ".report.old"
    (report if step == 1 else old).mkdir()
    making.mkdir()
    with whole(report, alone=True) as found:
        assert found == making
        assert names(tmp_path) == ["report"]
        found.mkdir()
    assert names(tmp_path) == ["report"]


def test_a_link_moves_in_one_step(tmp_path):
    for target in ("one", "two"):
        with whole(tmp_path / "link", alone=True) as making:
            making.symlink_to(target)
    assert os.readlink(tmp_path / "link") == "two"


def test_what_is_not_there_is_removed_without_a_word(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    remove(*(tmp_path / name for name in ("nothing", "link")))
    assert names(tmp_path) == ["folder"]


def test_what_cannot_be_written_is_a_plain_error(tmp_path):
    (tmp_path / "file").write_text("")
    plain = r"trying: expected a writable folder with free space, got .*; repair it"
    with pytest.raises(ConfigError, match=plain), writing("trying", "repair it"), whole(tmp_path / "file" / "made"):
        pass
    with pytest.raises(ConfigError, match="got one; repair it"), writing("trying", "repair it", KeyError, ValueError):
        raise ValueError("one\ntwo")


HOLDING = """
import sys, time
from pathlib import Path
from data.whole import locked, shared
with {lock}:
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock until it is killed."""
    started = []

    def start(lock):
        code = HOLDING.format(lock=lock.format(path=f"Path({str(tmp_path / 'lock')!r})"))
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_lock_is_waited_for_until_its_process_dies(tmp_path, other):
    process, got = other("locked({path})"), threading.Event()

    def wait():
        with locked(tmp_path / "lock"):
            got.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not got.wait(0.3)
    process.kill()
    assert got.wait(10)
    waiting.join()


def test_a_shared_lock_is_held_together_and_what_comes_first_is_done_by_the_first(tmp_path, other):
    done = []
    process = other("shared({path}, lambda: None)")
    with shared(tmp_path / "lock", lambda: done.append("too early")):
        assert done == []
    process.kill()
    process.wait()
    with shared(tmp_path / "lock", lambda: done.append("alone")):
        assert done == ["alone"]
