"""Are the pages legible in a browser, on a wide screen and on a phone? Chromium lays them out and measures them."""

import json
import re
import shutil
import subprocess
from datetime import datetime
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.simulator.company import simulate
from data.tables import TABLES
from data.warehouse import Warehouse
from data.workspace import Workspace
from models.judging.backtest import ARMS
from serving.pages.backtest import came_true, losses
from serving.pages.explanation import effects
from serving.pages.page import as_page
from serving.pages.reliability import reliability
from serving.pages.report.report import PAGE, write_report
from serving.pages.sections import Report
from serving.pages.training import candidates, columns, gain
from tests.scored import add_overrides, add_scores
from tests.tables import fill

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=2000")
WIDTHS = {"wide": 1280, "phone": 390}
MEASURE = """<script>
document.querySelectorAll("details").forEach(d => { d.open = true });
const own = e => !e.parentElement.closest(".scroll, pre, svg");
const all = [...document.body.querySelectorAll("*")].filter(own);
const name = e => e.tagName + "." + e.className + ": " + e.textContent.trim().slice(0, 40);
const tracks = [...document.querySelectorAll(".rows")].map(
    r => new Set([...r.querySelectorAll("svg")].map(s => Math.round(s.getBoundingClientRect().width))).size);
parent.postMessage(encodeURIComponent(JSON.stringify({
    inner: innerWidth,
    page: document.documentElement.scrollWidth,
    beyond: all.filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(name),
    narrow: [...document.querySelectorAll(".row svg, .curves > .box")].filter(
        s => s.getBoundingClientRect().width < innerWidth / 8).map(s => name(s.parentElement)),
    small: all.filter(e => parseFloat(getComputedStyle(e).fontSize) < 12).map(name),
    scales: Math.max(...tracks),
})), "*");
</script>"""
FRAME = """<!doctype html><script>onmessage = m => {{ document.body.dataset.measured = m.data }};</script>
<body style="margin: 0"><iframe src="measured.html" style="width: {}px; height: 900px; border: 0"></iframe></body>"""
"""A window of Chromium cannot be as narrow as a phone, a frame can."""


def figures_page(folder):
    """A page with the figures that trainings and backtests keep."""
    random = np.random.default_rng(1)
    p = {name: random.uniform(0.2, 0.9, 300) for name in ("logistic", "rulebook", "digital_only")}
    y = (random.random(300) < p["logistic"]).astype(int)
    named = [(name, fold) for name in ("logistic", "boosting", "base_rate", "rulebook") for fold in range(1, 5)]
    index = pd.MultiIndex.from_tuples(named, names=["candidate", "fold"])
    losses_of = random.uniform(0.5, 0.7, 16)
    folds = pd.DataFrame({"log_loss": losses_of, "weighted_loss": losses_of, "n": 100.0, "weight": 100.0}, index)
    telling = pd.DataFrame(
        {"auc": [0.95, 0.6], "null_gap": [0.3, 0.0], "lift": [0.1, None]}, ["a_column_with_a_long_name_30d", "b"]
    )
    effect = pd.DataFrame({"value": [1.0, 12e6, None], "log_odds": [-0.5, 0.2, 0.1], "share": [0.2, 0.5, 0.3]})
    months = pd.DataFrame({"period": pd.date_range("2025-01-01", periods=7, freq="MS"), "rows": 40})
    months = months.assign(**{f"log_loss_{arm}": random.uniform(0.5, 0.7, 7) for arm in ARMS})
    shares = months.assign(predicted=0.5, accepted=0.45, low=0.3, high=0.7)
    sections = [
        reliability(y, p["logistic"], "logistic"),
        gain(y, p),
        candidates(folds, folds.groupby("candidate").mean(), "logistic"),
        columns(telling, telling.index[:1]),
        effects({"the company's yearly revenue in the agreement's currency": effect}),
        losses(months),
        came_true(shares),
    ]
    folder.joinpath(PAGE).write_text(as_page(Report(sections, title="Training: logistic, canonical to 2025-12-12")))
    return folder


def report_page(folder):
    """The page of a simulated company's report."""
    workspace = Workspace(folder)
    workspace.create()
    tables = simulate(leads=600, seed=3)
    with Warehouse.open(None) as warehouse:
        fill(warehouse, {name: rows for name, rows in tables.items() if name in TABLES})
        add_scores(warehouse, datetime(2025, 12, 1), default_agreement().version)
        add_overrides(warehouse, datetime(2025, 12, 1))
        return write_report(workspace, warehouse, [default_agreement()], datetime(2025, 12, 1))


@pytest.fixture(scope="module", params=[report_page, figures_page])
def page(request, tmp_path_factory):
    """A page, its policy against scripts lifted so that it can be measured."""
    if not CHROMIUM:
        pytest.skip("no Chromium to lay the page out")
    folder = request.param(tmp_path_factory.mktemp("var"))
    text = (folder / PAGE).read_text()
    scripted = re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"{MEASURE}</body>")
    (folder / "measured.html").write_text(scripted)
    return folder


@pytest.fixture(scope="module", params=WIDTHS.values(), ids=WIDTHS)
def measured(page, request, tmp_path_factory):
    """What Chromium says of the page at one width, everything unfolded."""
    frame = page / f"{request.param}.html"
    frame.write_text(FRAME.format(request.param))
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}", "--window-size=1400,1000"]
    run = subprocess.run(
        [*command, "--dump-dom", frame.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    found = json.loads(unquote(re.search(r'measured="([^"]*)"', run.stdout)[1]))
    assert found["inner"] == request.param
    return found


def said_in_the_console(file, profile):
    """What Chromium writes into the page's console, errors and refused resources among it."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--enable-logging=stderr", "--dump-dom", file.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def test_the_console_stays_empty(page, tmp_path):
    """Under the page's own policy; a script in it would be refused, and said."""
    assert said_in_the_console(page / PAGE, tmp_path / "profile") == []
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text((page / PAGE).read_text().replace("</body>", "<script>1</script></body>"))
    assert said_in_the_console(spoiled, tmp_path / "profile")


def test_nothing_is_wider_than_the_screen(measured):
    """Tables and queries scroll inside their own box; the page itself never scrolls sideways."""
    assert measured["beyond"] == []
    assert measured["page"] <= measured["inner"]


def test_no_plot_is_squeezed_and_no_word_is_small(measured):
    assert measured["narrow"] == []
    assert measured["small"] == []


def test_the_rows_of_a_plot_share_one_scale(measured):
    assert measured["scales"] == 1
