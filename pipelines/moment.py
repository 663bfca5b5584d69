"""At which moment does a command work, unless it is given one? Now: by the clock, and after all that is stored."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the command line prints help without DuckDB
    from data.opened import OpenWorkspace

log = logging.getLogger(__name__)

NOW: Literal["now"] = "now"
Moment = datetime | Literal["now"]
"""A moment in UTC, or the one at which work begins."""


def now() -> datetime:
    """This moment in UTC: the one clock of all commands."""
    return datetime.now(UTC).replace(tzinfo=None)


def settle(opened: OpenWorkspace, moment: Moment, clock: datetime) -> datetime:
    """The moment given; for NOW the time of the clock, or just after the newest load where that is later.

    A row is seen from a microsecond after its load on, so all that is stored is seen. Raises BusyError where another
    process has the warehouse.
    """
    if isinstance(moment, datetime):
        return moment
    with opened.warehouse() as warehouse:
        newest: datetime | None = warehouse.scalar(
            "SELECT max(loaded_at) FROM (SELECT loaded_at FROM batches UNION ALL SELECT known_at FROM retractions)"
        )
    if newest is None or newest < clock:
        return clock
    log.warning("the newest rows were loaded at %s UTC, but it is only %s UTC by this machine's clock", newest, clock)
    return newest + timedelta(microseconds=1)
