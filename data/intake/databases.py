"""How is a database read? Through SQLAlchemy, and what is shown of its address has no password in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, unquote_plus

import duckdb

from data.errors import DataError, LeadreadyError
from data.intake.records import first_line, unreadable

SECRET = re.compile(r"(pwd|pass\w*|secret|token|key)\s*=", re.IGNORECASE)
"""What a path does not hold, but a driver's own way to write a connection does."""
LONG = 6
"""Letters from which on a secret word is not mistaken for a part of another."""


def without_password(path: str) -> str:
    """A path as it may be shown; of a database URL no user, no password and no options, which may hold both.

    Where it is not plain which part is which, only the kind of database is shown, or nothing; so it is with what seems
    to be a driver's own words for a connection.

    >>> without_password("postgresql://ann:secret@db:5432/crm"), without_password("mssql://db/crm;PWD=secret")
    ('postgresql://db:5432/crm', 'mssql://db/crm')
    >>> without_password("postgresql://ann:secret/crm"), without_password("postgresql:ann:secret@db")
    ('postgresql://...', '...')
    >>> without_password("Server=db;Uid=ann;Pwd=secret"), without_password("exports/pwd-2026")
    ('...', 'exports/pwd-2026')
    """
    kind, is_url, rest = path.partition("://")
    if ("@" in kind and ":" in path) or (not is_url and SECRET.search(path)):
        return "..."
    if not is_url:
        return path
    address, *options = re.split("[?;#]", rest)
    place = address.rpartition("@")[2]
    # an @ among the options: a password with a ? ; or #; a port that is none: a password whose host was forgotten
    plain = "@" not in "".join(options) and re.fullmatch(r"(\[[^]]*\]|[^:/=]*)(:\d*)?(/[^=]*)?", place)
    return f"{kind}://{place if plain else '...'}"


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """An engine for the database at a URL; whatever fails about it, then or in the block, is a DataError."""
    from sqlalchemy import create_engine

    try:
        engine = create_engine(url)
        try:
            yield engine
        finally:
            engine.dispose()
    except (LeadreadyError, duckdb.Error):  # of the warehouse that the rows go to
        raise
    except Exception as error:  # a driver may raise anything, with its password in it
        raise _no_database(url, error) from None


def answers(url: str) -> None:
    """Raise DataError, without the password, where the database at a URL does not answer."""
    with opened(url) as engine, engine.connect():
        pass


def table_names(engine: Any) -> list[str]:
    """The tables of an opened database."""
    from sqlalchemy import inspect

    return list(inspect(engine).get_table_names())


@contextmanager
def all_rows(engine: Any, table: str) -> Iterator[Any]:
    """A cursor over a table's rows, which are not fetched at once."""
    with engine.connect().execution_options(stream_results=True) as connection:
        yield connection.exec_driver_sql(f"SELECT * FROM {engine.dialect.identifier_preparer.quote(table)}")


def _no_database(url: str, error: Exception) -> DataError:
    do = "check the address, that the database is running, and that this user may read it"
    got = without_secrets(first_line(error), url)
    return unreadable(without_password(url), "a database that can be read", got, do)


def without_secrets(text: str, url: str) -> str:
    """A message without the words of the URL that are not shown: drivers repeat the user or more.

    A longer word is hidden inside others too, however it is written in the URL.
    """
    known, all_words = (set(re.split(r"[/:@?&=;#,]+", u)) for u in (without_password(url), url))
    hidden = {w for word in all_words - known - {""} for w in (word, unquote(word), unquote_plus(word))}
    hidden |= {repr(word)[1:-1] for word in hidden}
    parts = [re.escape(w) if len(w) >= LONG else rf"(?<!\w){re.escape(w)}(?!\w)" for w in sorted(hidden, key=len)[::-1]]
    return re.sub("|".join(parts), "...", text) if hidden else text
