"""Does a row keep the contract? SQL that casts a mapping's result and gives each row the reasons against it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from data.agreement.model import Agreement
from data.errors import DataError
from data.intake.keys import same_id
from data.intake.records import OWN_COLUMNS
from data.intake.values import Reading, Seen, Texts, is_among
from data.intake.words import in_our_words
from data.sql import literal, quoted
from data.tables import MOST, SQL_TYPES, Column, Table
from data.toml_errors import close
from data.warehouse import Warehouse

MOST_COLUMNS = 500
"""Of a file or mapping; beyond, DuckDB takes minutes to plan what is done with each."""
LONGEST_TEXT = 1_000_000
"""Bytes of one text value."""
PERSONAL = re.compile(
    r"e[-_ ]?mail|phone|mobile|(first|last|full|sur|given|maiden|lead|contact)[-_ ]?name|birth|street|add?res(?!t)"
    r"|contact[-_ ]?person|linkedin|notes?$|pass(port|eport)|pasaporte|reisepass|paspoort"
    r"|nachname|vorname|familienname|geburt|telefo|stra(ss|ß)e|anschrift|hausnummer|ansprechpartner|kontaktperson"
    r"|steuer[-_ ]?(id|nr|nummer)|prenom|nom[-_ ]?(complet|(de[-_ ]?)?(famille|naissance|contact))|courriel|naissance"
    r"|interlocuteur|apellido|nombre[-_ ]?(completo|(de[-_ ]?)?(pila|contacto))|correo|nacimiento|direccion|domicilio"
    r"|persona[-_ ]?de[-_ ]?contacto|voornaam|achternaam|tussenvoegsel|geboorte|straat|huisnummer|contactpersoon"
    r"|(notiz(en)?|bemerkung(en)?|remarques?|commentaires?|notas|observaciones|opmerking(en)?)$"
    r"|^(noms?|nombres?|naam)$"
    r"|comments?$|kommentare?$|remarks?$|ansprechperson|durchwahl|landline|^e?mails?$"
    r"|(^|[^a-z])(tel|cell|dob|geb|iban|ssn|ip|fax|handy(nr|nummer)?|mobil(nummer)?|portable|rue|movil|celular|calle|dni|mobiel|bsn)([^a-z]|$)"
)
"""Column names, in lower case and without accents, of what is personal: English, German, French, Spanish, Dutch."""
NUMBERS = {"DOUBLE", "FLOAT", "BOOLEAN", "BIGINT", "HUGEINT", "UHUGEINT", "INTEGER", "SMALLINT", "TINYINT"}
KNOWN_AT = Column("known_at", "time", "when our systems knew")
UNSEEN = Seen(1, 1, padded=1, odd=1)
"""Of a column that was not looked at there may be anything."""
EXPECTED = {"number": "a number", "whole": "a whole number", "flag": "yes or no"}
NOT_LATER = "a time no later than the load at ' || {load} || '"
NONE = "'none'"
GIVEN = "'' || coalesce('''' || left({raw}, 60) || '''', 'none')"


@dataclass(frozen=True)
class Columns:
    """How a mapping's columns are taken, and which ones are not, by why.

    `stored`: all that a stored row says, `known_at` left out; `given`: stored name -> (name in the mapping, SQL type).
    """

    stored: tuple[Column, ...]
    given: Mapping[str, tuple[str, str]]
    personal: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def settle_columns(
    warehouse: Warehouse, table: Table, seen: Mapping[str, Seen], infer: bool, allowed: Sequence[str] = ()
) -> Columns:
    """Match the columns of the relation `mapped` to the table's, adding extra columns to the table.

    `infer`: text extras that were `seen` to hold numbers become numbers, and empty ones have to wait. `allowed`: those
    that look personal and are not: by their name or, of new ones, by values that are e-mail addresses or phone numbers.
    Raises DataError where a required column is missing or there are too many.
    """
    found = {n: t for n, t in warehouse.columns("mapped").items() if n.lower() not in OWN_COLUMNS}
    require(table, found, f"table {table.name}")
    if len(found) > MOST_COLUMNS:
        do = "leave out in a mapping what says nothing of a lead or its company (docs/mappings.md)"
        expected = f"at most {MOST_COLUMNS} columns"
        raise DataError(f"reading table {table.name}", expected=expected, got=f"{len(found)}", do=do)
    lower = {c.name.lower(): c for c in (*table.columns, KNOWN_AT)}
    given = {lower[n.lower()].name: (n, t) for n, t in found.items() if n.lower() in lower}
    others = {n: t for n, t in found.items() if n.lower() not in lower}
    if not table.extras:
        return Columns(table.columns, given, ignored=tuple(others))
    cleared = {n.lower() for n in allowed}
    dropped = {key for (key,) in warehouse.rows("SELECT key FROM retractions WHERE what = 'column'")}
    ignored = [n for n in others if n.startswith("_") or f"{table.name}.{n.lower()}" in dropped]
    stored = warehouse.extras(table)
    spelling = {n.lower(): n for n in stored}
    contacts = {n for n in others if n in seen and seen[n].is_contact and n.lower() not in spelling}
    looking = (n for n in others if n in contacts or PERSONAL.search(_without_accents(n.lower())))
    personal = tuple(n for n in looking if n.lower() not in cleared)
    for name, sql_type in others.items():
        if name not in (*personal, *ignored):
            own = spelling.setdefault(name.lower(), name)
            if table.extra(own) in given:
                ignored.append(name)
            elif own in stored or _add_extra(warehouse, table, name, sql_type, seen.get(name) if infer else None):
                given[table.extra(own)] = (name, sql_type)
    extras = [_extra(table, name, sql_type) for name, sql_type in warehouse.extras(table).items()]
    return Columns((*table.columns, *extras), given, personal, tuple(ignored))


def _without_accents(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))


def require(table: Table, found: Iterable[str], where: str) -> None:
    """Raise DataError with the difference unless all required columns are among those found."""
    names = {n.lower(): n for n in found if n.lower() not in OWN_COLUMNS}
    required = [c.name for c in table.columns if c.required]
    missing = [name for name in required if name not in names]
    if not missing:
        return
    spare = [name for low, name in names.items() if low not in table.names]
    diff = [" ".join([f"- {m}", *(f"(+ {n} is similar)" for n in close(m, spare, least=0.5))]) for m in missing]
    expected, got = f"the columns {', '.join(required)}", ", ".join(names.values()) or "none"
    do = "rename the columns in the file or write a mapping (docs/mappings.md)"
    raise DataError(f"reading {where}", expected=expected, got=f"{got}; missing: {', '.join(diff)}", do=do)


def checked_sql(
    table: Table,
    columns: Columns,
    seen: Mapping[str, Seen],
    loaded_at: datetime,
    backfill: bool,
    agreements: Sequence[Agreement],
    reading: Reading,
) -> str:
    """A SELECT of every row of `mapped`: cast columns, `known_at`, `_clock` (who said known_at) and `_reason` or ''.

    What was `seen` of a column is not looked for again in each of its texts. Casts run in the session's time zone;
    results are UTC. Levels of answers are held against `agreements`.
    """
    load = f"TIMESTAMP '{loaded_at}'"
    everything = (*columns.stored, KNOWN_AT)
    kept = {c.name: kept_words(table, c.name, agreements) for c in everything}
    about = {c.name: seen.get(columns.given.get(c.name, ("", ""))[0], UNSEEN) for c in everything}
    cast = {c.name: _cast(c, columns, reading, kept[c.name], about[c.name]) for c in everything}
    raw = ", ".join(f"{_given(c, columns, about[c.name])} AS {_raw(c)}" for c in everything)
    given = ", ".join(f"{cast[c.name]} AS {quoted(c.name)}" for c in everything)
    happened = table.known_from or table.occurred_at or "TIMESTAMP '1970-01-01'"
    event = f"try({happened})" if backfill else "NULL"
    said = f"{_raw(KNOWN_AT)} IS NOT NULL"
    if is_text_type(KNOWN_AT, columns.given.get(KNOWN_AT.name, ("", ""))[1]) or reading.has_empty_times:
        said += f" AND NOT {reading.is_empty(f'{_raw(KNOWN_AT)}::VARCHAR')}"
    clock = f"CASE WHEN {said} THEN 'source' WHEN {backfill} THEN 'event' ELSE 'load' END"
    known = f"CASE _clock WHEN 'source' THEN known_at WHEN 'event' THEN {event} ELSE {load} END"
    asked = [c for c in everything if c.name in columns.given or c.required]
    own = {*table.names, KNOWN_AT.name}
    reasons = [
        r
        for c in asked
        for r in (*(_unread(table, c, reading) if c.name in own else ()), *_column_reasons(c, load, columns))
    ]
    names = ", ".join(quoted(c.name) for c in columns.stored)
    levels = _level_reasons(agreements) if table.name == "answers" else []
    return f"""WITH raw AS (SELECT _row, _file, _line, {raw} FROM mapped),
        given AS (SELECT *, {given} FROM raw),
        clocked AS (SELECT *, {clock} AS _clock FROM given),
        known AS (SELECT * REPLACE ({known} AS known_at) FROM {in_our_words(table, agreements)})
        SELECT _row, _file, _line, {names}, known_at, _clock,
            concat_ws('; ', {", ".join([*reasons, *_row_reasons(table, load), *levels])}) AS _reason
        FROM known AS e"""


def _extra(table: Table, name: str, sql_type: str) -> Column:
    """A number is limited, as one absurd value would spoil the sums and means of all leads."""
    if sql_type == "DOUBLE":
        return Column(table.extra(name), "number", name, least=-MOST, most=MOST)
    return Column(table.extra(name), "text", name)


def _add_extra(warehouse: Warehouse, table: Table, name: str, sql_type: str, seen: Seen | None) -> bool:
    """Add the column; False where its texts were `seen` to settle its type and all are empty yet."""
    column, is_number = quoted(table.extra(name)), is_number_type(sql_type)
    if seen:
        if not seen.filled:
            return False
        is_number = seen.is_number
    warehouse.execute(f"ALTER TABLE {table.name} ADD COLUMN {column} {'DOUBLE' if is_number else 'VARCHAR'}")
    return True


def is_number_type(sql_type: str) -> bool:
    """Whether a mapping's column of this type comes as numbers or flags."""
    return sql_type.startswith("DECIMAL") or sql_type in NUMBERS or sql_type.removeprefix("U") in NUMBERS


def is_text_type(column: Column, sql_type: str) -> bool:
    """Whether a column that comes in this type is read as text: times must be times, numbers numbers."""
    if column.type == "time":
        return not sql_type.startswith(("TIMESTAMP", "DATE"))
    return column.type == "text" or not is_number_type(sql_type)


def texts_of(table: Table, types: Mapping[str, str], agreements: Sequence[Agreement]) -> list[Texts]:
    """The text columns among those of a mapping (name -> SQL type) that have values to look at, none of them personal.

    What may be a number: a number of the contract, and every extra column.
    """
    own = {c.name: c for c in (*table.columns, KNOWN_AT)}
    names = [n for n, t in types.items() if t == "VARCHAR" and n not in OWN_COLUMNS]
    return [
        Texts(
            n,
            kept_words(table, n, agreements),
            column is None or column.type == "number",
            bool(column and column.id_of),
        )
        for n in names
        if not ((column := own.get(n.lower())) and column.personal)
    ]


def kept_words(table: Table, name: str, agreements: Sequence[Agreement]) -> tuple[str, ...]:
    """The words that a column takes as values, even if they are empty words elsewhere."""
    if table.name == "answers" and name.lower() in ("criterion", "level"):
        named = [(*a.answer_names(), *(level for c in a.criteria.values() for level in c.levels)) for a in agreements]
        return tuple(word for words in named for word in words)
    return next((c.allowed for c in table.columns if c.name == name.lower()), ())


def _raw(column: Column) -> str:
    return quoted(f"given {column.name}")


def _given(column: Column, columns: Columns, seen: Seen) -> str:
    """What the mapping gave; blank text is nothing, and spaces around text mean nothing."""
    if column.name not in columns.given:
        return "NULL::VARCHAR"
    name, sql_type = columns.given[column.name]
    if not is_text_type(column, sql_type):
        return quoted(name)
    if sql_type in ("DOUBLE", "FLOAT"):  # ids that a frame with gaps made floats: 42.0 is 42
        whole = f"{quoted(name)} = trunc({quoted(name)}) AND abs({quoted(name)}) < 1e15"
        return f"CASE WHEN {whole} THEN {quoted(name)}::BIGINT::VARCHAR ELSE {quoted(name)}::VARCHAR END"
    text = f"{quoted(name)}::VARCHAR"
    return f"nullif({f'trim({text})' if seen.padded else text}, '')"


def _cast(column: Column, columns: Columns, reading: Reading, kept: Iterable[str], seen: Seen) -> str:
    raw, target = _raw(column), SQL_TYPES[column.type]
    if column.name not in columns.given:
        return f"NULL::{target}"
    given = columns.given[column.name][1]
    is_text = is_text_type(column, given)
    if column.type == "time":
        return reading.time(raw) if is_text else reading.moment(raw, given)
    if column.type == "text":
        text = same_id(raw) if column.id_of and seen.odd else raw
        if seen.empty and (column.id_of or not column.personal):
            text = reading.emptied(raw, text, kept)
        return f"lower({text})" if column.allowed else text
    return reading.number(raw) if is_text and column.type == "number" else f"try_cast({raw} AS {target})"


def _column_reasons(column: Column, load: str, columns: Columns) -> list[str]:
    """SQL texts, NULL where there is nothing to say. A personal value is never repeated."""
    value, raw, is_text = quoted(column.name), _raw(column), column.type == "text"
    size, least, most = f"strlen({value})", column.least, column.most
    was_time = columns.given.get(column.name, ("", ""))[1].startswith(("TIMESTAMP", "DATE"))
    rows = [
        (column.required and not is_text, f"{raw} IS NULL", "a value", NONE),
        (column.required and is_text, f"{value} IS NULL", "a value", GIVEN.format(raw=raw)),
        (is_text, f"contains({value}, chr(0))", "text", "'a NUL byte in it'"),
        (is_text, f"{size} > {LONGEST_TEXT}", "at most 1 MB of text", f"'' || {size} || ' bytes'"),
        (is_text and was_time, f"{value} IN ('infinity', '-infinity')", "a time of the years 1 to 9999", raw),
        (column.allowed, f"NOT {is_among(value, column.allowed)}", f"one of {', '.join(column.allowed)}", raw),
        (column.type == "number", f"NOT isfinite({value})", "a finite number", raw),
        (column.type == "whole", f"try_cast({raw} AS DOUBLE) <> {value}", EXPECTED["whole"], raw),
        (column.type == "time", f"{value} > {load} OR NOT isfinite({value})", NOT_LATER.format(load=load), raw),
        (least is not None, f"isfinite({value}) AND {value} < {least}", f"at least {least or 0:g}", raw),
        (most is not None, f"isfinite({value}) AND {value} > {most}", f"at most {most or 0:g}", raw),
    ]
    return [_reason(when, column.name, expected, got) for applies, when, expected, got in rows if applies]


def _unread(table: Table, column: Column, reading: Reading) -> list[str]:
    """SQL texts about a text that is no time, number or flag, and about a time before all plausible ones.

    An empty word is nothing, but where a value is required. Of extra columns such texts are counted instead.
    """
    value, raw, first = quoted(column.name), _raw(column), reading.settings.earliest
    if column.type == "text":
        return []
    empty = "FALSE" if column.required else reading.is_empty(f"{raw}::VARCHAR")
    expected = reading.accepted if column.type == "time" else EXPECTED[column.type]
    reasons = [_reason(f"{raw} IS NOT NULL AND {value} IS NULL AND NOT {empty}", column.name, expected, raw)]
    if column.type == "time":
        # of a table whose rows have no time of their own a backfill knows all since 1970
        always = f" AND {value} <> TIMESTAMP '1970-01-01'" if not table.occurred_at else ""
        early = f"{raw} IS NOT NULL AND {value} < TIMESTAMP '{first}'{always}"
        reasons.append(_reason(early, column.name, f"a time from {first} on", raw))
    return reasons


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(map(literal, texts))


def _row_reasons(table: Table, load: str) -> list[str]:
    """What columns say of each other and of other tables; nothing is said twice."""
    happened, computed = table.occurred_at, "_clock <> 'source'"
    rows = [(f"{computed} AND known_at > {load}", "known_at", NOT_LATER.format(load=load), "known_at")]
    if happened:
        early = f"known_at < {happened} AND {happened} <= {load}"
        unknown = f"{computed} AND known_at IS NULL AND {happened} IS NOT NULL"
        rows.append((early, "known_at", f"a time no earlier than {happened} ' || {happened} || '", "known_at"))
        rows.append((unknown, "known_at", "a time", NONE))
    if table.name != "leads" and "lead_id" in table.names:
        stranger = "lead_id IS NOT NULL AND lead_id NOT IN (SELECT lead_id FROM leads)"
        rows.append((stranger, "lead_id", "a lead in the table leads", "lead_id"))
    if table.name == "decisions":
        early, unasked = "decided_at < handed_off_at", "handed_off_at IS NULL AND decision = 'accepted'"
        handoff = "SELECT 1 FROM handoffs h WHERE h.lead_id = e.lead_id AND h.handed_off_at = e.handed_off_at"
        stranger = f"handed_off_at IS NOT NULL AND NOT EXISTS ({handoff})"
        rows.append((early, "decided_at", "a time no earlier than handed_off_at ' || handed_off_at || '", "decided_at"))
        rows.append((unasked, "handed_off_at", "the hand-off that was accepted", NONE))
        rows.append((stranger, "handed_off_at", "a hand-off of this lead at that time", "handed_off_at"))
    return [_reason(*row) for row in rows]


def _level_reasons(agreements: Sequence[Agreement]) -> list[str]:
    """A yes with a level that its criterion does not have in the agreement that was in force when it was given."""
    reasons = []
    for agreement, later in zip_longest(agreements, agreements[1:]):
        until = f" AND answered_at < TIMESTAMP '{later.effective_from}'" if later else ""
        for answer, name in agreement.answer_names().items():
            levels = agreement.criteria[name].levels
            if levels:
                odd = f"""state = 'yes' AND criterion = {literal(answer)} AND level NOT IN
                    ({_listed(levels)}) AND answered_at >= TIMESTAMP '{agreement.effective_from}'"""
                known = f"{', '.join(levels)} (agreement {agreement.version})".replace("'", "''")
                reasons.append(_reason(odd + until, "level", known, "level"))
    return reasons


def _reason(when: str, column: str, expected: str, got: str) -> str:
    """A CASE that says `column: expected X, got Y`; `expected` may hold SQL between `' || ... || '`.

    `got` is SQL: a text as it is where it begins with one, else a value to be shown in quotes.
    """
    shown = f"({got})" if got.startswith("'") else f"'''' || left(({got})::VARCHAR, 60) || ''''"
    name = column.replace("'", "''")
    return f"CASE WHEN {when} THEN '{name}: expected {expected}, got ' || {shown} END"
