"""Whom does sales get today, and whom does tele-qualification call? The day's lists, best first, that people work from.

They alone show who the leads are: names and numbers are read from the warehouse as it knows them now, go into files of
the export, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from data.errors import ConfigError
from data.settings import Settings
from data.sql import quoted
from data.tables import ACCOUNTS, LEADS, TO_SALES
from data.warehouse import Warehouse
from serving.routes import routes_where

REASONS = [f"reason_{place}" for place in range(1, 5)]
HAND_OFFS = ("team", "likely", "why", "changed", "reasons", "ask", "answers", "promise_due", "message", "information")
CALLS = (
    "agent",
    "likely",
    "reach",
    "ask",
    "answers",
    "then_ask",
    "why",
    "changed",
    "reasons",
    "message",
    "information",
)
"""What stands beside a lead's place, its id and what the settings show of it."""


BEST, FALLING = ["probability", "rule_points", "lead_id"], [False, False, True]


def work_lists(warehouse: Warehouse, scores: pd.DataFrame, settings: Settings) -> dict[str, pd.DataFrame]:
    """`hand_offs` and `calls` from the scores of one moment: place (1, 2 ...), lead_id, what `settings.lists` shows of
    the lead, and HAND_OFFS or CALLS. Raises ConfigError where it shows what no table has."""
    shown = people(warehouse, settings, scores.loc[on_a_list(scores), "lead_id"]).drop(columns="account_id")
    handed = _said(scores[scores["route"].isin(TO_SALES)], settings)
    handed = handed.sort_values(["urgent", *BEST], ascending=[False, *FALLING])
    lists = {"hand_offs": (handed, HAND_OFFS), "calls": (call_list(scores, settings), CALLS)}
    return {name: _listed(rows, columns, shown) for name, (rows, columns) in lists.items()}


def call_list(scores: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The scores of the leads to call, best first, with what CALLS says of them."""
    calls = scores[to_call(scores)].sort_values(["gain_call", *BEST], ascending=[False, *FALLING])
    return _said(calls, settings).assign(agent=share_out(len(calls), settings.lists.agents))


def on_a_list(scores: pd.DataFrame) -> pd.Series[bool]:
    """Which leads people work with today."""
    return scores["route"].isin(TO_SALES) | to_call(scores)


def to_call(scores: pd.DataFrame) -> pd.Series[bool]:
    """Which leads tele-qualification calls today."""
    return scores["route"].isin(routes_where(lambda r: r.by_tele)) & (scores["contact"] == "phone")


def share_out(calls: int, agents: tuple[str, ...]) -> list[str]:
    """Who makes each call, best first: in turns, to and fro, so that nobody gets the better half of every round."""
    if not agents:
        return [""] * calls
    turn = np.arange(calls) % (2 * len(agents))
    return [agents[min(at, 2 * len(agents) - 1 - at)] for at in turn]


def _listed(rows: pd.DataFrame, columns: tuple[str, ...], shown: pd.DataFrame) -> pd.DataFrame:
    beside = rows[["lead_id"]].merge(shown, on="lead_id", how="left").drop(columns="lead_id").set_axis(rows.index)
    found = pd.concat([rows[["lead_id"]], beside, rows[list(columns)]], axis=1).reset_index(drop=True)
    found.insert(0, "place", range(1, len(found) + 1))
    return found


def _said(scores: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The scores with what the lists say of them in words."""
    due = scores["promise_due_at"].astype("datetime64[us]")
    local = due.dt.tz_localize("UTC").dt.tz_convert(ZoneInfo(settings.time_zone)).dt.strftime("%Y-%m-%d %H:%M %Z")
    reasons = scores[REASONS].apply(lambda row: "; ".join(text for text in row if isinstance(text, str)), axis=1)
    return scores.assign(
        likely=_likely(scores),
        reach=_percent(scores["reach"]),
        why=scores["route_reason"],
        reasons=reasons.astype(object).where(reasons != "", None),
        ask=scores["next_question"],
        answers=scores["estimates"],
        then_ask=scores["then_question"],
        promise_due=local.astype(object).where(due.notna(), None),
        urgent=scores["urgent"].astype(bool),
        changed=scores["changed"].astype("str"),  # where nothing changed it would be numbers, or of no type
    )


def _likely(scores: pd.DataFrame) -> pd.Series[Any]:
    """The probability as a percentage; where few such leads were ever handed off, how little is known of it."""
    p, low, high = (_percent(scores[name]) for name in ("probability", "probability_low", "probability_high"))
    outside = scores["support"] == "outside"
    said = [
        f"{of} (between {least} and {most})" if little and of else of
        for of, least, most, little in zip(p, low, high, outside, strict=True)
    ]
    return pd.Series(said, scores.index, dtype=object)


def _percent(share: pd.Series[float]) -> pd.Series[Any]:
    return pd.Series([None if p != p else f"{p * 100:.0f} %" for p in share], share.index, dtype=object)


def people(warehouse: Warehouse, settings: Settings, leads: pd.Series[str]) -> pd.DataFrame:
    """Of each of these leads what the settings show, as known now, in the order of ids: lead_id, account_id and their
    columns. A lead that is not known now has no row."""
    with warehouse.view("people_wanted", pd.DataFrame({"lead_id": leads.astype("str")})):
        shown = people_sql(find_columns(warehouse, settings), "people_wanted")
        return warehouse.frame(f"{shown} ORDER BY lead_id")


def people_sql(columns: Mapping[str, str], wanted: str) -> str:
    """A SELECT of the same, in any order, for the leads of a table `wanted`; `columns`: as `find_columns` has them."""
    shown = "".join(f", {sql} AS {quoted(title)}" for title, sql in columns.items())
    return f"""SELECT l.lead_id, l.account_id{shown} FROM leads l SEMI JOIN {wanted} USING (lead_id)
        LEFT JOIN accounts a ON a.account_id = l.account_id AND a.superseded_at IS NULL
        WHERE l.superseded_at IS NULL"""


def find_columns(warehouse: Warehouse, settings: Settings) -> dict[str, str]:
    """The SQL of each title that the settings show; ConfigError where one is of nothing that the warehouse holds."""
    known: dict[str, str] = {}
    for row, table in (("l", LEADS), ("a", ACCOUNTS)):
        own, brought = table.names, [table.extra(n) for n in warehouse.extras(table)]
        stored = {table.extra(n): n for n in own} | {n: n for n in brought}
        known |= {name: f"{row}.{quoted(column)}" for name, column in stored.items()}
    what, ours = "reading [lists.columns] of settings.toml", {"place", "lead_id", "account_id", *HAND_OFFS, *CALLS}
    for title, name in settings.lists.columns.items():
        if title.lower() in ours:
            raise ConfigError(what, expected="a title that the lists do not have yet", got=title, do="rename it")
        if name not in known:
            do = f"use one of {', '.join(sorted(known))}"
            raise ConfigError(what, expected="a column of leads or accounts", got=name, do=do)
    if len({title.lower() for title in settings.lists.columns}) < len(settings.lists.columns):
        raise ConfigError(what, expected="each title once", got="one twice", do="letter case alone tells none apart")
    return {title: known[name] for title, name in settings.lists.columns.items()}
