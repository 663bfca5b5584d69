"""What all tests share: how many examples hypothesis tries, always the same ones."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.server import Database, Server, running

os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # before any test imports it, in whatever order they run
os.environ.pop("LEADREADY_MLFLOW", None)  # no test trains on a server but on its own
signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a run in the background ignores it, and so would what it starts
common = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("default", max_examples=4, **common)
settings.register_profile("thorough", max_examples=12, **common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL server for all tests of a process."""
    with running() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Server) -> Iterator[Database]:
    """A database with nothing in it."""
    database = Database(postgres_server, "postgres")
    yield database
    database.empty()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """In CI a skipped test is a failure, unless its reason is listed in pyproject.toml."""
    if not os.environ.get("CI"):
        return
    allowed = config.getini("allowed_skips")
    skipped = [(r.nodeid, r.longrepr[2]) for r in terminalreporter.stats.get("skipped", [])]
    unexpected = [f"{test}: {why}" for test, why in skipped if not any(a in why for a in allowed)]
    if unexpected:
        terminalreporter.section("skipped in CI, where every part must run", red=True)
        for line in unexpected:
            terminalreporter.line(line)
        terminalreporter._session.exitstatus = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """Reasons for which a test may be skipped even in CI."""
    parser.addini("allowed_skips", "parts of reasons for which CI may skip a test", type="linelist", default=[])
