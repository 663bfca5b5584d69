"""What does the web page read? A folder made while scoring, found through a link that is moved in one step.

`<workspace>/page/now` leads to the newest scoring that was published with all that the page shows: it never opens the
warehouse. Names and numbers of people are in the tables `scores`, `leads` and `words`, notes of calls in `timeline`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from data.agreement.model import Agreement
from data.agreement.promises import promised
from data.reader import Unreadable, leave_out, written
from data.sql import in_force, literal, quoted
from data.tables import FEEDBACK, SCORES
from data.warehouse import Warehouse
from data.whole import point, remove, whole, writing
from data.workspace import Workspace, day_name
from features.definition import Feature
from features.rules.standing import build_rules, lines_of
from serving.lists import BEST, FALLING, find_columns, people_sql, work_lists
from serving.publication import Beside, Publication
from serving.published import of_earlier_days, published

MADE, NOW = ".made", "now"
PAGE, FACTS, CARD = "page.duckdb", "facts.json", "card.html"
DIGITS = "regexp_replace(CAST({} AS VARCHAR), '[^0-9]', '', 'g')"
ENDS = "<"
"""Before the digits of a number from the end."""
HISTORY_DAYS = 14
"""Of so many earlier days the scores of a lead are shown."""
PART = 250_000
"""Of so many leads points, events and features are written at once."""
LISTED = (
    *("rank", "lead_id", "as_of", "probability", "probability_low", "probability_high", "support", "zone"),
    *("rule_points", "route", "route_reason", "team", "segment", "on_list", "place", "agent", "next_question"),
    *("estimates", "then_question", "gain", "gain_call", "moved", "changed", "promise_due_at", "handed_off_at"),
    "answer_due_at",
)
"""What lists show and leads are chosen by."""
LATEST = "SELECT folder FROM publications ORDER BY as_of DESC LIMIT 1"
HANDED = f"""SELECT lead_id, max(handed_off_at) AS handed_off_at,
        max(handed_off_at) + INTERVAL 1 MICROSECOND AS as_of
    FROM handoffs e JOIN waiting w USING (lead_id) WHERE {in_force("w.as_of")} GROUP BY lead_id ORDER BY lead_id"""
TIMELINE = f"""
    SELECT * FROM (
        SELECT lead_id, occurred_at AS happened_at, 'touch' AS what, kind AS name, asset AS detail,
            CASE WHEN direction = 'outbound' THEN 'us' END AS who
        FROM touches e WHERE {in_force("$as_of")} AND occurred_at < $as_of AND is_bot IS NOT TRUE
        UNION ALL SELECT lead_id, called_at, 'call', coalesce(disposition, 'unknown'), left(notes, 500), agent_id
        FROM calls e WHERE {in_force("$as_of")} AND called_at < $as_of
        UNION ALL SELECT lead_id, answered_at, 'answer', criterion,
            CASE WHEN state = 'yes' THEN coalesce(level, 'yes') ELSE state END, source
        FROM answers e WHERE {in_force("$as_of")} AND answered_at < $as_of AND state <> 'not_asked'
        UNION ALL SELECT lead_id, handed_off_at, 'hand_off', coalesce(route, 'hand_off'), NULL, NULL
        FROM handoffs e WHERE {in_force("$as_of")} AND handed_off_at < $as_of
        UNION ALL SELECT lead_id, decided_at, 'decision', decision, reason, sales_rep
        FROM decisions e WHERE {in_force("$as_of")} AND decided_at < $as_of)
    SEMI JOIN published.scores USING (lead_id) WHERE lead_id BETWEEN $first AND $last ORDER BY lead_id"""
"""What happened to the leads of a part, in their order: the page sorts what it shows of one."""


def write(workspace: Workspace, warehouse: Warehouse, publication: Publication) -> None:
    """Write the folder of one scoring, named as that of its files; nothing where there is nothing beside the scores."""
    if publication.beside is None:
        return
    [(name,)] = warehouse.rows("SELECT folder FROM publications WHERE as_of = $1", [publication.as_of])
    with _writing(workspace), whole(workspace.page / MADE / name, alone=True) as making:
        making.mkdir()
        _write_files(making, warehouse, publication, publication.beside)


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Let the link lead to the folder of the newest scoring, if it has one, and drop all others."""
    newest, made = warehouse.scalar(LATEST), workspace.page / MADE
    if not made.is_dir():
        return
    with _writing(workspace):
        for left in made.glob(".*.old"):  # a run was killed while one folder took the place of another
            own = made / left.name.removeprefix(".").removesuffix(".old")
            if not own.exists():
                left.rename(own)
        before = (workspace.page / NOW).resolve().name
        if newest and (made / newest / FACTS).is_file() and newest != before:
            point(workspace.page / NOW, f"{MADE}/{newest}")
        kept = {(workspace.page / NOW).resolve().name, before}  # who reads the one before may read to the end
        remove(*(folder for folder in made.iterdir() if folder.name not in kept))


def forget(workspace: Workspace, leads: Sequence[str]) -> int:
    """Take the rows of these leads out of all that the page reads; how many."""
    made = workspace.page / MADE
    return sum(leave_out(page, leads) for page in sorted(made.glob(f"*/{PAGE}")))


def _writing(workspace: Workspace) -> Any:
    what, do = f"writing the page's data below {workspace.page}", "fix this and score again; nothing is lost"
    return writing(what, do, Unreadable)


def _write_files(folder: Path, warehouse: Warehouse, publication: Publication, beside: Beside) -> None:
    scores, settings = publication.scores, publication.settings
    shown = {f"shown {title}": sql for title, sql in find_columns(warehouse, settings).items()}
    lists = work_lists(warehouse, scores, settings)
    rows = _typed(scores[list(SCORES.names)])
    beside_scores = _typed(_beside_scores(scores, beside, lists, _with_sales(warehouse, scores, beside)))
    for name in beside_scores.column_names[1:]:
        rows = rows.append_column(name, beside_scores[name])
    warehouse.make(FEEDBACK)
    feedback = _typed(warehouse.frame("SELECT * FROM feedback ORDER BY said_at, feedback_id"))
    history = _history_sql(warehouse, publication)
    with written(folder / PAGE, warehouse) as page:
        with page.warehouse.view("now_scored", rows):
            known = people_sql(shown, "now_scored")
            whole_rows = f"SELECT s.*, p.* EXCLUDE (lead_id) FROM now_scored s LEFT JOIN ({known}) p USING (lead_id)"
            page.add("scores", whole_rows, find_by="lead_id")
        del rows, beside_scores
        columns = ", ".join(map(quoted, (*LISTED, "account_id", *shown)))
        page.add("leads", f"SELECT {columns} FROM published.scores ORDER BY rank")
        page.add("words", _words_sql([*shown]))
        page.add("history", history, find_by="lead_id")
        page.add("feedback", feedback)
        names = [f.name for f in beside.features]
        for at in range(0, len(scores), PART):
            part = scores[["lead_id", "as_of"]].iloc[at : at + PART]
            with lines_of(page.warehouse, part, beside.agreement) as lines:
                page.add("lines", lines)
            first, last = part["lead_id"].iloc[0], part["lead_id"].iloc[-1]
            page.add("timeline", TIMELINE, {"as_of": publication.as_of, "first": first, "last": last})
            if beside.model:
                page.add("matrix", _typed(part[["lead_id"]].join(beside.matrix[names])))
    (folder / CARD).write_text(beside.card, encoding="utf-8")
    facts = json.dumps(_facts(publication, beside), default=str)
    (folder / FACTS).write_text(facts, encoding="utf-8")


def _typed(frame: pd.DataFrame) -> pa.Table:
    """The rows with a type for each column: one without any value is text."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    types = [pa.string() if pa.types.is_null(f.type) else f.type for f in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, types, strict=True))))


def _history_sql(warehouse: Warehouse, publication: Publication) -> str:
    """The scores of the leads on the last days before that were published, and these."""
    zone = publication.settings.time_zone
    earlier = of_earlier_days(published(warehouse, publication.as_of), publication.as_of, zone)
    latest = {day_name(moment, zone): moment for moment in reversed(earlier)}  # of each day the last one
    moments = [literal(str(moment)) for moment in sorted(latest.values())[-HISTORY_DAYS:]]
    before = f"as_of IN ({', '.join(moments)})" if moments else "false"
    columns = "lead_id, as_of, probability, probability_low, probability_high, zone, route, changed"
    return f"""SELECT {columns} FROM scores SEMI JOIN published.scores USING (lead_id) WHERE {before}
        UNION ALL SELECT {columns} FROM published.scores ORDER BY lead_id, as_of"""


def _with_sales(warehouse: Warehouse, scores: pd.DataFrame, beside: Beside) -> pd.DataFrame:
    """Of the leads that sales has: when each was handed off, and by when sales promised to answer."""
    with warehouse.view("waiting", scores.loc[scores["route"] == "with_sales", ["lead_id", "as_of"]]):
        handed = warehouse.frame(HANDED)
    first = datetime.combine(beside.agreements[0].effective_from, datetime.min.time())
    ruled = handed[handed["handed_off_at"] >= first]
    zones = ruled.merge(
        build_rules(warehouse, ruled[["lead_id", "as_of"]], list(beside.agreements)), on=["lead_id", "as_of"]
    )
    due = promised(zones, beside.agreements).set_index("lead_id")["due_at"]
    return handed[["lead_id", "handed_off_at"]].assign(
        answer_due_at=handed["lead_id"].map(due).astype("datetime64[us]")
    )


def _beside_scores(
    scores: pd.DataFrame, beside: Beside, lists: dict[str, pd.DataFrame], with_sales: pd.DataFrame
) -> pd.DataFrame:
    """Row by row a lead's rank (the likeliest is 1), segment, place on a list, how far it moved, and what was promised
    where sales has it."""
    best = scores[BEST].sort_values(BEST, ascending=FALLING, na_position="last")["lead_id"]
    rank = pd.Series(range(1, len(best) + 1), best)
    names = [*(s.name for s in beside.agreement.values.segments), "all others"]
    places = pd.concat([rows[["lead_id", "place"]].assign(on_list=name) for name, rows in lists.items()])
    agent = lists["calls"].set_index("lead_id")["agent"]
    found = scores[["lead_id"]].assign(
        segment=beside.segments.loc[scores.index].map(dict(enumerate(names))),
        moved=beside.moved.loc[scores.index],
        rank=scores["lead_id"].map(rank),
        agent=scores["lead_id"].map(agent),
    )
    found = found.merge(places, on="lead_id", how="left").merge(with_sales, on="lead_id", how="left")
    return found.assign(place=lambda f: f["place"].astype("Int64"))


def _facts(publication: Publication, beside: Beside) -> dict[str, Any]:
    """What is to be said of the scoring as a whole."""
    settings = publication.settings
    return {
        "as_of": publication.as_of.isoformat(),
        "since": beside.since and beside.since.isoformat(),
        "day": publication.day,
        "time_zone": settings.time_zone,
        "leads": len(publication.scores),
        "events_kept": None,  # all; an older leadready kept the latest of each lead
        "fresh": list(beside.fresh),
        "stale": beside.stale,
        "closed": dict(beside.closed),
        "capacity": json.loads(beside.capacity.to_json(orient="records")),
        "waiting": beside.waiting,
        "model": dict(beside.model),
        "agreement": _agreement(beside.agreement),
        "shown": list(settings.lists.columns),
        "agents": list(settings.lists.agents),
        "features": [_feature(f) for f in beside.features] if beside.model else [],
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    """What the page says of an agreement."""
    said: dict[str, Any] = json.loads(agreement.model_dump_json())
    return said | {"asked": [name for name, criterion in agreement.criteria.items() if criterion.asked]}


def _feature(feature: Feature) -> dict[str, Any]:
    """A feature without how it is made: what reasons need of it."""
    return asdict(replace(feature, value="")) | {"fresh_days": str(feature.fresh_days)}


def features_of(said: Sequence[dict[str, Any]]) -> tuple[Feature, ...]:
    """The features that `_feature` wrote."""
    return tuple(Feature(**f | {"kinds": tuple(f["kinds"]), "fresh_days": float(f["fresh_days"])}) for f in said)


def words_of(text: str) -> str:
    """The words of a text, an expression in SQL: letters and digits, whatever their case."""
    return f"regexp_extract_all(lower({text}), '[\\p{{L}}\\p{{N}}_]+')"


def _words_sql(columns: Sequence[str]) -> str:
    """A row for each word of each lead's ids and of these columns: word, lead_id, rank; in the order of words.

    A lead that has a word twice is there twice.
    """
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in ("lead_id", "account_id", *columns))
    together = f"concat_ws(' ', {texts})"
    split = f"SELECT unnest({words_of(together)}) AS word, lead_id, rank FROM published.scores"
    numbers = " UNION ALL ".join(
        f"SELECT {DIGITS.format(quoted(name))} AS digits, lead_id, rank FROM published.scores" for name in columns
    )
    if numbers:  # a number is found by its digits, from the beginning or from the end
        both = f"unnest([digits, '{ENDS}' || reverse(digits)])"
        split += f" UNION ALL SELECT {both}, lead_id, rank FROM ({numbers}) WHERE len(digits) > 5"
    return f"{split} ORDER BY word"
