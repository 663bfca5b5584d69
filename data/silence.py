"""What ends a wait for a server that says nothing any more? A thread that shuts the connection after a time.

libpq waits for ever where the other end still acknowledges and sends nothing: `tcp_user_timeout` and keepalives notice
a host that is gone, not a firewall or a proxy that swallows what is said.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PORT = re.compile(r":(\d{1,5})(?!\d)|port=(\d{1,5})")
OF_POSTGRES = 5432
SOCKETS = "/dev/fd"
"""The files that a process has open, by number."""

SILENCE_S = 600.0
"""So long a server may leave an answer, or the next rows of one, unsaid, unless the settings say otherwise."""

_Socket = tuple[int, int]
"""A file's number and its inode: a number is given again once it is closed."""


class Silence:
    """Shuts the connections that were opened within `watched` as soon as one wait has lasted for `limit_s`.

    They are known by the ports in `address`, for a driver does not say which of the open sockets is its own.
    """

    def __init__(self, limit_s: float, address: str) -> None:
        self.limit_s, self.fired = limit_s, False
        named = {int(port) for found in PORT.findall(address) for port in found if port}
        self._ports = named | {OF_POSTGRES, int(os.environ.get("PGPORT") or OF_POSTGRES)}
        self._since: float | None = None
        self._before: set[_Socket] = set()
        self._own: set[_Socket] | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let a thread look while the block lasts."""
        self._before, ended = _open_sockets(), threading.Event()
        thread = threading.Thread(target=self._look, args=(ended,), name="silence", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The block waits for the server."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    @contextmanager
    def not_waiting(self) -> Iterator[None]:
        """A part of such a block that waits for something else; what is waited for after it is another wait."""
        self._since = None
        try:
            yield
        finally:
            self._since = time.monotonic()

    def connected(self) -> None:
        """What was opened until now is the connection, and nothing that comes later."""
        self._own = self._opened()

    def _look(self, ended: threading.Event) -> None:
        while not ended.wait(min(self.limit_s / 10, 1)):
            since = self._since
            if since is not None and time.monotonic() - since >= self.limit_s:
                self.fired = True
                for number, _ in self._opened() if self._own is None else self._own & _open_sockets():
                    _shut(number)

    def _opened(self) -> set[_Socket]:
        return {found for found in _open_sockets() - self._before if _peer(found[0]) in self._ports}


def _open_sockets() -> set[_Socket]:
    found = set()
    for name in os.listdir(SOCKETS):
        with suppress(OSError):  # closed by now
            about = os.fstat(int(name))
            if stat.S_ISSOCK(about.st_mode):
                found.add((int(name), about.st_ino))
    return found


@contextmanager
def _borrowed(number: int) -> Iterator[socket.socket]:
    """A socket that somebody else has open; it stays open there."""
    with socket.socket(fileno=os.dup(number)) as borrowed:
        yield borrowed


def _peer(number: int) -> int:
    """The port at the other end; that of PostgreSQL's own sockets stands at the end of their name; 0 where none is."""
    with suppress(OSError, ValueError), _borrowed(number) as borrowed:
        name = borrowed.getpeername()
        return int(str(name).rpartition(".s.PGSQL.")[2]) if borrowed.family == socket.AF_UNIX else int(name[1])
    return 0


def _shut(number: int) -> None:
    """End both ways of it, so that whoever waits there goes on with an error."""
    with suppress(OSError), _borrowed(number) as borrowed:
        borrowed.shutdown(socket.SHUT_RDWR)
