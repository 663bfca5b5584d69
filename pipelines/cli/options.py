"""What do typed words mean? Moments, spans, and the workspace they name."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import UsageError
from pipelines.moment import NOW, Moment

if TYPE_CHECKING:  # the command line prints help without DuckDB
    from data.opened import OpenWorkspace

AsOf = Annotated[str | None, typer.Option(help="Use only what was known before this moment (UTC; default: now).")]
Why = Annotated[str, typer.Option(help="Give the reason; it is kept with the model.")]


def find_workspace(folder: Path, *, reading: bool = False) -> OpenWorkspace:
    """The workspace in that folder; ConfigError unless it is one. `reading`: on a read-only file system too."""
    from data.opened import open_workspace

    return open_workspace(folder, reading=reading)


def read_as_of(text: str | None) -> Moment:
    """What `--as-of` says, NOW where it says nothing; UsageError where it is no moment."""
    return NOW if text is None else read_moment(text)


def read_moment(text: str, option: str = "--as-of") -> datetime:
    """A date or time (UTC, or with its own offset) as UTC; UsageError where it is neither."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        example = "a date or time like 2026-03-01 or 2026-03-01T08:00"
        raise UsageError(f"reading {option}", expected=example, got=repr(text), do="use that format") from None


def read_span(text: str) -> timedelta:
    """A step like 7d or 12h; UsageError where it is none."""
    found = re.fullmatch(r"([1-9]\d{0,4})([dh])", text.strip())
    if not found:
        raise UsageError("reading --every", expected="days (7d) or hours (12h)", got=repr(text), do="use that format")
    return timedelta(**{{"d": "days", "h": "hours"}[found[2]]: int(found[1])})


def user() -> str:
    """Who is at the keyboard, '' where the system has no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
