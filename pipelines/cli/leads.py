"""What about the leads? Score all of them, explain one, and report on the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import running
from pipelines.cli.options import AsOf, find_workspace, now, read_moment, today
from pipelines.cli.printing import Output, as_rows, command, table

app = typer.Typer()


@command(app, "score --as-of 2026-03-01")
def score(
    workspace: Path,
    as_of: Annotated[str | None, typer.Option(help="Score as known before this moment (UTC); default today.")] = None,
    model: Annotated[str, typer.Option(help="Alias or version: champion, challenger, 3.")] = "champion",
    most: Annotated[int, typer.Option(help="Leads to print.")] = 10,
) -> Output:
    """Rescore every open lead beside the rules and publish table, Parquet and CSV; repeating it changes nothing."""
    moment = read_moment(as_of, today())
    done = running.find_flows(workspace).score(workspace, moment, model)
    from pipelines.reports import capacity_rows, counts_table, top_rows

    top, counts, capacity = top_rows(done.scores, most), counts_table(done.scores), capacity_rows(done.capacity)
    where = f"written to {done.folder}" if done.folder else "not published: only the champion's scores are"
    lines = [*table(top), "", *table(counts), "", *table(capacity), f"{len(done.scores):,} open leads scored; {where}"]
    result = {
        "as_of": moment.isoformat(),
        "folder": str(done.folder) if done.folder else None,
        "routes": counts,
        "capacity": capacity,
        "top": top,
    }
    return Output(result, lines)


@command(app, "explain L0000012 --as-of 2026-03-01")
def explain(workspace: Path, lead: Annotated[str, typer.Argument(help="The lead's id.")], as_of: AsOf = None) -> Output:
    """Why a lead has its score: the rules' own sum, the model's contributions, reasons, and what is missing."""
    from pipelines.jobs.explain import explain_points, explain_score
    from pipelines.reports import records, score_lines, standing_lines

    opened, moment = find_workspace(workspace), read_moment(as_of, now())
    points = explain_points(opened, [lead], moment)
    found = explain_score(opened, lead, moment)
    standing = records(points.standing)[0]
    shown = standing_lines(standing, records(points.lines), points.agreement)
    shown += ["", *(score_lines(found) if found else ["no model in use: the rules alone route (`leadready train`)"])]
    scored = {name: part.to_dict() if hasattr(part, "to_dict") else part for name, part in (found or {}).items()}
    rules = {**standing, "lines": as_rows(points.lines)}
    return Output({"lead_id": lead, "as_of": moment.isoformat(), "rules": rules, "model": scored}, shown)


@command(app, "report --as-of 2026-03-01")
def report(
    workspace: Path,
    as_of: Annotated[str | None, typer.Option(help="As known before this moment (UTC); default today.")] = None,
) -> Output:
    """One page with the waterfall, the follow-up promise, who buys, rejections, and the model beside the rules."""
    moment = read_moment(as_of, today())
    folder = running.find_flows(workspace).report(workspace, moment)
    page = folder / "report.html"
    lines = [f"{page}: open it in a browser", f"{folder}: each figure as CSV with its query"]
    return Output({"page": str(page)}, lines)
