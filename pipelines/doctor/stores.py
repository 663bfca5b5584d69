"""Do the stores hold what they should? The warehouse and its counts, published files, models."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import ConfigError, ModelError
from data.migrations import MIGRATIONS
from data.tables import TABLES
from data.warehouse import Warehouse, missing_columns
from data.whole import remove
from pipelines.doctor.finding import Finding, Visit, broken, fine, look, named

if TYPE_CHECKING:
    from models.registry.client import Registry

RESTORE = "restore a backup, or load again what is missing"
SCORE = "run `leadready score --as-of {}` to make it anew"
MOVED = "run `leadready doctor --mend`"
COMPARED = 3
"""Of so many of the newest days the files are made again, and compared to the byte."""


def check_tables(visit: Visit) -> Finding:
    """Whether the warehouse opens, with all tables and columns."""
    with visit.warehouse() as warehouse:
        if not _has(warehouse, "meta"):
            return look("tables of a leadready from before versions", "nothing: the next command migrates them")
        found = warehouse.scalar("SELECT schema_version FROM meta")
        if found < len(MIGRATIONS):
            return look(f"tables of schema {found}, now {len(MIGRATIONS)}", "nothing: the next command migrates them")
        if found > len(MIGRATIONS):
            return broken(f"tables of schema {found}, newer than this leadready", "update leadready", ConfigError)
        if lacking := missing_columns(warehouse):
            return broken(f"{named([f'{t}.{c} ({k})' for t, c, k in lacking])} missing", RESTORE)
        size = visit.space.warehouse.stat().st_size / 1e6
        return fine(f"opens, with all its tables (schema {found}, {size:,.1f} MB)")


def check_counts(visit: Visit) -> Finding:
    """Whether each load's rows add up, and each stored row belongs to one."""
    strange, many = [], []
    with visit.warehouse() as warehouse:
        short = warehouse.rows(
            """SELECT batch_id || ' of ' || table_name FROM batches
            WHERE rows_in < coalesce(stored, 0) + coalesce(quarantined, 0) + coalesce(repeats, 0) ORDER BY 1"""
        )
        for name in TABLES:
            own = f"FROM {name} WHERE copied_from IS NULL GROUP BY batch_id"
            unknown = "HAVING batch_id NOT IN (SELECT batch_id FROM batches) ORDER BY 1"
            strange += warehouse.rows(f"SELECT batch_id || ' in {name}' {own} {unknown}")
            many += warehouse.rows(
                f"""SELECT batch_id || ' in {name}' FROM (SELECT batch_id, count(*) AS n {own})
                JOIN (SELECT batch_id, sum(stored) AS stored FROM batches WHERE table_name = '{name}' GROUP BY batch_id)
                USING (batch_id) WHERE n > stored ORDER BY 1"""
            )
        rows, loads = warehouse.rows("SELECT coalesce(sum(stored), 0), count(DISTINCT batch_id) FROM batches")[0]
    for said, found in (
        ("loads whose rows do not add up", short),
        ("rows of loads that nobody made", strange),
        ("loads with more rows than they brought", many),
    ):
        if found:
            return broken(f"{said}: {named([one for (one,) in found])}", RESTORE)
    return fine(f"{int(rows):,} rows of {loads:,} loads add up")


def check_scores(visit: Visit) -> Finding:
    """Whether each lead has one score a moment, and each publication its scores."""
    with visit.warehouse() as warehouse:
        if not (_has(warehouse, "scores") and _has(warehouse, "publications")):
            return fine("nothing was scored yet")
        twice = warehouse.rows("SELECT as_of, lead_id FROM scores GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL")
        if twice:
            do = f"run `leadready score --as-of {twice[0][0].isoformat()}` again"
            return broken(f"{len(twice):,} leads with two scores of one moment, first as of {twice[0][0]}", do)
        empty = warehouse.rows(
            """SELECT as_of FROM publications WHERE as_of NOT IN (SELECT as_of FROM scores)
            AND folder IS NOT NULL ORDER BY 1"""
        )
        if empty:
            return broken(f"publications without scores: {named([at for (at,) in empty])}", RESTORE)
        silent = warehouse.rows(
            "SELECT DISTINCT as_of FROM scores WHERE as_of NOT IN (SELECT as_of FROM publications) ORDER BY 1"
        )
        if silent:
            at = silent[0][0]
            return look(
                f"scores that were never published: {named([at for (at,) in silent])}", SCORE.format(at.isoformat())
            )
        rows, moments = warehouse.rows("SELECT count(*), count(DISTINCT as_of) FROM scores")[0]
    return fine(f"{rows:,} scores of {moments:,} moments, each lead once a moment")


def check_exports(visit: Visit) -> Finding:
    """Whether the published files are those of the warehouse."""
    if wrong := _wrong_days(visit):
        return broken(f"exports that are not what was scored: {named(wrong)}", "run `leadready doctor --mend`")
    with visit.warehouse() as warehouse:
        days = _latest(warehouse)
    newest = visit.space.page / "now"
    if days and visit.space.page.exists() and newest.resolve().name != days[-1][2]:
        return look("the web page shows another scoring than the newest", "run `leadready score`")
    return fine(f"exports of {len(days):,} days are as they were scored")


def mend_exports(visit: Visit) -> None:
    """Write the files of days that differ anew from the scores."""
    from serving.sinks import files

    wrong = _wrong_days(visit)
    with visit.opened.warehouse() as warehouse:
        hidden = visit.space.exports / files.HIDDEN
        remove(*(hidden / folder for day, _, folder in _latest(warehouse) if day in wrong))
        files.finish(visit.space, warehouse)


def _latest(warehouse: Warehouse) -> list[tuple[str, object, str]]:
    from serving.sinks import files

    return warehouse.rows(files.LATEST) if _has(warehouse, "publications") else []


def _wrong_days(visit: Visit) -> list[str]:
    """Days whose folder is missing, has another hash than its name says, or differs from what is made of the scores."""
    from serving.sinks import files

    exports, wrong = visit.space.exports, []
    with visit.warehouse() as warehouse, tempfile.TemporaryDirectory() as made:
        days = _latest(warehouse)
        for place, (day, as_of, folder) in enumerate(reversed(days)):
            kept = exports / day / files.PARQUET
            hashed = hashlib.sha256(kept.read_bytes()).hexdigest()[:16] if kept.is_file() else ""
            if folder != f"{day}-{hashed}" or (exports / day).resolve().name != folder:
                wrong.append(day)
            elif place < COMPARED:
                scores = warehouse.frame("SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id", [as_of])
                files.write_files(Path(made) / day, scores, files.as_parquet(scores), {})
                names = (files.PARQUET, files.CSV)
                same = [(Path(made) / day / n).read_bytes() == _bytes(exports / day / n) for n in names]
                wrong += [day] * (not all(same))
    return sorted(wrong)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def check_store(visit: Visit) -> Finding:
    """Whether MLflow's own store is whole, and where it says that its files are."""
    from models.registry.client import server
    from models.registry.kept import NAME
    from models.registry.moved import kept_in

    store = visit.space.tracking
    if server() or not store.exists():
        return fine("models are kept on a server" if server() else "no model was trained yet")
    try:
        with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            [(said,), *_] = opened.execute("PRAGMA quick_check").fetchall()
        place = kept_in(store.resolve(), NAME)
    except sqlite3.Error as error:
        return broken(f"{store.name} cannot be read ({error})", RESTORE, ModelError)
    if said != "ok":
        return broken(f"{store.name} is damaged ({said})", RESTORE, ModelError)
    if place not in (None, visit.space.artifacts.resolve().as_uri()):
        return broken(f"the workspace was moved: its models were logged to {place}", MOVED, ModelError)
    return fine("is whole, and its files are in this workspace" if place else "is whole")


def mend_store(visit: Visit) -> None:
    """Let a store that was moved find its files at their new place; one that is damaged stays as it is."""
    from models.registry.kept import NAME
    from models.registry.moved import move_to

    try:
        move_to(visit.space.tracking.resolve(), NAME, visit.space.artifacts.resolve().as_uri())
    except sqlite3.Error:
        return


def check_models(visit: Visit) -> Finding:
    """Whether the model in use loads and can score, and the files of all others are as training left them."""
    from models.registry.client import Registry

    registry = Registry(visit.space)
    champion = registry.champion()
    if champion and (fault := _fault(visit, registry)):
        do = "run `leadready rollback`, promote another version, or train again"
        return broken(f"version {champion.version}, in use, cannot score: {fault}", do, ModelError)
    if changed := registry.changed():
        return look(f"files of versions that are not in use: {named(changed)}", "restore them from a backup")
    return fine(
        f"version {champion.version} is in use and can score" if champion else "none in use: the rules alone route"
    )


def _fault(visit: Visit, registry: Registry) -> str:
    from serving.in_use import IN_USE, fault_of

    with visit.warehouse() as warehouse:
        return fault_of(visit.opened, warehouse, registry, IN_USE)


def _has(warehouse: Warehouse, table: str) -> bool:
    return bool(warehouse.scalar("SELECT count(*) FROM duckdb_tables() WHERE table_name = $1", [table]))
