"""What did sales and marketing agree on? The agreement file, parsed once into frozen objects."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import ConfigError

Zone = Literal["qualified", "nearly", "not_yet"]
NAME = r"^[a-z][a-z0-9_]{0,40}$"

DEFAULT = """\
# What sales and marketing agreed on. In force from the date in this file's name until the next file's.
name = "BANT"

# A criterion: how many points its answer gives, and for how many days an answer counts.
# `levels` are the points of a "yes" with that level named; `yes` those of a "yes" without one.
[criteria.budget]
meaning = "money is there or planned"
fresh_days = 180
yes = 15
levels = { planned = 10, approved = 25 }

[criteria.authority]
meaning = "the person decides or prepares the decision"
fresh_days = 365
yes = 15
levels = { user = 5, influencer = 15, decision_maker = 25 }

[criteria.need]
meaning = "there is a problem that we solve"
fresh_days = 180
yes = 15
no = -10
levels = { latent = 10, active = 25 }

[criteria.timeframe]
meaning = "when they want to have it"
fresh_days = 120
yes = 10
levels = { over_12_months = 0, within_12_months = 5, within_6_months = 15, within_90_days = 25 }

# Points from which a lead counts as qualified, or nearly so.
[zones]
qualified = 45
nearly = 25

# What an error costs, in one currency: they give the probability from which a hand-off pays.
[values]
acceptance = 1000    # V: an accepted lead is worth this
review = 60          # c: what it costs sales to look at a lead
waiting = 200        # W: what a lead held in nurture is still worth, after what competitors take
recyclable = 0.9     # rho: share of refused leads that can be nurtured again
trust = 40           # t: what a refused lead costs in trust
"""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Criterion(_Strict):
    """Points of the answers to one question."""

    meaning: str = ""
    fresh_days: float = Field(default=180, gt=0)
    yes: float = 10
    no: float = 0
    refused: float = 0
    levels: dict[str, float] = Field(default_factory=dict)


class Zones(_Strict):
    """The points from which a zone begins."""

    qualified: float = 45
    nearly: float = 25


class Values(_Strict):
    """What acceptances, reviews, waiting and refusals are worth, in one currency."""

    acceptance: float = 1000
    review: float = 60
    waiting: float = 200
    recyclable: float = Field(default=0.9, ge=0, le=1)
    trust: float = 40

    @property
    def refusal(self) -> float:
        """R: what a lead that sales refuses is still worth."""
        return self.recyclable * self.waiting - self.trust

    @property
    def threshold(self) -> float:
        """The probability from which a hand-off pays: (W + c - R) / (V - R)."""
        return (self.waiting + self.review - self.refusal) / (self.acceptance - self.refusal)


class Agreement(_Strict):
    """One version of the agreement."""

    name: str
    criteria: dict[str, Criterion] = Field(min_length=1)
    zones: Zones = Zones()
    values: Values = Values()
    effective_from: date = date(1970, 1, 1)
    version: str = ""

    def zone(self, points: float) -> Zone:
        """The zone of a lead with that many points."""
        if points >= self.zones.qualified:
            return "qualified"
        return "nearly" if points >= self.zones.nearly else "not_yet"


def default_agreement() -> Agreement:
    """The agreement `leadready init` writes."""
    return parse_agreement(DEFAULT, date(1970, 1, 1), "the default agreement")


def in_force(folder: Path, as_of: datetime) -> Agreement:
    """The agreement of `folder` in force at `as_of`: the last one effective on or before that day.

    Raises ConfigError where there is none, or where the file does not hold together.
    """
    dated = sorted((effective_from(p), p) for p in folder.glob("*.toml"))
    past = [(d, p) for d, p in dated if d <= as_of.date()]
    if not past:
        raise ConfigError(
            f"finding the agreement in force on {as_of:%Y-%m-%d}",
            expected=f"a file <date>.toml in {folder} from that day or before",
            got=", ".join(p.name for _, p in dated) or "none",
            do="run `leadready init`, or add the agreement that held then",
        )
    day, path = past[-1]
    return read_agreement(path, day)


def of_version(folder: Path, version: str) -> Agreement | None:
    """The agreement of that version, where its file is still there as it was."""
    found = (read_agreement(p, effective_from(p)) for p in sorted(folder.glob("*.toml")))
    return next((a for a in found if a.version == version), None)


def read_agreement(path: Path, day: date) -> Agreement:
    """Parse one agreement file; ConfigError names the file and the key that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"reading {path}", expected="a text file in UTF-8", got=str(error), do="save it as UTF-8"
        ) from None
    return parse_agreement(text, day, str(path))


def parse_agreement(text: str, day: date, what: str) -> Agreement:
    """Parse the text of an agreement; its version is its day and a hash of its text."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"reading {what}", expected="TOML", got=str(error), do="mend that line") from None
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    try:
        agreement = Agreement.model_validate({**raw, "effective_from": day, "version": f"{day}-{digest}"})
    except ValidationError as error:
        raise wrong_keys(what, Agreement, error) from None
    _check(agreement, what)
    return agreement


def wrong_keys(what: str, model: type[BaseModel], error: ValidationError) -> ConfigError:
    """The plain form of pydantic's finding: the first wrong key, why, and the known key it may have meant."""
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a misspelt key is also a missing one
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    unknown = first["type"] == "extra_forbidden"
    near = difflib.get_close_matches(str(first["loc"][-1]), _names(model), 1) if unknown else []
    advice = "compare it with the file that `leadready init` writes"
    return ConfigError(
        f"reading {what}, key {key}", expected="a known key with a fitting value",
        got="an unknown key" if unknown else first["msg"].lower(), do=f"try {near[0]}, or {advice}" if near else advice,
    )  # fmt: skip


def _names(model: type[BaseModel]) -> list[str]:
    """The keys that a model and the models inside it know."""
    schema = model.model_json_schema()
    return sorted({name for part in (schema, *schema.get("$defs", {}).values()) for name in part.get("properties", {})})


def effective_from(path: Path) -> date:
    """The day in the file's name; ConfigError where it is none."""
    try:
        return date.fromisoformat(path.stem)
    except ValueError:
        raise ConfigError(
            f"reading {path}", expected="a name like 2026-01-31.toml", got=path.name, do="rename the file"
        ) from None


def _check(agreement: Agreement, what: str) -> None:
    values = agreement.values
    if values.acceptance <= values.refusal:
        raise ConfigError(
            f"reading {what}, [values]", expected=f"acceptance above the {values.refusal:g} of a refused lead",
            got=f"{values.acceptance:g}", do="mend acceptance, waiting, recyclable or trust",
        )  # fmt: skip
    threshold = values.threshold
    if not 0 < threshold < 1:
        raise ConfigError(
            f"reading {what}, [values]", expected="costs that make a threshold between 0 and 1",
            got=f"{threshold:.3f}", do="mend acceptance, review, waiting, recyclable or trust",
        )  # fmt: skip
    if agreement.zones.nearly > agreement.zones.qualified:
        raise ConfigError(
            f"reading {what}, [zones]", expected="nearly <= qualified",
            got=f"{agreement.zones.nearly:g} > {agreement.zones.qualified:g}", do="mend the points",
        )  # fmt: skip
    best = sum(max([c.yes, c.no, c.refused, *c.levels.values()]) for c in agreement.criteria.values())
    if agreement.zones.qualified > best:
        raise ConfigError(
            f"reading {what}, zones.qualified", expected=f"at most the {best:g} points that answers can give",
            got=f"{agreement.zones.qualified:g}", do="lower it, or give answers more points",
        )  # fmt: skip
    for name in agreement.criteria:
        if not name.isidentifier() or not name.islower():
            raise ConfigError(
                f"reading {what}, criteria.{name}", expected="a name of small letters, digits and _",
                got=repr(name), do="rename the criterion",
            )  # fmt: skip
