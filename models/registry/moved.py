"""How does a store of models move? MLflow keeps absolute paths: a copy of its tables, and its paths written anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Where MLflow 3.17 keeps the addresses of files."""


def snapshot(store: Path) -> bytes:
    """The store as one file, whole however many are writing into it; sqlite3.Error where it is none."""
    with (
        closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True)) as here,
        closing(sqlite3.connect(":memory:")) as copy,
    ):
        here.backup(copy)
        return copy.serialize()


def kept_in(store: Path, name: str) -> str | None:
    """The address of the folder in which the store says that the files of an experiment are; None without it."""
    asked = "SELECT rtrim(artifact_location, '/') FROM experiments WHERE name = ?"
    with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True)) as here:
        found = here.execute(asked, [name]).fetchone()
    return str(found[0]) if found else None


def move_to(store: Path, name: str, artifacts: str) -> int:
    """Let all addresses that begin with that folder begin with `artifacts`, all or none; how many were changed."""
    old = kept_in(store, name)
    if old is None or old == artifacts:
        return 0
    changed = 0
    with closing(sqlite3.connect(store)) as here, here:
        for table, column in PATHS:
            begins = f"{column} = :old OR substr({column}, 1, length(:old) + 1) = :old || '/'"
            to = f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) WHERE {begins}"
            changed += here.execute(to, {"old": old, "new": artifacts}).rowcount
    return changed
