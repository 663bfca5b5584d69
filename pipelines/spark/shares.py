"""Who works on which leads? Shares of whole accounts: written out by share, and a warehouse each.

A share holds, with a lead, everybody who ever was of one of its accounts and everybody it was merged with, so that no
query of ours asks a worker for rows that it does not have. A worker loads its share into a warehouse in memory, runs
what one machine runs on all leads, and writes what comes of it, whole or not at all. Rows go by files alone, past
Spark, which says who does what, and does again what was lost: no row passes a JVM.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data.errors import DataError, LeadreadyError
from data.reader import Unreadable
from data.sql import literal, quoted
from data.tables import RETRACTIONS, TABLES
from data.warehouse import Warehouse, plainly
from data.whole import whole

if TYPE_CHECKING:
    from pyspark import SparkContext

log = logging.getLogger(__name__)

MOST_LEADS, LEAST_LEADS = 50_000, 2_000
"""Leads of a share: at most about so many, with all their events, are in the memory of a worker at once; and no fewer
than are worth a task."""
PER_CORE = 3
"""Where leads suffice, there are so many shares for each core, so that none is idle for long at the end."""
TABLES_OF_SHARES, DONE = "tables", "done"
"""The folders of what workers read and of what they wrote."""
TIES = """SELECT DISTINCT 'lead ' || lead_id AS one, 'account ' || account_id AS other FROM leads
    UNION SELECT 'lead ' || key, 'lead ' || merged_into FROM retractions WHERE what = 'merge'
    UNION SELECT 'lead ' || lead_id, NULL FROM handoffs"""
"""Which leads and accounts have to be in one share. A hand-off of a lead that nobody knows is counted."""
Work = Callable[[Warehouse], Mapping[str, pd.DataFrame]]
"""What is done with the warehouse of a share: frames by name."""


@dataclass(frozen=True)
class Order:
    """What every worker is told. columns: of each table by name their SQL types. retractions: of all leads. folder: as
    for `work_on_shares`. memory: what DuckDB may use."""

    work: Work
    columns: Mapping[str, Mapping[str, str]]
    retractions: pa.Table
    folder: Path
    memory: str


@dataclass(frozen=True)
class Shares:
    """Which share each lead and each account is in, from 0: columns lead_id or account_id, and share."""

    leads: pd.DataFrame
    accounts: pd.DataFrame

    @property
    def numbers(self) -> list[int]:
        """Those that there are."""
        return sorted(self.leads["share"].unique().tolist())


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
    spark: SparkContext,
    warehouse: Warehouse,
    folder: Path,
    work: Work,
    more: Mapping[str, str],
    memory: str,
    share_leads: int | None = None,
) -> dict[str, pd.DataFrame]:
    """What `work` makes of every share, put together by name in the order of shares; empty frames are left out.

    folder: an empty one that all workers can read and write. more: tables that `work` reads beside those of sources,
    by name their rows in SQL. memory: what DuckDB may use in a worker. share_leads: how many leads a share has at most,
    but for those that are tied; by default as many as keep all cores busy, MOST_LEADS at most. Raises what `work`
    raises, and DataError where Spark gives up.
    """
    shares = share_out(warehouse, share_leads or _usual_share(spark, warehouse))
    if not shares.numbers:
        return {}
    columns = _write_tables(warehouse, folder / TABLES_OF_SHARES, shares, more)
    retractions = warehouse.batches(f"FROM {RETRACTIONS.name}").read_all()
    with _plain_errors():
        order = Order(work, columns, retractions, folder, memory)
        tasks = spark.parallelize(shares.numbers, len(shares.numbers))
        answers = tasks.map(lambda share: _do(order, share)).collect()
    for error in filter(None, answers):
        raise error  # as one machine would have raised it
    return _read_back(folder / DONE)


def _write_tables(
    warehouse: Warehouse, folder: Path, shares: Shares, more: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Every table as Parquet by share, without its personal columns; of each its columns with types."""
    found = {}
    for name, rows in {**{name: name for name in TABLES}, **more}.items():
        personal = {c.name for c in TABLES[name].columns if c.personal} if name in TABLES else set()
        found[name] = {c: t for c, t in warehouse.columns(name).items() if c not in personal}
        key, of = ("account_id", shares.accounts) if name == "accounts" else ("lead_id", shares.leads)
        columns, to = ", ".join(f"e.{quoted(c)}" for c in found[name]), folder / name
        to.mkdir(parents=True)
        with warehouse.view("m_shares", of):
            warehouse.execute(
                f"""COPY (SELECT {columns}, m.share FROM {rows} e JOIN m_shares m ON m.{key} = e.{key})
                TO {literal(str(to))} (FORMAT parquet, PARTITION_BY (share), OVERWRITE_OR_IGNORE)"""
            )
    return found


def _usual_share(spark: SparkContext, warehouse: Warehouse) -> int:
    leads = int(warehouse.scalar("SELECT count(DISTINCT lead_id) FROM leads"))
    even = -(-leads // (PER_CORE * spark.defaultParallelism))
    return int(min(max(even, LEAST_LEADS), MOST_LEADS))


def _do(order: Order, share: int) -> LeadreadyError | None:
    """Do the work on a share and write each frame that comes of it, in a worker; what of ours went wrong."""
    try:
        with TemporaryDirectory() as spill, _loaded(order, share, spill) as own:
            for what, frame in order.work(own).items():
                if len(frame):
                    with whole(order.folder / DONE / f"{what}-{share:09d}.parquet") as making:
                        frame.to_parquet(making, index=False)
    except LeadreadyError as error:
        return error
    except Unreadable as error:
        do = "see `memory` in settings.toml, and report this if it stays"
        return DataError("working on a share", expected="queries that run", got=plainly(error), do=do)
    return None


@contextmanager
def _loaded(order: Order, share: int, spill: str) -> Iterator[Warehouse]:
    """The warehouse of a share."""
    with Warehouse.open(None, threads=1, memory=order.memory) as warehouse:
        warehouse.execute(f"SET temp_directory = {literal(spill)}")
        for table, columns in order.columns.items():
            own = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
            warehouse.execute(f"CREATE TABLE IF NOT EXISTS {table} ({own})")
            for name, kind in columns.items():
                warehouse.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {quoted(name)} {kind}")
            if files := sorted((order.folder / TABLES_OF_SHARES / table / f"share={share}").glob("*.parquet")):
                listed = ", ".join(literal(str(file)) for file in files)
                rows = f"read_parquet([{listed}], hive_partitioning = false)"
                warehouse.execute(f"INSERT INTO {table} BY NAME FROM {rows}")
        if len(order.retractions):
            with warehouse.view("given", order.retractions):
                warehouse.execute(f"INSERT INTO {RETRACTIONS.name} BY NAME FROM given")
        yield warehouse


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
