"""Where do scores go? Into every sink, and each sink is one file of this folder, found by lying in it.

A sink has two functions. `write(workspace, warehouse, publication)` takes the scores of one moment inside the
warehouse's transaction: what it does elsewhere must be harmless until that is through. `finish(workspace, warehouse)`
then brings the world outside to what the warehouse says; it is called before and after each publication, so that a run
that was killed in between is finished by the next one. A sink that writes to a server says `ELSEWHERE = True`: it comes
last, and only after a publication, so that a server that is away never keeps scores from the workspace.
"""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import pandas as pd

from data.settings import Settings
from data.warehouse import Warehouse
from data.workspace import Workspace, day_name
from serving.basis import note_basis, settings_noted
from serving.publication import Beside, Publication
from serving.sinks import files

log = logging.getLogger(__name__)

DEFAULT = Settings()


def publish(
    workspace: Workspace,
    warehouse: Warehouse,
    scores: pd.DataFrame,
    time_zone: str = "UTC",
    settings: Settings = DEFAULT,
    beside: Beside | None = None,
) -> Path | None:
    """Give the scores of one `as_of` to every sink, all or none; returns the folder their files are found in.

    The folder is that of the calendar day of `as_of` in the time zone. It shows the day's latest scoring: None where
    that is a later one, so that these scores are in the table alone. Raises ConfigError where a server does not take
    them; the workspace has them then, and the server is brought up to date by the next `finish`.
    """
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    day = day_name(as_of, time_zone)
    ordered = scores if scores["lead_id"].is_monotonic_increasing else scores.sort_values("lead_id")
    publication = Publication(ordered, as_of, day, settings, beside)
    _finish(workspace, warehouse, [sink for sink in sinks() if not _is_elsewhere(sink)])
    with warehouse.transaction():
        for sink in sinks():
            sink.write(workspace, warehouse, publication)
        note_basis(warehouse, as_of, ordered, settings_noted(settings))
    finish(workspace, warehouse)
    folder, latest = workspace.exports / day, files.shown(warehouse, day)
    if latest > as_of:
        log.warning("%s still shows the later scoring as of %s; this one is only in the table scores", folder, latest)
        return None
    return folder


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Let every sink finish what the warehouse says was published."""
    _finish(workspace, warehouse, sinks())


def finish_here(workspace: Workspace, warehouse: Warehouse) -> None:
    """The same for the sinks of the workspace alone: nothing is sent elsewhere."""
    _finish(workspace, warehouse, [sink for sink in sinks() if not _is_elsewhere(sink)])


def sinks() -> list[ModuleType]:
    """The sinks: the warehouse's own and the day's files come first, for others go by them; what is elsewhere last."""
    found = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    first = [f"{__name__}.{name}" for name in ("partition", "files")]
    return sorted(
        found, key=lambda sink: (_is_elsewhere(sink), *(sink.__name__ != name for name in first), sink.__name__)
    )


def _finish(workspace: Workspace, warehouse: Warehouse, these: list[ModuleType]) -> None:
    for sink in these:
        sink.finish(workspace, warehouse)


def _is_elsewhere(sink: ModuleType) -> bool:
    return getattr(sink, "ELSEWHERE", False)
