"""One machine and Spark give the same: features, points, cohort, labels, scores, routes; whatever befalls a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.agreement.model import Permission, PermissionRule
from data.errors import ConfigError, DataError
from data.intake.retraction import merge
from data.opened import OpenWorkspace, open_workspace
from data.simulator.company import simulate, write
from data.sql import literal
from data.warehouse import Warehouse
from data.workspace import Workspace
from models.registry.client import LoadedModel, Registry
from models.rows.dataset import build_training_set
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.start import init_workspace
from pipelines.jobs.train import train_models
from pipelines.spark.engine import OnSpark, on_spark
from pipelines.spark.session import shared_folder, spark_session
from pipelines.spark.shares import share_out, work_on_shares
from serving.in_use import trained_under
from serving.scoring import score_leads
from tests.flows.work import AS_OF, LOADED_AT

pytestmark = pytest.mark.slow

LEADS, SHARES = 1200, 6
ODD = (
    "2024-02-29 23:59:59.999999",
    "2025-03-30 01:30:00",  # an hour that Berlin's clocks leave out
    "2025-10-26 01:30:00",  # and one that they show twice
    "2025-10-26 00:59:59.999999",
    f"{AS_OF}",
    f"{AS_OF - pd.Timedelta(microseconds=1)}",
    f"{AS_OF - pd.Timedelta(microseconds=2)}",
)
INSTANTS = "[" + ", ".join(f"TIMESTAMP {literal(each)}" for each in ODD) + "]"
EVENTS = {"touches": "occurred_at", "calls": "called_at", "answers": "answered_at"}


def make_odd(warehouse: Warehouse) -> None:
    """Many events at few odd instants, missing values, leads that change their company, and leads that are merged."""
    for table, at in EVENTS.items():
        odd = f"{INSTANTS}[1 + (hash(lead_id, rowid) // 8 % {len(ODD)})::BIGINT]"
        some = "hash(lead_id, rowid) % 8 = 0 AND superseded_at IS NULL"
        warehouse.execute(f"UPDATE {table} SET {at} = {odd}, known_at = {odd} WHERE {some}")
    for column in ("title", "source", "country"):
        warehouse.execute(f"UPDATE leads SET {column} = NULL WHERE hash(lead_id, {literal(column)}) % 5 = 0")
    warehouse.execute(
        """CREATE TEMP TABLE moving AS SELECT * REPLACE (TIMESTAMP '2025-10-26 01:30:00' AS known_at,
            (SELECT max(account_id) FROM leads) AS account_id) FROM leads
        WHERE hash(lead_id, 'moves') % 25 = 0 AND superseded_at IS NULL AND known_at < TIMESTAMP '2025-10-26'"""
    )
    warehouse.execute(
        """UPDATE leads SET superseded_at = TIMESTAMP '2025-10-26 01:30:00'
        WHERE superseded_at IS NULL AND lead_id IN (SELECT lead_id FROM moving)"""
    )
    warehouse.execute("INSERT INTO leads BY NAME FROM moving; DROP TABLE moving")
    for gone, kept in (("L0000003", "L0000205"), ("L0000301", "L0000017"), ("L0000017", "L0000444")):
        merge(warehouse, gone, kept, LOADED_AT)


def company(root: Path, leads: int) -> OpenWorkspace:
    """A workspace with odd rows and a model in use."""
    init_workspace(Workspace(root / "space"))
    write(simulate(leads=leads, seed=3), root / "files")
    opened = open_workspace(root / "space")
    settings = opened.workspace.settings
    settings.write_text(settings.read_text().replace("refits = 8", "refits = 2"))
    ingest_batch(opened, "canonical", str(root / "files"), LOADED_AT)
    with opened.warehouse() as warehouse:
        make_odd(warehouse)
    train_models(opened, AS_OF)
    return opened


def model_of(opened: OpenWorkspace) -> LoadedModel:
    registry = Registry(opened.workspace)
    return registry.load(int(registry.runs(most=1)["version"].max()))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenWorkspace:
    return company(tmp_path_factory.mktemp("spark"), LEADS)


def assert_scores_alike(opened: OpenWorkspace, engine: OnSpark) -> None:
    """Features, rules, probabilities, reasons, routes and what capacity there was: of one machine and of Spark."""
    model, agreement = model_of(opened), opened.agreement_at(AS_OF)
    under = trained_under(opened, model)
    with opened.warehouse() as warehouse:
        found = score_leads(warehouse, agreement, model, AS_OF, under, look=engine.look, explain=engine.explain)
        expected = score_leads(warehouse, agreement, model, AS_OF, under)
    alike(found.scores, expected.scores)
    alike(found.matrix, expected.matrix)
    alike(found.capacity, expected.capacity)


def assert_rows_alike(opened: OpenWorkspace, engine: OnSpark) -> None:
    """The cohort, its features and labels, and how many hand-offs are left out, by why."""
    agreement = opened.agreement_at(AS_OF)
    with opened.warehouse() as warehouse:
        rows, counts = build_training_set(warehouse, opened.settings, agreement, AS_OF, engine.gather)
        expected, expected_counts = build_training_set(warehouse, opened.settings, agreement, AS_OF)
    alike(rows.X, expected.X)
    alike(rows.snapshots, expected.snapshots)
    for column in ("group", "propensity", "answered_at"):
        alike(getattr(rows, column).to_frame(), getattr(expected, column).to_frame())
    np.testing.assert_array_equal(rows.y, expected.y)
    assert counts == expected_counts


@contextmanager
def workers(opened: OpenWorkspace, share_leads: int) -> Iterator[OnSpark]:
    with spark_session() as spark, shared_folder(opened.workspace.root) as folder:
        yield OnSpark(spark, folder, "1GB", share_leads)
    assert not list(opened.workspace.root.glob("spark/*"))


def alike(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-9)


def test_spark_gives_what_one_machine_gives(opened: OpenWorkspace) -> None:
    with workers(opened, LEADS // SHARES) as engine:
        assert_scores_alike(opened, engine)
        assert_rows_alike(opened, engine)


@pytest.mark.soak
def test_fifty_thousand_leads(tmp_path: Path) -> None:
    opened = company(tmp_path, 50_000)
    with workers(opened, 4_000) as engine:
        assert_scores_alike(opened, engine)
        assert_rows_alike(opened, engine)


def test_who_belongs_together_is_in_one_share(opened: OpenWorkspace) -> None:
    with opened.warehouse() as warehouse:
        leads, accounts = share_out(warehouse, LEADS // SHARES)
        share = leads.set_index("lead_id")["share"]
        of_account = accounts.set_index("account_id")["share"]
        ever = warehouse.rows("SELECT DISTINCT lead_id, account_id FROM leads WHERE account_id IS NOT NULL")
        merged = warehouse.rows("SELECT key, merged_into FROM retractions WHERE what = 'merge'")
    assert leads["share"].nunique() >= SHARES
    assert all(share[lead] == of_account[account] for lead, account in ever)
    assert merged
    assert all(share[one] == share[other] for one, other in merged)
    sizes = leads.groupby("share").size()
    assert sizes.median() <= LEADS // SHARES


def test_the_share_of_a_worker_that_is_killed_is_done_again(
    opened: OpenWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster of two executors with 1 GB each on this machine; one of them is killed while it has a share."""
    monkeypatch.setenv("LEADREADY_SPARK_MASTER", "local-cluster[2,1,1024]")
    killed = []

    def kill(folder: Path) -> None:
        while not list(folder.glob("*/done/_temporary/0/_temporary/*")):
            time.sleep(0.1)
        found = subprocess.run(["pgrep", "-f", "CoarseGrainedExecutorBackend"], capture_output=True, text=True)
        killed.append(int(found.stdout.split()[0]))
        os.kill(killed[0], signal.SIGKILL)

    with workers(opened, LEADS // SHARES) as engine:
        threading.Thread(target=kill, args=(engine.folder,), daemon=True).start()
        assert_scores_alike(opened, engine)
    assert killed


def test_an_error_of_ours_in_a_worker_is_what_one_machine_says(opened: OpenWorkspace) -> None:
    agreement = default_agreement()
    somebody = PermissionRule(when="lead.Nowhere = x", allow="none")
    agreement = agreement.model_copy(update={"permission": Permission(rules=(somebody,))})
    with opened.warehouse() as warehouse, workers(opened, LEADS) as engine:
        with pytest.raises(ConfigError) as found:
            score_leads(warehouse, agreement, None, AS_OF, look=engine.look, explain=engine.explain)
        with pytest.raises(ConfigError) as expected:
            score_leads(warehouse, agreement, None, AS_OF)
    assert str(found.value) == str(expected.value)


def test_what_spark_gives_up_is_said_in_a_line(opened: OpenWorkspace) -> None:
    with workers(opened, LEADS) as engine, opened.warehouse() as warehouse, pytest.raises(DataError) as error:
        work_on_shares(engine.spark, warehouse, engine.folder, attrgetter("nothing"), {}, "1GB")
    assert str(error.value).startswith("working on Spark: expected every share to be done, got AttributeError: ")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LEADREADY_ENGINE", "flink", "choosing an engine: expected duckdb or spark, got flink"),
        ("LEADREADY_SPARK_MASTER", "sparkle", "starting Spark: expected a session on sparkle"),
        ("LEADREADY_SPARK_PATH", "/proc/nowhere", "sharing out leads: expected a writable /proc/nowhere"),
        ("PATH", "", "starting Spark: expected Java 17 or newer, got none on this machine"),
    ],
)
def test_what_is_wrong_is_said(
    opened: OpenWorkspace, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv("LEADREADY_ENGINE", "spark")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as error, on_spark(opened):
        pass
    assert str(error.value).startswith(said)
