"""What does monitoring say? Findings, each with how bad it is, and how sure an alarm has to be.

The statistical alarms share one allowance: so many false ones a year (`false_alarms` in the settings), over all that is
looked at and all looks (Bonferroni 1936: the sum of the chances of each bounds that of any).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Tier = Literal["fine", "note", "act", "block"]
TIERS: tuple[Tier, ...] = get_args(Tier)
EXIT_CODES = {"fine": 0, "note": 0, "act": 15, "block": 16}
LOOKS = 365
"""A year's looks: one a day."""
UNSURE = float("nan")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    kind: what; about: of which table, feature, zone ...; value and limit: what was measured, and from where on it is an
    alarm (NaN: cannot be told yet, or no figure). says: what that means. do: what helps; '' where nothing is wrong.
    """

    kind: str
    about: str
    tier: Tier
    says: str
    value: float = UNSURE
    limit: float = UNSURE
    do: str = ""

    @property
    def key(self) -> str:
        """What tells one alarm from another: as long as it lasts people are told once."""
        return f"{self.kind}: {self.about}"

    @property
    def alarm(self) -> bool:
        """Whether a person should hear of it."""
        return self.tier in ("act", "block")


def worst(findings: Sequence[Finding]) -> Tier:
    """The worst tier of them; fine without any."""
    return max((f.tier for f in findings), key=TIERS.index, default="fine")


def chance(false_alarms: float, looked_at: int) -> float:
    """The chance of a false alarm that each of so many things looked at daily may have at one look."""
    return min(0.05, false_alarms / (LOOKS * max(1, looked_at)))
