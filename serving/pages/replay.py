"""Is a published score still what would be said? So many rows equal, and for each other what, and why."""

from __future__ import annotations

from typing import Any

from serving.pages.sections import Report, Section, for_machines, records
from serving.replay import Replay

SHORT = 40


def replay_report(done: Replay, most: int = 20) -> Report:
    """What came of a replay, and the first `most` differences."""
    said = [
        f"Scored as of {done.as_of.isoformat()} UTC: {done.equal:,} of {done.rows:,} rows would be the same today.",
    ]
    if len(done.same_then) > done.equal:
        said.append(f"From what was stored and set when it was published, {len(done.same_then):,} come out the same.")
    if done.leads > done.rows:
        said.append(f"{done.leads:,} were published; the others were erased with their persons.")
    if not done.noted and len(done.differences):
        said.append("An older leadready published it and did not note what it rested on, so causes may stay unnamed.")
    if len(done.differences):
        said += [f"Since then: {cause}." for cause in done.causes]
    rows = [
        {
            "lead_id": row["lead_id"],
            "column": row["column"],
            "said_then": _short(row["said"]),
            "would_say_now": _short(row["now"]),
            "because": row["because"],
        }
        for row in records(done.differences.head(most))
    ]
    more = len(done.differences) - len(rows)
    points = [f"{more:,} more differences; --most shows more, --json all of them"] * (more > 0)
    facts: dict[str, Any] = {
        "as_of": done.as_of.isoformat(),
        "rows": done.rows,
        "published": done.leads,
        "equal": done.equal,
        "equal_as_then": len(done.same_then),
        "causes": list(done.causes),
        "differences": for_machines(done.differences),
    }
    return Report([Section("Would it be said again?", said, points, rows)], facts)


def _short(value: Any) -> Any:
    """A value as a table shows it."""
    if value is None or value != value:
        return None
    if isinstance(value, float):
        return round(value, 6)
    text = str(value)
    return text if len(text) <= SHORT else f"{text[: SHORT - 3]}..."
