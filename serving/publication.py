"""What is published of a scoring? Its scores, and beside them what the web page shows and nothing else needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from data.agreement.model import Agreement
from data.settings import Settings
from features.definition import Feature

MOVED = 0.1
"""The change in log-odds from which a lead counts as moved, up or down."""


@dataclass(frozen=True)
class Beside:
    """What stands beside the scores of n leads, by their index.

    agreements: every version, the earliest first; `agreement` is the one in force. features, matrix, segments,
    capacity: as `scoring.Scored`. moved: by how much each changed in log-odds since the last scoring of an earlier day,
    `since`; NaN where it had no score then. fresh, stale: how fresh the data were, in sentences, and whether they are
    too old. closed: how many leads are not scored, by why. model: what is to be said of the model by name; none without
    one. card: its card, a page; '' without one.
    """

    agreement: Agreement
    agreements: Sequence[Agreement]
    features: Sequence[Feature]
    matrix: pd.DataFrame
    segments: pd.Series[int]
    capacity: pd.DataFrame
    moved: pd.Series[float]
    since: datetime | None = None
    fresh: Sequence[str] = ()
    stale: bool = False
    closed: Mapping[str, int] = field(default_factory=dict)
    waiting: int | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""


@dataclass(frozen=True)
class Publication:
    """The scores of one moment in the order of their ids; `day` is the calendar day of `as_of` in the settings' zone.

    beside: None where a scoring is published again, as after somebody was forgotten.
    """

    scores: pd.DataFrame
    as_of: datetime
    day: str
    settings: Settings
    beside: Beside | None = None
