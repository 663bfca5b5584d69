"""What can be next for a lead, and why? Each route, and each case that leads to one, declared once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor

from data.tables import TO_SALES


@dataclass(frozen=True)
class Route:
    """What to do next with a lead.

    by_tele: tele-qualification calls it. by_phone, by_mail: the channels that the route uses where the lead allows
    them; a call before an e-mail.
    seen: a person looks at the lead, so its score is explained. actionable: among the leads to look at first.
    to_try: sales may get such a lead early, when it has time to spare. to_explore: it may be picked for exploration.
    """

    name: str
    meaning: str
    by_tele: bool = False
    by_phone: bool = False
    by_mail: bool = False
    seen: bool = False
    actionable: bool = False
    to_try: bool = False
    to_explore: bool = False

    @property
    def to_sales(self) -> bool:
        """Whether the lead is handed off, takes a place of a team and has a promise."""
        return self.name in TO_SALES


@dataclass(frozen=True)
class Case:
    """A case that a lead can be in: its route, and why in a salesperson's words.

    early, explored: handed off although it did not qualify, because sales has time or because it was picked at random.
    overridden: a person decided.
    """

    route: Route
    why: str
    early: bool = False
    explored: bool = False
    overridden: bool = False

    @property
    def to_try(self) -> bool:
        """Whether sales may get it early, when it has time to spare."""
        return self.route.to_try and not self.overridden

    @property
    def to_explore(self) -> bool:
        """Whether it may be picked for exploration."""
        return self.route.to_explore and not self.overridden

    @property
    def idle(self) -> bool:
        """Whether a call may still be made of it."""
        return self.route is NURTURE and not self.overridden

    @property
    def takes_place(self) -> bool:
        """Whether it takes a place of a team; explored hand-offs have places of their own."""
        return self.route.to_sales and not self.explored


TRIED = {"to_try": True, "to_explore": True}
HAND_OFF = Route("hand_off", "give it to sales", by_phone=True, by_mail=True, seen=True, actionable=True)
MANAGER_CHECK = Route("manager_check", "let a manager look at it", seen=True, actionable=True, to_try=True)
TELE_QUALIFY = Route(
    "tele_qualify", "call to learn more", by_tele=True, by_phone=True, seen=True, actionable=True, **TRIED
)
REHEAT = Route(
    "reheat", "get in touch again", by_tele=True, by_phone=True, by_mail=True, seen=True, actionable=True, **TRIED
)
HOLD = Route("hold", "wait for a place", seen=True, actionable=True)
NURTURE = Route("nurture", "keep it warm by e-mail", by_mail=True, actionable=True, **TRIED)
RECYCLE = Route("recycle", "back to nurture after a rejection", by_mail=True)
WITH_SALES = Route("with_sales", "wait for sales to answer")
BLOCKED = Route("blocked", "leave it alone")
ROUTES = {
    r.name: r for r in (HAND_OFF, MANAGER_CHECK, TELE_QUALIFY, REHEAT, HOLD, NURTURE, RECYCLE, WITH_SALES, BLOCKED)
}
"""In the order in which to look at their leads."""

LIKELY, PAYS = "{p} % likely to be accepted", "(a hand-off pays off above {pays} %)"
FEW = "few leads like it were ever handed off"
RATED = "the rules rate it {zone}"
BY_MODEL = "under this agreement the model decides alone"
BY_POINTS = f"{RATED} with {{points}} points; {{alone}}"
OF_ACCOUNT = "number {place} in line among the leads of its company, of which {limit} a day are handed off or called"
IN_LINE = "but number {place} in line for team {team}, which takes {limit} a day"
TRY = "it is worth a try, and it can go back to nurture"
CASES = {
    "blocked": Case(BLOCKED, "the lead may not be contacted by phone or e-mail"),
    "with_sales": Case(WITH_SALES, "already handed off; sales has not answered yet"),
    "cooling": Case(RECYCLE, "sales rejected it and nothing new has happened since: back to nurture"),
    "both": Case(HAND_OFF, f"{LIKELY} {PAYS}; {RATED}"),
    "beyond": Case(HAND_OFF, f"{LIKELY}, far above the {{pays}} % where a hand-off pays off, although {RATED}"),
    "short": Case(TELE_QUALIFY, f"{LIKELY} {PAYS}, but {RATED}"),
    "call_first": Case(TELE_QUALIFY, f"{LIKELY} {PAYS}, but {RATED}, and a call first is worth more"),
    "ask": Case(TELE_QUALIFY, f"{RATED}, but its answers could change that"),
    "unsure": Case(TELE_QUALIFY, f"{LIKELY} {PAYS}, but {FEW} and {RATED}: call before handing it off"),
    "unfit": Case(MANAGER_CHECK, f"{LIKELY}, but {RATED}: a manager should take a look"),
    "doubted": Case(MANAGER_CHECK, f"{RATED}, but it is only {LIKELY} {PAYS}"),
    "neither": Case(NURTURE, f"only {LIKELY} {PAYS}, and {RATED}"),
    "unfit_and": Case(NURTURE, f"{LIKELY}, but {RATED}, and this agreement requires both to agree"),
    "doubted_and": Case(TELE_QUALIFY, f"{RATED}, but it is only {LIKELY} {PAYS}"),
    "model_high": Case(HAND_OFF, f"{LIKELY} {PAYS}; {BY_MODEL}"),
    "model_low": Case(NURTURE, f"only {LIKELY} {PAYS}; {BY_MODEL}"),
    "rules_met": Case(HAND_OFF, BY_POINTS),
    "rules_nearly": Case(TELE_QUALIFY, BY_POINTS),
    "rules_short": Case(NURTURE, BY_POINTS),
    "reheat": Case(REHEAT, "it was hot, went quiet and is active again: get back in touch"),
    "no_call": Case(NURTURE, "worth a call to learn what is missing, but the lead may not be called"),
    "explored": Case(
        HAND_OFF, "picked at random, to learn how sales responds to leads that the rules hold back", explored=True
    ),
    "no_team": Case(HOLD, "worth handing off, but no team in the agreement takes leads like this"),
    "no_place": Case(HOLD, f"worth handing off, {IN_LINE}"),
    "crowded": Case(HOLD, f"worth handing off, but {OF_ACCOUNT}"),
    "meanwhile": Case(TELE_QUALIFY, f"{LIKELY}, {IN_LINE}; {RATED}, so call it in the meantime"),
    "early": Case(HAND_OFF, f"sales has time to spare: at {{p}} % {TRY}", early=True),
    "early_rules": Case(HAND_OFF, f"sales has time to spare: with {{points}} points {TRY}", early=True),
    "resting": Case(NURTURE, f"{RATED}; it was called within the last {{rest}} days, so leave it alone for now"),
    "no_time": Case(
        NURTURE, f"{RATED}; it is number {{place}} in line for a call, and there is time for {{limit}} a day"
    ),
    "crowded_call": Case(NURTURE, f"{RATED}; worth a call, but {OF_ACCOUNT}"),
}
OVERRIDDEN = ("hand_off", "manager_check", "tele_qualify", "reheat", "nurture")
"""The routes that a person can ask for."""
CASES |= {f"wanted_{name}": Case(ROUTES[name], "{words}", overridden=True) for name in OVERRIDDEN}
"""In `why`: p and pays in percent, the zone in words, points in whole numbers, rest in days, words of a person who
decided."""
CELLS = {
    "quadrant": ("both", "unfit", "beyond", "short", "doubted", "neither"),
    "and": ("both", "unfit_and", "short", "short", "doubted_and", "neither"),
    "model_only": ("model_high", "model_high", "model_high", "model_high", "model_low", "model_low"),
}
"""Case by `routing.combine`: high and met, high and unfit, high and so far beyond, high, met, neither."""
BY_RULES = {"qualified": "rules_met", "nearly": "rules_nearly", "not_yet": "rules_short", "unfit": "rules_short"}
"""Case by zone, where the rules alone route."""


def in_percent(p: float, threshold: float) -> tuple[str, str]:
    """A probability and its threshold in percent: in whole numbers if they show which is greater, else in tenths."""
    shown, pays = round(100 * p), max(round(100 * threshold), 1)
    if p < threshold:
        return str(min(shown, pays - 1)), str(pays)
    if shown > pays:
        return str(shown), str(pays)
    return f"{ceil(1000 * p) / 10:.1f}", f"{floor(1000 * threshold) / 10:.1f}"


def pattern_of(case: str) -> str:
    """A regular expression that matches the sentence of this case, whatever its figures."""
    return re.sub(r"\\{\w+\\}", ".*", re.escape(CASES[case].why))


def routes_where(of: Callable[[Route], bool]) -> list[str]:
    """The names of the routes of which this holds, in the order in which to look at their leads."""
    return [name for name, route in ROUTES.items() if of(route)]


def cases_where(of: Callable[[Case], bool]) -> list[str]:
    """The names of the cases of which this holds."""
    return [name for name, case in CASES.items() if of(case)]
