"""How do people look at the scores? On a web page that a few processes serve together."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import ConfigError
from pipelines.cli.options import find_workspace, user
from pipelines.cli.printing import HOME, WorkspaceOption
from pipelines.cli.running import show_progress
from pipelines.moment import now

if TYPE_CHECKING:
    from data.settings import ReviewSettings

app = typer.Typer()


@app.command(epilog="Example: leadready review --port 8321")
def review(
    workspace: WorkspaceOption = HOME,
    host: Annotated[str, typer.Option(help="Serve on this address (default: that of settings.toml).")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Serve on this port (default: as above).")] = 0,
) -> None:
    """Serve the page of the day for marketing and sales. It shows what was scored last; stop it with Ctrl-C."""
    import secrets
    import socket

    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from serving.pages.review.tokens import UVICORN, check, tokens_from

    opened = find_workspace(workspace, reading=True)
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value}
    settings = opened.settings.review.model_copy(update=chosen)
    check(settings, tokens_from(os.environ))
    secret = opened.workspace.page / "secret"
    opened.workspace.add(secret, secrets.token_hex(32))
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        what, do = (
            f"serving the page on {settings.host}, port {settings.port}",
            "choose another one with --host or --port",
        )
        raise ConfigError(what, expected="an address that is free", got=error.strerror or str(error), do=do) from None
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"The page of the day: http://{name}:{settings.port}/", flush=True)
    page = partial(_page, opened.workspace.root, settings, secret.read_text("utf-8"), user() or "me")
    config = uvicorn.Config(page, factory=True, workers=settings.processes, log_level="warning", **UVICORN)
    if settings.processes == 1:
        uvicorn.Server(config).run([listening])
    else:
        Multiprocess(config, [listening]).run()


def _page(root: Path, settings: ReviewSettings, secret: str, who: str) -> Any:
    """What one of the processes serves, an ASGI application."""
    from serving.pages.review.access import protect
    from serving.pages.review.app import STYLE, create_app
    from serving.pages.review.tokens import tokens_from

    _end_with_parent()
    show_progress()
    opened = find_workspace(root, reading=True)
    page = create_app(opened.workspace, opened.settings.model_copy(update={"review": settings}), now)
    ended = opened.workspace.page / "signed_out"
    tokens = tokens_from(os.environ)
    return protect(page, settings, secret, tokens, who, page.state.render, open_paths={STYLE}, ended=ended)


def _end_with_parent() -> None:
    """A process whose parent was killed would keep the address."""
    import signal
    import threading
    from multiprocessing import parent_process

    def wait() -> None:
        parent.join()  # type: ignore[union-attr]
        os.kill(os.getpid(), signal.SIGTERM)

    if parent := parent_process():
        threading.Thread(target=wait, daemon=True).start()
