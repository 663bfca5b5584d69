"""Who may see the web page, and do what there? By token, session or proxy; on one's own machine without."""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from time import monotonic
from typing import Any, get_args

from fastapi import FastAPI, HTTPException, Request, Response
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from data.settings import ReviewSettings
from data.settings import Role as Role
from data.whole import remove
from serving.pages.review.layers import is_api, values, watched, with_csrf
from serving.pages.review.tokens import address_of, check, is_loopback, is_name

Render = Callable[[Request, str, dict[str, Any]], Response]
"""Lays out a template by its name with the app's own Jinja environment."""

OPEN = frozenset({"/review.css"})
"""Paths that anybody may ask for: they hold no data."""
MOST_TRIES, TRIES_SECONDS = 10, 60
SESSION_SECONDS = 12 * 3600
FORWARDED = {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}

UNKNOWN = "You are not known here. Ask whoever runs leadready for access."
WRONG = "This name and token do not belong together. Check both, or ask whoever runs leadready."
TOO_OFTEN = "Too many wrong tokens. Wait a minute and try again."


@dataclass(frozen=True)
class User:
    """Who asks."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the role suffices: an admin may do what a rep may, and a rep what a reader may."""
        roles = get_args(Role)
        return bool(roles.index(self.role) >= roles.index(role))


def require(role: Role) -> Callable[[Request], User]:
    """A dependency that gives the user; HTTPException 403 where their role does not suffice."""

    def allowed(request: Request) -> User:
        user: User | None = request.state.user
        if user is None:
            raise HTTPException(403, UNKNOWN)
        if not user.may(role):
            advice = "whoever runs leadready can name you under [review.roles] in settings.toml."
            raise HTTPException(403, f"This needs the role {role}, and yours is {user.role}; {advice}")
        return user

    return allowed


def limited(most: int, wait: float = 5) -> Callable[[], AsyncIterator[None]]:
    """A dependency for costly pages: `most` at once, others wait so many seconds; then HTTPException 503."""
    places = asyncio.Semaphore(most)

    async def place() -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(wait):
                await places.acquire()
        except TimeoutError:
            busy = "Too many ask for this page just now. Try again in a few seconds."
            raise HTTPException(503, busy, {"Retry-After": "5"}) from None
        try:
            yield
        finally:
            places.release()

    return place


def protect(
    app: FastAPI,
    settings: ReviewSettings,
    secret: str,
    tokens: Mapping[str, str],
    local_user: str,
    render: Render,
    *,
    open_paths: Collection[str] = OPEN,
    ended: Path | None = None,
    time: Callable[[], float] = monotonic,
) -> ASGIApp:
    """The app behind all of this, with /sign-in and /sign-out where there are tokens; ConfigError as in `check`.

    `request.state.user` is who asks, and None only on open paths and /sign-in. `ended`: the folder in which all
    processes that serve the page note the sessions that were signed out; None: this one alone remembers them.
    """
    check(settings, tokens)
    gate = _Gate(settings, secret, tokens, local_user, _Ended(ended), time)
    if tokens:
        _add_sign_in(app, gate, render)
    without = {*open_paths, "/sign-in"} if tokens else open_paths
    # flags of cookies belong to the scheme, which only the request knows
    inside = {secure: _identified(app, gate, without, secure=secure) for secure in (False, True)}

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        gate.check_host(scope)
        secure = gate.is_https(scope)
        scope["scheme"] = "https" if secure else "http"
        await inside[secure](scope, receive, send)

    watch = watched(choose, open_paths, time)

    async def protected(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await (app if scope["type"] == "lifespan" else watch)(scope, receive, send)

    return protected


def _identified(app: ASGIApp, gate: _Gate, without: Collection[str], *, secure: bool) -> ASGIApp:
    """The app behind sessions, then the question who asks, then CSRF."""
    prefix = "__Host-leadready" if secure else "leadready"
    inner = with_csrf(app, gate.secret, f"{prefix}_csrf", secure=secure)

    async def identify(scope: Scope, receive: Receive, send: Send) -> None:
        user = scope["state"]["user"] = gate.user(scope)
        if user or scope["path"] in without:
            await inner(scope, receive, send)
        elif is_api(scope):
            raise HTTPException(401, UNKNOWN, {"WWW-Authenticate": "Bearer"})
        elif gate.tokens:
            await RedirectResponse("/sign-in", 303)(scope, receive, send)
        else:
            raise HTTPException(403, UNKNOWN)

    return SessionMiddleware(identify, gate.secret, f"{prefix}_session", SESSION_SECONDS, "/", "strict", secure)


def _add_sign_in(app: FastAPI, gate: _Gate, render: Render) -> None:
    def page(request: Request, status: int = 200, problem: str = "") -> Response:
        response = render(request, "sign_in.html.j2", {"problem": problem})
        response.status_code = status
        return response

    async def show(request: Request) -> Response:
        return page(request)

    async def sign_in(request: Request) -> Response:
        form = await request.form()
        name, token = (str(form.get(field, "")).strip() for field in ("name", "token"))
        right = _same(gate.tokens.get(name, secrets.token_hex()), token)
        try:
            if not gate.try_token(request.scope, right):
                return page(request, 401, WRONG)
        except HTTPException as error:
            response = page(request, error.status_code, TOO_OFTEN)
            response.headers.update(error.headers or {})
            return response
        request.session.clear()
        request.session.update(name=name, mark=gate.mark(name), id=secrets.token_hex(16))
        return RedirectResponse("/", 303)

    async def sign_out(request: Request) -> Response:
        gate.ended.add(request.session.get("id", ""))
        request.session.clear()
        return RedirectResponse("/sign-in", 303)

    for path, method, answer in (("in", "GET", show), ("in", "POST", sign_in), ("out", "POST", sign_out)):
        app.add_api_route(f"/sign-{path}", answer, methods=[method], include_in_schema=False)


class _Ended:
    """Sessions that were signed out, of which a copy of the cookie is worth nothing: an empty file for each."""

    def __init__(self, folder: Path | None) -> None:
        self._folder, self._own = folder, set[str]()

    def add(self, session: str) -> None:
        """End it; those that would have ended by now are no longer noted."""
        self._own.add(session)
        if self._folder and session.isalnum():
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / session).touch()
            now = (self._folder / session).stat().st_mtime
            with suppress(FileNotFoundError):  # another process tidies too
                remove(*(path for path in self._folder.iterdir() if path.stat().st_mtime < now - SESSION_SECONDS))

    def __contains__(self, session: str) -> bool:
        there = self._folder is not None and session.isalnum() and (self._folder / session).exists()
        return session in self._own or there


class _Gate:
    """Knows who asks."""

    def __init__(
        self,
        settings: ReviewSettings,
        secret: str,
        tokens: Mapping[str, str],
        local_user: str,
        ended: _Ended,
        time: Callable[[], float],
    ) -> None:
        self.secret, self.tokens, self.local_user, self.time = secret, tokens, local_user, time
        self.ended, self.most_tries = ended, max(1, MOST_TRIES // settings.processes)
        self.roles, self.proxy, self.user_header = (
            settings.roles,
            address_of(settings.proxy),
            settings.user_header.lower(),
        )
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.hosts = {"localhost", "127.0.0.1", "[::1]", *settings.names, host.lower()}
        self.alone = is_loopback(settings.host) and not tokens and not settings.proxy
        self.wrong: deque[tuple[float, str]] = deque(maxlen=10_000)

    def check_host(self, scope: Scope) -> None:
        """HTTPException where the page is asked for under a name that is not its own, as another site would."""
        hosts = values(scope, "host")
        named = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", hosts[0].lower()) if hosts else None
        if len(hosts) != 1 or not named or named[1] not in self.hosts:
            advice = "Whoever runs leadready can add it to `names` under [review] in settings.toml."
            raise HTTPException(400, f"This page does not go by the name you asked for. {advice}")

    def is_https(self, scope: Scope) -> bool:
        """Whether the browser speaks HTTPS: with the server itself, or by the word of the proxy."""
        said = self._from_proxy(scope) and values(scope, "x-forwarded-proto") == ["https"]
        return said or bool(scope["scheme"] == "https")

    def user(self, scope: Scope) -> User | None:
        """Who asks: by token, session, proxy, or as the only one who can; HTTPException where a token is wrong."""
        name = self._by_token(scope) or self._by_session(scope) or self._by_proxy(scope)
        if name:
            return User(name, self.roles.get(name, "reader"))
        peer, headers = _peer(scope), {key.decode("latin-1").lower() for key, _ in scope["headers"]}
        if self.alone and peer and peer.is_loopback and not headers & {*FORWARDED, self.user_header}:
            return User(self.local_user, "admin")
        return None

    def try_token(self, scope: Scope, right: bool) -> bool:
        """Whether it is right; HTTPException 429 where a peer tried too many wrong ones within the last minute."""
        peer, now = str((scope.get("client") or ("-",))[0]), self.time()
        while self.wrong and self.wrong[0][0] <= now - TRIES_SECONDS:
            self.wrong.popleft()
        if sum(who == peer for _, who in self.wrong) >= self.most_tries:
            raise HTTPException(429, TOO_OFTEN, {"Retry-After": str(TRIES_SECONDS)})
        if not right:
            self.wrong.append((now, peer))
        return right

    def mark(self, name: str) -> str:
        """What a session must hold: it ends when the token of its user is changed or taken away."""
        return hmac.new(self.secret.encode(), f"{name}\n{self.tokens[name]}".encode(), sha256).hexdigest()

    def _by_token(self, scope: Scope) -> str | None:
        given = values(scope, "authorization")
        if not any(value.lower().startswith("bearer") for value in given):
            return None
        token = given[0][len("bearer") :].strip() if len(given) == 1 else ""
        found = [name for name, known in self.tokens.items() if _same(known, token)]  # compares all: constant time
        if not self.try_token(scope, bool(found)):
            raise HTTPException(401, "This token is not known here.", {"WWW-Authenticate": "Bearer"})
        return found[0]

    def _by_session(self, scope: Scope) -> str | None:
        session = scope["session"]
        name = session.get("name")
        known = name in self.tokens and _same(self.mark(name), session["mark"]) and session["id"] not in self.ended
        return name if known else None

    def _by_proxy(self, scope: Scope) -> str | None:
        given = values(scope, self.user_header)
        if not self._from_proxy(scope) or len(given) != 1:
            return None
        name = given[0].encode("latin-1").decode("utf-8", errors="replace")
        return name if is_name(name) else None

    def _from_proxy(self, scope: Scope) -> bool:
        return self.proxy is not None and _peer(scope) == self.proxy


def _peer(scope: Scope) -> IPv4Address | IPv6Address | None:
    return address_of(scope["client"][0]) if scope.get("client") else None


def _same(known: str, given: str) -> bool:
    """Compared in constant time, whatever their lengths."""
    sums = (sha256(text.encode(errors="replace")).digest() for text in (known, given))
    return hmac.compare_digest(*sums)
