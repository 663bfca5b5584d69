"""A small company with a trained model, scored on two days and reported on, some of whose leads have odd names."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import uvicorn

from data.opened import OpenWorkspace, open_workspace
from data.settings import ReviewSettings
from data.simulator.company import simulate, write
from data.workspace import Workspace
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.promote import promote_model
from pipelines.jobs.report import report_on
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from pipelines.jobs.train import train_models
from serving.pages.review.access import protect
from serving.pages.review.app import STYLE, create_app
from serving.pages.review.tokens import UVICORN

AS_OF = datetime(2025, 12, 15)
DAY = timedelta(days=1)
LOADED_AT = datetime(2026, 1, 10)
ODD_NAMES = (
    "<script>document.title = 'gone'</script>",
    '"><img src=x onerror=alert(1)>',
    "مريم العبد الله",
    "👩‍💻 Ada 🚀",
    "=HYPERLINK(1)",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2,
    "{{ 7 * 7 }} ${7*7} %0d%0a",
    "O'Brien\\; DROP TABLE leads; --",
)


def published(root: Path, leads: int = 900, model: bool = True, days: int = 2, ids: str = "{}") -> OpenWorkspace:
    """A workspace with all that the page shows; `ids`: what the ids of leads look like."""
    space = Workspace(root)
    init_workspace(space)
    space.settings.write_text(
        space.settings.read_text().replace("refits = 8", "refits = 2").replace("folds = 4", "folds = 1")
    )
    tables = simulate(leads, 4)
    names = tables["leads"]["name"].to_numpy(copy=True)
    for place in range(len(names)):
        if place % 10 < len(ODD_NAMES):
            names[place] = f"{ODD_NAMES[place % 10]} {place}"
    tables["leads"] = tables["leads"].assign(name=names)
    named = {n: t.assign(lead_id=t["lead_id"].map(ids.format)) for n, t in tables.items() if "lead_id" in t}
    write({**tables, **named}, root / "raw")
    opened = open_workspace(root)
    ingest_batch(opened, "canonical", str(root / "raw"), LOADED_AT, backfill=True)
    if model:
        trained = train_models(opened, AS_OF - DAY)
        promote_model(opened, trained.version.version, LOADED_AT, "", "to have one", force=True)
    for back in range(days)[::-1]:
        score_open_leads(opened, AS_OF - back * DAY)
    report_on(opened, AS_OF)
    return opened


@contextmanager
def served(
    opened: OpenWorkspace,
    settings: ReviewSettings | None = None,
    tokens: dict[str, str] | None = None,
    now: Callable[[], datetime] = lambda: AS_OF + DAY / 2,
) -> Iterator[str]:
    """The address at which the page is served, in a thread."""
    app = create_app(opened.workspace, opened.settings, now)
    page = protect(
        app, settings or ReviewSettings(), "s" * 64, tokens or {}, "Ann", app.state.render, open_paths={STYLE}
    )
    server = uvicorn.Server(uvicorn.Config(page, port=0, log_level="error", **UVICORN))
    thread = threading.Thread(target=server.run)  # no daemon: it and its workers end before the interpreter does
    thread.start()
    try:
        until = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
