"""What does a store in the workspace hold? Trainings, versions, moves and folders by plain SQL: to import MLflow takes
seconds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from models.registry.tracking import MAIN

SCHEMA = "dc11669786a5"
"""The tables as MLflow 3.17.2 makes them; a store of any other form, or a damaged one, is left to MLflow."""
FORM = "SELECT version_num, rtrim(artifact_location, '/') FROM alembic_version LEFT JOIN experiments ON name = :name"
TAG = "(SELECT value FROM tags t WHERE t.run_uuid = r.run_uuid AND key = '{}')"
METRIC = "(SELECT value FROM latest_metrics m WHERE m.run_uuid = r.run_uuid AND key = '{}' AND NOT is_nan)"
FIGURES = ", ".join([*map(TAG.format, ("chosen", "rows")), *map(METRIC.format, MAIN)])
TRAININGS = f"""
    SELECT v.version, (SELECT group_concat(alias, ', ') FROM registered_model_aliases a
            JOIN registered_models USING (name) WHERE a.name = :name AND a.version = v.version),
        r.start_time, r.status, r.name, {FIGURES}, r.run_uuid
    FROM runs r JOIN experiments e USING (experiment_id) LEFT JOIN model_versions v
        ON v.run_id = r.run_uuid AND v.name = :name AND v.current_stage <> 'Deleted_Internal'
    WHERE e.name = :name AND r.lifecycle_stage = 'active' AND {TAG.format("kind")} = 'training'
    ORDER BY r.start_time DESC, r.run_uuid LIMIT :most"""
"""A row of `tracking.RUN_COLUMNS` per training, the latest first; `started` in milliseconds."""
WAITING = """
    SELECT max(v.version) FROM model_versions v
        JOIN model_version_tags w ON w.name = v.name AND w.version = v.version AND w.key = 'waiting'
        JOIN model_version_tags j ON j.name = v.name AND j.version = v.version AND j.key = 'judged_against'
    WHERE v.name = :name AND v.current_stage <> 'Deleted_Internal' AND w.value = 'true' AND j.value = coalesce((SELECT
        cast(version AS TEXT) FROM registered_model_aliases WHERE name = :name AND alias = 'champion'), '')"""
"""The newest version that was found better than the one still in use, and waits for a person."""

NAMES = """
    SELECT alias, version FROM registered_model_aliases WHERE name = :name UNION ALL
    SELECT cast(version AS TEXT), version FROM model_versions
    WHERE name = :name AND current_stage <> 'Deleted_Internal'"""
"""Every alias and every number by which a model can be asked for, each with the version that it means."""

VERSIONS = """
    SELECT v.version, v.run_id, m.artifact_location, (SELECT json_group_object(t.key, t.value)
        FROM model_version_tags t WHERE t.name = v.name AND t.version = v.version)
    FROM model_versions v JOIN logged_models m ON v.source = 'models:/' || m.model_id
    WHERE v.name = :name AND v.current_stage <> 'Deleted_Internal'"""
"""Every version: its number, its run, the folder of its files, and its tags as JSON."""

MOVES = "SELECT value FROM registered_model_tags WHERE name = :name AND key GLOB 'move.*' ORDER BY key"
"""Every move of the champion as it was written down, the oldest first."""

FOLDERS = "SELECT run_uuid, artifact_uri FROM runs"
"""Of every run the folder of what it kept."""


def ask(store: Path, artifacts: str, sql: str, name: str, most: int = 1) -> list[tuple[Any, ...]] | None:
    """The rows that a query of this file gives for the model `name`; none where there is no store yet.

    None where MLflow has to be asked: the store has another form, or keeps its files elsewhere than in `artifacts`.
    """
    if not store.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as opened:
            forms = opened.execute(FORM, {"name": name}).fetchall()
            known = forms in ([(SCHEMA, artifacts)], [(SCHEMA, None)])
            return opened.execute(sql, {"name": name, "most": most}).fetchall() if known else None
    except sqlite3.Error:
        return None
