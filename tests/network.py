"""A network between leadready and a PostgreSQL server that fails as told: refuses, breaks off, or swallows all."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Literal

from tests.server import PASSWORD, Database

Fault = Literal["refuses", "breaks off", "swallows"]


class Network:
    """A port on this machine that leads to a database. `passed`: the bytes that went through, both ways together."""

    def __init__(self, database: Database) -> None:
        self._server = f"{database.server.folder}/.s.PGSQL.5432"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"postgresql://ann:{PASSWORD}@127.0.0.1:{self.port}/{database.name}"
        self.passed, self._fault, self._left = 0, "", float("inf")
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @contextmanager
    def failing(self, how: Fault, after: int = 0) -> Iterator[None]:
        """While this holds it fails, once so many bytes more went through; then all is well again."""
        self._fault, self._left = how, after
        try:
            yield
        finally:
            self._fault, self._left = "", float("inf")

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)
        self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._ended.is_set():
            with suppress(TimeoutError):
                client = self._listener.accept()[0]
                if self._fault == "refuses":
                    _reset(client)
                    continue
                thread = threading.Thread(target=self._carry, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with closing(client), closing(server), suppress(OSError), selectors.DefaultSelector() as ready:
            server.connect(self._server)
            other = {client: server, server: client}
            for end in other:
                ready.register(end, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in ready.select(0.05):
                    if self._left <= 0:
                        break
                    part = key.fileobj.recv(min(8192, self._left))
                    if not part:
                        return
                    other[key.fileobj].sendall(part)
                    self.passed, self._left = self.passed + len(part), self._left - len(part)
                if self._left <= 0:
                    (_reset if self._fault == "breaks off" else self._swallow)(client)
                    return

    def _swallow(self, client: socket.socket) -> None:
        """Keep both ends open until the client has gone; what it says is read and carried nowhere."""
        client.settimeout(0.05)
        while not self._ended.is_set():
            with suppress(TimeoutError):
                if not client.recv(8192):
                    return


def _reset(client: socket.socket) -> None:
    """Close it at once, as a host does that knows of no such connection."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
