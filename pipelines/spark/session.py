"""Is there a Spark to work on, and where? LEADREADY_ENGINE, LEADREADY_SPARK_MASTER and LEADREADY_SPARK_PATH say it."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import ConfigError
from data.whole import remove
from data.workspace import Workspace

if TYPE_CHECKING:
    from pyspark import SparkContext

log = logging.getLogger(__name__)

ENGINES = ("duckdb", "spark")
OPTIONS = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
AT_HOME = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
"""What a master within this machine needs beside these."""


def wants_spark() -> bool:
    """Whether LEADREADY_ENGINE asks for Spark; ConfigError where it names an engine that there is not."""
    engine = os.environ.get("LEADREADY_ENGINE") or "duckdb"
    if engine not in ENGINES:
        do = "set LEADREADY_ENGINE to one of these, or unset it"
        raise ConfigError("choosing an engine", expected=" or ".join(ENGINES), got=engine, do=do)
    return engine == "spark"


def check_ready() -> str:
    """The master that a session would ask; ConfigError where Spark or Java is absent."""
    what = "starting Spark"
    if importlib.util.find_spec("pyspark") is None:
        do = "pip install 'leadready[spark]', or unset LEADREADY_ENGINE"
        raise ConfigError(what, expected="the package pyspark", got="none in this environment", do=do)
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        do = "install it (apt-get install default-jre-headless), or set JAVA_HOME"
        raise ConfigError(what, expected="Java 17 or newer", got="none on this machine", do=do)
    return os.environ.get("LEADREADY_SPARK_MASTER") or "local[*]"


@contextmanager
def spark_session() -> Iterator[SparkContext]:
    """Workers at LEADREADY_SPARK_MASTER (else all cores of this machine), let go of at the end.

    What else Spark should be told stands in spark-defaults.conf, as for any other program (`SPARK_CONF_DIR`). Raises
    ConfigError where Spark or Java is absent, or where no master answers.
    """
    master = check_ready()
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    options = OPTIONS | (AT_HOME if master.startswith("local") else {})
    conf = SparkConf().setMaster(master).setAppName("leadready").setAll(list(options.items()))
    try:
        with warnings.catch_warnings():
            # its data frames do not; we give it tasks
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
            context = SparkContext.getOrCreate(conf)
    except Exception as error:  # whatever a JVM says that does not start
        got = next(iter(str(error).strip().splitlines()), type(error).__name__)
        do = "see that LEADREADY_SPARK_MASTER names a master that answers, and that Java is 17 or newer"
        raise ConfigError("starting Spark", expected=f"workers at {master}", got=got, do=do) from error
    context.setLogLevel("ERROR")
    try:
        yield context
    finally:
        try:
            context.stop()
        except Py4JError:  # what went wrong before has been said
            log.debug("Spark was gone before it was stopped")


def folder_of(workspace: Workspace) -> Path:
    """The folder of this workspace in LEADREADY_SPARK_PATH, or in the workspace itself.

    Its name is that of something half made (`data.whole`): it is there only while a run is at work, or was killed.
    """
    place = os.environ.get("LEADREADY_SPARK_PATH")
    if not place:
        return workspace.root / ".spark.making"
    one = f"{workspace.root.resolve()} {workspace.marker.stat().st_mtime_ns}"  # others may have the same path elsewhere
    return Path(place) / f".leadready-{hashlib.sha256(one.encode()).hexdigest()[:12]}.making"


@contextmanager
def shared_folder(workspace: Workspace) -> Iterator[Path]:
    """`folder_of` the workspace, which all workers can read and write; empty at first, and gone at the end.

    Without LEADREADY_SPARK_PATH that serves where all workers are on this machine. Who opens it holds the workspace's
    warehouse: what is found in it was left by a run that was killed.
    """
    folder, what = folder_of(workspace).absolute(), "sharing out leads"
    do = "name a folder in LEADREADY_SPARK_PATH that this machine and all workers can write"
    if re.search(r"[*?\[\]]", str(folder)):  # DuckDB takes them for patterns
        raise ConfigError(what, expected="a path without * ? [ and ]", got=str(folder), do=do)
    try:
        remove(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(what, expected=f"a writable {folder.parent}", got=str(error), do=do) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
