"""Is there a Spark to work on, and where? LEADREADY_ENGINE, LEADREADY_SPARK_MASTER and LEADREADY_SPARK_PATH say it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ENGINES = ("duckdb", "spark")
OPTIONS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.maxResultSize": "0",
    "spark.sql.adaptive.coalescePartitions.enabled": "false",
}
"""What we need of Spark: times are UTC, the scores of all leads come back, and no two shares become one task."""
AT_HOME = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
"""What a master within this machine needs beside it."""


def wants_spark() -> bool:
    """Whether LEADREADY_ENGINE asks for Spark; ConfigError where it asks for what there is not."""
    engine = os.environ.get("LEADREADY_ENGINE") or "duckdb"
    if engine not in ENGINES:
        do = "set LEADREADY_ENGINE to one of these, or unset it"
        raise ConfigError("choosing an engine", expected=" or ".join(ENGINES), got=engine, do=do)
    return engine == "spark"


@contextmanager
def spark_session() -> Iterator[SparkSession]:
    """A session on LEADREADY_SPARK_MASTER (else on all cores of this machine), stopped at the end.

    What else Spark should be told stands in spark-defaults.conf, as for any other program (`SPARK_CONF_DIR`). Raises
    ConfigError where Spark or Java is absent, or where no master answers.
    """
    what = "starting Spark"
    if importlib.util.find_spec("pyspark") is None:
        do = "pip install 'leadready[spark]', or unset LEADREADY_ENGINE"
        raise ConfigError(what, expected="the package pyspark", got="none in this environment", do=do)
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        do = "install it (apt-get install default-jre-headless), or set JAVA_HOME"
        raise ConfigError(what, expected="Java 17 or newer", got="none on this machine", do=do)
    from pyspark.sql import SparkSession

    master = os.environ.get("LEADREADY_SPARK_MASTER") or "local[*]"
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master(master).appName("leadready")
    for name, value in (OPTIONS | (AT_HOME if master.startswith("local") else {})).items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        # it speaks of pandas 3: no frame of pandas goes through Spark here, only Arrow
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        try:
            session = builder.getOrCreate()
        except Exception as error:  # whatever a JVM says that does not start
            got, do = str(error).strip().splitlines()[0], "see that LEADREADY_SPARK_MASTER names a master that answers"
            raise ConfigError(what, expected=f"a session on {master}", got=got, do=do) from error
        session.sparkContext.setLogLevel("ERROR")
        try:
            yield session
        finally:
            session.stop()


@contextmanager
def shared_folder(workspace: Path) -> Iterator[Path]:
    """A folder for one run in LEADREADY_SPARK_PATH, which all workers can read and write; gone at the end.

    Without the variable it lies in the workspace, which serves where all workers are on this machine.
    """
    place = Path(os.environ.get("LEADREADY_SPARK_PATH") or workspace / "spark")
    try:
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="leadready-", dir=place))
    except OSError as error:
        do = "name a folder in LEADREADY_SPARK_PATH that this machine and all workers can write"
        raise ConfigError("sharing out leads", expected=f"a writable {place}", got=str(error), do=do) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
