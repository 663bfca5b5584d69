"""Commands typed without Prefect, and workspaces to type them in."""

import shutil
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pandas as pd
import pytest

from data.intake.watermarks import Extract
from data.opened import open_workspace
from data.workspace import Workspace
from pipelines import cli
from pipelines.cli import running
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.report import report_on
from pipelines.jobs.schedule import source_of
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from pipelines.jobs.train import train_models
from pipelines.moment import now, settle
from tests.flows.work import write_company


def _ingest(root, source, path, shown, loaded_at, backfill, timezone, mappings, by_settings, full):
    opened, moment = _at(root, loaded_at)
    extract = source_of(opened, source).extract if by_settings else Extract()
    return ingest_batch(
        opened,
        source,
        path.get_secret_value(),
        moment,
        backfill=backfill,
        timezone=timezone,
        mappings=mappings,
        extract=replace(extract, full=full),
    )


def _at(root, moment):
    opened = open_workspace(root)
    return opened, settle(opened, moment, now())


WITHOUT_PREFECT = SimpleNamespace(
    ingest=_ingest,
    train=lambda root, moment: train_models(*_at(root, moment)),
    report=lambda root, moment: report_on(*_at(root, moment)),
    score=lambda root, moment, alias: score_open_leads(*_at(root, moment), alias),
)


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def leadready(monkeypatch, capsys):
    """Type a command."""
    monkeypatch.setattr(running, "find_flows", lambda root: WITHOUT_PREFECT)
    monkeypatch.setattr(running, "show_progress", lambda *_: None)  # it changes logging for the whole process
    monkeypatch.delenv("LEADREADY_HOME", raising=False)

    def type_in(*words):
        monkeypatch.setattr(sys, "argv", ["leadready", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Said(ended.value.code or 0, said.out, said.err)

    return type_in


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A company's files, with some rows that no table takes."""
    return write_company(tmp_path_factory.mktemp("source"), leads=150, spoiled=True)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, source):
    """A workspace with data and without a model; not to be changed."""
    space = Workspace(tmp_path_factory.mktemp("filled") / "var")
    init_workspace(space)
    opened = open_workspace(space.root)
    ingest_batch(opened, "canonical", str(source), pd.Timestamp("2026-01-10").to_pydatetime())
    for day in ("2025-11-30", "2025-12-01"):
        score_open_leads(opened, pd.Timestamp(day).to_pydatetime())
    return space.root


@pytest.fixture
def var(tmp_path, filled):
    """A workspace with data, to spoil."""
    return shutil.copytree(filled, tmp_path / "var", symlinks=True)


@pytest.fixture
def empty(tmp_path):
    space = Workspace(tmp_path / "empty")
    init_workspace(space)
    return space.root
