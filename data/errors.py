"""What can go wrong, each kind with the exit code that a batch job can act on."""

from __future__ import annotations

from functools import partial


class LeadreadyError(Exception):
    """A plain error for the person at the keyboard: `what failed: expected X, got Y; do Z`."""

    exit_code = 1

    def __init__(self, what: str, *, expected: str, got: str, do: str) -> None:
        super().__init__(f"{what}: expected {expected}, got {got}; {do}")
        self.parts = {"what": what, "expected": expected, "got": got, "do": do}

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross processes whole."""
        return partial(type(self), **self.parts), ()


class UsageError(LeadreadyError):
    """The command was called with words that do not fit."""

    exit_code = 2


class ConfigError(LeadreadyError):
    """A settings, agreement or workspace file is wrong."""

    exit_code = 10


class DataError(LeadreadyError):
    """The data do not allow what was asked."""

    exit_code = 11


class BrokenDataError(DataError):
    """What came in is broken, so nothing is scored on it."""

    exit_code = 16


class ModelError(LeadreadyError):
    """A model is missing, does not fit the data, or could not be trained."""

    exit_code = 12


class PromotionRefused(LeadreadyError):
    """The model was trained but may not be put into use."""

    exit_code = 13


class BusyError(LeadreadyError):
    """Somebody else holds the workspace."""

    exit_code = 14
