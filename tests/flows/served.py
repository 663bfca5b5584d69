"""What the tests of schedules and servers share: a Prefect server of their own, and commands that are typed."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

PATIENCE_S = 300


@contextmanager
def started(environment, *words):
    """A process that lives as long as the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)  # a worker ends the run that it has begun


def wait_for(find):
    """What is found, once there is something."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if found := find():
            return found
        time.sleep(1)
    return pytest.fail(f"nothing found within {PATIENCE_S} seconds")


@contextmanager
def prefect_server(home):
    """Its address, its folder, the environment of whoever works with it, and how to ask it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": url}
    environment |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "true"}
    environment |= {"PREFECT_WORKER_QUERY_SECONDS": "2", "PREFECT_CLI_PROMPT": "false"}

    def ask(path, **body):
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def answers():
        try:
            return ask("/health")
        except OSError:
            return None

    with started(environment, "prefect", "server", "start", "--port", str(port), "--no-ui"):
        wait_for(answers)
        yield SimpleNamespace(url=url, home=home, environment=environment, ask=ask)


def leadready(prefect, *words):
    """A command as it is typed by one who works with that server."""
    words = [sys.executable, "-m", "pipelines.cli", *map(str, words)]
    return subprocess.run(words, env=prefect.environment, capture_output=True, text=True, check=False)
