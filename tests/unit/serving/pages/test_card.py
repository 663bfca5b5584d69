"""The card of the small training: what it says, that it says so in both forms, and that nothing in it is markup."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from models.judging.promotion import Decision, decide
from models.registry.tracking import run_metrics
from serving.pages.card import card_sections, write_card

TAGS = {
    "source": "demo",
    "cohort": "handoff + 0 h",
    "horizon_days": "14",
    "expired": "exclude",
    "never_handed_off": "not_accepted",
    "agreement_version": "2000-01-01-abc",
    "outcome_accepted": "210",
    "explored_labels": "0",
}
REFUSED = Decision(False, None, False, ("a leak",))


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("card") / "card"
    write_card(result, decide(result, None), TAGS, folder)
    return folder


def said(result, decision=REFUSED, tags=TAGS):
    parts = card_sections(result, decision, tags)
    return {s.title: "\n".join([*s.notes, *s.points, *("\t".join(row.values()) for row in s.rows)]) for s in parts}


def test_rules_that_cannot_be_judged_are_not_shown_as_if_they_were(result):
    assert "cannot be judged" not in said(result)["How good is it?"]
    told = said(replace(result, rules_unjudged="no more accepted"))["How good is it?"]
    assert "with more points were not accepted more often. Their figures are those of the base rate." in told


@pytest.mark.parametrize("name", ["card.md", "card.html"])
def test_the_card_has_all_that_a_person_has_to_know(written, result, name):
    text = (written / name).read_text(encoding="utf-8")
    for part in (
        "What it is for",
        "What it may not be used for",
        "never handed off",
        "Another company",
        "credit",
        "2025-01-01",
        "sales accepted (1) or rejected (0) within 14 days",
        "counted as not accepted",
        "210",
        "2000-01-01-abc",
        "handoff + 0 h",
        "base rate",
        "rules",
        "log loss",
        "Left out",
        "personal data",
        "What the leak guard found",
        "Known limits",
        "ated population only",
        result.model_hash,
        result.data_hash,
        "leadready rollback",
    ):
        assert part in text, part


def test_the_page_stands_alone_and_draws_what_came_true(written):
    page, text = ((written / name).read_text(encoding="utf-8") for name in ("card.html", "card.md"))
    assert not re.search(r"https?:|<script|<link|<img|src=", page)
    assert '<polyline class="blue"' in page
    assert "| predicted share | accepted share |" in text, "Markdown has the numbers"


class Tags(HTMLParser):
    """Every tag of a page, and those left open."""

    def __init__(self):
        super().__init__()
        self.seen, self.open = set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_what_comes_from_data_is_no_markup(result, tmp_path):
    nasty = '<script>x</script> | [a](b) "`'
    features = (replace(result.features[0], name=nasty), *result.features[1:])
    columns = result.leakage.columns.rename(index={result.leakage.columns.index[0]: nasty})
    leakage = replace(result.leakage, columns=columns, suspects=(nasty,))
    write_card(replace(result, features=features, leakage=leakage), REFUSED, {**TAGS, "source": nasty}, tmp_path / "c")
    page = Tags()
    page.feed((tmp_path / "c" / "card.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert "script" not in page.seen
    text = (tmp_path / "c" / "card.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert r"\| \[a\](b)" in text


def test_it_says_what_was_decided(result):
    assert "may not be used" in said(result)["What it is for"]
    assert "A leak." in said(result)["What it is for"]
    used = said(result, Decision(True, "champion", True, ("ahead",)))["What it is for"]
    assert "put it into use, provisionally" in used


def test_the_figures_are_those_of_the_test_with_their_intervals(result):
    figures = said(result)["How good is it?"]
    loss = result.holdout_metrics.loc[result.chosen, "log_loss"]
    low, high = map(float, re.search(rf"log loss\t{loss:.3f} \((0\.\d+) to (0\.\d+)\)", figures).groups())
    assert low < loss < high
    parts = result.holdout_metrics.loc[result.chosen, ["miscalibration", "discrimination"]]
    assert all(f"{part:.3f}" in figures for part in parts)
    assert "everybody" not in figures


def test_card_and_mlflow_show_one_interval(result):
    found = run_metrics(result, REFUSED)
    for metric in ("auc", "log_loss", "brier"):
        value, low, high = (found[f"{metric}{end}"] for end in ("", "_low", "_high"))
        assert f"{value:.3f} ({low:.3f} to {high:.3f})" in said(result)["How good is it?"]


def test_explored_leads_speak_for_everybody_at_the_gate(result):
    chance = np.where(np.arange(len(result.holdout)) % 8 == 0, 0.2, 1.0)
    found = said(replace(result, holdout=result.holdout.assign(propensity=chance)))
    assert "log loss, everybody at the gate" in found["How good is it?"]
    assert "Gated population only" not in found["What it may not be used for"]
    assert "were explored" in found["Known limits"]


def test_alarms_and_what_a_person_cleared(result):
    leakage = replace(result.leakage, suspects=("n1", "n2"), allowed=("n2",), clock=("n3",))
    found = said(replace(result, leakage=leakage))["What the leak guard found"]
    assert "n1 may know the answer, which stops the promotion." in found
    assert "n2 was suspected, but a person cleared it" in found
    assert "n3 rises or falls with the date" in found


def test_what_is_not_known_is_said_to_be_unknown(result):
    found = said(result, tags={})
    assert "Cohort\tunknown" in found["What it learned from"]
    assert "agreement version\tunknown" in found["Versions"]


def test_every_feature_is_counted_by_its_concept(result):
    parts = {s.title: s for s in card_sections(result, REFUSED, TAGS)}
    rows = pd.DataFrame(parts["What it sees, and what it does not"].rows)
    assert rows["features"].astype(int).sum() == len(result.features)


def test_what_one_outcome_alone_cannot_tell_is_said_so(result):
    metrics = result.holdout_metrics.assign(auc=np.nan, calibration_slope=np.nan)
    rejected = replace(result, holdout=result.holdout.assign(y=0), holdout_metrics=metrics)
    figures = said(rejected)["How good is it?"]
    assert "AUC\tcannot be determined\tcannot be determined" in figures
    assert not re.search(r"\bnan\b", "".join(said(rejected).values()))


def test_calibration_says_of_which_fit_it_speaks(result):
    told = said(result)["Do its probabilities come true?"]
    assert "This is about the fit that was tested" in told
    assert told.index("learned again from all") < told.index(result.calibration)
