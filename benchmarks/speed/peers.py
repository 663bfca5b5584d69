"""How would others make the engagement features? Hand-written Polars, packed DuckDB, pandas, and featuretools.

`python peers.py WAY TOUCHES AS_OF OUT` reads the touches of a generated company (`benchmarks/generate.py`) from
Parquet, as known at AS_OF, and writes a row per lead with a column per feature to OUT, by the names of the catalogue.
It runs in an environment of its own (`make bench` makes it) and knows nothing of leadready but what its features are,
given as JSON on stdin: name -> [what, kinds, days]. Prints JSON: cpu and wall seconds, peak memory in MB, leads and
features.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

Wanted = dict[str, tuple[str, list[str], float]]
WINDOWS, HALVES = (1, 7, 30, 90), (7, 30, 90)
KIND = """CASE WHEN is_bot THEN 'bot' WHEN direction = 'outbound' AND kind NOT IN ('task_scheduled', 'unsubscribe')
    THEN 'outbound' ELSE kind END"""
PACK, BITS = 5, 25
"""So many counters of so many bits in one whole number of 128."""


def with_polars(touches: str, as_of: datetime, wanted: Wanted) -> Any:
    """Two levels: by lead and kind, then by lead."""
    import polars as pl

    ours = (pl.col("direction") == "outbound") & ~pl.col("kind").is_in(["task_scheduled", "unsubscribe"])
    kind = pl.when(pl.col("is_bot")).then(pl.lit("bot")).when(ours).then(pl.lit("outbound")).otherwise(pl.col("kind"))
    age = (pl.lit(as_of) - pl.col("occurred_at")).dt.total_microseconds() / 864e8
    seen = (
        pl.scan_parquet(touches)
        .filter(pl.col("known_at") < as_of)
        .select("lead_id", "asset", kind.cast(pl.Categorical).alias("kind"), age.alias("age"))
    )
    day = pl.lit(1, dtype=pl.Int64) * pl.lit(2, dtype=pl.Int64).pow(pl.col("age").floor().clip(0, 30).cast(pl.Int64))
    by_kind = seen.group_by("lead_id", "kind").agg(
        pl.len().alias("total"),
        *((pl.col("age") < w).sum().alias(f"count {w}") for w in WINDOWS),
        *(((pl.col("age") * (-0.6931471805599453 / h)).exp()).sum().alias(f"decay {h}") for h in HALVES),
        pl.col("age").min().alias("since"),
        pl.col("age").max().alias("first"),
        day.bitwise_or().alias("days"),
    )

    def feature(name: str) -> Any:
        what, kinds, days = wanted[name]
        some = pl.col("kind").is_in(kinds) if kinds != ["*"] else pl.lit(True)
        if what == "seen":
            return (some & (pl.col("since") < days)).sum().alias(name)
        if what == "days":
            mask = (1 << int(days)) - 1
            return (pl.col("days").filter(some).bitwise_or() & mask).bitwise_count_ones().fill_null(0).alias(name)
        if what == "last kind":
            return pl.col("kind").cast(pl.String).filter(some).sort_by(pl.col("since").filter(some)).first().alias(name)
        if what == "since":
            return pl.col("since").filter(some).min().alias(name)
        if what == "first":
            return pl.col("first").filter(some).max().alias(name)
        part = {"count": f"count {days:g}", "decay": f"decay {days:g}", "total": "total"}[what]
        return pl.col(part).filter(some).sum().alias(name)

    plain = [name for name, (what, *_) in wanted.items() if what != "assets"]
    found = by_kind.group_by("lead_id").agg(feature(name) for name in plain)
    for name, (what, kinds, days) in wanted.items():
        if what == "assets":
            of = seen.filter(pl.col("kind").is_in(kinds) & (pl.col("age") < days)).group_by("lead_id")
            found = found.join(of.agg(pl.col("asset").drop_nulls().n_unique().alias(name)), on="lead_id", how="left")
    return found.with_columns(pl.col(n).fill_null(0) for n, (w, *_) in wanted.items() if w == "assets").collect()


def with_duckdb(touches: str, as_of: datetime, wanted: Wanted) -> Any:
    """Two levels, the counters of windows packed into one sum."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    shifted = " + ".join(f"((age < {w})::INT::HUGEINT << {BITS * i})" for i, w in enumerate(WINDOWS))
    decays = ", ".join(f'sum(exp(age * {-0.6931471805599453 / h!r})) AS "decay {h}"' for h in HALVES)
    asset = next(((kinds, days) for what, kinds, days in wanted.values() if what == "assets"), ([], 0.0))
    kinds_sql = ", ".join(f"'{kind}'" for kind in asset[0])
    connection.execute(f"""CREATE TEMP TABLE seen AS SELECT lead_id, asset, kind, age FROM (
        SELECT lead_id, asset, {KIND} AS kind, date_diff('microsecond', occurred_at, $as_of::TIMESTAMP) / 864e8 AS age
        FROM '{touches}' WHERE known_at < $as_of::TIMESTAMP)""", {"as_of": as_of})  # fmt: skip
    connection.execute(f"""CREATE TEMP TABLE parts AS SELECT lead_id, kind, count(*) AS total,
        sum({shifted})::HUGEINT AS packed, {decays}, min(age) AS since, max(age) AS first,
        bit_or(1::BIGINT << greatest(0, least(floor(age), 30))::INT) AS days FROM seen GROUP BY ALL""")

    def feature(name: str) -> str:
        what, kinds, days = wanted[name]
        listed = ", ".join(f"'{kind}'" for kind in kinds)
        some = f"kind IN ({listed})" if kinds != ["*"] else "true"
        mask = (1 << BITS) - 1
        packed = f"(packed >> {BITS * WINDOWS.index(int(days)) if days in WINDOWS else 0}) & {mask}"
        value = {
            "total": f"coalesce(sum(total) FILTER ({some}), 0)",
            "count": f"coalesce(sum({packed}) FILTER ({some}), 0)",
            "decay": f'coalesce(sum("decay {days:g}") FILTER ({some}), 0)',
            "since": f"min(since) FILTER ({some})",
            "first": f"max(first) FILTER ({some})",
            "seen": f"count(*) FILTER ({some} AND since < {days})",
            "days": f"bit_count(coalesce(bit_or(days) FILTER ({some}), 0) & {(1 << int(days)) - 1})",
            "last kind": f"arg_min(kind, since) FILTER ({some})",
        }[what]
        return f'{value} AS "{name}"'

    plain = [name for name, (what, *_) in wanted.items() if what != "assets"]
    names = [name for name, (what, *_) in wanted.items() if what == "assets"]
    others = "".join(f', coalesce(assets, 0) AS "{name}"' for name in names)
    return connection.execute(f"""SELECT f.*{others} FROM
        (SELECT lead_id, {", ".join(map(feature, plain))} FROM parts GROUP BY lead_id) f LEFT JOIN
        (SELECT lead_id, count(*) AS assets FROM (SELECT DISTINCT lead_id, asset FROM seen WHERE asset IS NOT NULL
            AND age < {asset[1]} AND kind IN ({kinds_sql})) GROUP BY lead_id) USING (lead_id)""").to_arrow_table()


def with_pandas(touches: str, as_of: datetime, wanted: Wanted) -> Any:
    """One groupby for each family of features."""
    import numpy as np
    import pandas as pd

    rows = pd.read_parquet(
        touches, columns=["lead_id", "occurred_at", "kind", "asset", "direction", "is_bot", "known_at"]
    )
    rows = rows[rows["known_at"] < as_of]
    age = (pd.Timestamp(as_of) - rows["occurred_at"]).dt.total_seconds() / 86400
    ours = (rows["direction"] == "outbound") & ~rows["kind"].isin(["task_scheduled", "unsubscribe"])
    kind = rows["kind"].mask(ours, "outbound").mask(rows["is_bot"].fillna(False).astype(bool), "bot")
    texts = {"lead_id": rows["lead_id"], "kind": kind, "asset": rows["asset"]}
    seen = pd.DataFrame({name: column.astype("category") for name, column in texts.items()} | {"age": age})
    keys = ["lead_id", "kind"]

    def table(series: Any) -> Any:
        return series.unstack("kind")

    def by(frame: Any) -> Any:
        return frame.groupby(keys, observed=True)

    sums = {("total", 0): table(by(seen).size()).fillna(0)}
    for w in WINDOWS:
        sums["count", w] = table(by(seen[seen["age"] < w]).size()).fillna(0)
    for h in HALVES:
        weighed = seen.assign(weight=np.exp2(-seen["age"] / h))
        sums["decay", h] = table(by(weighed)["weight"].sum()).fillna(0)
    since, first = table(by(seen)["age"].min()), table(by(seen)["age"].max())
    out = pd.DataFrame(index=since.index)
    for name, (what, kinds, days) in wanted.items():
        some = [kind for kind in (since.columns if kinds == ["*"] else kinds) if kind in since.columns]
        if what in ("total", "count", "decay"):
            sum_of = sums[what, int(days)]
            out[name] = sum_of[[kind for kind in some if kind in sum_of]].sum(axis=1)
        elif what == "since":
            out[name] = since[some].min(axis=1)
        elif what == "first":
            out[name] = first[some].max(axis=1)
        elif what == "seen":
            out[name] = (since[some] < days).sum(axis=1)
        elif what == "last kind":
            out[name] = since.loc[since[some].notna().any(axis=1), some].idxmin(axis=1)
        elif what == "days":
            fresh = seen[seen["kind"].isin(some) & (seen["age"] < days)]
            fresh = fresh.assign(day=np.floor(fresh["age"])).drop_duplicates(["lead_id", "day"])
            out[name] = fresh.groupby("lead_id", observed=True).size()
        else:
            fresh = seen[seen["kind"].isin(some) & (seen["age"] < days)].dropna(subset=["asset"])
            out[name] = fresh.drop_duplicates(["lead_id", "asset"]).groupby("lead_id", observed=True).size()
    zeros = [name for name, (what, *_) in wanted.items() if what not in ("since", "first", "last kind")]
    return out.fillna(dict.fromkeys(zeros, 0)).astype(dict.fromkeys(zeros, float)).reset_index()


def with_shap(trees: str, *_: Any) -> Any:
    """Interventional TreeSHAP of the leads and the background that `work.trees_for_shap` wrote."""
    import joblib
    import shap
    from threadpoolctl import threadpool_limits

    model, leads, background = joblib.load(trees)
    with threadpool_limits(limits=1):
        return shap.TreeExplainer(model, background, feature_perturbation="interventional").shap_values(leads)


def with_featuretools(touches: str, as_of: datetime, wanted: Wanted) -> Any:  # noqa: ARG001
    """What it makes by itself of counts by kind in a window and ages, of few leads, each at a moment of its own."""
    import featuretools as ft
    import pandas as pd
    from pyarrow.parquet import ParquetFile

    first = next(ParquetFile(touches).iter_batches(6_000)).to_pandas()
    rows = first[first["known_at"] < as_of]
    rows = rows.assign(touch=range(len(rows))).astype({"kind": "category", "asset": "category"})
    made = ft.EntitySet("company")
    made.add_dataframe(
        rows[["touch", "lead_id", "occurred_at", "kind", "asset"]], "touches", "touch", time_index="occurred_at"
    )
    made.normalize_dataframe("touches", "leads", "lead_id")
    made.add_interesting_values(dataframe_name="touches", values={"kind": sorted(rows["kind"].cat.categories)})
    leads = rows["lead_id"].unique()
    moments = pd.Timestamp(as_of) - pd.to_timedelta(range(len(leads)), unit="h")
    cutoffs = pd.DataFrame({"lead_id": leads, "time": moments})
    parts = [
        ft.dfs(None, None, made, "leads", cutoffs, agg_primitives=["count", "time_since_last", "num_unique", "mode"],
               where_primitives=["count", "time_since_last"], trans_primitives=[], training_window=window)[0]
        for window in ("7 days", "30 days", "90 days")
    ]  # fmt: skip
    return pd.concat(parts, axis=1)


WAYS: dict[str, Callable[[str, datetime, Wanted], Any]] = {
    "polars": with_polars,
    "duckdb": with_duckdb,
    "pandas": with_pandas,
    "featuretools": with_featuretools,
    "shap": with_shap,
}


NEEDED = {
    "duckdb": ("duckdb", "pyarrow"),
    "pandas": ("pandas", "pyarrow.parquet"),
    "featuretools": ("featuretools", "pyarrow.parquet"),
    "shap": ("joblib", "shap"),
}
"""What else than itself a way imports: that is done before the clock starts, as it is for our own measures."""


def peak_mb() -> float:
    """The most memory in MB that this process held; `getrusage` counts its parent's too."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) * 1024 / 1e6


def main() -> None:
    """Make the features one way, measure it and keep them."""
    way, touches, as_of, out = sys.argv[1:5]
    wanted = json.load(sys.stdin)
    for module in NEEDED.get(way, (way,)):
        import_module(module)
    begun, clock = time.process_time(), time.perf_counter()
    made = WAYS[way](touches, datetime.fromisoformat(as_of), wanted)
    cpu, wall = time.process_time() - begun, time.perf_counter() - clock
    peak = peak_mb()
    if way == "polars":
        made.write_parquet(out)
    elif way == "duckdb":
        import pyarrow.parquet as pq

        pq.write_table(made, out)
    elif way == "pandas":
        made.to_parquet(out)
    rows, columns = made.shape
    print(json.dumps({"cpu": cpu, "wall": wall, "peak_mb": peak, "rows": rows, "features": columns - 1}))


if __name__ == "__main__":
    main()
