"""What can sales and marketing agree on? Every key of the agreement, as frozen objects.

Files are read in `data/agreement/file.py`; checks that go beyond a key's own type are in `data/agreement/checks.py`.
What each key means is its description (`leadready agreement schema`), and docs/agreement.md says it in order.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from data.agreement.conditions import parse_condition
from data.toml_errors import StrictModel, TimeZone

Scheme = Literal["BANT", "APNRP", "digital"]
Zone = Literal["unfit", "not_yet", "nearly", "qualified"]
ZONES: tuple[Zone, ...] = ("unfit", "not_yet", "nearly", "qualified")
"""From worst to best."""
ZONE_WORDS = {"unfit": "unfit", "not_yet": "not yet qualified", "nearly": "nearly qualified", "qualified": "qualified"}
"""The zones as sentences name them."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Weekday, ...] = get_args(Weekday)
MOST_PROMISE_HOURS = 87_600
"""Ten years."""
MOST_CRITERIA = 200
"""Nobody asks more, and each is several columns of the matrix."""
MILLI = 1000
"""Points are counted in whole thousandths, so that a total is exactly the sum of its lines."""
SCHEMES = Path(__file__).parent / "schemes"


def _understood(text: str) -> str:
    parse_condition(text)
    return text


def _named(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("name", "a name")
    return text


def _of_clock(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", text):
        raise PydanticCustomError("clock", "a time such as 09:00, at most 24:00")
    return text


def _is_day(given: Any) -> Any:
    if type(given) is not date:
        raise PydanticCustomError("day", "a day without quotes, such as 2026-12-25")
    return given


def _is_none(value: Any) -> bool:
    return value is None


Condition = Annotated[str, AfterValidator(_understood)]
Clock = Annotated[str, AfterValidator(_of_clock)]
Day = Annotated[date, BeforeValidator(_is_day)]
Name = Annotated[str, AfterValidator(_named)]
Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Count = Annotated[Whole, Field(ge=1, le=10**9)]
Flag = Annotated[bool, Strict()]
Share = Annotated[Number, Field(ge=0, lt=1)]
Age = Annotated[Number, Field(gt=0, le=3650)]
Points = Annotated[Number, Field(ge=-10_000, le=10_000, multiple_of=0.001)]


def milli(points: float) -> int:
    """Points in whole thousandths."""
    return round(points * MILLI)


def _key(description: str, default: Any = ..., **more: Any) -> Any:
    return Field(default, description=description, **more)


class Touch(StrictModel):
    """Points of one kind of touch: each counts half after its half-life, and repeats saturate at the cap."""

    points: Points = _key("points of a touch of today; negative points count against the lead")
    half_life_days: Number = _key("days after which a touch counts half", 30, ge=0.01, le=3650)
    cap: Points | None = _key("the most that all touches of this kind give (default: three times the points)", None)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return given if isinstance(given, dict | cls) else {"points": given}

    @property
    def limit(self) -> float:
        """The cap, with the sign of the points."""
        return 3 * self.points if self.cap is None else self.cap


class Fact(StrictModel):
    """Points where a condition on the lead or its company holds."""

    when: Condition = _key("condition on facts of the lead and its company")
    points: Points = _key("points where the condition holds")


class Criterion(StrictModel):
    """One thing that sales wants to know, from answers, facts or touches: the points that each of them gives."""

    meaning: str = _key("in plain words", "")
    required: Flag = _key("a lead without points here is never `qualified`, only `nearly`", False)
    answers: tuple[Name, ...] | None = _key("names under which answers arrive (default: the criterion's own)", None)
    fresh_days: Number = _key("days for which an answer counts", 180, gt=0, le=36500)
    yes: Points = _key("points of a yes without a level in `levels`", 0)
    no: Points = _key("points of a no", 0)
    refused: Points = _key("points where the lead would not say", 0)
    levels: dict[Name, Points] = _key("points of a yes with that level", {})
    amounts: dict[str, Number] = _key(
        "the number that a level stands for in conditions, such as `timeframe <= 90 days`", {}
    )
    facts: tuple[Fact, ...] = _key("conditions in order: the first that holds gives its points", ())
    touches: dict[str, Touch] = _key("kinds of touch that give points", {})

    @property
    def asked(self) -> bool:
        """Whether answers say it: they give points, or nothing else could."""
        return any((*self.answer_points, self.levels)) or not (self.facts or self.touches)

    @property
    def answer_points(self) -> tuple[float, ...]:
        """What each answer can give."""
        return (self.yes, self.no, self.refused, *self.levels.values())


class Combination(StrictModel):
    """What several facts and answers mean together."""

    name: Name = _key("shown with the lead")
    when: Condition = _key("condition on criteria, facts, `digital_points` and `research_points`")
    points: Points = _key("added to the points of phone and research", 0)
    urgent: Flag = _key("marks the lead as urgent", False)
    zone: Zone | None = _key("puts the lead into this zone whatever its points", None)


class Zones(StrictModel):
    """Two axes, one zone: where the bands of each axis begin, and the zone of each pair of bands."""

    nearly: Points | None = _key("short form, with `qualified`: uses phone and research alone", None, exclude=True)
    qualified: Points | None = _key("short form, with `nearly`", None, exclude=True)
    digital: tuple[Points, ...] = _key("digital points at which the second, third ... band begins", ())
    research: tuple[Points, ...] = _key("points of phone and research at which the second, third ... band begins", ())
    matrix: tuple[tuple[Zone, ...], ...] = _key("a row per research band, lowest first; in it a zone per digital band")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not given.keys() & {"nearly", "qualified"}:
            return given
        if given.keys() != {"nearly", "qualified"}:
            raise PydanticCustomError("short", "both `nearly` and `qualified`, or `digital`, `research` and `matrix`")
        rows = [["not_yet"], ["nearly"], ["qualified"]]
        return {**given, "research": [given["nearly"], given["qualified"]], "matrix": rows}


class Costs(StrictModel):
    """What acceptances, reviews, waiting and rejections are worth, in one currency."""

    acceptance: Number = _key("V: what an accepted lead is worth", 1000)
    review: Number = _key("c: what it costs sales to look at a lead", 60, ge=0)
    waiting: Number = _key("W: what a lead held in nurture is still worth, less what is lost to competitors", 200, ge=0)
    recyclable: Number = _key("rho: share of rejected leads that can be nurtured again", 0.9, ge=0, le=1)
    trust: Number = _key("t: what a rejected lead costs in trust", 40, ge=0)

    @property
    def refusal(self) -> float:
        """R: what a lead that sales rejects is still worth."""
        return self.recyclable * self.waiting - self.trust

    @property
    def threshold(self) -> float:
        """p*: the probability above which a hand-off pays off, (W + c - R) / (V - R)."""
        return (self.waiting + self.review - self.refusal) / (self.acceptance - self.refusal)

    @property
    def spare_threshold(self) -> float:
        """The same where the review costs nothing, because sales has free hours: (W - R) / (V - R)."""
        return (self.waiting - self.refusal) / (self.acceptance - self.refusal)


class Segment(StrictModel):
    """Other costs for some leads; a key that is left out stays as it is for all."""

    name: Name = _key("shown in reports")
    when: Condition = _key("condition on facts of the lead and its company")
    acceptance: Number | None = _key("V for these leads", None)
    review: Number | None = _key("c for these leads", None, ge=0)
    waiting: Number | None = _key("W for these leads", None, ge=0)
    recyclable: Number | None = _key("rho for these leads", None, ge=0, le=1)
    trust: Number | None = _key("t for these leads", None, ge=0)


class Values(Costs):
    """The costs of all leads, and of segments."""

    segments: tuple[Segment, ...] = _key("the first whose condition holds gives a lead its costs", ())

    def costs(self) -> list[Costs]:
        """The costs of each segment in order, those of all others last."""
        own = self.model_dump(exclude={"segments"})
        laid = (s.model_dump(exclude={"name", "when"}, exclude_none=True) for s in self.segments)
        return [*(Costs(**{**own, **other}) for other in laid), Costs(**own)]


class Promise(StrictModel):
    """By when sales follows up."""

    hours: Number = _key(
        "hours from the hand-off; all of them count, or those of [working_time]", gt=0, le=MOST_PROMISE_HOURS
    )
    breach: str = _key("what happens if the promise is broken", "")


class WorkingTime(StrictModel):
    """When sales works: only these hours count for promises."""

    model_config = ConfigDict(serialize_by_alias=True)

    days: tuple[Weekday, ...] = _key(
        "days of the week on which sales works", ("mon", "tue", "wed", "thu", "fri"), min_length=1
    )
    opens: Clock = _key("when work begins, by the clock of `time_zone`", "09:00", alias="from")
    closes: Clock = _key("when work ends; 24:00 is midnight", "17:00", alias="to")
    time_zone: TimeZone = _key("an IANA time zone, such as Europe/Berlin", "UTC")
    holidays: tuple[Day, ...] = _key("days on which nobody works, such as 2026-12-25", ())

    @property
    def minutes(self) -> tuple[int, int]:
        """The beginning and the end of work, in minutes after midnight."""
        opens, closes = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (self.opens, self.closes))
        return opens, closes

    @property
    def weekly_hours(self) -> float:
        """Hours of work in a week without holidays."""
        opens, closes = self.minutes
        return len(set(self.days)) * (closes - opens) / 60


class Team(StrictModel):
    """Who in sales takes leads."""

    hand_offs_per_day: Count = _key("leads that the team can take a day")
    when: Condition = _key("which leads the team takes; empty: all that no earlier team takes", "")


class Capacity(StrictModel):
    """How much work there is time for."""

    teams: dict[Name, Team] = _key("sales teams, the first that fits takes a lead; none: one team without limit", {})
    calls_per_day: Count = _key("leads that tele-qualification can call a day: as many as one person manages", 50)
    per_account: Count | None = _key(
        "leads of one account that are handed off or called a day (default: no limit)", None, exclude_if=_is_none
    )
    spare: Literal["keep", "release_early"] = _key("free places of sales: kept, or filled with the best others", "keep")


USUAL_ORDER = ("need", "timeframe", "budget", "authority")
"""In which the questions are asked where the agreement says nothing: first what the lead likes to talk about."""


class Calls(StrictModel):
    """What it takes to ask a lead by phone. A call is worth what its answers may change (docs/agreement.md)."""

    cost: Number = _key("what a call costs, reached or not", 8, ge=0)
    reach: Share = _key("chance to reach a lead, as long as nobody has called anyone", 0.3)
    rest_days: Number = _key("days after a call in which the lead is left alone", 2, ge=0, le=365)
    order: tuple[Name, ...] | None = _key(
        "criteria in the order in which to ask, unless another question is clearly worth more; any other comes last"
        f" (default: {', '.join(USUAL_ORDER)})",
        None,
        exclude_if=_is_none,
    )
    asking: dict[Name, Number] = _key("what asking about a criterion costs in trust; 1 for any other", {})
    early: Number = _key("how many times that while the lead has told nothing yet", 2, ge=0)

    def price(self, criterion: str) -> float:
        """What asking about a criterion costs a lead that has told something before."""
        return self.asking.get(criterion, 1.0)


AGE_BANDS = (
    "days since the person's last sign at which the second, third ... age band begins; after the last of them another"
    " begins each time as many days again have passed"
)


class Exploration(StrictModel):
    """A random slice of the leads below the gate is handed off, to learn how sales responds to them.

    A lead's *age* is the days since the person last gave a sign. It takes part in a draw every `every_days`.
    """

    share: Share = _key("share of leads that are picked at random when their turn comes", 0)
    every_days: Number = _key("days from a lead's turn to its next", 90, ge=7, le=3650)
    shares: tuple[Share, ...] = _key("a share for each age band instead, the youngest first: one more than `bands`", ())
    bands: tuple[Age, ...] = _key(AGE_BANDS, (7, 30, 90), min_length=1)
    floor: Points = _key("leads with fewer points (both axes) are never picked", 0)
    per_day: Count = _key("hand-offs a day reserved for these leads; when more are drawn, chance decides", 2)
    seed: Whole = _key("another seed picks other leads", 1, ge=0, lt=2**63)

    @property
    def by_band(self) -> tuple[float, ...]:
        """The share of each age band, the youngest first."""
        return self.shares or (self.share,) * (len(self.bands) + 1)


class Recycle(StrictModel):
    """When a rejected lead comes back."""

    cool_off_days: Number = _key("days after the rejection", 60, ge=0, le=36500)
    never: tuple[str, ...] = _key("reasons of rejection after which a lead never comes back", ())


class Reheat(StrictModel):
    """The lead was hot, went quiet and is active again."""

    hot: Points = _key("digital points that the lead had before it went quiet", 30)
    quiet_days: Number = _key("days without a touch", 30, gt=0, le=36500)
    new_days: Number = _key("and then a touch within the last so many days", 7, gt=0, le=36500)


Allowed = Literal["all", "no_call", "no_mail", "none"]


class PermissionRule(StrictModel):
    """A limit for some leads: it narrows what the lead allowed and never widens it."""

    when: Condition = _key("condition on facts of the lead and its company")
    allow: Allowed = _key("what is allowed at most")


class Permission(StrictModel):
    """Hard limits on contact that no route overrides."""

    unknown: Allowed = _key("what a lead that never said allows", "all")
    rules: tuple[PermissionRule, ...] = _key("limits by condition; every rule whose condition holds applies", ())


class Track(StrictModel):
    """What to say and what to send to a persona at a stage of buying."""

    message: str = _key("the messaging track", "")
    information: str = _key("the information that the prospect needs next", "")


class Persona(StrictModel):
    """A kind of person who buys."""

    when: Condition = _key("condition on title, job_function, seniority, industry ...")
    meaning: str = _key("in plain words", "")
    stages: dict[str, Track] = _key("per stage of buying", {})


COMBINE = "quadrant: each of the four cases has its own route; and: both must agree; or one of them decides alone"
BEYOND = (
    "a lead this far above the threshold is handed off although the rules hold it back, once the model has learned"
    " from explored hand-offs; 1: never"
)


class Routing(StrictModel):
    """How the rules' zone and the model's band become a route."""

    combine: Literal["quadrant", "and", "model_only", "rules_only"] = _key(COMBINE, "quadrant")
    beyond_rules: Number = _key(BEYOND, 0.1, ge=0, le=1)


class Agreement(StrictModel):
    """One version of the agreement."""

    name: Name = _key("what the company calls it")
    scheme: Scheme | None = _key("a built-in scheme that this file is merged into", None)
    drop: tuple[str, ...] = _key("criteria of the scheme that the company does not use", ())
    criteria: dict[str, Criterion] = _key("what sales wants to know", min_length=1, max_length=MOST_CRITERIA)
    combinations: tuple[Combination, ...] = _key("what several answers mean together", ())
    zones: Zones = Zones(research=(25, 45), matrix=(("not_yet",), ("nearly",), ("qualified",)))
    values: Values = Values()
    promises: dict[Literal[Zone, "urgent"], Promise] = _key("when sales follows up, per zone or for urgent leads", {})
    working_time: WorkingTime | None = _key(
        "when promises run (default: day and night, on every day)", None, exclude_if=_is_none
    )
    capacity: Capacity = Capacity()
    calls: Calls = Calls()
    exploration: Exploration = Exploration()
    recycle: Recycle = Recycle()
    reheat: Reheat = Reheat()
    permission: Permission = Permission()
    stages: dict[Name, Condition] = _key("stages of buying, the first whose condition holds; empty: always", {})
    personas: dict[Name, Persona] = _key("kinds of person, the first whose condition holds", {})
    routing: Routing = Routing()
    effective_from: SkipJsonSchema[date] = _key("the day in the file's name", date(1970, 1, 1))
    version: SkipJsonSchema[str] = _key("that day and a hash of the content", "")

    @property
    def points_version(self) -> str:
        """A hash of what gives points, the part of an agreement that a model's features depend on."""
        points = self.model_dump_json(include={"criteria", "combinations"})
        return hashlib.sha256(points.encode()).hexdigest()[:8]

    def from_ever_on(self) -> Agreement:
        """The same as if it had always been in force: to lay it over moments before its day."""
        return self.model_copy(update={"effective_from": date.min})

    def answer_names(self) -> dict[str, str]:
        """Name under which answers come in -> the criterion they belong to."""
        return {a: name for name, c in self.criteria.items() if c.asked for a in c.answers or (name,)}


def find_scheme(name: Scheme) -> dict[str, Any]:
    """A built-in scheme, as in its file."""
    return tomllib.loads((SCHEMES / f"{name.lower()}.toml").read_text(encoding="utf-8"))
