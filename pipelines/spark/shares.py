"""Who works on which leads? Shares of whole accounts: written out, shuffled by Spark, and a warehouse each.

A share holds, with a lead, everybody who ever was of one of its accounts and everybody it was merged with, so that no
query of ours asks a worker for rows that it does not have. A worker loads its share into a warehouse in memory, runs
what one machine runs on all leads, and writes what comes of it, whole or not at all.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data import errors
from data.errors import DataError, LeadreadyError
from data.reader import Unreadable
from data.sql import literal, quoted
from data.tables import RETRACTIONS, TABLES
from data.warehouse import Warehouse, plainly
from data.whole import whole
from pipelines.spark.session import without_warnings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger(__name__)

MOST_LEADS, LEAST_LEADS = 50_000, 2_000
"""Leads of a share: at most about so many, with all their events, are in the memory of a worker at once; and no fewer
than are worth a task."""
PER_CORE = 3
"""Where leads suffice, there are so many shares for each core, so that none is idle for long at the end."""
TASKS = 4
"""Tasks for each share, most of them empty: Spark places shares by a hash, and so only one in five meets another."""
ROWS_AT_ONCE = 200_000
"""Rows of a table that a worker inserts at once."""
TIES = """SELECT DISTINCT 'lead ' || lead_id AS one, 'account ' || account_id AS other FROM leads
    UNION SELECT 'lead ' || key, 'lead ' || merged_into FROM retractions WHERE what = 'merge'
    UNION SELECT 'lead ' || lead_id, NULL FROM handoffs"""
"""Which leads and accounts have to be in one share. A hand-off of a lead that nobody knows is counted."""
KEYS = {"accounts": "account_id"}
"""By what a table is shared out, where it is not by lead_id."""
ANSWER = "share long, error string"
"""What a worker says of a share: nothing, or an error of ours, its kind and its parts as JSON."""
Work = Callable[[Warehouse], Mapping[str, pd.DataFrame]]
"""What is done with the warehouse of a share: frames by name."""


@dataclass(frozen=True)
class Order:
    """What a worker is told of its share. columns: of each table by name their SQL types. retractions: of all leads.
    done: the folder that takes what comes of it. memory: what DuckDB may use."""

    work: Work
    columns: Mapping[str, Mapping[str, str]]
    retractions: pa.Table
    done: Path
    memory: str


@dataclass(frozen=True)
class Shares:
    """Which share each lead and each account is in, from 0: columns lead_id or account_id, and share."""

    leads: pd.DataFrame
    accounts: pd.DataFrame
    numbers: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", frozenset(self.leads["share"].tolist()))


def share_out(warehouse: Warehouse, most: int) -> Shares:
    """Put leads that are tied to each other into one share; shares are filled in the order of leads up to `most`."""
    ties = warehouse.frame(f"SELECT one, other FROM ({TIES}) ORDER BY one, other NULLS LAST")
    codes, names = pd.factorize(pd.concat([ties["one"], ties["other"]], ignore_index=True))
    one, other = np.split(codes, 2)
    tied = other >= 0
    edges = coo_array((np.ones(tied.sum(), bool), (one[tied], other[tied])), shape=(len(names), len(names)))
    _, component = connected_components(edges, directed=False)
    is_lead = names.str.startswith("lead ")
    sizes = np.bincount(component[is_lead], minlength=component.max(initial=-1) + 1)
    if len(sizes) and sizes.max() > 2 * most:
        log.warning(
            "%d leads have to be looked at together, as they share accounts, were moved between them or merged: "
            "one worker needs memory for all of them",
            sizes.max(),
        )
    share = ((np.cumsum(sizes) - 1) // most)[component]
    ids = names.str.replace("^(lead|account) ", "", regex=True)
    return Shares(
        pd.DataFrame({"lead_id": ids[is_lead], "share": share[is_lead]}),
        pd.DataFrame({"account_id": ids[~is_lead], "share": share[~is_lead]}),
    )


def work_on_shares(
    spark: SparkSession,
    warehouse: Warehouse,
    folder: Path,
    work: Work,
    more: Mapping[str, str],
    memory: str,
    share_leads: int | None = None,
) -> dict[str, pd.DataFrame]:
    """What `work` makes of every share, put together by name in the order of shares; empty frames are left out.

    more: tables that it reads beside those of sources, by name their rows in SQL. memory: what DuckDB may use in a
    worker. share_leads: how many leads a share has at most, but for those that are tied; by default as many as keep
    all cores busy, MOST_LEADS at most. Raises what `work` raises, and DataError where Spark gives up.
    """
    tables, done = folder / "tables", folder / "done"
    done.mkdir()
    columns = _write_tables(warehouse, tables, more)
    shares = share_out(warehouse, share_leads or _usual_share(spark, warehouse))
    if not shares.numbers:
        return {}
    shares.leads.to_parquet(folder / "lead_id.parquet", index=False)
    shares.accounts.to_parquet(folder / "account_id.parquet", index=False)
    retractions = warehouse.batches(f"FROM {RETRACTIONS.name}").read_all()
    with _plain_errors(), without_warnings():
        spark.conf.set("spark.sql.shuffle.partitions", str(TASKS * len(shares.numbers)))
        given = spark.sparkContext.broadcast(Order(work, columns, retractions, done, memory))

        def one_share(key: tuple[pa.Scalar, ...], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            said = _do(given.value, key[0].as_py(), batches)
            schema = pa.schema({"share": pa.int64(), "error": pa.string()})
            yield pa.RecordBatch.from_pylist([{"share": key[0].as_py(), "error": said}], schema=schema)

        rows = _all_rows(spark, folder, list(columns))
        answers = rows.groupBy("share").applyInArrow(one_share, ANSWER).toArrow().to_pylist()
    for said in sorted(answer["error"] for answer in answers if answer["error"]):
        kind, parts = json.loads(said)
        raise getattr(errors, kind)(parts.pop("what"), **parts)  # as one machine would have raised it
    if lost := shares.numbers - {answer["share"] for answer in answers}:
        got, do = f"no word of {len(lost)} of {len(shares.numbers)}", "run the same command again"
        raise DataError("working on Spark", expected="an answer of every share", got=got, do=do)
    return _read_back(done)


def _write_tables(warehouse: Warehouse, folder: Path, more: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Every table as Parquet in a folder of its name, without its personal columns; of each its columns with types."""
    found = {}
    for name, rows in {**{name: name for name in TABLES}, **more}.items():
        personal = {c.name for c in TABLES[name].columns if c.personal} if name in TABLES else set()
        found[name] = {c: t for c, t in warehouse.columns(name).items() if c not in personal}
        (folder / name).mkdir(parents=True)
        to = literal(str(folder / name / "rows.parquet"))
        warehouse.execute(f"COPY (SELECT {', '.join(map(quoted, found[name]))} FROM {rows}) TO {to} (FORMAT parquet)")
    return found


def _usual_share(spark: SparkSession, warehouse: Warehouse) -> int:
    leads = int(warehouse.scalar("SELECT count(DISTINCT lead_id) FROM leads"))
    even = -(-leads // (PER_CORE * spark.sparkContext.defaultParallelism))
    return int(min(max(even, LEAST_LEADS), MOST_LEADS))


def _all_rows(spark: SparkSession, folder: Path, names: list[str]) -> DataFrame:
    """All rows of all tables in one: share, what (the table), and a column for each table, of which one is filled."""
    from pyspark.sql.functions import col, lit, struct

    parts = []
    for name in names:
        rows, key = spark.read.parquet(f"file://{folder}/tables/{name}"), KEYS.get(name, "lead_id")
        whole_row = struct(*(col("`" + column.replace("`", "``") + "`") for column in rows.columns))
        keyed = rows.select(col(key).alias("key"), lit(name).alias("what"), whole_row.alias(name))
        shares = spark.read.parquet(f"file://{folder}/{key}.parquet").select(col(key).alias("key"), "share")
        parts.append(keyed.join(shares, "key").drop("key"))
    return reduce(lambda all_, part: all_.unionByName(part, allowMissingColumns=True), parts)


def _do(order: Order, share: int, batches: Iterator[pa.RecordBatch]) -> str | None:
    """Do the work on a share and write each frame that comes of it, in a worker; what went wrong, as ANSWER says."""
    try:
        with TemporaryDirectory() as spill, _loaded(order, batches, spill) as own:
            for what, frame in order.work(own).items():
                if len(frame):
                    with whole(order.done / f"{what}-{share:09d}.parquet") as making:
                        frame.to_parquet(making, index=False)
    except LeadreadyError as error:
        return json.dumps([type(error).__name__, error.parts])
    except Unreadable as error:
        do = "see `memory` in settings.toml, and report this if it stays"
        parts = {"what": "working on a share", "expected": "queries that run", "got": plainly(error), "do": do}
        return json.dumps([DataError.__name__, parts])
    return None


@contextmanager
def _loaded(order: Order, batches: Iterator[pa.RecordBatch], spill: str) -> Iterator[Warehouse]:
    """The warehouse of a share, from rows of all its tables in any order."""
    with Warehouse.open(None, threads=1, memory=order.memory) as warehouse:
        warehouse.execute(f"SET temp_directory = {literal(spill)}")
        for table, columns in order.columns.items():
            own = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
            warehouse.execute(f"CREATE TABLE IF NOT EXISTS {table} ({own})")
            for name, kind in columns.items():
                warehouse.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {quoted(name)} {kind}")
        waiting: dict[str, list[pa.RecordBatch]] = {RETRACTIONS.name: order.retractions.to_batches()}
        for batch in batches:
            whats = batch.column("what")
            for what in whats.unique().to_pylist():
                rows = waiting.setdefault(what, [])
                rows.append(pa.RecordBatch.from_struct_array(batch.filter(pc.equal(whats, what)).column(what)))
                if sum(map(len, rows)) >= ROWS_AT_ONCE:
                    _insert(warehouse, what, waiting.pop(what))
        for what, rows in waiting.items():
            _insert(warehouse, what, rows)
        yield warehouse


def _insert(warehouse: Warehouse, table: str, batches: list[pa.RecordBatch]) -> None:
    if any(map(len, batches)):
        with warehouse.view("given", pa.Table.from_batches(batches)):
            warehouse.execute(f"INSERT INTO {table} BY NAME FROM given")


def _read_back(done: Path) -> dict[str, pd.DataFrame]:
    """The frames by name; a column that is empty in one share has the type that it has in others."""
    parts: dict[str, list[pa.Table]] = {}
    for path in sorted(done.glob("*-*.parquet")):
        parts.setdefault(path.name.rpartition("-")[0], []).append(pq.read_table(path))
    joined = {what: pa.concat_tables(tables, promote_options="permissive") for what, tables in parts.items()}
    parts.clear()
    return {what: joined[what].to_pandas(split_blocks=True, self_destruct=True) for what in list(joined)}


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what Spark raises into a DataError of one line."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        causes = [line for line in lines if re.match(r"Caused by|[\w.]+(Error|Exception):", line)]
        do = "see Spark's own log, and run the same command again: nothing of this run was kept"
        expected = "every share to be done"
        raise DataError("working on Spark", expected=expected, got=(causes or lines)[-1], do=do) from error
