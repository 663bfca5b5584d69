"""A search splits a text as the page's words were split when it was made."""

import duckdb
from hypothesis import example, given
from hypothesis import strategies as st

from serving.pages.review.store import Day
from serving.sinks.page import words_of


@given(st.text(st.characters(max_codepoint=127)))
@example("O'Brien_2 Ann-Marie\tA.B@c.example 007\x00x")
@example("".join(map(chr, range(128))))
def test_plain_texts_are_split_alike(text):
    with duckdb.connect() as connection:
        [(split,)] = connection.execute(f"SELECT {words_of('$words')}", {"words": text}).fetchall()
    assert Day._words(None, text) == set(split)
