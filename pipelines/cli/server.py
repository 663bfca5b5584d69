"""How does a command come to a Prefect server where none is named? It starts one, and imports meanwhile.

Prefect itself would import the whole server into the command's process before it starts it in another one, which costs
four seconds, and then wait for it.
"""

from __future__ import annotations

import atexit
import http.client
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from data.errors import ConfigError

WITHIN_S = 180
"""The first start in a workspace makes the server's database, which takes its time on a busy machine."""
ALONE = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
"""How Prefect sets up a server of one process: without its page and its services."""
NAMED = "PREFECT_API_URL"

_started: list[subprocess.Popen[bytes]] = []


def start_server() -> bool:
    """Start a server for this process unless the environment or Prefect's settings name one; whether it did.

    It takes requests at once and answers as soon as it is up (`wait_for_server`).
    """
    import prefect
    from prefect.context import refresh_global_settings_context
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value():
        return False
    with socket.create_server(("127.0.0.1", 0)) as door:
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(Path(prefect.__file__).parents[1])]
        command += ["--factory", "prefect.server.api.server:create_app", "--fd", str(door.fileno())]
        command += ["--log-level", "error", "--lifespan", "on"]
        _started.append(subprocess.Popen(command, env=os.environ | ALONE, pass_fds=[door.fileno()]))
        url = f"http://127.0.0.1:{door.getsockname()[1]}/api"
    atexit.register(_stop)
    os.environ[NAMED] = url
    refresh_global_settings_context()
    del os.environ[NAMED]  # what this process starts may outlive the server
    return True


def wait_for_server() -> None:
    """Wait until the server that was started answers; ConfigError where it does not."""
    from prefect.settings import PREFECT_API_URL

    address = urlsplit(PREFECT_API_URL.value())
    connection = http.client.HTTPConnection(str(address.netloc), timeout=WITHIN_S)
    try:
        connection.request("GET", f"{address.path}/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise _failed(_end_of(_started[-1]) or type(error).__name__) from None
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        raise _failed(f"HTTP status {status}")


def _end_of(process: subprocess.Popen[bytes]) -> str:
    """How a server ended; nothing while it is at work."""
    try:
        return f"a server that ended with exit code {process.wait(2)}"
    except subprocess.TimeoutExpired:
        return ""


def kill_server() -> None:
    """End it at once."""
    while _started:
        with suppress(OSError):
            _started.pop().kill()


def _stop() -> None:
    """End it in good order: it keeps what it was told of the run."""
    for process in _started:
        process.terminate()
    while _started:
        process = _started.pop()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _failed(got: str) -> ConfigError:
    return ConfigError(
        "starting Prefect",
        expected=f"an answer of its server within {WITHIN_S} s",
        got=got,
        do=f"run the command again, or start a server yourself and name it in {NAMED}",
    )
