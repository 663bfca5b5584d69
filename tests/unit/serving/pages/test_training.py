"""What a training's page shows: every figure drawn, from the rows that it was tested on."""

import re
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from data.freshness import Freshness
from models.judging.promotion import decide
from models.metrics.evaluation import calibration_bins
from models.registry.kept import ModelVersion
from serving.pages.drawings import draw
from serving.pages.terminal import as_lines
from serving.pages.training import candidates, training_figures, training_report, write_pages

OUTCOMES = {"accepted": 1210, "no_answer": 3}
FRESH = Freshness(datetime(2026, 3, 1), (), 3)


@pytest.fixture(scope="module")
def figures(result):
    return training_figures(result)


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "report").mkdir()
    write_pages(result, decide(result, None), {"source": "<demo>", "outcome_accepted": "1210"}, folder)
    return folder


def test_every_figure_is_drawn(figures):
    assert [section.kind.split()[0] for section in figures] == ["curves", "curves", "strip", "dots"]
    for section in figures:
        assert re.search(r"\?|leads$", section.title)
        drawn = "".join(row.marks for row in draw(section.frame, section.kind).rows)
        assert drawn
        assert "nan" not in drawn


def test_reliability_shows_the_bins_and_where_a_right_model_would_lie(figures, result):
    y, p = (result.holdout[name].to_numpy() for name in ("y", result.chosen))
    rows, expected, observed, variance = calibration_bins(y, p)
    frame = figures[0].frame
    assert np.allclose(
        frame[["predicted_share", "accepted_share", "leads"]], np.column_stack([expected, observed, rows])
    )
    assert np.allclose(frame["right_share_high"], np.minimum(expected + 1.96 * np.sqrt(variance), 1))
    drawing = draw(frame, figures[0].kind)
    assert drawing.rows[0].marks.count("<circle") == len(rows)
    assert drawing.rows[0].marks.count("<polygon") == 1


def test_the_gain_curves_begin_with_nobody_and_end_with_all(figures, result):
    frame = figures[1].frame
    ends = frame.groupby("order")["found_share"].agg(["first", "last"])
    assert ends.to_numpy().tolist() == [[0, 1]] * len(ends)
    assert {"in random order", result.chosen.replace("_", " "), "rulebook"} <= set(ends.index)


def losses(**by_name):
    rows = {(name, fold): loss for name, folds in by_name.items() for fold, loss in enumerate(folds, 1)}
    figures = {"log_loss": rows, "weighted_loss": rows, "weight": 100.0, "n": 100.0}
    folds = pd.DataFrame(figures).rename_axis(["candidate", "fold"])
    return folds, folds.groupby("candidate").first()


def test_candidates_that_cannot_be_chosen_do_not_squeeze_the_others():
    section = candidates(*losses(logistic=(0.60, 0.64), blend=(0.59, 0.66), digital_only=(0.9, 1.9)), "logistic")
    drawing = draw(section.frame, section.kind)
    assert {row.label: "\u203a" in row.marks for row in drawing.rows} == {
        "logistic (chosen)": False,
        "blend": False,
        "digital only": True,
    }
    assert drawing.rows[-1].value == "1.90 · 0.90"
    assert [name for _, name in drawing.ticks] == ["0.600", "0.650", "0.700"]


def test_an_axis_that_holds_all_candidates_marks_none():
    section = candidates(*losses(logistic=(0.60, 0.64), base_rate=(0.65, 0.66)), "logistic")
    assert not any("\u203a" in row.marks for row in draw(section.frame, section.kind).rows)


def test_the_run_keeps_one_page_and_the_card(page):
    assert {str(path.relative_to(page)) for path in page.rglob("*.*")} == {
        "report/training.html",
        "report/importance.csv",
        "card/card.html",
        "card/card.md",
    }
    text = (page / "report" / "training.html").read_text(encoding="utf-8")
    assert "&lt;demo&gt;" in text
    assert text.count("<h2>") == 3
    assert "1,210 accepted" in text


@pytest.mark.parametrize("name", ["report/training.html", "card/card.html"])
def test_a_page_stands_alone(page, name):
    text = (page / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z]|<script|<link|<img|<iframe|url\(|@import|src=", text)
    assert "default-src 'none'" in text


def test_terminal_and_machines_hear_the_same(result):
    decision = decide(result, None)
    report = training_report(result, decision, ModelVersion(7, "abc", {}), OUTCOMES, FRESH)
    lines = as_lines(report)
    assert lines[0].split()[:2] == ["candidate", "log_loss"]
    assert "outcomes in the cohort: 1,210 accepted, 3 no answer" in lines
    assert lines[-1] == "not used: 3 rows that became known at 2026-03-01 00:00 UTC or later"
    assert report.facts["version"] == 7
    assert report.facts["fresh"] == {"known_later": 3}
    assert report.facts["reasons"] == list(decision.reasons)
    assert all(reason in lines for reason in decision.reasons)
    assert [row["candidate"] for row in report.facts["candidates"]] == [*result.holdout_metrics.index]
