"""What `train --dry-run` prints: counts, a drawn time line, and what a training would refuse."""

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.errors import ModelError
from data.opened import open_workspace
from data.settings import Settings
from data.workspace import Workspace
from models.judging.plan import plan_training
from models.rows.training_set import TrainingSet
from pipelines import cli
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.start import init_workspace
from pipelines.jobs.train import Planning, train_models
from serving.pages.plan import LEGEND, plan_report
from serving.pages.sections import Report
from tests.flows.work import write_company
from tests.unit.models.leads import feature


def two_a_day(days: int, **more: object) -> TrainingSet:
    """One accepted and one rejected lead a day, each of its own account; four days to answer."""
    rows = 2 * days
    as_of = pd.Series(pd.date_range("2026-01-01", periods=days).repeat(2)).reset_index(drop=True)
    return TrainingSet(
        pd.DataFrame({"n": np.arange(rows, dtype=float)}),
        np.arange(rows) % 2,
        as_of,
        pd.Series([f"A{i}" for i in range(rows)]),
        timedelta(days=4),
        (feature("n"),),
        pd.Series([f"L{i}" for i in range(rows)]),
        pd.Series(np.ones(rows)),
        **more,
    )


def planned(data: TrainingSet, **settings: object) -> Planning:
    chosen = Settings.model_validate({"training": {"test_share": 0.25, "folds": 2, **settings}})
    plan = plan_training(data, test_share=chosen.training.test_share, folds=chosen.training.folds)
    return Planning(plan, {"accepted": 40, "rejected": 40, "never_handed_off": 7}, chosen, default_agreement())


def reported(planning: Planning, width: int = 72) -> Report:
    return plan_report(planning.plan, planning.outcomes, planning.settings, planning.agreement, width)


def drawn(data: TrainingSet, width: int) -> Sequence[str]:
    return reported(planned(data), width).sections[1].notes


FORTY_DAYS = two_a_day(40, observed=datetime(2026, 2, 10))


def test_the_time_line_shows_when_rows_train_are_purged_and_are_tested():
    """Four days before each cut are not answered yet; of the last three days nothing can be tested."""
    assert drawn(FORTY_DAYS, width=40) == [
        "          2026-01-01                    2026-02-09",
        "          |                                      |",
        "fold 1    =====xxx########",
        "fold 2    =============xxx########",
        "held out  ========================xxx##########~~~",
        LEGEND,
    ]


def test_a_mark_shows_what_most_rows_of_its_span_are():
    assert drawn(FORTY_DAYS, width=10)[2:-1] == ["fold 1    =x##", "fold 2    ===x##", "held out  ======x##~"]


@pytest.mark.parametrize("width", [30, 72, 100])
def test_dates_stand_above_their_ticks(width):
    dates, ticks = drawn(FORTY_DAYS, width)[:2]
    assert len(dates) == len(ticks) == 10 + width
    begins = [place for place, mark in enumerate(ticks) if mark == "|"]
    assert [date.fromisoformat(dates[at : at + 10]) for at in begins[:-1]]
    assert dates.endswith("2026-02-09")


def test_the_table_holds_the_counts_of_each_part():
    keys = ("part", "cut", "train", "train accepted", "train young", "purged", "test", "test accepted")
    rows = [tuple(row[key] for key in keys) for row in reported(planned(FORTY_DAYS)).sections[2].rows]
    assert rows == [
        ("fold 1", "2026-01-09 00:00", 10, 5, 0, 6, 16, 8),
        ("fold 2", "2026-01-17 00:00", 26, 13, 0, 6, 16, 8),
        ("held out", "2026-01-28 00:00", 48, 24, 0, 6, 20, 10),
        ("all", "2026-02-10 00:00", 80, 40, 6, 0, None, None),
    ]


def test_the_notes_say_what_is_counted():
    said = "\n".join([*reported(planned(FORTY_DAYS)).sections[0].points, ""])
    for part in (
        "cohort: handoff + 0 h, known at 2026-02-10 00:00",
        "expired: exclude, never handed off: exclude",
        "outcomes in the cohort: 40 accepted, 40 rejected, 7 never handed off",
        "labels: 37 accepted, 37 rejected",
        "young: 6 of 80 rows",
        "features: 1 (1 engagement)",
        "forward folds: 2\n",
    ):
        assert part in said


def test_fewer_folds_than_asked_for_are_told():
    points = reported(planned(FORTY_DAYS, folds=20)).sections[0].points
    assert any("(out of 20: the others have too little time" in point for point in points)


def test_a_cohort_too_small_is_drawn_as_far_as_it_goes():
    planning = planned(two_a_day(2))
    report = reported(planning, width=40)
    assert len(report.sections[1].notes) == 3
    assert report.facts["refused"] == list(planning.plan.refusals) != []


def test_a_dry_run_tells_what_would_be_refused_and_keeps_nothing(tmp_path, monkeypatch, capsys):
    space = Workspace(tmp_path / "var")
    init_workspace(space)
    opened = open_workspace(space.root)
    ingest_batch(opened, "canonical", str(write_company(tmp_path / "source", leads=150)), datetime(2026, 1, 10))

    def say(*words):
        monkeypatch.setattr(sys, "argv", ["leadready", "train", "-w", str(space.root), "--dry-run", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().out

    code, out = say("--json")
    told = json.loads(out)
    with pytest.raises(ModelError) as refused:
        train_models(opened, datetime.fromisoformat(told["observed"]))
    assert told["refused"][0] == str(refused.value)
    assert told["accepted"] + told["rejected"] == told["rows"] == told["parts"][-1]["train"]
    assert code == refused.value.exit_code == say()[0]
    assert f"a training would be refused: {refused.value}" in say()[1]
    assert not space.tracking.exists()
