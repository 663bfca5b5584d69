"""What became of a batch? Its rows by table, and what else there is to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from data.agreement.model import Agreement
from data.intake.findings import Finding, Strangers
from data.intake.ingest import IngestReport
from data.intake.noticed import Noticed
from data.intake.postgres import Followed
from data.intake.values import NEARLY_ALL
from data.tables import TABLES
from serving.pages.sections import Report, Rows, Section

ALLOW = "to keep one that is not personal, name it under allow_columns in [ingest] of settings.toml"
HISTORY = "nothing can be learned from them; if they are history, run the same command again with --backfill"
WORDS = {
    "empty": "{column}: {count:,} read as missing ({examples})",
    "no_number": "{column} holds numbers, but {count:,} of {filled:,} are not ({examples}): stored as missing",
    "other_style": "{column}: {count:,} of {filled:,} look like numbers in another style ({examples}): declare it,"
    " as in `-- decimal: ,` (docs/mappings.md)",
    "thousands": "{column}: {count:,} of {filled:,} were read with a decimal point ({examples}): if it separates"
    " thousands, declare `-- decimal: ,` (docs/mappings.md)",
    "codes": "{column} holds numbers, but {count:,} of {filled:,} begin with a zero, like codes ({examples}): stored"
    " without the zero; to keep it, select the column as text in a mapping under another name",
    "guarded": "{column}: {count:,} of {filled:,} are wrapped by Excel in = and quotes ({examples}): read without them",
    "stays_text": "{column} is kept as text, as its first load or its mapping had it, although {count:,} of"
    " {filled:,} are numbers ({examples}): to have numbers, cast it in a mapping under another name",
}
MOST_NOTICED = 30
CHANGED = "; if the column means something else now, give it another name in a mapping"


def ingest_report(done: IngestReport) -> Report:
    """One row a table (rows in = stored + quarantined + repeats), and what was left out."""
    rows = ingest_rows(done)
    held = f"rejected rows, now in quarantine: {done.quarantined:,} (`leadready quarantine list` shows why)"
    points = [
        *(f"read {name}: {count:,} records" for name, count in done.files.items()),
        *map(_followed_in_words, done.followed),
        *[held] * bool(done.quarantined),
        *_remarks(done),
    ]
    facts = {"batch_id": done.batch_id, "files": done.files, "tables": rows, **_facts(done)}
    return Report([Section("What was ingested?", points=points, rows=rows)], facts)


def check_report(done: IngestReport) -> Report:
    """What each file would become: tables, columns used and not, what would be rejected. Nothing was stored."""
    rows, checked = ingest_rows(done), done.checked
    assert checked, "a batch that was stored"
    points = [
        f"{name}: {count:,} record{'s' * (count != 1)} for {', '.join(checked.feeds[name])}"
        for name, count in done.files.items()
    ]
    for name, unread in checked.unread.items():
        points += [f"{name}: columns that no mapping reads: {_some(unread)}"] * bool(unread)
    points += map(_followed_in_words, done.followed)
    points += [f"kept as features: {', '.join(checked.extras)}"] * bool(checked.extras)
    points += _remarks(done)
    for found in checked.rejected:
        first = f"the first in line {found.line} of {found.file}: {found.reason}"
        points.append(f"{found.table}: {found.rows:,} row{'s' * (found.rows > 1)} would be rejected, {first}")
    points.append("nothing was stored")
    facts = {"files": done.files, "tables": rows, "checked": asdict(checked), **_facts(done)}
    return Report([Section("What would be ingested?", points=points, rows=rows)], facts)


def criteria_rows(agreement: Agreement, done: IngestReport) -> Rows:
    """The agreement's criteria with their levels beside the answers that a check found, and answers to no criterion."""
    names, answers = agreement.answer_names(), done.checked.answers if done.checked else {}
    return [
        {
            "criterion": names.get(answer, "-"),
            "levels in the agreement": ", ".join(agreement.criteria[names[answer]].levels) if answer in names else "-",
            "in the data": f"{answer}: {_counted(answers[answer])}" if answer in answers else "no answers",
        }
        for answer in dict.fromkeys([*names, *answers])
    ]


def _counted(words: dict[str, int]) -> str:
    return ", ".join(f"{word} {count:,}" for word, count in words.items())


def _some(names: tuple[str, ...], most: int = 12) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _remarks(done: IngestReport) -> list[str]:
    """What else there is to say, of a batch that was stored or only checked."""
    more = done.noticed[MOST_NOTICED:]
    named = {
        "not read, because no mapping uses them or for the reason in brackets": done.unused,
        f"columns left out because they look personal ({ALLOW})": done.left_out,
        "ignored columns that no table has": done.ignored,
        **{f"columns that {name} lacks, read as empty": absent for name, absent in done.absent.items()},
    }
    return [
        *(f"{words}: {_some(names)}" for words, names in named.items() if names),
        *strangers_in_words(done.strangers),
        *(line for finding in done.findings for line in finding_in_words(finding)),
        *map(_in_words, done.noticed[:MOST_NOTICED]),
        *[f"{len(more):,} more remarks on columns; `--json` lists them"] * bool(more),
    ]


def _facts(done: IngestReport) -> dict[str, Any]:
    """What remarks say, all of it: names beyond those that are printed too."""
    said: dict[str, Sequence[Any]] = {"noticed": done.noticed, "findings": done.findings, "strangers": done.strangers}
    said |= {"followed": done.followed}
    names = {"unused": done.unused, "left_out": done.left_out, "ignored": done.ignored, "absent": done.absent}
    return {name: [asdict(one) for one in found] for name, found in said.items()} | names


def _followed_in_words(found: Followed) -> str:
    """From when on a table was read, and from where it is read on next time."""
    name, column = found.relation.removeprefix("raw_"), found.column
    first = f"{name}: " + (f"read from {found.since:%Y-%m-%d %H:%M} on" if found.since else "read in full")
    last = f"read up to {found.reached:%Y-%m-%d %H:%M}" if found.reached else "no row has one yet"
    odd = {"without one": found.without, "with one in the future": found.ahead}
    again = "".join(f"; {n:,} row{'s' * (n > 1)} {words}, read each time" for words, n in odd.items() if n)
    return f"{first} by {column} ({found.rows:,} row{'s' * (found.rows != 1)}); {last}{again}"


def strangers_in_words(strangers: Sequence[Strangers]) -> Iterator[str]:
    """How many rows name an account or a lead that is not there, and what to do where they are many."""
    for found in (s for s in strangers if s.unknown):
        of, rows = found.of.removesuffix("s"), f"{found.unknown:,} of {found.rows:,}"
        near = f"; {found.alike:,} would match but for letter case or leading zeros" if found.alike else ""
        do = f" - WARNING: check that both files write the {of}'s id alike" if found.many else ""
        yield f"{found.table} whose {of} is unknown: {rows} ({found.unknown / found.rows:.1%}){near}{do}"
    if met := [f"{s.table} ({s.rows:,})" for s in strangers if not s.unknown]:
        yield f"tables in which every account or lead is known, with their rows: {', '.join(met)}"


def finding_in_words(found: Finding) -> Iterator[str]:
    """What became of events; criteria of no agreement; deals closed without `won`; history known from now on only."""
    events, own = found.events, TABLES[found.table].event_id
    if events and events.corrected:
        yield f"{found.table} that correct or move an earlier one with the same {own}: {events.corrected:,}"
    if events and events.unnamed:
        near = "with the lead and time of a stored one, but different from it"
        alike = f"; {near}: {events.alike:,} (a correction would count twice)" if events.alike else ""
        yield f"{found.table} without {own}, told apart by the whole row: {events.unnamed:,}{alike}"
    if events and events.named:
        yield f"{found.table} stored earlier without {own} that have one now: {events.named:,}"
    if events and events.beside:
        near = f"with the lead and time of a stored one without {own}, but different from it"
        yield f"{found.table} {near}: {events.beside:,} (a correction would count twice)"
    for word in found.words:
        meant = f"; do you mean {word.meant}?" if word.meant else ""
        many = f"{word.answers:,} answer{'s' * (word.answers != 1)}"
        yield f"{'WARNING: ' * bool(meant)}criterion {word.word!r} is in no agreement: {many}{meant}"
    if found.undecided:
        deals = f"closed deals without a word on whether they were won: {found.undecided:,}"
        yield f"WARNING: {deals}. They count as open, so their leads are not scored; fill in won (true or false)"
    if found.from_now:
        one = found.from_now == 1
        many = f"{found.from_now:,} row{'s' * (not one)} of {found.table}"
        history = f"{many} {'is' if one else 'are'} about earlier times but known only from this load on"
        yield f"WARNING: {history}: {HISTORY}"


def ingest_rows(done: IngestReport) -> Rows:
    """What became of each table's rows; forgotten ones where there are any."""
    rows = [{"table": name, **asdict(count)} for name, count in done.tables.items()]
    forgotten = any(row["forgotten"] for row in rows)
    return [{key: value for key, value in row.items() if forgotten or key != "forgotten"} for row in rows]


def _in_words(noticed: Noticed) -> str:
    shown = ", ".join(f"{text!r}: {count:,}" for text, count in noticed.examples)
    lost = noticed.kind == "no_number" and noticed.count > (1 - NEARLY_ALL) * noticed.filled
    return WORDS[noticed.kind].format(**asdict(noticed) | {"examples": shown}) + CHANGED * lost
