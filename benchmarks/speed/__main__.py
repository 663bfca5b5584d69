"""Where does the time go, against the least there is and against peers? `make bench` writes docs/performance.md.

`python -m benchmarks.speed` generates companies of --sizes leads (30 touches and 5 calls each), loads them, trains, and
runs every measure of `work.py` and every peer (`peers.py`) in a fresh process, one after another, --rounds times over;
what loads or scores a whole company runs once. Figures are medians of CPU seconds, of all threads. F is the floor: a
scan of all touch columns with one aggregate per lead, in the same run. Its table, its plot and the list of what was
asked go between the marks of docs/performance.md, and it ends with 1 where something asked was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.speed.prepare import AS_OF, Place, write_company
from data.agreement.file import default_agreement
from features.catalogue import build_catalogue
from features.measures import ActiveDays, Count, DecaySum, Distinct, Largest, Measure, SinceFirst, SinceLast

OURS = (
    *("floor", "engagement", "matrix", "floor_in_time_order", "engagement_in_time_order", "rules"),
    *("snapshots_engagement", "snapshots_matrix", "assessed", "bare_predict", "reasons", "day_load", "score"),
)
ONCE = ("typed_insert", "first_load", "score", "day_load", "featuretools")
PEERS = ("polars", "duckdb", "pandas", "featuretools", "shap")
ELSEWHERE = ("polars", "featuretools", "shap")
"""Peers that are not in our environment; featuretools cannot be, as it fails with pandas 3."""
DOC, PLOT = Path("docs/performance.md"), Path("docs/performance/growth.png")
BEGIN, END = "<!-- made by make bench -->", "<!-- end -->"
TOLERANCE = 1e-4
TAKEN = {
    DecaySum: "decay",
    SinceFirst: "first",
    SinceLast: "since",
    Largest: "seen",
    ActiveDays: "days",
    Distinct: "assets",
}
"""What peers are told to take where ours is such a measure."""
Figures = dict[str, float]


@dataclass(frozen=True)
class Bar:
    """What is asked of the largest company: `what` of one measure as a multiple of another's, at most so much, or at
    `least`; per_row: each divided by its rows. An empty `by`: the figure itself."""

    said: str
    of: str
    by: str
    asked: float
    least: bool = False
    what: str = "cpu"
    per_row: bool = False


BARS = (
    Bar("engagement features in F", "engagement", "floor", 5.5),
    Bar("... against Polars by hand", "engagement", "polars", 1.0),
    Bar("... against packed DuckDB by hand", "engagement", "duckdb", 1.0),
    Bar("pandas, times ours", "pandas", "engagement", 4.0, least=True),
    Bar(
        "featuretools per snapshot, times ours",
        "featuretools",
        "snapshots_engagement",
        1000.0,
        least=True,
        per_row=True,
    ),
    Bar("... in time order, in its own floor", "engagement_in_time_order", "floor_in_time_order", 8.0),
    Bar("whole catalogue in F", "matrix", "floor", 12.0),
    Bar("... its memory in GB", "matrix", "", 4.0, what="peak_gb"),
    Bar("engagement features of snapshots in F", "snapshots_engagement", "floor", 3.0),
    Bar("whole catalogue of snapshots in F", "snapshots_matrix", "floor", 7.0),
    Bar("rules in F", "rules", "floor", 5.0),
    Bar("daily job in F", "score", "floor", 30.0),
    Bar("... its memory in GB", "score", "", 4.0, what="peak_gb"),
    Bar("first load, times a typed INSERT", "first_load", "typed_insert", 3.0),
    Bar("... its memory in GB", "first_load", "", 3.0, what="peak_gb"),
    Bar("probabilities with bounds and support, times bare predict", "assessed", "bare_predict", 1.3),
    Bar("shap per lead, times our reasons", "shap", "reasons", 5.0, least=True, per_row=True),
)
GROWTH = {"matrix": 1.05, "score": 1.05, "first_load": 1.05}
"""The exponent asked of each, from the least to the largest size."""
DAY_GROWTH = 1.2


def main() -> int:
    """Prepare, measure, write; 1 where something was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder to keep the companies in, and to find them again")
    parser.add_argument("--peers", type=Path, default=Path(".venv/peers/bin/python"), help="the Python of the peers")
    parser.add_argument("--memory", default="3GB", help="what DuckDB may hold")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = {n: measure(Place((given.keep or Path(scratch)) / str(n)), n, given) for n in sorted(given.sizes)}
    lines = judged(found)
    print(lines.to_string(index=False))
    write(found, lines, given)
    return int((lines["met"] == "no").any())


def measure(place: Place, leads: int, given: argparse.Namespace) -> dict[str, Figures]:
    """The medians of every measure of a company of that size, by name."""
    found: dict[str, list[Figures]] = defaultdict(list)
    loads = place.folder / "loads.json"
    if not place.by_time.exists():
        place.folder.mkdir(parents=True, exist_ok=True)
        write_company(place, leads, given.memory)
        for name in ("typed_insert", "first_load"):
            found[name].append(told(leads, name, ours("work", name, place)))
        loads.write_text(json.dumps(found))
        ours("prepare", "model", place, quiet=True)
        ours("prepare", "time", place, quiet=True)
    found |= json.loads(loads.read_text())  # of a company that was kept: as it was loaded
    ours("work", "trees_for_shap", place)
    for turn in range(given.rounds):
        for name in OURS if turn == 0 else [name for name in OURS if name not in ONCE]:
            found[name].append(told(leads, name, ours("work", name, place)))
            if name == "engagement":
                for peer in [peer for peer in PEERS if turn == 0 or peer not in ONCE]:
                    found[peer].append(told(leads, peer, theirs(peer, place, given.peers)))
    return {name: {k: median(each[k] for each in rounds) for k in rounds[0]} for name, rounds in found.items()}


def ours(module: str, name: str, place: Place, quiet: bool = False) -> Figures:
    """What a measure of ours said."""
    said = run([sys.executable, "-m", f"benchmarks.speed.{module}", name, str(place.folder)], "")
    return {} if quiet else json.loads(said.splitlines()[-1])


def theirs(peer: str, place: Place, python: Path) -> Figures:
    """What a peer said; where it made the engagement features, they are compared with ours."""
    out = place.folder / f"{peer}.parquet"
    script = str(Path(__file__).with_name("peers.py"))
    source = place.folder / "trees.joblib" if peer == "shap" else place.raw / "touches.parquet"
    python = python if peer in ELSEWHERE else Path(sys.executable)
    said: Figures = json.loads(
        run([str(python), script, peer, str(source), str(AS_OF), str(out)], json.dumps(wanted()))
    )
    if peer in ("polars", "duckdb", "pandas"):
        compare(place.folder / "ours.parquet", out, peer)
    return said


def run(command: list[str], given: str) -> str:
    """The output of a command; SystemExit with what it said where it failed."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:4])} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def told(leads: int, name: str, figures: Figures) -> Figures:
    """The figures, said on the way."""
    print(
        f"{leads:>9,} {name:<26} {figures['cpu']:8.2f} s CPU {figures['peak_mb']:8.0f} MB", file=sys.stderr, flush=True
    )
    return figures | {"peak_gb": figures["peak_mb"] / 1e3}


def wanted() -> dict[str, tuple[str, list[str], float]]:
    """What each engagement feature over touches is: what is taken, of which kinds, within how many days."""
    features = [f for f in build_catalogue(default_agreement()) if f.over == "touches"]
    human = next(list(f.kinds) for f in features if f.name == "touches_total")
    return {f.name: (_taken(f.measure), list(f.kinds or human), _days(f.measure)) for f in features}


def _taken(measure: Measure) -> str:
    if measure.across == "latest":
        return "last kind"
    if isinstance(measure, Count):
        return "total" if measure.within is None else "count"
    return TAKEN[type(measure)]


def _days(measure: Measure) -> float:
    return float(measure.half_life_days if isinstance(measure, DecaySum) else measure.within or 0)


def compare(own: Path, other: Path, peer: str) -> None:
    """SystemExit where a peer's features are not ours, whose leads without any touch it has no row for."""
    mine, its = (pd.read_parquet(path).sort_values("lead_id", ignore_index=True) for path in (own, other))
    mine = mine[mine["last_event_days"].notna()].reset_index(drop=True)
    if list(mine["lead_id"]) != list(its["lead_id"]):
        raise SystemExit(f"{peer} finds touches of {len(its)} leads, we of {len(mine)}, and they are not the same")
    for name in its.columns.drop("lead_id"):
        a, b = mine[name], its[name]
        if name == "last_touch_kind":
            differ = a != b.astype("str").fillna("unknown")
        else:
            differ = ~np.isclose(a.astype(float), b.astype(float), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        # several touches at the least age: either kind is right
        if differ.mean() > (1e-4 if name == "last_touch_kind" else 0):
            at = np.flatnonzero(differ)[0]
            who, count = its["lead_id"][at], int(differ.sum())
            raise SystemExit(f"{peer} makes another {name}: {b[at]} for {who}, ours {a[at]}; {count} differ")


def judged(found: dict[int, dict[str, Figures]]) -> pd.DataFrame:
    """What was asked at the largest size and over all, what was got, and whether it was met."""
    rows = [(*row, "yes" if met else "no") for *row, met in _judged(found)]
    return pd.DataFrame(rows, columns=["what", "asked", "got", "met"])


def _judged(found: dict[int, dict[str, Figures]]) -> Iterator[tuple[str, str, str, bool]]:
    sizes = sorted(found)
    largest = found[sizes[-1]]
    for bar in BARS:
        asked = f"{'at least' if bar.least else 'at most'} {bar.asked:,g}"
        if not {bar.of, bar.by} - {""} <= largest.keys():
            yield bar.said, asked, "not measured", False
            continue
        got = _figure(largest, bar.of, bar) / (_figure(largest, bar.by, bar) if bar.by else 1)
        yield bar.said, asked, f"{got:,.2f}", got >= bar.asked if bar.least else got <= bar.asked
    if len(sizes) > 1:
        grown = {name: _cost(found[sizes[-1]], name) / _cost(found[sizes[0]], name) for name in (*GROWTH, "day_load")}
        day = (f"a day's load, {sizes[-1]:,} leads against {sizes[0]:,}", DAY_GROWTH, grown["day_load"])
        by = np.log(sizes[-1] / sizes[0])
        exponents = [(f"growth exponent of {n}", asked, np.log(grown[n]) / by) for n, asked in GROWTH.items()]
        for said, limit, got in (*exponents, day):
            yield said, f"at most {limit:g}", "not measured" if np.isnan(got) else f"{got:.2f}", bool(got <= limit)


def _cost(found: dict[str, Figures], name: str) -> float:
    return found[name]["cpu"] if name in found else np.nan


def _figure(found: dict[str, Figures], name: str, bar: Bar) -> float:
    return found[name][bar.what] / (found[name]["rows"] if bar.per_row else 1)


def write(found: dict[int, dict[str, Figures]], lines: pd.DataFrame, given: argparse.Namespace) -> None:
    """Put table, plot and what was asked into the document, between its marks."""
    commit = run(["git", "rev-parse", "--short", "HEAD"], "").strip()
    said = [
        BEGIN,
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, `python -m benchmarks.speed --sizes "
        f"{' '.join(map(str, sorted(given.sizes)))} --rounds {given.rounds}`, {os.cpu_count()} cores "
        f"({platform.machine()}), Python {platform.python_version()}. CPU seconds of all threads.",
        "",
        markdown(lines.rename(columns={"what": "asked for"})),
        "",
        *tables(found),
        f"![CPU seconds by number of leads]({PLOT.relative_to(DOC.parent)})",
        END,
    ]
    before, _, rest = DOC.read_text(encoding="utf-8").partition(BEGIN)
    DOC.write_text(before + "\n".join(said) + rest.partition(END)[2], encoding="utf-8")
    draw(found)


def tables(found: dict[int, dict[str, Figures]]) -> Iterator[str]:
    """A table of all measures for each size."""
    for size, measures in sorted(found.items()):
        floor = measures["floor"]["cpu"]
        rows = [
            (
                name,
                f"{f['rows']:,.0f}",
                f"{f['cpu']:.2f}",
                f"{f['cpu'] / floor:.1f}",
                f"{f['wall']:.1f}",
                f"{f['peak_gb']:.2f}",
            )
            for name, f in measures.items()
        ]
        columns = ["measure", "rows", "CPU s", "in F", "wall s", "peak GB"]
        yield f"### {size:,} leads\n"
        yield markdown(pd.DataFrame(rows, columns=columns)) + "\n"


def markdown(rows: pd.DataFrame) -> str:
    """A table of texts."""
    lines = [list(rows.columns), ["---"] * len(rows.columns), *rows.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw(found: dict[int, dict[str, Figures]]) -> None:
    """CPU seconds against the number of leads, for what the daily job is made of."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    sizes = sorted(found)
    for name in ("floor", "engagement", "matrix", "rules", "assessed", "first_load", "score"):
        if all(name in found[size] for size in sizes):
            axes.plot(sizes, [found[size][name]["cpu"] for size in sizes], marker="o", label=name.replace("_", " "))
    axes.set(xscale="log", yscale="log", xlabel="leads, with 30 touches each", ylabel="CPU seconds")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
