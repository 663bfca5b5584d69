"""How do a source's raw relations become our tables? One SELECT a table in a folder; `canonical` needs none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from data.errors import ConfigError, UsageError
from data.intake.names import declared_relation
from data.tables import TABLES, Table
from data.toml_errors import read_text

CANONICAL = "canonical"
NAME = re.compile(r"\w[\w.\- ]*")
STARTERS = Path(__file__).parents[1] / "starters"
"""Mappings of common CRMs to begin from: `leadready init --from` copies them into the workspace."""
FUNCTIONS = r"""
    CREATE OR REPLACE TEMP MACRO loaded_at() AS timezone('UTC', {load});
    CREATE OR REPLACE TEMP MACRO end_of_day(given) AS CASE
        WHEN length(given::VARCHAR) = 10 AND try_cast(given AS DATE) IS NOT NULL
        THEN least((try_cast(given AS DATE) + INTERVAL '23:59:59.999999')::TIMESTAMPTZ, loaded_at())::VARCHAR
        ELSE given::VARCHAR END;
    CREATE OR REPLACE TEMP MACRO range_start(given) AS CASE
        WHEN regexp_matches(given, '^(\d+|\d{{1,3}}(,\d{{3}})+)(\s*(-|–|\+|to ).*)?$')
        THEN replace(regexp_extract(given, '^[\d,]+'), ',', '') ELSE given END;
    CREATE OR REPLACE TEMP MACRO is_yes(given) AS coalesce(lower(given::VARCHAR) IN ('1', 'true', 'yes'), false)"""
"""What mappings may call; `load` is SQL. Texts of another form stay as they are, for the contract to judge.

`loaded_at()`: the load, for what its source does not date. `end_of_day(text)`: of a day without a time its last moment,
but not after the load: what happened on it came before. `range_start(text)`: `25` of `25-50`, `1000` of `1,000+`.
`is_yes(text)`: whether it is 1, true or yes.
"""


@dataclass(frozen=True)
class Mapping:
    """One table's SELECT; `mutable` columns are overwritten in place by the source; `canonical` needs no SQL file.

    `times` and `decimal`: how its texts are written, '' where it does not say; see `values.Reading`.
    `optional` columns of the first relation it reads may be absent from the files: they are empty then.
    """

    table: Table
    sql: str
    reads: tuple[str, ...]
    mutable: tuple[str, ...] = ()
    canonical: bool = False
    times: str = ""
    decimal: str = ""
    optional: tuple[str, ...] = ()


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
        if source in known_sources(STARTERS):
            do = f"get its mappings with `leadready init --from {source} EXPORTS`"
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
    raw = (r.lower() for r in re.findall(r"\braw_\w+", text, re.IGNORECASE))
    reads = tuple(dict.fromkeys(map(declared_relation, named) if named else raw))
    return Mapping(
        TABLES[path.stem],
        text.strip().rstrip(";"),
        reads,
        mutable=_declared(text, "mutable"),
        times=_declaration(text, "times"),
        decimal=_declaration(text, "decimal"),
        optional=_declared(text, "optional"),
    )


def _declared(text: str, word: str) -> tuple[str, ...]:
    """The names after `-- word:` in the comment lines at the top, on one line or several."""
    return tuple(n.strip() for n in _declaration(text, word).split(",") if n.strip())


def _declaration(text: str, word: str) -> str:
    """What stands after `-- word:` in the comment lines at the top, with commas between lines."""
    top = re.match(r"(?:\s*--[^\n]*\n)*", text)
    return ",".join(n.strip() for n in re.findall(rf"--\s*{word}:([^\n]*)", top.group() if top else ""))
