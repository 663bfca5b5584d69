"""How is a model put into use by hand, and how is that undone?"""

from __future__ import annotations

import logging
from datetime import datetime

from data.errors import LeadreadyError
from data.opened import OpenWorkspace
from models.registry.client import Registry
from models.registry.history import Move
from serving.in_use import find_fault

log = logging.getLogger(__name__)


def promote_model(opened: OpenWorkspace, version: int, when: datetime, by: str, why: str, force: bool) -> Move | None:
    """Put a version into use at `when` (UTC); None where it is in use already. See `Registry.promote`."""
    registry = Registry(opened.workspace)
    return registry.promote(version, when, by, why, force, find_fault(opened, registry, version))


def roll_back(opened: OpenWorkspace, when: datetime, by: str, why: str) -> Move:
    """Put the previous version back into use, and warn if it can no longer score; see `Registry.roll_back`."""
    registry = Registry(opened.workspace)
    move = registry.roll_back(when, by, why)
    try:
        if fault := find_fault(opened, registry, move.to):
            log.warning("version %d can no longer score: %s", move.to, fault)
    except (LeadreadyError, OSError) as error:  # it is in use already: an error would have the command typed again
        log.warning("version %d is in use; whether it can score could not be checked: %s", move.to, error)
    return move
