"""What is wrong in a TOML file, in plain words? File, line, key, what would fit, and the nearest known name."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from data.errors import ConfigError

LONGEST = 1000
"""Lines of a file in which the line of a key is looked for."""
DEEPEST = 20
"""Levels of tables and lists in a TOML file."""
SECRET = re.compile(r"^publish\.postgres\.url$|^schedule\.(on_failure|sources\.(?!.*\.(timezone|mappings)$))")
"""Keys whose values may hold a password: a wrong one is not repeated."""
PLAIN = {
    r"^\w+ should (be |have )?": "",
    " after validation.*": "",
    "^match pattern": "a text that matches",
    "a valid string": "a text",
    "a valid tuple": "a list",
    r"a valid dictionary( or instance of \w+)?": "a table",
    "a valid boolean": "true or false",
}
"""Words of pydantic, and ours."""


class StrictModel(BaseModel):
    """What a TOML file or a part of it says: no unknown keys, nothing infinite, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("time_zone", "an IANA time zone such as Europe/Berlin") from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


def read_text(path: Path) -> str:
    """A text file; ConfigError where it is not there or no text in UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        expected, got, do = "a file", error.strerror or str(error), "name one that is there"
    except UnicodeDecodeError as error:
        expected, got, do = "a text file in UTF-8", str(error), "save it as UTF-8"
    raise ConfigError(f"reading {path}", expected=expected, got=got, do=do)


def parse_toml(text: str, what: str) -> dict[str, Any]:
    """What a TOML text says; ConfigError names the line that is wrong, or says that it is nested too deeply."""
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: TOMLDecodeError, or a number of thousands of digits
        raise ConfigError(f"reading {what}", expected="TOML", got=str(error), do="fix that line") from None
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        level = [v for of in level for v in (of.values() if isinstance(of, dict) else of) if isinstance(v, dict | list)]
    if level:
        got = "deeper ones"
        raise ConfigError(f"reading {what}", expected=f"at most {DEEPEST} levels of tables", got=got, do="flatten it")
    return found


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
    if SECRET.search(".".join(map(str, found["loc"]))):
        given = "another value"
    if found["type"] == "extra_forbidden":
        schema = model.model_json_schema()
        parts = (schema, *schema.get("$defs", {}).values())
        known = sorted({name for part in parts for name in part.get("properties", {})})
        near = [f"try {name}, or " for name in close(str(found["loc"][-1]), known)]
        advice = "".join([*near, "compare it with the file that `leadready init` writes"])
        return "a known key", "an unknown key", advice
    if found["type"] == "value_error":
        return "a condition", f"{given}: {why}", "correct it"
    if found["type"] == "literal_error":
        return why.removeprefix("Input should be ").replace("'", ""), given, nearest(given, re.findall("'(.*?)'", why))
    if found["type"] == "missing":
        return "a value", "none", "add it"
    for pydantic, plain in PLAIN.items():
        why = re.sub(pydantic, plain, why)
    return why, given, "change it"


def shown(value: Any) -> str:
    """A value as a file has it, cut short for a message."""
    text = repr(value) if isinstance(value, str) else inline(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def close(word: str, known: Iterable[str], most: int = 1, least: float = 0.6) -> list[str]:
    """The known words that are most like it, whatever their case, the nearest first."""
    small = {k.lower(): k for k in known}
    return [small[n] for n in difflib.get_close_matches(word.lower(), small, most, least)]


def nearest(word: str, known: Iterable[str]) -> str:
    """Advice: the known word that was meant."""
    near = close(word.strip("'"), known)
    return f"try {near[0]}" if near else "use one of these"


def few(word: str, known: Collection[str]) -> str:
    """The known words, of many the eight that are nearest."""
    return ", ".join(known) if len(known) <= 8 else ", ".join([*close(word, known, 8, 0), "..."])


def line_of(text: str, keys: tuple[int | str, ...]) -> str:
    """`, line 12`: where a TOML text sets the key, or what is nearest above it; nothing where unsure."""
    if text.count("\n") > LONGEST:  # each beginning is read once
        return ""
    lines, best, begun = text.replace("\r\n", "\n").split("\n"), (0, 0), 0
    for end in range(1, len(lines) + 1):
        try:
            read = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:  # in the middle of a value of several lines
            continue
        best, begun = max(best, (_reached(read, keys), -begun)), end
    return f", line {1 - best[1]}" if best[0] else ""


def _reached(read: Any, keys: tuple[int | str, ...]) -> int:
    """How many of the keys lead into what was read."""
    for depth, key in enumerate(keys):
        try:
            read = read[key]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(keys)


def inline(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(k)} = {inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", r"\u007f")
