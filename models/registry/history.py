"""Which model was in use when, and which one before it? The moves of the champion, in their order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Move:
    """One move of the champion from version `instead_of` (None: there was none) to version `to`.

    when: UTC, ISO 8601. decided: by its training ("champion", "challenger", "refused"). findings: what `forced`
    overruled: leak alarms, and why it cannot score.
    """

    to: int
    instead_of: int | None
    how: Literal["training", "promote", "rollback"]
    when: str
    by: str = ""
    why: str = ""
    decided: str = ""
    forced: bool = False
    findings: str = ""

    def as_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def tags(self) -> dict[str, str]:
        """The move as tags of the version it put to use."""
        return {
            "champion_since": self.when,
            "champion_by": f"{self.how} {self.by}".strip(),
            "champion_why": self.why,
            "champion_instead_of": str(self.instead_of or ""),
        }


def from_json(text: str) -> Move:
    """The move that `as_json` wrote."""
    return Move(**json.loads(text))


def came_about(moves: Sequence[Move], champion: int | None) -> list[Move]:
    """The moves that took place, `champion` being in use now.

    A move is written down before it is made. One that was interrupted in between shows by what came next: the champion
    was still the one that it was to replace.
    """
    after = [*(move.instead_of for move in moves[1:]), champion]
    return [m for m, found in zip(moves, after, strict=False) if found == m.to or found != m.instead_of]


def version_before(moves: Sequence[Move], champion: int | None) -> int | None:
    """The version to go back to: the one in use before `champion` was put to use; None where there was none.

    Going back takes a version off the pile and putting to use lays one on it, so that twice back goes two back. A
    champion that was set past leadready, on MLflow's page, lies on top like any other.
    """
    pile: list[int] = []
    for move in came_about(moves, champion):
        _lay(pile, move.instead_of)
        if move.how == "rollback":
            del pile[-1:]
        _lay(pile, move.to)
    _lay(pile, champion)
    return pile[-2] if len(pile) > 1 else None


def _lay(pile: list[int], version: int | None) -> None:
    if version is not None and pile[-1:] != [version]:
        pile.append(version)
