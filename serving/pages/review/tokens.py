"""May the page be served so, and whose tokens are there? Asked before anything of the page is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from data.errors import ConfigError
from data.settings import ReviewSettings

VARIABLE = "LEADREADY_REVIEW_TOKENS"
UVICORN: Mapping[str, Any] = {"proxy_headers": False, "server_header": False, "access_log": False, "ws": "none"}
"""How uvicorn has to run the page. With `proxy_headers` a process on this machine could say that it is the proxy;
its own access log holds paths and queries."""

SHORTEST_TOKEN, LONGEST_NAME = 20, 200


def tokens_from(environment: Mapping[str, str]) -> dict[str, str]:
    """The tokens by user, from LEADREADY_REVIEW_TOKENS; ConfigError says which is malformed without repeating it."""
    tokens: dict[str, str] = {}
    for number, entry in enumerate(filter(None, environment.get(VARIABLE, "").strip().split(",")), 1):
        name, _, token = (part.strip() for part in entry.partition(":"))
        if not is_name(name) or not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", token):
            got = "something else"
        elif name in tokens or token in tokens.values():
            got = "a name or a token that is already taken"
        else:
            tokens[name] = token
            continue
        expected = f"name:token with a token of at least {SHORTEST_TOKEN} letters, digits or signs"
        raise ConfigError(f"reading {VARIABLE}, entry {number}", expected=expected, got=got, do="correct that entry")
    return tokens


def check(settings: ReviewSettings, tokens: Mapping[str, str]) -> None:
    """ConfigError where other machines could ask for the page and nothing says who asks."""
    if not (is_loopback(settings.host) or tokens or settings.proxy):
        what, do = (
            f"serving the page on {settings.host}",
            f"bind to 127.0.0.1, set tokens ({VARIABLE}), or name a proxy",
        )
        raise ConfigError(what, expected="a way to know who asks", got="none", do=do)


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, an IPv4 one in its own form; None where it is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_loopback(host: str) -> bool:
    """Whether only this machine can ask there."""
    address = address_of(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def is_name(text: str) -> bool:
    """A person's name in one piece: with a comma it may be two headers that something joined."""
    good = text.isprintable() and text == text.strip() and not set(text) & {",", "\ufffd"}
    return good and 0 < len(text) <= LONGEST_NAME
