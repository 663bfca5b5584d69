"""A file system that became read-only: what would write says so and leaves all as it is; the page is read on."""

import os
import shutil
import subprocess
import sys
from datetime import datetime

import pytest

from data.errors import ConfigError
from data.workspace import Workspace
from serving.inbox import Entry, put
from serving.pages.review.store import Chosen, Store
from tests.flows.served import wait_for
from tests.flows.test_review_processes import answered, serving
from tests.unit.pipelines.test_disk import can_mount

pytestmark = pytest.mark.slow

LEAD, MOMENT = "L0000005", ("--as-of", "2025-12-01")
WRITE = [
    ["ingest", "canonical", "SOURCE"],
    ["score", *MOMENT],
    ["report", *MOMENT],
    ["publish"],
    ["backup", "OUT"],
    ["forgotten", "OUT"],
    ["tidy"],
    ["override", LEAD, "--route", "hand_off", "--why", "x", "--until", "2100-01-01"],
    ["forget", LEAD],
    ["explain", LEAD, *MOMENT],
]
"""The last one only reads, but opens the warehouse as one that may have to be migrated."""
SAID = "expected a writable folder, got a read-only file system; see why it is (`dmesg`) and mount it anew"


@pytest.fixture
def sealed(tmp_path, filled):
    """A workspace on a file system of its own that is mounted anew, read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=True, capture_output=True)
    try:
        space = Workspace(shutil.copytree(filled, folder / "var", symlinks=True))
        space.add(space.page / "secret", "0" * 64)  # the page was served before
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield space
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


if os.getuid() == 0 and can_mount():  # nobody else can make such a file system

    def test_what_would_write_says_so_and_changes_nothing(leadready, sealed, source, tmp_path):
        before = {path: path.read_bytes() for path in sealed.root.rglob("*") if path.is_file()}
        for words in WRITE:
            given = {"SOURCE": source, "OUT": tmp_path / "out"}
            said = leadready(*(given.get(word, word) for word in words), "-w", sealed.root)
            assert (said.code, SAID in said.err) == (10, True), words
        for name in ("monitor", "daily"):
            typed = [sys.executable, "-m", "pipelines.cli", name, "-w", sealed.root]
            ended = subprocess.run(typed, capture_output=True, text=True)
            assert (ended.returncode, SAID in ended.stderr, "Traceback" in ended.stderr) == (10, True, False), name
        for mend in ([], ["--mend"]):
            said = leadready("doctor", "-w", sealed.root, *mend)
            assert (said.code, "a read-only file system" in said.out) == (10, True)
        assert not (tmp_path / "out").exists()
        assert {path: path.read_bytes() for path in sealed.root.rglob("*") if path.is_file()} == before

    def test_who_reads_reads_on(leadready, sealed):
        with serving(sealed) as (_, address):
            assert wait_for(lambda: answered(address)) == 200
        day = Store(sealed).day()
        assert day.count(Chosen({})) == day.facts["leads"] > 0
        assert (sealed.exports / "2025-12-01" / "scores.csv").read_text()
        assert leadready("runs", "-w", sealed.root).code == 0

    def test_what_is_said_on_the_page_then_is_refused_plainly(sealed):
        says = {"about": "", "verdict": "helpful", "words": ""}
        with pytest.raises(ConfigError, match=r"writing to .* got Read-only file system; .* nothing was kept"):
            put(sealed, Entry("feedback", LEAD, "ann", datetime(2025, 12, 1), says))
