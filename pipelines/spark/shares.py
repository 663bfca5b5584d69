"""Who works on which leads? Shares of whole accounts: written out, shuffled by Spark, and a warehouse each.

A share holds, with a lead, everybody who ever was of one of its accounts and everybody it was merged with, so that no
query of ours asks a worker for rows that it does not have. A worker loads its share into a warehouse in memory and runs
what one machine runs on all of them.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data.errors import DataError, LeadreadyError
from data.sql import literal, quoted
from data.tables import RETRACTIONS, SCORES, TABLES
from data.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MOST_LEADS, LEAST_LEADS = 50_000, 2_000
"""Leads of a share: at most about so many, with all their events, are in the memory of a worker at once; and no fewer
than are worth a task."""
PER_CORE = 3
"""Where leads suffice, there are so many shares for each core: it does not wait for the others' last ones."""
ROWS_AT_ONCE = 200_000
"""Rows of a table that a worker inserts at once."""
CHUNK = 50_000
"""Rows of a result that travel as one value, which Java limits to 2 GB."""
TIES = """SELECT DISTINCT 'lead ' || lead_id AS one, 'account ' || account_id AS other FROM leads
    UNION SELECT 'lead ' || key, 'lead ' || merged_into FROM retractions WHERE what = 'merge'"""
"""Which leads and accounts have to be in one share."""
OF_LEADS = {**dict.fromkeys(TABLES, "lead_id"), "accounts": "account_id", SCORES.name: "lead_id"}
"""The tables that are shared out, and by what."""
RESULT = "share long, what string, at long, payload binary"
SENT = pa.schema({"share": pa.int64(), "what": pa.string(), "at": pa.int64(), "payload": pa.binary()})
"""A part of a result as a row: of which share, of which frame, from which of its rows on, and the rows."""
ERROR = "error"
"""The name of a part that is an error of ours, pickled."""
Work = Callable[[Warehouse], Mapping[str, pd.DataFrame]]
"""What is done with the warehouse of a share: frames by name."""


def share_out(warehouse: Warehouse, share_leads: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The share of every lead and of every account: columns lead_id or account_id, and share, from 0.

    Leads that are tied to each other are in one; shares are filled in the order of leads up to `share_leads`.
    """
    ties = warehouse.frame(f"SELECT one, other FROM ({TIES}) ORDER BY one, other NULLS LAST")
    codes, names = pd.factorize(pd.concat([ties["one"], ties["other"]], ignore_index=True))
    one, other = np.split(codes, 2)
    tied = other >= 0
    edges = coo_array((np.ones(tied.sum(), bool), (one[tied], other[tied])), shape=(len(names), len(names)))
    _, component = connected_components(edges, directed=False)
    is_lead = names.str.startswith("lead ")
    before = np.cumsum(np.bincount(component[is_lead], minlength=component.max(initial=-1) + 1))
    share = ((before - 1) // share_leads)[component]
    ids = names.str.replace("^(lead|account) ", "", regex=True)
    return (
        pd.DataFrame({"lead_id": ids[is_lead], "share": share[is_lead]}),
        pd.DataFrame({"account_id": ids[~is_lead], "share": share[~is_lead]}),
    )


def write_tables(warehouse: Warehouse, folder: Path, more: Mapping[str, str]) -> list[str]:
    """Every table as Parquet in a folder of its name, without names, e-mail addresses and phone numbers; which."""
    own = {name: (name, {c.name for c in table.columns if c.personal}) for name, table in TABLES.items()}
    for name, (rows, personal) in (own | {name: (rows, set()) for name, rows in more.items()}).items():
        columns = ", ".join(quoted(c) for c in warehouse.columns(name) if c not in personal)
        to = folder / name
        to.mkdir(parents=True)
        warehouse.execute(
            f"COPY (SELECT {columns} FROM {rows}) TO {literal(str(to / 'rows.parquet'))} (FORMAT parquet)"
        )
    return [*own, *more]


def work_on_shares(
    spark: SparkSession,
    warehouse: Warehouse,
    folder: Path,
    work: Work,
    more: Mapping[str, str],
    memory: str,
    share_leads: int | None = None,
) -> dict[str, pd.DataFrame]:
    """What `work` makes of every share, put together by name.

    more: tables that it reads beside those of sources, by name their rows in SQL. memory: what DuckDB may use in a
    worker. share_leads: how many leads a share has at most, but for those of one account; by default as many as keep
    all cores busy, MOST_LEADS at most. The results are written to `folder` as Parquet, which Spark does once for each
    share however often that had to be done, and then read back one by one.
    """
    tables = folder / "tables"
    wanted = write_tables(warehouse, tables, more)
    leads, accounts = share_out(warehouse, share_leads or _usual_share(spark, warehouse))
    leads.to_parquet(folder / "leads.parquet", index=False)
    accounts.to_parquet(folder / "accounts.parquet", index=False)
    spark.conf.set("spark.sql.shuffle.partitions", str(leads["share"].max() + 1 if len(leads) else 1))
    by_key = {"lead_id": spark.read.parquet(str(folder / "leads.parquet"))}
    by_key["account_id"] = spark.read.parquet(str(folder / "accounts.parquet"))
    everywhere = warehouse.batches(f"FROM {RETRACTIONS.name}").read_all()
    given = spark.sparkContext.broadcast((work, everywhere, memory))

    def one_share(key: tuple[pa.Scalar, ...], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        todo, retractions, most = given.value
        try:
            with _loaded(batches, retractions, most) as own:
                found = [(what, frame) for what, frame in todo(own).items() if len(frame)]
        except LeadreadyError as error:
            yield _row(key, ERROR, 0, pickle.dumps(error))
            return
        for what, frame in found:
            for at in range(0, len(frame), CHUNK):
                yield _row(key, what, at, packed(frame.iloc[at : at + CHUNK]))

    done = folder / "done"
    rows = _all_rows(spark, tables, by_key, wanted)
    with plain_errors():
        rows.groupBy("share").applyInArrow(one_share, RESULT).write.parquet(str(done))
        return _read_back(spark, done)


@contextmanager
def plain_errors() -> Iterator[None]:
    """What Spark says when it gives up, as a DataError in a line."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        causes = [
            line.strip()
            for line in str(error).splitlines()
            if re.match(r"\s*(Caused by|[\w.]+(Error|Exception)):", line)
        ]
        got = (causes or str(error).splitlines() or ["nothing said"])[-1]
        do = "see Spark's own log, and run the same command again: nothing of this run was kept"
        raise DataError("working on Spark", expected="every share to be done", got=got, do=do) from error


def _row(key: tuple[pa.Scalar, ...], what: str, at: int, payload: bytes) -> pa.RecordBatch:
    row = {"share": key[0].as_py(), "what": what, "at": at, "payload": payload}
    return pa.RecordBatch.from_pylist([row], schema=SENT)


def _usual_share(spark: SparkSession, warehouse: Warehouse) -> int:
    leads = int(warehouse.scalar("SELECT count(DISTINCT lead_id) FROM leads"))
    even = -(-leads // (PER_CORE * spark.sparkContext.defaultParallelism))
    return int(min(max(even, LEAST_LEADS), MOST_LEADS))


def packed(frame: pd.DataFrame) -> bytes:
    """A frame as the bytes of an Arrow stream."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpacked(payload: bytes) -> pa.Table:
    """The table again."""
    return pa.ipc.open_stream(payload).read_all()


def _all_rows(spark: SparkSession, tables: Path, by_key: Mapping[str, DataFrame], wanted: list[str]) -> DataFrame:
    """All rows of all tables in one: share, what (the table), and a column for each table, of which one is filled."""
    from pyspark.sql.functions import col, lit, struct

    parts = []
    for name in wanted:
        rows, key = spark.read.parquet(str(tables / name)), OF_LEADS[name]
        whole_row = struct(*(col(f"`{column}`") for column in rows.columns))
        keyed = rows.select(col(key).alias("key"), lit(name).alias("what"), whole_row.alias(name))
        shares = by_key[key].select(col(key).alias("key"), "share")
        parts.append(keyed.join(shares, "key").drop("key"))
    return reduce(lambda all_, part: all_.unionByName(part, allowMissingColumns=True), parts)


@contextmanager
def _loaded(batches: Iterator[pa.RecordBatch], retractions: pa.Table, memory: str) -> Iterator[Warehouse]:
    """The warehouse of a share, from rows of all its tables in any order."""
    with Warehouse.open(None, threads=1, memory=memory) as warehouse:
        warehouse.make(SCORES)
        waiting: dict[str, list[pa.RecordBatch]] = {}
        for batch in batches:
            whats = batch.column("what")
            for what in whats.unique().to_pylist():
                rows = batch.filter(pc.equal(whats, what)).column(what)
                own = waiting.setdefault(what, [])
                own.append(pa.RecordBatch.from_struct_array(rows))
                if sum(map(len, own)) >= ROWS_AT_ONCE:
                    _insert(warehouse, what, waiting.pop(what))
        for what, own in waiting.items():
            _insert(warehouse, what, own)
        if len(retractions):
            _insert(warehouse, RETRACTIONS.name, retractions.to_batches())
        yield warehouse


def _insert(warehouse: Warehouse, table: str, batches: list[pa.RecordBatch]) -> None:
    """Insert rows, first making the columns that a source brought beyond ours."""
    with warehouse.view("given", pa.Table.from_batches(batches)):
        own = warehouse.columns(table)
        for name, sql_type in warehouse.columns("given").items():
            if name not in own:
                warehouse.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {sql_type}")
        warehouse.execute(f"INSERT INTO {table} BY NAME FROM given")


def _read_back(spark: SparkSession, done: Path) -> dict[str, pd.DataFrame]:
    """The results by name, in the order of shares, brought here one after another."""
    parts: dict[str, dict[tuple[int, int], pa.Table]] = {}
    for share, what, at, payload in spark.read.parquet(str(done)).toLocalIterator():
        if what == ERROR:
            raise pickle.loads(payload)  # of a worker of ours: what one machine would have raised
        parts.setdefault(what, {})[share, at] = unpacked(bytes(payload))
    return {what: _together([tables[place] for place in sorted(tables)]) for what, tables in parts.items()}


def _together(tables: list[pa.Table]) -> pd.DataFrame:
    """One frame of many: a column that is empty in one share has the type that it has in others."""
    found: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    return found
