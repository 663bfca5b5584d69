"""A PostgreSQL server of the tests' own, started from the machine's binaries."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from data.postgres import Postgres, connected
from data.sql import quoted

PASSWORD = "S3cret-of-tests"
MISSING = "PostgreSQL is not installed on this machine (apt-get install postgresql)"


@dataclass(frozen=True)
class Server:
    """A server in a folder of its own, reached by a socket there; its user has a password."""

    bin: Path
    folder: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://ann:{PASSWORD}@/{database}?host={quote(str(self.folder))}"

    def start(self) -> None:
        # no TCP; durable as in production, but for what only a crash of the machine would show
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_wal_size=4GB -c shared_buffers=256MB"
        self._control("start", "-l", f"{self.folder}/log", "-o", options)

    def stop(self, how: str = "immediate") -> None:
        self._control("stop", "-m", how)

    def create(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            shutil.chown(password, "postgres")
        own = ["-U", "ann", "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--no-sync"]
        self._run("initdb", "-D", f"{self.folder}/data", "--locale=C", *own)

    def _control(self, *words: str) -> None:
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-t", "60", *words)

    def _run(self, program: str, *words: str) -> None:
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        command, null = [str(self.bin / program), *words], subprocess.DEVNULL
        done = subprocess.run(command, check=False, stdout=null, stderr=null, cwd=self.folder, **user)
        log = self.folder / "log"
        assert done.returncode == 0, log.read_text() if log.exists() else f"{program} ended with {done.returncode}"


@dataclass(frozen=True)
class Database:
    """A database of one test."""

    server: Server
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    @contextmanager
    def session(self) -> Iterator[Postgres]:
        patient = f"{self.url}&connect_timeout=90"  # a machine that is busy with other tests
        with connected(patient, lambda got: AssertionError(got)) as session:
            yield session

    def empty(self) -> None:
        """Drop whatever tests made; a session that one left open is ended."""
        schemas = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        roles = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user"
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename <> ''"
        )
        self.rows(others)
        drop = [f"DROP SCHEMA {quoted(name)} CASCADE" for (name,) in self.rows(schemas)]
        for (name,) in self.rows(roles):
            drop += [f"DROP OWNED BY {quoted(name)}", f"DROP ROLE {quoted(name)}"]
        self.run(*drop, "CREATE SCHEMA public")

    def run(self, *statements: str) -> None:
        with self.session() as session:
            session.run(*statements)
            session.commit()

    def rows(self, sql: str) -> list[tuple]:
        with self.session() as session:
            return session.rows(sql)


def find_binaries() -> Path | None:
    """The newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    there = found[-1] if found else shutil.which("initdb")
    return Path(there).parent if there else None


@contextmanager
def running() -> Iterator[Server]:
    """A running server; a test is skipped without PostgreSQL, but in CI it fails."""
    bin_folder = find_binaries()
    if bin_folder is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:  # a socket's path is short
        server = Server(bin_folder, Path(folder))
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
