"""Whom does tele-qualification call? The calls of the latest published scoring, for all agents or one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import DataError, UsageError
from data.opened import OpenWorkspace
from data.tables import SCORES
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
    with opened.warehouse() as warehouse:
        warehouse.make(SCORES)
        as_of = warehouse.scalar("SELECT max(as_of) FROM scores WHERE as_of <= $1", [moment])
        scores = warehouse.frame("SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id", [as_of])
    if as_of is None:
        until = f"scores of {moment:%Y-%m-%d %H:%M} or before"
        raise DataError("listing calls", expected=until, got="none", do="run `leadready score` first")
    found = call_list(scores, opened.settings)
    day = day_name(as_of, opened.settings.time_zone)
    return found[found["agent"] == agent] if agent else found, as_of, opened.workspace.exports / day / "calls.csv"
