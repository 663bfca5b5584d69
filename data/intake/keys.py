"""When are two ids the same? One rule for every id column of every table, as SQL."""

from __future__ import annotations

from collections.abc import Iterable

from data.warehouse import Warehouse

PLAIN = "[0-9A-Za-z_:/@-]{0,14}"
"""What no step below would change."""
SPACE = r"[\s\pZ\x01-\x1f\x7f-\x9f]+"
SALESFORCE = "(0[0-9]|50|70|80|a[0-9A-Za-z])[0-9A-Za-z]{13}"
"""The 15 characters of a Salesforce id: those of its object come first."""
FIVE_BITS = " ".join(f"{i:05b}" for i in range(32))
"""Which of five letters are capitals, all 32 ways, six characters each: the place of one is that of its character."""
GUARDED = r'^(="\s*)+(.*?)(\s*")+$'
"""A text as Excel exports it, to keep it from becoming a number."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def same_id(text: str) -> str:
    """The form in which an id is stored and looked up, as SQL over a text.

    Unicode is composed (NFC), invisible characters go, white space (tabs, no-break spaces) is one space and none at the
    ends. Excel's guard of a text goes (`="007"` is `007`). A whole number that gaps or Excel made a decimal is whole
    again (`42.0`, `42,00`). A Salesforce id of 15 characters gets the three that make it the 18 of its API: of five
    letters each, which ones are capitals (Salesforce Help, "15-character and 18-character IDs"). Letter case is kept:
    in the 15 characters it tells records apart.
    """
    shown = f"regexp_replace(nfc_normalize({text}), '\\p{{Cf}}', '', 'g')"
    spaced = f"trim(regexp_replace({shown}, '{SPACE}', ' ', 'g'))"
    bare = rf"""regexp_replace({spaced}, '{GUARDED}', '\2')"""
    whole = rf"nullif(regexp_replace({bare}, '^(-?\d+)[.,]0{{1,2}}$', '\1'), '')"
    is_short = f"regexp_full_match(k, '{SALESFORCE}') AND regexp_matches(k, '[A-Za-z]')"
    long = f"CASE WHEN {is_short} THEN concat(k, {', '.join(map(_check, (1, 6, 11)))}) ELSE k END"
    return f"""CASE WHEN {is_plain(text)} THEN nullif({text}, '')
        ELSE list_transform([{whole}], lambda k: {long})[1] END"""


def is_plain(text: str) -> str:
    """SQL: whether a text without spaces around it is stored as it is."""
    return f"regexp_full_match({text}, '{PLAIN}')"


def stored_ids(warehouse: Warehouse, texts: Iterable[str]) -> list[str]:
    """The form in which each of these ids would be stored; one that would be empty stays as it is."""
    form = f"SELECT coalesce({same_id('x')}, x) FROM (SELECT $1::VARCHAR AS x)"
    return [str(warehouse.scalar(form, [text])) for text in texts]


def alike(text: str) -> str:
    """What ids have in common that differ in letter case or leading zeros only: perhaps they mean the same."""
    return f"ltrim(lower({text}), '0')"


def _check(start: int) -> str:
    """The character that says which of five letters are capitals, the first one's bit last."""
    bits = "reverse(regexp_replace(regexp_replace(k, '[^A-Z]', '0', 'g'), '[A-Z]', '1', 'g'))"
    return f"substr('{LETTERS}', 1 + strpos('{FIVE_BITS}', substr({bits}, {12 - start}, 5)) // 6, 1)"
