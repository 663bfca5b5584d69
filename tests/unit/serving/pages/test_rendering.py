"""One report, four ways to read it: terminal, JSON, page and Markdown."""

import json

import pandas as pd

from serving.pages.page import as_markdown, as_page
from serving.pages.sections import Report, Section, rounded
from serving.pages.terminal import as_json, as_lines

ROWS = [{"arm": "rules", "n": 1200, "loss": 0.61234}, {"arm": "a|b", "n": None, "loss": None}]
FRAME = pd.DataFrame({"arm": ["rules", "model"], "rate": [0.25, 0.5]})
REPORT = Report(
    [
        Section("How good?", ["90 % of `all`."], ["first", "second"], ROWS, chapter="The test"),
        Section("Drawn?", frame=FRAME, kind="bars arm rate", chapter="The test"),
        Section("Nothing?", frame=FRAME[:0], kind="bars arm rate", empty="No row yet.", chapter="The rest"),
        Section("And?", ["That was <all>."], chapter="The rest"),
    ],
    {"loss": float("nan"), "rows": [{"high": float("inf"), "n": 1}]},
    "A *report*",
)


def test_a_terminal_reads_tables_and_lines_under_chapters_and_no_figures():
    assert as_lines(REPORT) == [
        "The test",
        "arm        n   loss",
        "rules  1,200  0.612",
        "a|b        -      -",
        "90 % of `all`.",
        "first",
        "second",
        "",
        "The rest",
        "That was <all>.",
    ]


def test_machines_read_null_for_a_missing_number():
    assert json.loads(as_json(REPORT)) == {"loss": None, "rows": [{"high": None, "n": 1}]}


def test_markdown_shows_a_figure_as_its_table():
    text = as_markdown(REPORT)
    assert text.startswith(
        "# A \\*report\\*\n\n## How good?\n\n90 % of `all`.\n\n- first\n- second\n\n| arm | n | loss | \n"
    )
    assert "| a\\|b | – | – | \n" in text
    assert "## Drawn?\n\n| arm | rate | \n| --- | --- |\n| rules | 25 % | \n" in text
    assert text.endswith("That was &lt;all>.\n")


def test_a_page_has_chapters_marks_and_numbers():
    page = as_page(REPORT)
    assert page.count("<h2>") == 2
    assert "90\u00a0% of <code>all</code>." in page
    assert '<rect class="blue" x="0.00%" width="50.00%"' in page
    assert '<p class="empty">No row yet.</p>' in page
    assert "That was &lt;all&gt;." in page
    assert "The query" not in page
    assert "How to check a figure" not in page


def test_numbers_are_rounded_and_missing_ones_none():
    assert rounded({"a": 0.123456, "b": float("nan"), "c": "x", "d": 3}) == {"a": 0.1235, "b": None, "c": "x", "d": 3}
    assert rounded({"a": 1.0, "b": 2}, ["b"]) == {"b": 2}
