"""How do people look at the scores? On a web page that one process serves."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from data.errors import ConfigError
from pipelines.cli.options import find_workspace, user
from pipelines.cli.printing import HOME, WorkspaceOption
from pipelines.moment import now

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

    from serving.pages.review.access import UVICORN, protect, tokens_from
    from serving.pages.review.app import STYLE, create_app

    opened = find_workspace(workspace)
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value}
    settings = opened.settings.review.model_copy(update=chosen)
    space, tokens = opened.workspace, tokens_from(os.environ)
    secret = space.page / "secret"
    space.add(secret, secrets.token_hex(32))
    page = create_app(space, opened.settings, now)
    guarded = protect(
        page, settings, secret.read_text("utf-8"), tokens, user() or "me", page.state.render, open_paths={STYLE}
    )
    logging.getLogger("serving.pages.review").setLevel(logging.INFO)
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
    uvicorn.Server(uvicorn.Config(guarded, log_level="warning", **UVICORN)).run([listening])
