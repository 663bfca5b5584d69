"""Is the report legible in a browser, on a wide screen and on a phone? Chromium lays the page out and measures it."""

import json
import re
import shutil
import subprocess
from datetime import datetime
from urllib.parse import unquote

import pytest

from data.agreement.file import default_agreement
from data.simulator.company import simulate
from data.tables import TABLES
from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.pages.report.report import PAGE, write_report
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
    narrow: [...document.querySelectorAll(".row svg, .panels svg")].filter(
        s => s.getBoundingClientRect().width < innerWidth / 8).map(s => name(s.parentElement)),
    small: all.filter(e => parseFloat(getComputedStyle(e).fontSize) < 12).map(name),
    scales: Math.max(...tracks),
})), "*");
</script>"""
FRAME = """<!doctype html><script>onmessage = m => {{ document.body.dataset.measured = m.data }};</script>
<body style="margin: 0"><iframe src="measured.html" style="width: {}px; height: 900px; border: 0"></iframe></body>"""
"""A window of Chromium cannot be as narrow as a phone, a frame can."""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a simulated company's report, its policy against scripts lifted so that it can be measured."""
    if not CHROMIUM:
        pytest.skip("no Chromium to lay the page out")
    workspace = Workspace(tmp_path_factory.mktemp("var"))
    workspace.create()
    tables = simulate(leads=600, seed=3)
    with Warehouse.open(None) as warehouse:
        fill(warehouse, {name: rows for name, rows in tables.items() if name in TABLES})
        folder = write_report(workspace, warehouse, [default_agreement()], datetime(2025, 12, 1))
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


def test_nothing_is_wider_than_the_screen(measured):
    """Tables and queries scroll inside their own box; the page itself never scrolls sideways."""
    assert measured["beyond"] == []
    assert measured["page"] <= measured["inner"]


def test_no_plot_is_squeezed_and_no_word_is_small(measured):
    assert measured["narrow"] == []
    assert measured["small"] == []


def test_the_rows_of_a_plot_share_one_scale(measured):
    assert measured["scales"] == 1
