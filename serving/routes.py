"""What can be next for a lead, and why? Each route, and each case that leads to one, declared once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """What to do next with a lead.

    to_sales: it is handed off, takes a place of a team and has a promise. by_tele: tele-qualification calls it.
    by_phone, by_mail: the channels that the route uses where the lead allows them; a call before an e-mail.
    seen: a person looks at the lead, so its score is explained. actionable: among the leads to look at first.
    to_try: sales may be given such a lead all the same, drawn for exploration or released early.
    """

    name: str
    meaning: str
    to_sales: bool = False
    by_tele: bool = False
    by_phone: bool = False
    by_mail: bool = False
    seen: bool = False
    actionable: bool = False
    to_try: bool = False


@dataclass(frozen=True)
class Case:
    """A case that a lead can be in: its route, and why in a salesperson's words.

    early, explored: handed off although it did not qualify, because sales has time or because it was drawn.
    """

    route: Route
    why: str
    early: bool = False
    explored: bool = False

    @property
    def takes_place(self) -> bool:
        """Whether it takes a place of a team; explored hand-offs have places of their own."""
        return self.route.to_sales and not self.explored


HAND_OFF = Route("hand_off", "give it to sales", to_sales=True, by_phone=True, by_mail=True, seen=True, actionable=True)
MANAGER_CHECK = Route("manager_check", "let a manager look at it", seen=True, actionable=True, to_try=True)
TELE_QUALIFY = Route(
    "tele_qualify", "call to learn more", by_tele=True, by_phone=True, seen=True, actionable=True, to_try=True
)
REHEAT = Route(
    "reheat", "get in touch again", by_tele=True, by_phone=True, by_mail=True, seen=True, actionable=True, to_try=True
)
HOLD = Route("hold", "wait for a place", seen=True, actionable=True)
NURTURE = Route("nurture", "keep it warm by e-mail", by_mail=True, actionable=True, to_try=True)
RECYCLE = Route("recycle", "back to nurture after a refusal", by_mail=True)
WITH_SALES = Route("with_sales", "wait for the answer of sales")
BLOCKED = Route("blocked", "leave it alone")
ROUTES = {
    r.name: r for r in (HAND_OFF, MANAGER_CHECK, TELE_QUALIFY, REHEAT, HOLD, NURTURE, RECYCLE, WITH_SALES, BLOCKED)
}
"""In the order in which to look at their leads."""

CASES = {
    "blocked": Case(BLOCKED, "the lead may be contacted neither by phone nor by e-mail"),
    "with_sales": Case(WITH_SALES, "handed off already, sales has not answered yet"),
    "cooling": Case(RECYCLE, "sales refused it and nothing new is known since: back to nurture"),
    "both": Case(HAND_OFF, "the model gives {p} %, a hand-off pays from {pays} %, and the rules say {zone}"),
    "beyond": Case(HAND_OFF, "the rules say {zone}, but the model gives {p} %, far above the {pays} % that pay"),
    "short": Case(TELE_QUALIFY, "the model gives {p} %, a hand-off pays from {pays} %, but the rules say {zone}"),
    "unfit": Case(MANAGER_CHECK, "the model says ready with {p} %, the agreement says unfit: a manager should look"),
    "doubted": Case(MANAGER_CHECK, "the rules say {zone}, but the model gives {p} %; a hand-off pays from {pays} %"),
    "neither": Case(NURTURE, "the model gives {p} %, a hand-off pays from {pays} %, and the rules say {zone}"),
    "unfit_and": Case(NURTURE, "the model says ready with {p} %, the agreement says unfit and wants both to say ready"),
    "doubted_and": Case(TELE_QUALIFY, "the rules say {zone}, but the model gives {p} %; a hand-off pays from {pays} %"),
    "model_high": Case(HAND_OFF, "the model gives {p} %, a hand-off pays from {pays} %; the agreement asks it alone"),
    "model_low": Case(NURTURE, "the model gives {p} %, a hand-off pays from {pays} %; the agreement asks it alone"),
    "rules_met": Case(HAND_OFF, "the rules say {zone} with {points:g} points; {alone}"),
    "rules_nearly": Case(TELE_QUALIFY, "the rules say {zone} with {points:g} points; {alone}"),
    "rules_short": Case(NURTURE, "the rules say {zone} with {points:g} points; {alone}"),
    "reheat": Case(REHEAT, "it was hot, went quiet and shows new signs: get in touch again"),
    "no_call": Case(NURTURE, "worth a call to learn what is missing, but the lead may not be called"),
    "explored": Case(
        HAND_OFF, "drawn for exploration: to learn how sales answers leads that the rules hold back", explored=True
    ),
    "no_team": Case(HOLD, "worth a hand-off, but no team of the agreement takes such leads"),
    "no_place": Case(HOLD, "worth a hand-off, but it is number {place} for team {team}, which takes {limit} a day"),
    "meanwhile": Case(
        TELE_QUALIFY,
        "the model gives {p} %, but it is number {place} for team {team}, which takes {limit} a "
        "day, and the rules say {zone}: call meanwhile",
    ),
    "early": Case(
        HAND_OFF, "sales has time: in free hours {p} % is enough for a try, and it can be cycled back", early=True
    ),
    "early_rules": Case(
        HAND_OFF, "sales has time: {points:g} points are enough for a try, and it can be cycled back", early=True
    ),
    "no_time": Case(HOLD, "worth a call, but it is number {place} today, and there is time for {limit}"),
}
CELLS = {
    "quadrant": ("both", "unfit", "beyond", "short", "doubted", "neither"),
    "and": ("both", "unfit_and", "short", "short", "doubted_and", "neither"),
    "model_only": ("model_high", "model_high", "model_high", "model_high", "model_low", "model_low"),
}
"""Case by `routing.combine`: high and met, high and unfit, high and so far beyond, high, met, neither."""
BY_RULES = {"qualified": "rules_met", "nearly": "rules_nearly", "not_yet": "rules_short", "unfit": "rules_short"}
"""Case by zone, where the rules alone route."""


def routes_where(of: Callable[[Route], bool]) -> list[str]:
    """The names of the routes of which this holds, in the order in which to look at their leads."""
    return [name for name, route in ROUTES.items() if of(route)]


def cases_where(of: Callable[[Case], bool]) -> list[str]:
    """The names of the cases of which this holds."""
    return [name for name, case in CASES.items() if of(case)]
