"""One browser, and workspaces with something to look at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from data.opened import OpenWorkspace
from tests.reviewed import published, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium to look with")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> OpenWorkspace:
    """Scored by a model on two days."""
    return published(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="session")
def address(company: OpenWorkspace) -> Iterator[str]:
    """Where its page is served; nothing is written to it."""
    with served(company) as found:
        yield found
