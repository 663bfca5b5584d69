"""At which moment does a command work, unless it is given one? Now: by the clock, and after all that was done so far.

A clock that is set back would date new rows before those that are stored, and new scores before those that are
published: both would be taken for older. So no command works at a moment before the end of one that was recorded.
"""

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
    """The moment given; for NOW the time of the clock, or where that is later just after the newest load, or the end
    of the latest run.

    A row is seen from a microsecond after its load on, so all that is stored is seen. Raises BusyError where another
    process has the warehouse.
    """
    from pipelines.runs import latest_end

    if isinstance(moment, datetime):
        return moment
    with opened.warehouse() as warehouse:
        newest: datetime | None = warehouse.scalar(
            "SELECT max(loaded_at) FROM (SELECT loaded_at FROM batches UNION ALL SELECT known_at FROM retractions)"
        )
    if newest is not None and newest >= clock:
        said = "the newest rows were loaded at %s UTC, but it is only %s UTC by this machine's clock"
        log.warning(said, newest, clock)
        newest += timedelta(microseconds=1)
    ended = latest_end(opened.workspace)
    if ended and ended > clock:
        said = "the latest run ended at %s UTC, but it is only %s UTC by this machine's clock, which was set back: %s"
        log.warning(said, ended, clock, "set it right; until then it is taken to be as late as that")
    return max(moment for moment in (clock, newest, ended) if moment)
