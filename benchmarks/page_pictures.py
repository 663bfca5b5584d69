"""The pictures of docs/reading-a-score.md and of the README, from the page of a scored workspace.

`python -m benchmarks.page_pictures WORKSPACE [--out docs/page]` serves the page, looks at it with Chromium, and
writes a PNG of today and of the first lead to call.
"""

from __future__ import annotations

import argparse
import shutil
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright

from data.opened import open_workspace
from serving.pages.review.app import lead_href
from serving.pages.review.store import Store
from tests.reviewed import served

SIZE = {"width": 1120, "height": 860}


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/page"))
    given = parser.parse_args()
    opened = open_workspace(given.workspace)
    day = Store(opened.workspace).day()
    if day is None:
        raise SystemExit("taking pictures: expected a scored workspace, got one without scores; run `leadready score`")
    places = {"today": "/", "call": lead_href(day.first("calls")[0]["lead_id"])}
    given.out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with served(opened, now=lambda: day.as_of + timedelta(hours=1)) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        for name, path in places.items():
            page.goto(address + path)
            page.screenshot(path=given.out / f"{name}.png")
            print(given.out / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
