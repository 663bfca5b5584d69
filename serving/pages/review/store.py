"""What does the page know? What the last scoring published for it, asked by DuckDB; never the warehouse."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd

from data.reader import Reader, Row, Unreadable
from data.sql import literal, quoted
from data.workspace import Workspace
from serving.publication import MOVED
from serving.routes import ROUTES
from serving.sinks.page import CARD, ENDS, FACTS, NOW, PAGE, words_of

T = TypeVar("T")
SHOWN = "shown "
"""What columns begin with that hold what is shown of a lead."""
PER_PAGE = 50
EVENTS_SHOWN = 50
"""The latest of so many events of a lead are shown."""
FOUND = 50
"""A search shows so many leads at most."""
LAST = "\U0010ffff"
"""No word goes on with a later sign."""
KEPT, KEPT_PAGES = 2000, 32
"""Of what is the same all day, so many answers are held, and so many first pages of leads."""
BANDS: dict[str, tuple[float, float]] = {"70": (0.7, 1.01), "50": (0.5, 0.7), "30": (0.3, 0.5), "0": (0.0, 0.3)}
"""Bands of probability: from, and below."""
SORTS = {
    "likely": "rank",
    "gain": "gain DESC NULLS LAST, lead_id",
    "call": "gain_call DESC NULLS LAST, lead_id",
    "points": "rule_points DESC, lead_id",
    "up": "moved DESC NULLS LAST, lead_id",
    "down": "moved NULLS LAST, lead_id",
    "list": "on_list DESC, place, lead_id",
    "id": "lead_id",
}
CHANGED = {"up": f"moved >= {MOVED}", "down": f"moved <= -{MOVED}", "new": "moved IS NULL AND probability IS NOT NULL"}
CHOICES = ("route", "zone", "team", "segment", "support", "on_list", "agent")
"""Columns by whose values leads are chosen."""
PROMISED = {
    "open": "answer_due_at >= as_of",
    "broken": "answer_due_at < as_of",
    "today": "promise_due_at IS NOT NULL",
}
"""Promises of sales: to answer hand-offs that were made, in time or late, and those of today's list."""
OTHERS = ("band", "changed", "owner", "promise")


@dataclass(frozen=True)
class Chosen:
    """Which leads are asked for, by filter, and in which order (a key of SORTS)."""

    filters: Mapping[str, str]
    sort: str = "likely"

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Chosen:
        """What a query string asks for; names that nobody knows are left aside."""
        filters = {name: value for name, value in given.items() if value and name in (*CHOICES, *OTHERS)}
        sort = given.get("sort", "")
        return cls(filters, sort if sort in SORTS else "list" if "on_list" in filters else "likely")


class Day:
    """One scoring as it was published: read only, by several threads at once.

    card: that of the model in use, a page; '' without one. owners: a key for each, which is no name.
    The table `leads` has them in the order of their rank; what is said of a single one is found by its id.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.folder, self.key = folder, Day.key_of(folder)
        self.facts: Row = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        self.as_of = datetime.fromisoformat(self.facts["as_of"])
        self.shown: list[str] = list(self.facts["shown"])
        self._reader, self._kept, self._lock = Reader(folder / PAGE, threads), dict[object, Any](), threading.Lock()
        self._first = dict[object, list[Row]]()
        self.owner = next((title for title in self.shown if title.lower() == "owner"), None)
        self.choices = {name: self._values(name) for name in CHOICES}
        names = self._values(SHOWN + self.owner) if self.owner else []
        self.owners = {sha256(name.encode()).hexdigest()[:12]: name for name in names}
        self.card = (folder / CARD).read_text(encoding="utf-8")

    @staticmethod
    def key_of(folder: Path) -> tuple[Path, int]:
        """What tells a published day from another, and from itself before somebody in it was forgotten."""
        return folder, (folder / PAGE).stat().st_mtime_ns

    def _once(self, key: object, ask: Callable[[], T]) -> T:
        """What is the same all day, asked once; as many answers as KEPT are held."""
        found = self._kept.get(key, self)
        if found is self:
            found = ask()
            with self._lock:
                if len(self._kept) >= KEPT:
                    self._kept.clear()
                self._kept[key] = found
        answer: T = found
        return answer

    def _values(self, column: str) -> list[str]:
        name = quoted(column)
        found = self._reader.rows(f"SELECT DISTINCT {name} AS v FROM leads WHERE {name} IS NOT NULL ORDER BY v")
        values = [str(row["v"]) for row in found if str(row["v"])]
        return [name for name in ROUTES if name in values] if column == "route" else values

    def _where(self, chosen: Chosen) -> tuple[str, dict[str, Any]]:
        parts, values = ["true"], dict[str, Any]()
        for name, value in chosen.filters.items():
            if name in CHOICES:
                parts.append(f"{name} = ${name}")
                values[name] = value
            elif name == "band" and value in BANDS:
                low, high = BANDS[value]
                parts.append(f"probability >= {low} AND probability < {high}")
            elif name == "changed" and value in CHANGED:
                parts.append(CHANGED[value])
            elif name == "promise" and value in PROMISED:
                parts.append(PROMISED[value])
            elif name == "owner" and self.owner and value in self.owners:
                parts.append(f"{quoted(SHOWN + self.owner)} = $owner")
                values["owner"] = self.owners[value]
            else:
                parts.append("false")
        return " AND ".join(parts), values

    def count(self, chosen: Chosen) -> int:
        """How many leads are asked for."""
        where, values = self._where(chosen)
        sql, key = f"SELECT count(*) AS n FROM leads WHERE {where}", ("count", *sorted(chosen.filters.items()))
        return int(self._once(key, lambda: self._reader.rows(sql, values)[0]["n"]))

    def leads(self, chosen: Chosen, page: int = 1, most: int = PER_PAGE) -> list[Row]:
        """A page of the leads asked for, as many as `most`."""
        if chosen.sort == "likely" or page > 1:
            return self._leads(chosen, page, most)
        key = (*sorted(chosen.filters.items()), chosen.sort, most)  # everybody's first page, for which all are sorted
        found = self._first.get(key)
        if found is None:
            found = self._first[key] = self._leads(chosen, page, most)
            if len(self._first) > KEPT_PAGES:
                with suppress(KeyError, RuntimeError):  # another thread was quicker
                    del self._first[next(iter(self._first))]
        return found

    def _leads(self, chosen: Chosen, page: int, most: int) -> list[Row]:
        where, values = self._where(chosen)
        some = f"LIMIT {most:d} OFFSET {max(page - 1, 0) * most:d}"
        if chosen.sort == "likely":  # as they are held
            return self._rows(f"FROM leads WHERE {where} {some}", values)
        order = SORTS[chosen.sort]
        places = f"SELECT rowid FROM leads WHERE {where} ORDER BY {order} {some}"
        return self._rows(f"FROM leads WHERE rowid IN ({places}) ORDER BY {order}", values)

    def search(self, words: str) -> list[Row]:
        """The likeliest leads of which each of the words begins a word of the id or of what is shown."""
        begins = sorted(self._words(words), key=len, reverse=True)
        digits = re.sub(r"[\s()+./-]", "", words)
        if digits.isdecimal() and len(digits) > 3:  # a number, however it is written
            steps = [" OR ".join(map(_begins, (digits, ENDS + digits[::-1])))]
        else:
            steps = [_begins(word) for word in begins]  # the longest is asked first: the fewest leads have it
        if not steps:
            return []
        narrowed = [f"found_0 AS MATERIALIZED (SELECT DISTINCT rank FROM words WHERE {steps[0]})"]
        for at, step in enumerate(steps[1:], 1):  # a join takes half as long as IN
            left = f"SELECT DISTINCT rank FROM words JOIN found_{at - 1} USING (rank) WHERE {step}"
            narrowed.append(f"found_{at} AS MATERIALIZED ({left})")
        ranks = f"SELECT rank FROM found_{len(steps) - 1} ORDER BY rank LIMIT {FOUND}"
        return self._rows(f"WITH {', '.join(narrowed)} FROM leads WHERE rank IN ({ranks}) ORDER BY rank")

    def _words(self, text: str) -> set[str]:
        """Its words, as they were split when the page was made; plain ones without a query, which takes longer."""
        if text.isascii():
            return set(re.findall(r"\w+", text.lower()))
        [split] = self._reader.rows(f"SELECT {words_of('$words')} AS words", {"words": text})
        return set(split["words"])

    def _rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        return [with_who(row) for row in self._reader.rows(sql, values)]

    def counts(self, column: str) -> list[Row]:
        """How many leads have which value of this column."""
        sql = f"SELECT {column}, count(*) AS leads FROM leads GROUP BY ALL ORDER BY leads DESC, {column}"
        return self._once(("counts", column), lambda: self._reader.rows(sql))

    def totals(self) -> Row:
        """Counts of the whole day: moved up and down, new, outside, promises, and how many are on each list."""
        sql = f"""SELECT count(*) AS leads, count(*) FILTER (on_list = 'hand_offs') AS hand_offs,
            count(*) FILTER (on_list = 'calls') AS calls, count(*) FILTER ({CHANGED["up"]}) AS up,
            count(*) FILTER ({CHANGED["down"]}) AS down, count(*) FILTER (support = 'outside') AS outside,
            count(*) FILTER (route = 'with_sales') AS with_sales, count(*) FILTER ({PROMISED["broken"]}) AS broken,
            count(*) FILTER ({PROMISED["open"]}) AS due,
            min(answer_due_at) FILTER ({PROMISED["open"]}) AS first_due FROM leads"""
        return self._once("totals", lambda: self._reader.rows(sql)[0])

    def first(self, name: str, most: int = 10) -> list[Row]:
        """The first leads of a list."""
        return self._once(("first", name, most), lambda: self.leads(Chosen({"on_list": name}, "list"), most=most))

    def movers(self, way: Literal["up", "down"], most: int = 5) -> list[Row]:
        """The leads that rose, or fell, most, of those that moved."""
        return self._once(("movers", way, most), lambda: self.leads(Chosen({"changed": way}, way), most=most))

    def lead(self, lead: str) -> Row | None:
        """All that was published of a lead."""
        found = self._reader.rows("FROM scores WHERE lead_id = $lead", {"lead": lead})
        return with_who(found[0]) if found else None

    def lines(self, lead: str) -> list[Row]:
        """The lines that add up to the lead's points."""
        sql = "FROM lines WHERE lead_id = $lead ORDER BY axis, criterion, occurred_at, what, points"
        return self._reader.rows(sql, {"lead": lead})

    def timeline(self, lead: str) -> list[Row]:
        """The last EVENTS_SHOWN that happened, the latest first; `events`: how many there are."""
        sql = f"""SELECT *, count(*) OVER () AS there FROM timeline WHERE lead_id = $lead
            ORDER BY happened_at DESC, what, name, detail, who LIMIT {EVENTS_SHOWN:d}"""
        rows = self._reader.rows(sql, {"lead": lead})
        return [row | {"events": row.get("events") or row["there"]} for row in rows]  # an older leadready left some out

    def matrix(self, lead: str) -> pd.DataFrame:
        """The features of a lead, a frame of one row."""
        sql = "SELECT * EXCLUDE (lead_id) FROM matrix WHERE lead_id = $lead"
        return self._reader.frame(sql, {"lead": lead})

    def history(self, lead: str) -> list[Row]:
        """The scores of a lead on the last published days, the earliest first."""
        return self._reader.rows("FROM history WHERE lead_id = $lead ORDER BY as_of", {"lead": lead})

    def account(self, account: str) -> list[Row]:
        """The open leads of an account."""
        return self._rows(f"FROM leads WHERE account_id = $account ORDER BY {SORTS['likely']}", {"account": account})

    def asked(self, account: str, most: int = 20) -> list[Row]:
        """The last calls and answers of all leads of an account."""
        return self._reader.rows(
            f"""FROM timeline WHERE what IN ('answer', 'call')
            AND lead_id IN (SELECT lead_id FROM leads WHERE account_id = $account)
            ORDER BY happened_at DESC, lead_id, what, name, detail, who LIMIT {most:d}""",
            {"account": account},
        )

    def engagement(self, account: str) -> list[Row]:
        """How often each kind of touch came from the leads of an account, from how many of them, and the last one."""
        return self._reader.rows(
            """SELECT name, count(*) AS times, count(DISTINCT lead_id) AS people, max(happened_at) AS last_at
            FROM timeline WHERE what = 'touch' AND who IS DISTINCT FROM 'us'
            AND lead_id IN (SELECT lead_id FROM leads WHERE account_id = $account)
            GROUP BY name ORDER BY times DESC, name""",
            {"account": account},
        )

    def feedback(self) -> pd.DataFrame:
        """What people had said of scores by then."""
        return self._reader.frame("FROM feedback")

    def frame(self, chosen: Chosen) -> pd.DataFrame:
        """All leads asked for, with what is shown of them."""
        where, values = self._where(chosen)
        found = self._reader.frame(f"FROM leads WHERE {where} ORDER BY {SORTS[chosen.sort]}", values)
        return found.rename(columns={SHOWN + t: t if t not in found else f"{t} (shown)" for t in self.shown})


def _begins(word: str) -> str:
    """The rows of `words` with this beginning."""
    return f"(word >= {literal(word)} AND word < {literal(word + LAST)})"


def with_who(row: Row) -> Row:
    """The row with `who`, what is shown of the lead by title, in place of these columns."""
    shown = {name.removeprefix(SHOWN): row.pop(name) for name in [name for name in row if name.startswith(SHOWN)]}
    return row | {"who": shown}


class Store:
    """The newest published day, read anew when another scoring has been published."""

    def __init__(self, workspace: Workspace, processes: int = 1) -> None:
        self._workspace, self._lock = workspace, threading.Lock()
        self._threads = 1 if processes > 1 else 2
        self._day: Day | None = None

    def day(self) -> Day | None:
        """None while nothing has been published for the page."""
        with self._lock:
            with suppress(OSError, Unreadable):  # nothing there yet, or a folder that has just been replaced
                found = (self._workspace.page / NOW).resolve()
                if self._day is None or self._day.key != Day.key_of(found):
                    self._day = Day(found, self._threads)  # whoever reads the former one still holds it
            return self._day
