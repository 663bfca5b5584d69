"""Which scorings were published, and which of them were of an earlier day? Movers and the report go by the same."""

from __future__ import annotations

from datetime import datetime

from data.tables import PUBLICATIONS, SCORES
from data.warehouse import Warehouse
from data.workspace import day_name

PUBLISHED = """SELECT as_of FROM publications WHERE as_of <= $1
    AND thinned IS NOT TRUE AND as_of IN (SELECT as_of FROM scores) ORDER BY as_of DESC"""


def published(warehouse: Warehouse, as_of: datetime) -> list[datetime]:
    """The moments that were published up to `as_of`, the latest first."""
    for table in (SCORES, PUBLICATIONS):
        warehouse.make(table)
    return [moment for (moment,) in warehouse.rows(PUBLISHED, [as_of])]


def of_earlier_days(moments: list[datetime], as_of: datetime, time_zone: str) -> list[datetime]:
    """Those of a calendar day before that of `as_of`, by the clock of the time zone."""
    return [moment for moment in moments if day_name(moment, time_zone) < day_name(as_of, time_zone)]
