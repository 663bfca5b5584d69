"""Where are models kept? MLflow, opened at a server's address or at the workspace's own store, which is made first."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import urllib.parse
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

from data.errors import ConfigError
from data.whole import whole, writing


def open_mlflow(uri: str, store: Path | None, artifacts: str) -> Any:
    """MLflow pointed at `uri`, whose tables are made where they are absent; `store` is None for a server.

    Raises ConfigError where no server listens or no store can be made, sqlite3.Error where a file is no store.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # where --json writes
    with warnings.catch_warnings():  # about type hints of MLflow's own, raised by importing mlflow.pyfunc
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
        import mlflow
        import mlflow.pyfunc
        import mlflow.sklearn

    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it misses pip where uv made the venv
    if store is None:
        _refuse_silence(uri)
    elif not store.exists():
        make_store(store, artifacts)
    else:
        _check_store(store)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return mlflow


def _refuse_silence(uri: str) -> None:
    """Raise ConfigError where nobody listens at a server's address: MLflow itself would try for minutes."""
    try:
        address = urllib.parse.urlsplit(uri)
        port = address.port or {"http": 80, "https": 443}[address.scheme]
        socket.create_connection((address.hostname or "", port), timeout=10).close()
    except (OSError, ValueError, KeyError) as error:  # all but the first are about the address, which may hold secrets
        raise ConfigError(
            "reaching the MLflow server",
            expected="an http or https address in LEADREADY_MLFLOW at which a server listens",
            got=str(error) if isinstance(error, OSError) else "an address of another kind",
            do="start it, correct the address, or unset LEADREADY_MLFLOW to keep models in the workspace",
        ) from None


def _check_store(path: Path) -> None:
    """Raise sqlite3.Error where a file is no store of MLflow's: it would fill an empty one anew, without a word."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as store:
        if not store.execute("SELECT version_num FROM alembic_version").fetchall():
            raise sqlite3.DatabaseError("no version of its tables")


def make_store(path: Path, artifacts: str) -> None:
    """Make MLflow's tables, unless another process was first: half-made ones would end every later command."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.exc import SQLAlchemyError

    saying = writing(f"making MLflow's store {path}", "fix that and run the same command again", SQLAlchemyError)
    with saying, whole(path, unless_there=True) as making:  # MLflow keeps an engine per address
        SqlAlchemyStore(f"sqlite:///{making}", artifacts).engine.dispose()
