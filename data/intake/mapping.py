"""How do a source's raw relations become our tables? One SELECT a table in a folder; `canonical` needs none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from data.errors import ConfigError, UsageError
from data.tables import TABLES, Table
from data.toml_errors import read_text

CANONICAL = "canonical"
NAME = re.compile(r"\w[\w.\- ]*")


@dataclass(frozen=True)
class Mapping:
    """One table's SELECT; `mutable` columns are overwritten in place by the source; `canonical` needs no SQL file.

    `times` and `decimal`: how its texts are written, '' where it does not say; see `values.Reading`.
    """

    table: Table
    sql: str
    reads: tuple[str, ...]
    mutable: tuple[str, ...] = ()
    canonical: bool = False
    times: str = ""
    decimal: str = ""


def load_mappings(source: str, folder: Path | None = None) -> tuple[Mapping, ...]:
    """The mappings of a source, in the order in which their tables are stored.

    They lie in `<folder>/<source>`; `canonical` is built in. Raises UsageError for a source that is neither or no name,
    and ConfigError where a file is not named like a table or cannot be read.
    """
    if not NAME.fullmatch(source):
        do = "name the folder below --mappings, without a path"
        raise UsageError("ingesting", expected="a source's name such as crm", got=repr(source), do=do)
    place = folder / source if folder else None
    if source == CANONICAL and not (place and place.is_dir()):
        return tuple(Mapping(t, f"SELECT * FROM raw_{n}", (f"raw_{n}",), canonical=True) for n, t in TABLES.items())
    if not (place and place.is_dir()):
        expected = f"one of the sources {', '.join(known_sources(folder))}"
        do = "name one of these, or give the folder of your mappings with --mappings"
        raise UsageError(f"ingesting from {source!r}", expected=expected, got=repr(source), do=do)
    found = {p.stem: _from_file(p) for p in sorted(place.glob("*.sql"))}
    return tuple(found[name] for name in TABLES if name in found)


def known_sources(folder: Path | None = None) -> list[str]:
    """The sources that `load_mappings` would find."""
    found = folder.iterdir() if folder and folder.is_dir() else ()
    return sorted({CANONICAL, *(p.name for p in found if any(p.glob("*.sql")))})


def _from_file(path: Path) -> Mapping:
    if path.stem not in TABLES:
        expected = f"a file named like one of the tables {', '.join(TABLES)}"
        raise ConfigError(f"reading the mapping {path.name}", expected=expected, got=path.stem, do="rename it")
    text = read_text(path)
    named = _declared(text, "reads")
    reads = [f"raw_{n}" for n in named] if named else re.findall(r"\braw_\w+", text)
    times, decimal = _declaration(text, "times"), _declaration(text, "decimal")
    sql, mutable = text.strip().rstrip(";"), _declared(text, "mutable")
    return Mapping(TABLES[path.stem], sql, tuple(dict.fromkeys(reads)), mutable, times=times, decimal=decimal)


def _declared(text: str, word: str) -> tuple[str, ...]:
    """The names after `-- word:` in the comment lines at the top."""
    return tuple(n.strip() for n in _declaration(text, word).split(",") if n.strip())


def _declaration(text: str, word: str) -> str:
    """What stands after `-- word:` in the comment lines at the top."""
    top = re.match(r"(?:\s*--[^\n]*\n)*", text)
    found = re.search(rf"--\s*{word}:([^\n]*)", top.group() if top else "")
    return found.group(1).strip() if found else ""
