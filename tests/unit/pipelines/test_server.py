"""A command starts a Prefect server of its own where none is named, and says plainly when that fails."""

import os
import subprocess
import sys

import pytest

CODE = """
import os, sys
from pathlib import Path
from pipelines.cli import running, server
running.set_up_prefect(Path(sys.argv[1]))
started = server.start_server()
if started:
    server.wait_for_server()
import prefect
from prefect import flow
from prefect.settings import PREFECT_API_URL
print(started, "prefect.server.api.server" in sys.modules, PREFECT_API_URL.value(), os.environ.get("PREFECT_API_URL"))
"""


def run(folder, before="", **environment):
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-c", before + CODE, str(folder)]
    return subprocess.run(command, env=own | environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_it_answers_and_ends_with_the_command(tmp_path):
    done = run(tmp_path)
    started, imported, url, handed_on = done.stdout.split()
    assert (done.returncode, started, imported, handed_on) == (0, "True", "False", "None"), done.stderr
    port = url.removeprefix("http://127.0.0.1:").removesuffix("/api")
    listening = subprocess.run(
        ["grep", "-ic", f":{int(port):04X} 00000000:0000 0A", "/proc/net/tcp"], capture_output=True
    )
    assert listening.stdout.strip() == b"0"


@pytest.mark.slow
def test_a_server_that_is_named_is_taken(tmp_path):
    url = "http://127.0.0.1:9/api"
    done = run(tmp_path, PREFECT_API_URL=url)
    assert done.stdout.split() == ["False", "False", url, url], done.stderr
    home = tmp_path / "home"
    home.mkdir()
    (home / "profiles.toml").write_text(f'active = "ours"\n[profiles.ours]\nPREFECT_API_URL = "{url}"\n')
    done = run(tmp_path, PREFECT_HOME=str(home))
    assert done.stdout.split() == ["False", "False", url, "None"], done.stderr


@pytest.mark.slow
def test_one_that_does_not_come_up_is_a_plain_error(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 7\n")
    broken.chmod(0o700)
    done = run(tmp_path, f"import sys; sys.executable = {str(broken)!r}")
    said = done.stderr.strip().splitlines()[-1]
    assert "starting Prefect: expected an answer" in said, done.stderr
    assert "got a server that ended with exit code 7" in said
