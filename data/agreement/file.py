"""What did sales and marketing agree on at a moment? Files merged into their scheme, checked, in force by date."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from data.agreement.checks import check, without_lost
from data.agreement.model import SCHEMES, Agreement, Scheme, find_scheme
from data.errors import ConfigError
from data.toml_errors import inline, parse_toml, read_text, wrong_keys

ABOUT = {"effective_from", "version", "scheme", "drop"}
"""Keys that say where an agreement comes from, not what it says."""


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
            got, do = f"{first.name} and {second.name}, both from {one}", "rename or remove one of them"
            raise ConfigError(f"reading {folder}", expected="one agreement per day", got=got, do=do)
    return [read_agreement(p, day) for day, p in dated]


def pick(versions: list[Agreement], as_of: datetime, folder: Path | str = "the agreements") -> Agreement:
    """The one of `versions` in force at `as_of`, the last from that day or before; ConfigError where there is none."""
    past = [a for a in versions if a.effective_from <= as_of.date()]
    if not past:
        what, expected = f"finding the agreement in force on {as_of:%Y-%m-%d}", f"a file <date>.toml in {folder}"
        got = ", ".join(f"{a.effective_from}.toml" for a in versions) or "none"
        do = "run `leadready init`, or add the agreement that was in force then"
        raise ConfigError(what, expected=f"{expected} dated that day or earlier", got=got, do=do)
    return past[-1]


def read_agreement(path: Path, day: date) -> Agreement:
    """Parse one agreement file; ConfigError names the file, the line and the key that is wrong."""
    return parse_agreement(read_text(path), day, str(path))


def read_draft(path: Path, today: date) -> Agreement:
    """The same of a file of any name: from the day in it, else from `today`."""
    try:
        day = date.fromisoformat(path.stem)
    except ValueError:
        day = today
    return read_agreement(path, day)


@lru_cache(maxsize=64)
def parse_agreement(text: str, day: date, what: str) -> Agreement:
    """Parse the text of an agreement; its version is its day and a hash of what it says with its scheme."""
    raw = parse_toml(text, what)
    try:
        merged = _merged(find_scheme(raw["scheme"]), raw) if raw.get("scheme") in get_args(Scheme) else raw
        agreement = Agreement.model_validate({**merged, "effective_from": day})
    except ValidationError as error:
        raise wrong_keys(what, Agreement, error, text) from None
    agreement = without_lost(agreement, raw)
    check(agreement, raw, text, what)
    content = agreement.model_dump_json(exclude=ABOUT)
    version = f"{day}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    return agreement.model_copy(update={"version": version})


def as_toml(agreement: Agreement) -> str:
    """The whole agreement, with its scheme, as a file that reads back the same: one dotted key a line."""
    return "".join(f"{key} = {value}\n" for key, value in _flat(agreement).items())


def differences(old: Agreement, new: Agreement) -> dict[str, tuple[str, str]]:
    """Key -> (old, new) for every key that is not the same; an absent one is `-`."""
    one, other = _flat(old), _flat(new)
    return {k: (one.get(k, "-"), other.get(k, "-")) for k in {**one, **other} if one.get(k) != other.get(k)}


def _flat(agreement: Agreement) -> dict[str, str]:
    return dict(_lines(agreement.model_dump(exclude=ABOUT, exclude_none=True), ""))


def _lines(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", name)
            yield from _lines(inner, f"{key}{'.' if key else ''}{name if bare else inline(name)}")
    else:
        yield key, inline(value)


def _merged(scheme: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
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


def effective_from(path: Path) -> date:
    """The day in the file's name; ConfigError where it is none."""
    try:
        return date.fromisoformat(path.stem)
    except ValueError:
        expected = "a name like 2026-01-31.toml, the day from which it holds"
        do = "rename the file, or keep a draft outside this folder"
        raise ConfigError(f"reading {path}", expected=expected, got=path.name, do=do) from None
