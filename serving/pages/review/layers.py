"""What does every request to the web page pass, whoever asks? Limits, headers, CSRF, plain refusals, the access log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection
from html import escape
from http import HTTPStatus

from asgi_csrf import asgi_csrf_decorator
from fastapi import HTTPException, Response
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

MOST_BODY, MOST_URL = 64 * 1024, 4 * 1024
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
METHODS = {"GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE"}
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
NOT_OURS = "Nothing was saved: the form did not come from this page or was open too long. Load it again."


def watched(app: ASGIApp, cached: Collection[str], time: Callable[[], float]) -> ASGIApp:
    """The outermost layer: no long URL, an HTTPException as a plain answer, headers on all, a line in the log.

    The line holds the path's template and the role: no path, query, name or id.
    """

    async def watch(scope: Scope, receive: Receive, send: Send) -> None:
        begun, status, state = time(), 0, scope.setdefault("state", {})

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if scope["path"] in cached and status in (200, 304):
                    headers["Cache-Control"] = "private, max-age=3600"
            await send(message)

        try:
            if len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"]) > MOST_URL:
                raise HTTPException(414, "This address is too long.")
            await app(scope, receive, with_headers)
        except HTTPException as error:
            await _refusal(scope, error)(scope, receive, with_headers)
        except Exception:
            if not status:
                failed = HTTPException(500, "Something went wrong here. Whoever runs leadready finds it in the log.")
                await _refusal(scope, failed)(scope, receive, with_headers)
            raise
        finally:
            method = scope["method"] if scope["method"] in METHODS else "-"
            role = getattr(state.get("user"), "role", "-")
            log.info("%s %s %d %.0f ms %s", method, state.get("route", "-"), status, 1000 * (time() - begun), role)

    return watch


def with_csrf(app: ASGIApp, secret: str, cookie: str, *, secure: bool) -> ASGIApp:
    """The app, which no form of another page reaches: HTTPException 403; 413 where the body is too long."""

    async def reach(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["route"] = "-"
        try:
            await app(scope, receive, send)
        finally:
            scope["state"]["route"] = getattr(scope.get("route"), "path", "-")

    async def refuse(*_: object) -> None:
        raise HTTPException(403, NOT_OURS)

    checked = asgi_csrf_decorator(
        cookie_name=cookie,
        signing_secret=secret,
        always_protect=_Everything(),  # else what has no cookies passes, as from people whom the proxy knows
        cookie_secure=secure,
        cookie_samesite="Strict",
        send_csrf_failed=refuse,
    )(reach)

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        # browsers name the site that sends a form; Origin tells nothing, as pages without referrer send `null`
        if scope["method"] not in SAFE and set(values(scope, "sec-fetch-site")) - {"same-origin", "none"}:
            raise HTTPException(403, NOT_OURS)
        whole = await _read(receive)
        try:
            await checked(_with_one_cookie(scope, cookie), whole, send)
        except HTTPException:
            raise
        except Exception:
            if "route" in scope["state"]:
                raise
            raise HTTPException(400, "This request cannot be read.") from None  # the library tripped over it

    return check


def values(scope: Scope, name: str) -> list[str]:
    """All values of a header of exactly this name."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name.encode("latin-1")]


def is_api(scope: Scope) -> bool:
    """Whether a program asks, which wants JSON."""
    return bool(scope["path"].startswith("/api/"))


class _Everything:
    """Contains whatever it is asked for."""

    def __contains__(self, _: object) -> bool:
        return True


def _with_one_cookie(scope: Scope, name: str) -> Scope:
    """Cookies of other pages on this machine reach neither the CSRF library, which trips over some, nor the app."""
    value = cookie_parser("; ".join(values(scope, "cookie"))).get(name, "")
    ours = [(b"cookie", f"{name}={value}".encode())] if re.fullmatch(r"[\w.-]+", value, re.ASCII) else []
    return {**scope, "headers": [(key, text) for key, text in scope["headers"] if key.lower() != b"cookie"] + ours}


async def _read(receive: Receive) -> Receive:
    """The request with its body read whole; HTTPException 413 where that is too long."""
    body, more, given = bytearray(), True, False
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "This request broke off.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BODY:
            raise HTTPException(413, f"This is too much at once; at most {MOST_BODY // 1024} KB are taken.")

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return again


def _refusal(scope: Scope, error: HTTPException) -> Response:
    if is_api(scope):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    title, text = escape(HTTPStatus(error.status_code).phrase), escape(str(error.detail))
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{text}</p>'
    return HTMLResponse(page, error.status_code, error.headers)
