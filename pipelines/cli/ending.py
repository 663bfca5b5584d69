"""How does a command end when it is told to? Within seconds, in one plain line, and with what it started."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.cli.running import say_end
from pipelines.cli.server import kill_server

WITHIN_S = 2.0
"""How long a command that was stopped may tidy up."""


class Stopped(BaseException):
    """The command was stopped. No KeyboardInterrupt: libraries that catch one would say so in their own words."""


@contextmanager
def at_once() -> Iterator[None]:
    """While this holds, Ctrl-C and SIGTERM end the process, with 130 and 143, whatever libraries make of it."""
    told: list[int] = []

    def stop(number: int, _: Any) -> None:
        if not told:
            told.append(number)
            timer = threading.Timer(WITHIN_S, _end, [number])
            timer.daemon = True
            timer.start()
            raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if told:  # DuckDB raises a RuntimeError in the middle of a query
            _end(told[0])
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int) -> None:
    """End without waiting for threads and libraries; the embedded Prefect server goes first."""
    by = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    say_end(f"stopped by {by}; run the same command again to complete its work", 128 + number)
    kill_server()
    os._exit(128 + number)
