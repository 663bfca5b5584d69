"""Whom does tele-qualification call, and whom does sales get? The lists of the latest published scoring."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import DataError, UsageError
from data.opened import OpenWorkspace
from data.tables import PUBLICATIONS, SCORES
from data.workspace import day_name

if TYPE_CHECKING:
    import pandas as pd


def find_calls(opened: OpenWorkspace, moment: datetime, agent: str = "") -> tuple[pd.DataFrame, datetime, Path]:
    """The call list of the latest scoring up to `moment`, its `as_of`, and the file that names the leads.

    Raises UsageError where settings know no such agent, DataError where nothing was scored by then.
    """
    from serving.lists import call_list

    agents = opened.settings.lists.agents
    if agent and agent not in agents:
        expected = f"one of the agents {', '.join(agents)}" if agents else "agents in [lists] of settings.toml"
        raise UsageError("listing calls", expected=expected, got=agent, do="check the name, or add it there")
    scores, as_of = _latest(opened, moment)
    found = call_list(scores, opened.settings)
    day = day_name(as_of, opened.settings.time_zone)
    return found[found["agent"] == agent] if agent else found, as_of, opened.workspace.exports / day / "calls.csv"


def write_lists(opened: OpenWorkspace, moment: datetime) -> list[Path]:
    """A page for each list of the latest scoring up to `moment`, named as known now; DataError where there is none.

    They stand alone, for e-mail. Whoever is forgotten is taken out of them as out of every other page.
    """
    from data.whole import whole, writing
    from serving.lists import work_lists
    from serving.pages.page import as_page
    from serving.pages.sections import Report, Section

    scores, as_of = _latest(opened, moment)
    with opened.warehouse() as warehouse:
        lists = work_lists(warehouse, scores, opened.settings)
    day, pages = day_name(as_of, opened.settings.time_zone), []
    for name, title in (("hand_offs", "Hand-offs of the day"), ("calls", "Calls of the day")):
        rows = lists[name].dropna(axis=1, how="all")
        about = f"Scores of {as_of:%Y-%m-%d %H:%M} UTC; {len(scores):,} leads were open."
        section = Section(
            f"{len(rows)} leads, best first", frame=rows, kind="table", empty="There is nobody on this list."
        )
        page = opened.workspace.reports / f"lists-{day}" / f"{name}.html"
        with writing(f"writing {page}", "fix this and write the lists again"), whole(page) as making:
            making.write_text(as_page(Report([section], title=f"{title}, {day}", about=about)), encoding="utf-8")
        pages.append(page)
    return pages


def _latest(opened: OpenWorkspace, moment: datetime) -> tuple[pd.DataFrame, datetime]:
    """The latest scoring up to `moment`, and its own; DataError where nothing was scored by then."""
    with opened.warehouse() as warehouse:
        for table in (SCORES, PUBLICATIONS):
            warehouse.make(table)
        whole_days = "as_of NOT IN (SELECT as_of FROM publications WHERE thinned)"
        as_of = warehouse.scalar(f"SELECT max(as_of) FROM scores WHERE as_of <= $1 AND {whole_days}", [moment])
        scores = warehouse.frame("SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id", [as_of])
    if as_of is None:
        until = f"scores of {moment:%Y-%m-%d %H:%M} or before"
        raise DataError("listing leads", expected=until, got="none", do="run `leadready score` first")
    return scores, as_of
