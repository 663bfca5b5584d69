"""The page as it is served by the command: several processes at one address, which end together."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest

from tests.flows.served import wait_for
from tests.reviewed import published

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return published(tmp_path_factory.mktemp("served"), leads=200, model=False, days=1).workspace


@contextmanager
def serving(workspace):
    """The command and the address of its page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipelines.cli", "review", "-w", str(workspace.root), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process, f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()


def answered(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status
    except OSError:
        return None


def served_by(process):
    """The processes that it started and that serve the page."""
    children = (int(p) for p in os.listdir("/proc") if p.isdigit())
    found = []
    for pid in children:
        try:
            with open(f"/proc/{pid}/stat") as file:
                parent = int(file.read().rpartition(") ")[2].split()[1])
            with open(f"/proc/{pid}/cmdline") as file:
                serves = "spawn_main" in file.read()
        except OSError:
            continue
        found += [pid] * (parent == process.pid and serves)
    return found


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_all_end_with_the_command_and_leave_the_address_free(workspace, how):
    with serving(workspace) as (process, address):
        assert wait_for(lambda: answered(address)) == 200
        assert len(wait_for(lambda: len(found := served_by(process)) == 2 and found)) == 2
        process.send_signal(how)
        process.wait(60)
        wait_for(lambda: answered(address) is None)


def test_one_that_dies_is_replaced(workspace):
    with serving(workspace) as (process, address):
        assert wait_for(lambda: answered(address)) == 200
        first = wait_for(lambda: len(found := served_by(process)) == 2 and found)
        os.kill(first[0], signal.SIGKILL)
        wait_for(lambda: len(found := served_by(process)) == 2 and first[0] not in found)
        time.sleep(1)
        assert answered(address) == 200
