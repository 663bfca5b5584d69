"""The clock is set back: what is loaded and scored then is still the latest, the past stays, and it is said."""

import sys
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from data.opened import open_workspace
from data.workspace import Workspace
from pipelines import moment
from pipelines.jobs.replay import replay_scores
from pipelines.jobs.start import init_workspace
from serving.pages.review.store import Store

pytestmark = pytest.mark.slow

THEN = datetime(2026, 3, 2, 5)
SETTINGS = """[schedule.sources]
canonical = "{}"
[monitor]
blocks = false
"""
LEADS = "lead_id,created_at,title\nL1,2026-02-27 09:00,{}\nL2,2026-02-27 10:00,clerk\n"
TOUCHES = "lead_id,occurred_at,kind\nL1,2026-02-28 05:00,email_click\n{}"


@pytest.fixture
def at(monkeypatch):
    """`at(moment)`: from then on the clock says so."""
    real = moment.now

    def set_to(now):
        for name, module in [*sys.modules.items()]:
            if name.startswith("pipelines.") and getattr(module, "now", None) in (real, set_to.now):
                monkeypatch.setattr(module, "now", now)
        set_to.now = now

    def clock(said):
        begun = real()
        set_to(lambda: said + (real() - begun))  # it runs on

    set_to.now = real
    return clock


DAY = timedelta(days=1)


def ingest_and_score(flows, space, source):
    flows.ingest(space.root, "canonical", SecretStr(str(source)), str(source))
    flows.score(space.root)


def daily(flows, space, source):
    flows.daily(space.root)


@pytest.mark.parametrize(
    ("work", "back"),
    [
        (ingest_and_score, DAY),
        *(pytest.param(daily, back, marks=pytest.mark.soak) for back in (DAY / 24, DAY, 365 * DAY)),
    ],
)
def test_a_clock_that_was_set_back_makes_nothing_older(prefect_url, tmp_path, at, work, back):
    from pipelines import flows

    space, source = Workspace(tmp_path / "var"), tmp_path / "crm"
    init_workspace(space)
    source.mkdir()
    space.settings.write_text(SETTINGS.format(source))

    def come_in(title, touches=""):
        (source / "leads.csv").write_text(LEADS.format(title))
        (source / "touches.csv").write_text(TOUCHES.format(touches))
        before = {*space.logs.glob("*")}
        work(flows, space, source)
        said = [log.read_text() for log in {*space.logs.glob("*")} - before]
        with open_workspace(space.root).warehouse() as warehouse:
            [title] = warehouse.rows("""SELECT title FROM leads WHERE lead_id = 'L1' AND superseded_at IS NULL""")
            moments = warehouse.rows("SELECT as_of FROM publications ORDER BY number")
            known = warehouse.scalar("SELECT max(known_at) FROM touches")
        return title[0], [of for (of,) in moments], known, str(said)

    at(THEN)
    _, [first], _, said = come_in("engineer")
    assert "set back" not in said
    scored = replay_scores(open_workspace(space.root), first)
    assert scored.equal == scored.rows == 2
    at(THEN - back)
    title, moments, known, said = come_in("director", "L1,2026-03-01 06:00,email_click\n")
    assert (title, moments) == ("director", sorted(moments))
    assert first <= known < moments[-1]
    assert Store(space).day().as_of == moments[-1]
    assert "this machine's clock, which was set back" in said
    replayed = replay_scores(open_workspace(space.root), first)
    assert replayed.equal == replayed.rows == 2
    at(THEN + DAY)
    title, again, known, said = come_in("manager", "L1,2026-03-02 06:00,email_click\n")
    assert (title, again) == ("manager", [*moments, again[-1]])
    assert THEN + DAY < known < again[-1]
    assert "set back" not in said
