"""Prefect servers for the flow tests, apart from the user's own."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.served import prefect_server

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "true",
}


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a server that lives as long as the tests."""
    os.environ.update(QUIET, PREFECT_HOME=str(tmp_path_factory.mktemp("prefect")))
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness
    from websockets.asyncio import connection

    # Prefect keeps a connection open whose pings draw from the global generator in a thread of its own; hypothesis
    # takes that for a strategy that draws from it, in whatever property this process tries next.
    vars(connection)["random"] = random.Random(0)
    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server as one is started by hand, in a process of its own, for schedules and workers."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as server:
        yield server
