"""What became of a batch? Its rows by table, and what else there is to say."""

from __future__ import annotations

from dataclasses import asdict

from data.intake.ingest import IngestReport
from data.intake.noticed import Noticed
from data.intake.values import NEARLY_ALL
from serving.pages.sections import Report, Rows, Section

WORDS = {
    "empty": "{column}: {count:,} read as missing ({examples})",
    "no_number": "{column} holds numbers, but {count:,} of {filled:,} are not ({examples}): stored as missing",
    "other_style": "{column}: {count:,} of {filled:,} look like numbers in another style ({examples}): declare it,"
    " as in `-- decimal: ,` (docs/mappings.md)",
    "thousands": "{column}: {count:,} of {filled:,} were read with a decimal point ({examples}): if it separates"
    " thousands, declare `-- decimal: ,` (docs/mappings.md)",
    "stays_text": "{column} is kept as text, as its first load or its mapping had it, although {count:,} of"
    " {filled:,} are numbers ({examples}): to have numbers, cast it in a mapping under another name",
}
MOST_NOTICED = 30
CHANGED = "; if the column means something else now, give it another name in a mapping"


def ingest_report(done: IngestReport) -> Report:
    """One row a table (rows in = stored + quarantined + repeats), and what was left out."""
    rows = ingest_rows(done)
    named = {
        "ignored files that no mapping reads": done.unused,
        "columns left out because their names look personal": done.left_out,
        "ignored columns that no table has": done.ignored,
    }
    held = f"rejected rows, now in quarantine: {done.quarantined:,} (`leadready quarantine list` shows why)"
    more = done.noticed[MOST_NOTICED:]
    points = [
        *(f"read {name}: {count:,} records" for name, count in done.files.items()),
        *[held] * bool(done.quarantined),
        *(f"{words}: {', '.join(names)}" for words, names in named.items() if names),
        *map(_in_words, done.noticed[:MOST_NOTICED]),
        *[f"{len(more):,} more remarks on columns; `--json` lists them"] * bool(more),
    ]
    facts = {"batch_id": done.batch_id, "files": done.files, "tables": rows, "noticed": list(map(asdict, done.noticed))}
    return Report([Section("What was ingested?", points=points, rows=rows)], facts)


def ingest_rows(done: IngestReport) -> Rows:
    """What became of each table's rows."""
    return [{"table": name, **asdict(count)} for name, count in done.tables.items()]


def _in_words(noticed: Noticed) -> str:
    shown = ", ".join(f"{text!r}: {count:,}" for text, count in noticed.examples)
    lost = noticed.kind == "no_number" and noticed.count > (1 - NEARLY_ALL) * noticed.filled
    return WORDS[noticed.kind].format(**asdict(noticed) | {"examples": shown}) + CHANGED * lost
