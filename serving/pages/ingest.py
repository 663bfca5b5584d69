"""What became of a batch? Its rows by table, and what else there is to say."""

from __future__ import annotations

from dataclasses import asdict

from data.intake.ingest import IngestReport
from serving.pages.sections import Report, Rows, Section


def ingest_report(done: IngestReport) -> Report:
    """One row a table (rows in = stored + quarantined + repeats), and what was left out."""
    rows = ingest_rows(done)
    named = {
        "ignored files that no mapping reads": done.unused,
        "columns left out because their names look personal": done.left_out,
        "ignored columns that no table has": done.ignored,
    }
    held = f"rejected rows, now in quarantine: {done.quarantined:,} (`leadready quarantine list` shows why)"
    points = [
        *(f"read {name}: {count:,} records" for name, count in done.files.items()),
        *[held] * bool(done.quarantined),
        *(f"{words}: {', '.join(names)}" for words, names in named.items() if names),
    ]
    facts = {"batch_id": done.batch_id, "files": done.files, "tables": rows}
    return Report([Section("What was ingested?", points=points, rows=rows)], facts)


def ingest_rows(done: IngestReport) -> Rows:
    """What became of each table's rows."""
    return [{"table": name, **asdict(count)} for name, count in done.tables.items()]
