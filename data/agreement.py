"""What did sales and marketing agree on? The agreement file, laid over a built-in scheme, as frozen objects.

The checks that go beyond a key's own type are in `data/agreement_checks.py`; what each key means is its description
(`leadready agreement schema` prints them), and docs/agreement.md tells it in order.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from data.conditions import parse_condition
from data.errors import ConfigError

Scheme = Literal["BANT", "APNRP", "digital"]
Zone = Literal["unfit", "not_yet", "nearly", "qualified"]
ZONES: tuple[Zone, ...] = ("unfit", "not_yet", "nearly", "qualified")
"""From worst to best."""
MILLI = 1000
"""Points are counted in whole thousandths, so that a total is exactly the sum of its lines."""
SCHEMES = Path(__file__).parent / "schemes"
PLAIN = {
    r"^\w+ should (be |have )?": "", " after validation.*": "", "^match pattern": "a text that matches",
    "a valid string": "a text", "a valid tuple": "a list", r"a valid dictionary( or instance of \w+)?": "a table",
    "a valid boolean": "true or false",
}  # fmt: skip
"""Words of pydantic, and ours."""


def _understood(text: str) -> str:
    parse_condition(text)
    return text


def _named(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("name", "a name")
    return text


Condition = Annotated[str, AfterValidator(_understood)]
Name = Annotated[str, AfterValidator(_named)]
Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Points = Annotated[Number, Field(ge=-10_000, le=10_000, multiple_of=0.001)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def milli(points: float) -> int:
    """Points in whole thousandths."""
    return round(points * MILLI)


def _key(description: str, default: Any = ..., **more: Any) -> Any:
    return Field(default, description=description, **more)


class Touch(_Strict):
    """Points of one kind of touch: each counts half after its half-life, and repeats saturate at the cap."""

    points: Points = _key("points of a touch of today; negative against the lead")
    half_life_days: Number = _key("days after which a touch counts half", 30, ge=0.01, le=3650)
    cap: Points | None = _key("all touches of this kind give no more than this (default: three times the points)", None)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return given if isinstance(given, dict | cls) else {"points": given}

    @property
    def limit(self) -> float:
        """The cap, with the sign of the points."""
        return 3 * self.points if self.cap is None else self.cap


class Fact(_Strict):
    """Points where a condition on the lead or its company holds."""

    when: Condition = _key("condition on facts of the lead and its company")
    points: Points = _key("points where it holds")


class Criterion(_Strict):
    """One thing sales wants to know, from answers, facts or touches: what each of them gives in points."""

    meaning: str = _key("in plain words", "")
    required: Flag = _key("without more than 0 points here a lead is never `qualified`, only `nearly`", False)
    answers: tuple[Name, ...] | None = _key("names under which answers come in (default: the criterion's own)", None)
    fresh_days: Number = _key("days for which an answer counts", 180, gt=0, le=36500)
    yes: Points = _key("points of a yes without a level", 0)
    no: Points = _key("points of a no", 0)
    refused: Points = _key("points where the lead would not say", 0)
    levels: dict[Name, Points] = _key("points of a yes with that level", {})
    amounts: dict[str, Number] = _key("what a level stands for in conditions, as `timeframe <= 90 days`", {})
    facts: tuple[Fact, ...] = _key("conditions in order: the first that holds gives its points", ())
    touches: dict[str, Touch] = _key("kinds of touch that speak for it", {})

    @property
    def asked(self) -> bool:
        """Whether answers tell it: they give points, or nothing else could."""
        return any((self.yes, self.no, self.refused, self.levels)) or not (self.facts or self.touches)


class Combination(_Strict):
    """What several facts and answers mean together."""

    name: Name = _key("shown with the lead")
    when: Condition = _key("condition on criteria, facts, `digital_points` and `research_points`")
    points: Points = _key("added to the points of phone and research", 0)
    urgent: Flag = _key("marks the lead as urgent", False)
    zone: Zone | None = _key("puts the lead into this zone whatever its points", None)


class Zones(_Strict):
    """Two axes, one zone: where the bands of each axis begin, and the zone of each pair of bands."""

    nearly: Points | None = _key("short form, with `qualified`: looks at phone and research alone", None, exclude=True)
    qualified: Points | None = _key("short form, with `nearly`", None, exclude=True)
    digital: tuple[Points, ...] = _key("digital points from which the second, third ... band begins", ())
    research: tuple[Points, ...] = _key("points of phone and research from which the next band begins", ())
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


class Costs(_Strict):
    """What acceptances, reviews, waiting and refusals are worth, in one currency."""

    acceptance: Number = _key("V: an accepted lead is worth this", 1000)
    review: Number = _key("c: what it costs sales to look at a lead", 60, ge=0)
    waiting: Number = _key("W: what a lead held in nurture is still worth, after what competitors take", 200, ge=0)
    recyclable: Number = _key("rho: share of refused leads that can be nurtured again", 0.9, ge=0, le=1)
    trust: Number = _key("t: what a refused lead costs in trust", 40, ge=0)

    @property
    def refusal(self) -> float:
        """R: what a lead that sales refuses is still worth."""
        return self.recyclable * self.waiting - self.trust

    @property
    def threshold(self) -> float:
        """p*: the probability from which a hand-off pays, (W + c - R) / (V - R)."""
        return (self.waiting + self.review - self.refusal) / (self.acceptance - self.refusal)

    @property
    def spare_threshold(self) -> float:
        """The same where the review costs nothing, because sales has free hours: (W - R) / (V - R)."""
        return (self.waiting - self.refusal) / (self.acceptance - self.refusal)


class Segment(_Strict):
    """Other costs for some leads; what is left out stays as it is for all."""

    name: Name = _key("shown in reports")
    when: Condition = _key("condition on facts of the lead and its company")
    acceptance: Number | None = _key("V for these", None)
    review: Number | None = _key("c for these", None, ge=0)
    waiting: Number | None = _key("W for these", None, ge=0)
    recyclable: Number | None = _key("rho for these", None, ge=0, le=1)
    trust: Number | None = _key("t for these", None, ge=0)


class Values(Costs):
    """The costs of all leads, and of segments."""

    segments: tuple[Segment, ...] = _key("the first whose condition holds gives a lead its costs", ())

    def costs(self) -> list[Costs]:
        """The costs of each segment in order, those of all others last."""
        own = self.model_dump(exclude={"segments"})
        laid = (s.model_dump(exclude={"name", "when"}, exclude_none=True) for s in self.segments)
        return [*(Costs(**{**own, **other}) for other in laid), Costs(**own)]


class Promise(_Strict):
    """By when sales follows up."""

    hours: Number = _key("hours from the hand-off, nights and weekends counted", gt=0)
    breach: str = _key("what happens when the promise is broken", "")


class Team(_Strict):
    """Who in sales takes leads."""

    hand_offs_per_day: Whole = _key("leads it can take a day", ge=1)
    when: Condition = _key("which leads are its; empty: all that no team before it takes", "")


class Capacity(_Strict):
    """How much work there is time for."""

    teams: dict[Name, Team] = _key("sales teams, the first that fits takes a lead; none: one team without limit", {})
    calls_per_day: Whole | None = _key("leads that tele-qualification can take up a day", None, ge=1)
    spare: Literal["keep", "release_early"] = _key(
        "free hours of sales: kept free, or filled with the best of the rest, marked `early`", "keep"
    )


class Exploration(_Strict):
    """A random slice of the leads below the gate is handed off, to learn how sales would answer."""

    share: Number = _key("share of gate episodes that are drawn", 0, ge=0, lt=1)
    floor: Points = _key("leads with fewer points (both axes) are never drawn", 0)
    per_day: Whole = _key("hand-offs a day reserved for them", 2, ge=1)
    seed: Whole = _key("another seed draws other leads", 1, ge=0)


class Recycle(_Strict):
    """When a refused lead comes back."""

    cool_off_days: Number = _key("days after the refusal", 60, ge=0)
    never: tuple[str, ...] = _key("reasons of refusal after which a lead never comes back", ())


class Reheat(_Strict):
    """Was hot, cooled, has new signs."""

    hot: Points = _key("digital points it had before it went quiet", 30)
    quiet_days: Number = _key("days without a touch", 30, gt=0)
    new_days: Number = _key("and touches again within so many days", 7, gt=0)


Allowed = Literal["all", "no_call", "no_mail", "none"]


class PermissionRule(_Strict):
    """A limit for some leads; it narrows what the lead allowed and never widens it."""

    when: Condition = _key("condition on facts of the lead and its company")
    allow: Allowed = _key("what is allowed at most")


class Permission(_Strict):
    """Hard limits on contact that no route overrides."""

    unknown: Allowed = _key("what a lead that never said allows", "all")
    rules: tuple[PermissionRule, ...] = _key("limits by condition; all that hold apply", ())


class Track(_Strict):
    """What to say and to send to a persona at a stage of buying."""

    message: str = _key("the messaging track", "")
    information: str = _key("the information such a prospect needs next", "")


class Persona(_Strict):
    """A kind of person who buys."""

    when: Condition = _key("condition on title, job_function, seniority, industry ...")
    meaning: str = _key("in plain words", "")
    stages: dict[str, Track] = _key("per stage of buying", {})


class Routing(_Strict):
    """How the rules' zone and the model's band become a route."""

    combine: Literal["quadrant", "and", "model_only", "rules_only"] = _key(
        "quadrant: each of the four cases its own route; and: both must say ready; or one of them alone", "quadrant"
    )
    beyond_rules: Number = _key(
        "rules short, but the probability so far above the threshold: hand off all the same, once the model has"
        " learned from explored hand-offs; 1: never",
        0.1, ge=0, le=1,
    )  # fmt: skip


class Agreement(_Strict):
    """One version of the agreement."""

    name: Name = _key("what the company calls it")
    scheme: Scheme | None = _key("a built-in scheme that this file is laid over", None)
    drop: tuple[str, ...] = _key("criteria of the scheme that the company does not use", ())
    criteria: dict[str, Criterion] = _key("what sales wants to know", min_length=1)
    combinations: tuple[Combination, ...] = _key("what several answers mean together", ())
    zones: Zones = Zones(research=(25, 45), matrix=(("not_yet",), ("nearly",), ("qualified",)))
    values: Values = Values()
    promises: dict[Literal[Zone, "urgent"], Promise] = _key("follow-up of sales, per zone or for urgent leads", {})
    capacity: Capacity = Capacity()
    exploration: Exploration = Exploration()
    recycle: Recycle = Recycle()
    reheat: Reheat = Reheat()
    permission: Permission = Permission()
    stages: dict[Name, Condition] = _key("stages of buying, the first that holds; empty: always", {})
    personas: dict[Name, Persona] = _key("kinds of person, the first that fits", {})
    routing: Routing = Routing()
    effective_from: SkipJsonSchema[date] = _key("the day in the file's name", date(1970, 1, 1))
    version: SkipJsonSchema[str] = _key("that day and a hash of the content", "")

    def answer_names(self) -> dict[str, str]:
        """Name under which answers come in -> the criterion they belong to."""
        return {a: name for name, c in self.criteria.items() if c.asked for a in c.answers or (name,)}


def default_agreement() -> Agreement:
    """The agreement `leadready init` writes."""
    return parse_agreement(default_text("BANT"), date(1970, 1, 1), "the default agreement")


def default_text(scheme: str) -> str:
    """The file `leadready init` writes for a scheme; ConfigError where there is none of that name."""
    text = (SCHEMES / "first.toml").read_text(encoding="utf-8").replace('"BANT"', json.dumps(scheme))
    parse_agreement(text, date(1970, 1, 1), "the first agreement")
    return text


def all_versions(folder: Path) -> list[Agreement]:
    """Every version in the folder, the earliest first; ConfigError where two begin on one day, or one is wrong."""
    dated = sorted((effective_from(p), p) for p in folder.glob("*.toml"))
    for (one, first), (other, second) in itertools.pairwise(dated):
        if one == other:
            raise ConfigError(
                f"reading {folder}", expected="one agreement a day", do="rename or remove one of them",
                got=f"{first.name} and {second.name}, both from {one}",
            )  # fmt: skip
    return [read_agreement(p, day) for day, p in dated]


def in_force(folder: Path, as_of: datetime) -> Agreement:
    """The agreement of `folder` in force at `as_of`: the last one effective on or before that day.

    Raises ConfigError where there is none, or where a file does not hold together.
    """
    return pick(all_versions(folder), as_of, folder)


def pick(versions: list[Agreement], as_of: datetime, folder: Path | str = "the agreements") -> Agreement:
    """The one of `versions` in force at `as_of`; ConfigError where it is before the first."""
    past = [a for a in versions if a.effective_from <= as_of.date()]
    if not past:
        raise ConfigError(
            f"finding the agreement in force on {as_of:%Y-%m-%d}",
            expected=f"a file <date>.toml in {folder} from that day or before",
            got=", ".join(f"{a.effective_from}.toml" for a in versions) or "none",
            do="run `leadready init`, or add the agreement that held then",
        )
    return past[-1]


def of_version(folder: Path, version: str) -> Agreement | None:
    """The agreement of that version, where its file is still there as it was."""
    return next((a for a in all_versions(folder) if a.version == version), None)


def read_agreement(path: Path, day: date) -> Agreement:
    """Parse one agreement file; ConfigError names the file, the line and the key that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        got = error.strerror or str(error)
        raise ConfigError(f"reading {path}", expected="a file", got=got, do="name one that is there") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"reading {path}", expected="a text file in UTF-8", got=str(error), do="save it as UTF-8"
        ) from None
    return parse_agreement(text, day, str(path))


@lru_cache(maxsize=64)
def parse_agreement(text: str, day: date, what: str) -> Agreement:
    """Parse the text of an agreement; its version is its day and a hash of what it says with its scheme."""
    from data.agreement_checks import check, without_lost

    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"reading {what}", expected="TOML", got=str(error), do="mend that line") from None
    try:
        laid = _laid_over(find_scheme(raw["scheme"]), raw) if raw.get("scheme") in get_args(Scheme) else raw
        agreement = Agreement.model_validate({**laid, "effective_from": day})
    except ValidationError as error:
        raise wrong_keys(what, Agreement, error, text) from None
    agreement = without_lost(agreement, raw)
    check(agreement, raw, text, what)
    said = agreement.model_dump_json(exclude={"effective_from", "version", "scheme", "drop"})
    version = f"{day}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"
    return agreement.model_copy(update={"version": version})


def as_toml(agreement: Agreement) -> str:
    """The whole agreement, its scheme laid in, as a file that reads back the same: one dotted key a line."""
    return "".join(f"{key} = {value}\n" for key, value in _flat(agreement).items())


def differences(old: Agreement, new: Agreement) -> dict[str, tuple[str, str]]:
    """Key -> (old, new) for every key that is not the same; an absent one is `-`."""
    one, other = _flat(old), _flat(new)
    return {k: (one.get(k, "-"), other.get(k, "-")) for k in {**one, **other} if one.get(k) != other.get(k)}


def _flat(agreement: Agreement) -> dict[str, str]:
    said = agreement.model_dump(mode="json", exclude={"effective_from", "version", "scheme", "drop"}, exclude_none=True)
    return dict(_lines(said, ""))


def _lines(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", name)
            yield from _lines(inner, f"{key}{'.' if key else ''}{name if bare else _inline(name)}")
    else:
        yield key, _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inline(k)} = {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", r"\u007f")


def find_scheme(name: Scheme) -> dict[str, Any]:
    """A built-in scheme, as in its file."""
    return tomllib.loads((SCHEMES / f"{name.lower()}.toml").read_text(encoding="utf-8"))


def _laid_over(scheme: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The file's keys over the scheme's: criteria key by key, whatever else is named replaces the scheme's."""
    mine, drop = own.get("criteria", {}), own.get("drop", [])
    if not isinstance(mine, dict) or not isinstance(drop, list):
        return {**scheme, **own}
    criteria = {name: keys for name, keys in scheme["criteria"].items() if name not in drop}
    for name, keys in mine.items():
        if isinstance(keys, dict):
            lost = "amounts" if "levels" in keys else None
            keys = {**{k: v for k, v in criteria.get(name, {}).items() if k != lost}, **keys}
        criteria[name] = keys
    return {**scheme, **own, "criteria": criteria}


def wrong_keys(what: str, model: type[BaseModel], error: ValidationError, text: str = "") -> ConfigError:
    """The plain form of pydantic's finding: the first wrong key, why, and the known key it may have meant."""
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a misspelt key is also a missing one
    key = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the file"
    expected, got, do = _plainly(first, model)
    where = f"reading {what}{line_of(text, first['loc'])}, key {key}"
    return ConfigError(where, expected=expected, got=got, do=do)


def _plainly(found: ErrorDetails, model: type[BaseModel]) -> tuple[str, str, str]:
    """What was expected, what was given and what to do."""
    why, given = found["msg"].removeprefix("Value error, "), shown(found["input"])
    if found["type"] == "extra_forbidden":
        advice = "compare it with the file that `leadready init` writes"
        near = [f"try {name}, or " for name in close(str(found["loc"][-1]), _names(model))]
        return "a known key with a fitting value", "an unknown key", "".join([*near, advice])
    if found["type"] == "value_error":
        return "a condition", f"{given}: {why}", "mend it"
    if found["type"] == "literal_error":
        return why.removeprefix("Input should be ").replace("'", ""), given, nearest(given, re.findall("'(.*?)'", why))
    if found["type"] == "missing":
        return "a value", "none", "add it"
    for pydantic, plain in PLAIN.items():
        why = re.sub(pydantic, plain, why)
    return why, given, "change it"


def shown(value: Any) -> str:
    """A value as a file has it, cut short for a message."""
    text = repr(value) if isinstance(value, str) else _inline(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def close(word: str, known: Iterable[str], most: int = 1, least: float = 0.6) -> list[str]:
    """The known words that are most like it, whatever their case, the nearest first."""
    small = {k.lower(): k for k in known}
    return [small[n] for n in difflib.get_close_matches(word.lower(), small, most, least)]


def nearest(word: str, known: Iterable[str]) -> str:
    """Advice: the known word that was meant."""
    near = close(word.strip("'"), known)
    return f"try {near[0]}" if near else "take one of them"


def few(word: str, known: Collection[str]) -> str:
    """The known words, of many the eight that are nearest."""
    return ", ".join(known) if len(known) <= 8 else ", ".join([*close(word, known, 8, 0), "..."])


def line_of(text: str, keys: tuple[int | str, ...]) -> str:
    """`, line 12`: where a TOML text sets the key, or what is nearest above it; nothing where unsure."""
    lines, best, begun = text.replace("\r\n", "\n").split("\n"), (0, 0), 0
    for end in range(1, len(lines) + 1):
        try:
            told = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:  # in the middle of a value of several lines
            continue
        best, begun = max(best, (_reached(told, keys), -begun)), end
    return f", line {1 - best[1]}" if best[0] else ""


def _reached(told: Any, keys: tuple[int | str, ...]) -> int:
    """How many of the keys lead into what is told."""
    for depth, key in enumerate(keys):
        try:
            told = told[key]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(keys)


def _names(model: type[BaseModel]) -> list[str]:
    """The keys that a model and the models inside it know."""
    schema = model.model_json_schema()
    return sorted({name for part in _parts(schema) for name in part.get("properties", {})})


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    yield from schema.get("$defs", {}).values()


def effective_from(path: Path) -> date:
    """The day in the file's name; ConfigError where it is none."""
    try:
        return date.fromisoformat(path.stem)
    except ValueError:
        raise ConfigError(
            f"reading {path}", expected="a name like 2026-01-31.toml", got=path.name, do="rename the file"
        ) from None
