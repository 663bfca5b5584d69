"""Who is on the day's lists, who waits, and how many places are there? By the last scoring known at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from data.agreement.model import Agreement
from data.settings import Settings
from data.sql import literal
from data.tables import OVERRIDES, PLACES, TO_SALES
from data.warehouse import Warehouse
from serving.lists import call_list
from serving.overrides import overrides_at
from serving.published import of_earlier_days, published
from serving.routes import pattern_of, routes_where

LISTED = """SELECT * FROM scores WHERE as_of = $1
    AND (route IN ({to_sales}) OR route IN ({by_tele}) AND contact = 'phone') ORDER BY lead_id"""
WAITING = """SELECT lead_id FROM scores WHERE as_of = $1 AND (regexp_full_match(route_reason, $2)
    OR gain_call > -$3 AND (route = 'nurture' OR route = 'hold' AND team IS NOT NULL)) ORDER BY lead_id"""
"""Who is in line for a call, but not called: wanted and told so; or its answers are worth something. `gain_call` is
known only of leads that may be called, and was that worth less the cost of the call."""

NOTHING = pd.DataFrame({"scoring": [], "as_of": []})
NOBODY = pd.DataFrame({"lead_id": []})
NO_PLACES = pd.DataFrame(columns=list(PLACES.names))


def look_at_day(
    warehouse: Warehouse, as_of: datetime, agreements: Sequence[Agreement], settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The moments compared (scoring, as_of), who is on a list or waits (lead_id, on_list, agent, waits), and PLACES.

    Empty where nothing was scored by `as_of`; no places where the agreement of the scoring is no longer there.
    """
    warehouse.make(OVERRIDES)
    moments = published(warehouse, as_of)
    if not moments:
        return NOTHING, NOBODY, NO_PLACES
    last = moments[0]
    before = of_earlier_days(moments, last, settings.time_zone)[:1]
    scorings = pd.DataFrame({"scoring": ["last", "before"][: 1 + len(before)], "as_of": [last, *before]})
    version = warehouse.scalar("SELECT min(agreement_version) FROM scores WHERE as_of = $1", [last])
    agreement = next((a for a in agreements if a.version == version), None)
    return scorings, _who(warehouse, last, agreement, settings), _places(agreement)


def _who(warehouse: Warehouse, last: datetime, agreement: Agreement | None, settings: Settings) -> pd.DataFrame:
    """A row per lead that is on a list, or in line for a call."""
    routes = {"to_sales": TO_SALES, "by_tele": routes_where(lambda r: r.by_tele)}
    scores = warehouse.frame(LISTED.format(**{k: ", ".join(map(literal, v)) for k, v in routes.items()}), [last])
    handed = scores.loc[scores["route"].isin(TO_SALES), ["lead_id"]].assign(on_list="hand_offs")
    called = call_list(scores, settings)[["lead_id", "agent"]].assign(on_list="calls")
    cost = agreement.calls.cost if agreement else np.nan
    waiting = warehouse.frame(WAITING, [last, pattern_of("no_time"), cost])
    kept = overrides_at(warehouse, last).query("route == 'nurture'")["lead_id"]
    waits = waiting[~waiting["lead_id"].isin(kept)].assign(waits=True)
    return pd.concat([handed, called, waits], ignore_index=True)


def _places(agreement: Agreement | None) -> pd.DataFrame:
    if agreement is None:
        return NO_PLACES
    rows: list[tuple[Any, ...]] = [("hand_offs", n, t.hand_offs_per_day) for n, t in agreement.capacity.teams.items()]
    if any(agreement.exploration.by_band):
        rows.append(("hand_offs", "exploration", agreement.exploration.per_day))
    rows.append(("calls", "tele-qualification", agreement.capacity.calls_per_day))
    return pd.DataFrame(rows, columns=list(PLACES.names))
