"""One machine and Spark give the same: features, points, cohort, labels, scores, routes; whatever befalls a worker."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import datetime
from operator import attrgetter, methodcaller
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.spark import executors_of
from data.agreement.file import default_agreement
from data.agreement.model import Permission, PermissionRule
from data.errors import ConfigError, DataError
from data.intake.retraction import merge
from data.opened import OpenWorkspace, open_workspace
from data.simulator.company import simulate, write
from data.sql import literal, quoted
from data.warehouse import Warehouse
from data.workspace import Workspace
from models.registry.client import LoadedModel, Registry
from models.rows.dataset import build_training_set
from pipelines.doctor.finding import Visit
from pipelines.doctor.folders import check_leftovers
from pipelines.doctor.outside import check_spark
from pipelines.jobs.forget import forget_lead
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.start import init_workspace
from pipelines.jobs.train import train_models
from pipelines.spark.engine import OnSpark, on_spark
from pipelines.spark.session import folder_of, shared_folder, spark_session
from pipelines.spark.shares import Work, share_out, work_on_shares
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
    """Many events at few odd instants, missing values, a source's own columns, leads without company, that change
    their company or are merged, and hand-offs of nobody that is known."""
    for table, at in EVENTS.items():
        odd = f"{INSTANTS}[1 + (hash(lead_id, rowid) // 8 % {len(ODD)})::BIGINT]"
        some = "hash(lead_id, rowid) % 8 = 0 AND superseded_at IS NULL"
        warehouse.execute(f"UPDATE {table} SET {at} = {odd}, known_at = {odd} WHERE {some}")
    for column in ("title", "source", "country"):
        warehouse.execute(f"UPDATE leads SET {column} = NULL WHERE hash(lead_id, {literal(column)}) % 5 = 0")
    warehouse.execute("UPDATE leads SET account_id = NULL WHERE lead_id BETWEEN 'L0000400' AND 'L0000700'")
    for table, name, kind, value in (
        ("accounts", "account.Size", "DOUBLE", "hash(account_id) % 7"),
        ("leads", 'lead.what `they` "say"', "VARCHAR", "'word ' || hash(lead_id) % 5"),
        ("leads", "lead.never", "VARCHAR", "NULL"),
    ):
        warehouse.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {kind}")
        warehouse.execute(f"UPDATE {table} SET {quoted(name)} = {value}")
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
    warehouse.execute(
        """INSERT INTO handoffs BY NAME SELECT * REPLACE ('nobody ' || lead_id AS lead_id) FROM handoffs LIMIT 3"""
    )
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


def score_rows_on_spark(opened: OpenWorkspace, warehouse: Warehouse) -> None:
    engine = on_spark(opened)
    assert engine is not None
    score_leads(warehouse, opened.agreement_at(AS_OF), None, AS_OF, look=engine.look)


def model_of(opened: OpenWorkspace) -> LoadedModel:
    registry = Registry(opened.workspace)
    return registry.load(int(registry.runs(most=1)["version"].max()))


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADREADY_SPARK_MASTER", "local[2]")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenWorkspace:
    return company(tmp_path_factory.mktemp("spark"), LEADS)


def assert_scores_alike(opened: OpenWorkspace, engine: OnSpark, as_of: datetime = AS_OF) -> None:
    """Features, rules, probabilities, reasons, routes and what capacity there was: of one machine and of Spark."""
    model, agreement = model_of(opened), opened.agreement_at(as_of)
    under = trained_under(opened, model)
    with opened.warehouse() as warehouse:
        found = score_leads(warehouse, agreement, model, as_of, under, look=engine.look)
        expected = score_leads(warehouse, agreement, model, as_of, under)
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
    assert list(counts.items()) == list(expected_counts.items())
    assert counts["lead_not_known_then"] >= 3


def alike(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-9)


def test_spark_gives_what_one_machine_gives(opened: OpenWorkspace) -> None:
    engine = OnSpark(opened.workspace, "1GB", LEADS // SHARES)
    assert_scores_alike(opened, engine)
    assert_rows_alike(opened, engine)
    assert not folder_of(opened.workspace).exists()


@pytest.mark.soak
def test_fifty_thousand_leads(tmp_path: Path) -> None:
    opened = company(tmp_path, 50_000)
    engine = OnSpark(opened.workspace, "1GB", 4_000)
    assert_scores_alike(opened, engine)
    assert_rows_alike(opened, engine)


def test_who_belongs_together_is_in_one_share(opened: OpenWorkspace) -> None:
    with opened.warehouse() as warehouse:
        shares = share_out(warehouse, LEADS // SHARES)
        ever = warehouse.rows("SELECT DISTINCT lead_id, account_id FROM leads WHERE account_id IS NOT NULL")
        merged = warehouse.rows("SELECT key, merged_into FROM retractions WHERE what = 'merge'")
    share = shares.leads.set_index("lead_id")["share"]
    of_account = shares.accounts.set_index("account_id")["share"]
    assert len(shares.numbers) >= SHARES - 1
    assert all(share[lead] == of_account[account] for lead, account in ever)
    assert merged
    assert all(share[one] == share[other] for one, other in merged)
    one_after_another = shares.leads.groupby("share").size().sort_values()
    assert one_after_another.iloc[:-1].max() <= 2 * LEADS // SHARES  # but for those that were moved to one company


def test_leads_that_have_to_stay_together_beyond_measure_are_named(
    opened: OpenWorkspace, caplog: pytest.LogCaptureFixture
) -> None:
    with opened.warehouse() as warehouse:
        share_out(warehouse, 10)
    assert "leads have to be looked at together" in caplog.text


def test_nobody_is_open_and_nobody_is_known(opened: OpenWorkspace, tmp_path: Path) -> None:
    """One machine and Spark say the same, with a model in use."""
    engine, before = OnSpark(opened.workspace, "1GB"), datetime(2001, 1, 1)
    model, agreement = model_of(opened), opened.agreement_at(AS_OF)
    for look in (None, engine.look):
        with opened.warehouse() as warehouse, pytest.raises(DataError, match="expected open leads, got none"):
            score_leads(warehouse, agreement, model, before, agreement, look=look)
    init_workspace(Workspace(tmp_path))
    empty = open_workspace(tmp_path)
    with empty.warehouse() as warehouse, pytest.raises(DataError, match="expected open leads, got none"):
        score_leads(warehouse, agreement, None, AS_OF, look=OnSpark(empty.workspace, "1GB").look)


def test_the_share_of_a_worker_that_is_killed_is_done_again(
    opened: OpenWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster of two executors with 1 GB each on this machine; one is killed while each of them has a share."""
    monkeypatch.setenv("LEADREADY_SPARK_MASTER", "local-cluster[2,1,1024]")
    done, killed = folder_of(opened.workspace) / "done", list[int]()

    def kill() -> None:
        while not list(done.glob("*.parquet")):
            time.sleep(0.05)
        killed.extend(executors_of(os.getpid())[:1])
        os.kill(killed[0], signal.SIGKILL)

    killing = threading.Thread(target=kill, daemon=True)
    killing.start()
    assert_scores_alike(opened, OnSpark(opened.workspace, "1GB", LEADS // SHARES))
    killing.join(10)
    assert killed


def test_an_error_of_ours_in_a_worker_is_what_one_machine_says(opened: OpenWorkspace) -> None:
    agreement = default_agreement()
    somebody = PermissionRule(when="lead.Nowhere = x", allow="none")
    agreement = agreement.model_copy(update={"permission": Permission(rules=(somebody,))})
    with opened.warehouse() as warehouse:
        with pytest.raises(ConfigError) as found:
            score_leads(warehouse, agreement, None, AS_OF, look=OnSpark(opened.workspace, "1GB").look)
        with pytest.raises(ConfigError) as expected:
            score_leads(warehouse, agreement, None, AS_OF)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (attrgetter("nothing"), "working on Spark: expected every share to be done, got AttributeError: "),
        (methodcaller("rows", "SELECT 'secret'::INTEGER"), "working on a share: expected queries that run, got "),
    ],
)
def test_what_goes_wrong_in_a_worker_is_said_in_a_line(opened: OpenWorkspace, work: Work, said: str) -> None:
    with (
        opened.warehouse() as warehouse,
        spark_session() as spark,
        shared_folder(opened.workspace) as folder,
        pytest.raises(DataError) as error,
    ):
        work_on_shares(spark, warehouse, folder, work, {}, "1GB")
    assert str(error.value).startswith(said)
    assert "secret" not in str(error.value)


def test_what_a_run_that_was_killed_left_is_gone(
    opened: OpenWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the next run, by `forget`, and by the doctor."""
    monkeypatch.setenv("LEADREADY_SPARK_PATH", str(tmp_path))
    left = folder_of(opened.workspace) / "tables"
    left.mkdir(parents=True)
    with shared_folder(opened.workspace) as again:
        assert again == left.parent
        assert not list(again.iterdir())
    assert not list(tmp_path.iterdir())
    left.mkdir(parents=True)
    forget_lead(opened, "L0000009", LOADED_AT)
    assert not list(tmp_path.iterdir())
    monkeypatch.delenv("LEADREADY_SPARK_PATH")
    left = folder_of(opened.workspace)
    left.mkdir()
    os.utime(left, (0, 0))
    assert left.name in check_leftovers(Visit(opened, LOADED_AT)).says
    left.rmdir()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LEADREADY_ENGINE", "flink", "choosing an engine: expected duckdb or spark, got flink"),
        ("LEADREADY_SPARK_MASTER", "sparkle", "starting Spark: expected workers at sparkle"),
        ("LEADREADY_SPARK_PATH", "/proc/nowhere", "sharing out leads: expected a writable /proc/nowhere"),
        ("LEADREADY_SPARK_PATH", "/tmp/[all]", "sharing out leads: expected a path without "),
        ("PATH", "", "starting Spark: expected Java 17 or newer, got none on this machine"),
    ],
)
def test_what_is_wrong_is_said(
    opened: OpenWorkspace, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv("LEADREADY_ENGINE", "spark")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv(variable, value)
    with opened.warehouse() as warehouse, pytest.raises(ConfigError) as error:
        score_rows_on_spark(opened, warehouse)
    assert str(error.value).startswith(said)


def test_doctor_says_whether_there_is_a_spark(opened: OpenWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = Visit(opened, LOADED_AT)
    assert check_spark(visit).says == "LEADREADY_ENGINE does not ask for it: everything is done on this machine"
    monkeypatch.setenv("LEADREADY_ENGINE", "spark")
    assert check_spark(visit).says == "is installed; its workers would be asked for at local[2]"
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigError, match="expected Java 17 or newer, got none"):
        check_spark(visit)
