"""Five days in a row on a real Prefect server with a real worker: each day's scores hold what came in that morning."""

import os
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.agreement.file import default_text
from data.opened import open_workspace
from data.workspace import Workspace
from pipelines.jobs.start import init_workspace
from pipelines.moment import now
from tests.flows.served import leadready, started, wait_for

pytestmark = pytest.mark.soak  # a server, a worker, and five times a minute until the schedule is due
DAYS, MERGED_ON = 5, 3
CLOCK = '''
"""The clock of all commands, set forward by as many days as today's folder says."""
import os
from datetime import timedelta
from pathlib import Path

from pipelines import moment

real = moment.now
moment.now = lambda: real() + timedelta(days=int((Path(os.environ["TODAY"]) / "days").read_text()))
'''
A_POINT_EACH = """
[criteria.engagement.touches]
pricing_view = { points = 1, half_life_days = 3650, cap = 99 }
"""
LEADS = {"NEW": "a touch each morning", "LATE": "touches of three days ago", "BOT": "each found a bot's a day later"}
LEADS |= {"SAME": "one row, again each morning", "TWIN": "merged on the fourth morning", "KEPT": "into this one"}


def morning(day, clock):
    """A morning's export: each lead so far, a lead that is new, and touches by their ids."""
    known = [(lead, clock - timedelta(days=2 + day)) for lead in LEADS]
    known += [(f"L{n}", clock - timedelta(days=day - n, hours=2)) for n in range(day + 1)]
    hour, late, begun = timedelta(hours=1), timedelta(days=3), clock - timedelta(days=day)
    touches = [
        (f"new{day}", "NEW", clock - hour, "pricing_view", False),
        (f"late{day}", "LATE", clock - late, "pricing_view", False),
        (f"bot{day}", "BOT", clock - hour, "pricing_view", False),
        *[(f"bot{day - 1}", "BOT", begun + timedelta(days=day - 1) - hour, "pricing_view", True)] * (day > 0),
        *((f"{lead}0", lead, begun - hour, "pricing_view", False) for lead in ("SAME", "TWIN", "KEPT")),
    ]
    columns = ["event_id", "lead_id", "occurred_at", "kind", "is_bot"]
    return pd.DataFrame(known, columns=["lead_id", "created_at"]), pd.DataFrame(touches, columns=columns)


@pytest.fixture
def days(tmp_path, prefect):
    """A workspace, what turns the page to a day, and the environment in which its clock is that day's."""
    space, began = Workspace(tmp_path / "var"), now().replace(microsecond=0)
    init_workspace(space)
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    today = tmp_path / "today"
    (space.agreements / "2000-01-01.toml").write_text(default_text("BANT") + A_POINT_EACH)
    schedule = ["[schedule]", 'daily = "* * * * *"', "[schedule.sources]", f"canonical = '{today / 'inbox'}'"]
    space.settings.write_text("\n".join(schedule))

    def turn_to(day):
        folder = tmp_path / f"day{day}"
        (folder / "inbox").mkdir(parents=True)
        (folder / "days").write_text(str(day))
        for name, table in zip(("leads", "touches"), morning(day, began + timedelta(days=day)), strict=True):
            table.to_csv(folder / "inbox" / f"{name}.csv", index=False)
        (tmp_path / "next").symlink_to(folder)
        (tmp_path / "next").replace(today)

    paths = [str(tmp_path), str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    prefect.environment |= {"PYTHONPATH": os.pathsep.join(paths), "TODAY": str(today)}
    return space, turn_to


def test_each_day_holds_its_morning(prefect, days):
    space, turn_to = days
    turn_to(0)
    deployed = leadready(prefect, "deploy", "-w", space.root)
    assert deployed.returncode == 0, deployed.stderr
    found = {}

    def ended(since):
        runs = prefect.ask("/flow_runs/filter", flows={"name": {"any_": ["daily"]}}, limit=200)
        runs = [r for r in runs if (r["start_time"] or "") > since and r["end_time"]]
        return [r for r in runs if r["state_type"] in ("COMPLETED", "FAILED", "CRASHED")]

    with started(prefect.environment, "prefect", "worker", "start", "--pool", "leadready"):
        for day in range(DAYS):
            if day:
                turn_to(day)
            if day == MERGED_ON:
                merged = retried(prefect, "merge", "TWIN", "--into", "KEPT", "-w", space.root)
                assert merged.returncode == 0, merged.stderr
            since = now().isoformat()
            (run, *_) = wait_for(lambda since=since: ended(since))
            assert (run["state_type"], run["auto_scheduled"]) == ("COMPLETED", True), run["state"]["message"]
            found[day] = look(space)
    assert found == {day: expected(day) for day in range(DAYS)}
    with open_workspace(space.root).warehouse() as warehouse:
        scored = warehouse.rows("SELECT DISTINCT as_of::DATE::VARCHAR FROM scores ORDER BY 1")
    assert len(scored) == DAYS == len([p for p in space.exports.iterdir() if p.name.startswith("20")])


def retried(prefect, *words):
    """The command, again where a scheduled run has the warehouse."""
    return wait_for(lambda: (done := leadready(prefect, *words)).returncode != 14 and done)


def look(space):
    """Of the latest export: whom it scores, and of how many touches of people each has points."""
    folder = max(p for p in space.exports.iterdir() if p.name.startswith("20"))
    scores = pd.read_parquet(folder / "scores.parquet")
    return dict(zip(scores["lead_id"], scores["digital_points"].round().astype(int), strict=True))


def expected(day):
    """New and late rows count from their morning on, corrected and repeated ones once, merged ones for who stays."""
    found = {"NEW": day + 1, "LATE": day + 1, "BOT": 1, "SAME": 1, "TWIN": 1, "KEPT": 1}
    if day >= MERGED_ON:
        found |= {"KEPT": found.pop("TWIN") + 1}
    return found | {f"L{n}": 0 for n in range(day + 1)}
