"""How does the page say things? Numbers, times and the house's own names, as a marketer would say them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from data.agreement.model import ZONE_WORDS
from serving.inbox import Entry
from serving.inbox import answers as answers_of
from serving.routes import ROUTES

ROUTE_WORDS = {
    "hand_off": "Hand off to sales",
    "manager_check": "A manager takes a look",
    "tele_qualify": "Call to learn more",
    "reheat": "Get in touch again",
    "hold": "Wait for a place",
    "nurture": "Keep warm by e-mail",
    "recycle": "Back to nurture",
    "with_sales": "Sales has it",
    "blocked": "Leave alone",
}
LIST_WORDS = {"hand_offs": "Hand-offs of the day", "calls": "Calls of the day"}
SUPPORT_WORDS = {"inside": "like earlier hand-offs", "outside": "few leads like it were handed off"}
BAND_WORDS = {"70": "70 % and more", "50": "50 to 70 %", "30": "30 to 50 %", "0": "below 30 %"}
PROMISE_WORDS = {"open": "answer due", "broken": "answer overdue", "today": "hand-off of today"}
CHANGED_WORDS = {"up": "moved up", "down": "moved down", "new": "had no probability before"}
SORT_WORDS = {
    "likely": "most likely first",
    "gain": "most to gain from a hand-off first",
    "call": "most to gain from a call first",
    "points": "most points first",
    "up": "moved up most",
    "down": "moved down most",
    "list": "in the order of the list",
    "id": "by id",
}
CONCEPT_WORDS = {
    "fit": "Who they are",
    "engagement": "What they do online",
    "calls": "Their calls",
    "qualification": "Their answers and points",
    "account": "Their colleagues",
    "journey": "How they came here",
}
WHAT_WORDS = {
    "touch": "Online",
    "call": "Call",
    "answer": "Answer",
    "hand_off": "Handed off",
    "decision": "Sales decided",
    "score": "Score",
}
AXIS_WORDS = {"digital": "What they do online", "research": "What was learned by phone and research"}
ROLE_WORDS = {"reader": "may read", "rep": "may read and add results", "admin": "may read, add results and override"}
SAID = {
    "route": ROUTE_WORDS,
    "zone": {name: words.capitalize() for name, words in ZONE_WORDS.items()},
    "on_list": LIST_WORDS,
    "support": SUPPORT_WORDS,
    "band": BAND_WORDS,
    "changed": CHANGED_WORDS,
    "promise": PROMISE_WORDS,
    "sort": SORT_WORDS,
    "concept": CONCEPT_WORDS,
    "what": WHAT_WORDS,
    "axis": AXIS_WORDS,
}
"""Column -> value -> words."""
if missing := set(ROUTES) - set(ROUTE_WORDS):
    raise AssertionError(f"routes without words: {missing}")


def say(value: object, of: str = "") -> str:
    """A value in words: those of its column where it has any."""
    if value is None or value == "" or value != value:
        return "–"
    text = str(value)
    return SAID.get(of, {}).get(text, text.replace("_", " "))


def percent(share: float | None) -> str:
    """A share in whole percent; a dash where there is none."""
    return "–" if share is None or share != share else f"{100 * share:.0f}\u00a0%"


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands apart; a dash where there is none."""
    return "–" if value is None or value != value else f"{value:,.{digits}f}"


def local(moment: datetime | str | None, time_zone: str, form: str = "%a %d %b %Y, %H:%M") -> str:
    """A moment (UTC) by the clock of the time zone."""
    if moment is None:
        return "–"
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{at.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone)):{form}}"


def name_of(who: Mapping[str, Any], lead: str) -> str:
    """What a lead is called: its name, where one is shown, else its id."""
    return str(next((value for title, value in who.items() if title.lower() == "name" and value), lead))


def answers(estimates: str | None) -> list[tuple[str, str]]:
    """The estimates of a score as pairs: the answer, and a sentence about what it would make of the lead."""
    parts = (part.removeprefix("if ").partition(", ") for part in (estimates or "").split("; ") if part)
    return [(answer, _estimated(then)) for answer, _, then in parts]


def _estimated(then: str) -> str:
    chance, qualified = then.removesuffix(" and qualified"), then.endswith(" and qualified")
    if "%" not in chance:
        return f"The rules would call it {then}."
    also = ", and the rules would call it qualified" * qualified
    return f"{chance[:1].upper()}{chance[1:]} likely to be accepted{also}."


def entry_words(entry: Entry) -> str:
    """What a person told, in words."""
    says = entry.says
    if entry.kind == "override":
        return f"override, {say(says.get('route'), 'route').lower()} until {says.get('until')}: {says.get('why')}"
    if entry.kind == "feedback":
        found = f"{says.get('about') or 'the score'} was {says.get('verdict')}"
        return ": ".join(filter(None, [found, says.get("words")]))
    told = [f"{say(name)}: {say(level or state)}" for name, state, level in answers_of(entry)]
    return "; ".join([f"call, {say(says.get('disposition'))}", *told, *filter(None, [says.get("words")])])
