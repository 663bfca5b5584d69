"""What about the leads? Score all of them, explain one, and report on the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import running
from pipelines.cli.options import AsOf, find_workspace, read_as_of, read_moment
from pipelines.cli.printing import command
from pipelines.moment import NOW, now, settle
from serving.pages.sections import Report, for_machines, listed

app = typer.Typer()


@command(app, "score --as-of 2026-03-01")
def score(
    workspace: Path,
    as_of: AsOf = None,
    model: Annotated[str, typer.Option(help="Score with this model: champion, challenger or a version.")] = "champion",
    most: Annotated[int, typer.Option(help="Print at most this many leads.", min=1)] = 10,
) -> Report:
    """Score and route every open lead. Publishes table, Parquet and CSV; a moment scored again gives the same."""
    moment = read_as_of(as_of)
    if model != "champion":  # before seconds are spent on Prefect
        from models.registry.client import Registry

        Registry(find_workspace(workspace).workspace).check(model)
    done = running.find_flows(workspace).score(workspace, moment, model)
    from serving.pages.scores import scoring_report

    return scoring_report(done.scores, done.capacity, done.folder, done.fresh, done.closed, most, done.waiting)


@command(app, "publish")
def publish(workspace: Path) -> Report:
    """Publish the newest scoring where that was cut short. It is safe to repeat."""
    from serving.sinks import finish

    running.show_progress()
    opened = find_workspace(workspace)
    with opened.warehouse() as warehouse:
        finish(opened.workspace, warehouse)
    where = " and PostgreSQL" * bool(opened.settings.publish.postgres.url)
    return listed((), f"files, page{where} have what the warehouse says was published", facts={})


@command(app, "calls --agent ann")
def calls(
    workspace: Path,
    agent: Annotated[str, typer.Option(help="Only the calls of this agent ([lists] agents in settings.toml).")] = "",
    as_of: AsOf = None,
) -> Report:
    """List the calls of the day, best first. It shows what to ask, and what the answers would change."""
    from pipelines.jobs.calls import find_calls
    from serving.pages.scores import calls_report

    opened = find_workspace(workspace)
    moment = settle(opened, read_as_of(as_of), now())
    called, scored_at, file = find_calls(opened, moment, agent)
    return calls_report(called, scored_at, file, (moment - scored_at).days)


@command(app, "override L0000012 --route hand_off --why 'met them at the fair' --until 2026-03-15")
def override(
    workspace: Path,
    lead: Annotated[str, typer.Argument(help="The lead's id.")],
    route: Annotated[str, typer.Option(help="What to do: hand_off, manager_check, tele_qualify, reheat or nurture.")],
    why: Annotated[str, typer.Option(help="The reason, in a few words; it is shown with the lead.")],
    until: Annotated[str, typer.Option(help="The day until which it holds, such as 2026-03-15.")],
    by: Annotated[str, typer.Option(help="Who decided (default: the name of the account).")] = "",
) -> Report:
    """Decide what is done with one lead. The next scorings follow it until its day; hard limits stand above it."""
    from getpass import getuser

    from serving.overrides import note_override

    opened = find_workspace(workspace)
    at = settle(opened, NOW, now())
    with opened.warehouse() as warehouse:
        kept = note_override(warehouse, lead, route, why, by or getuser(), at, read_moment(until, "--until"))
    return listed(for_machines(kept), "the next scoring follows it")


@command(app, "explain L0000012 --as-of 2026-03-01")
def explain(workspace: Path, lead: Annotated[str, typer.Argument(help="The lead's id.")], as_of: AsOf = None) -> Report:
    """Explain one lead. It prints the probability, the reasons, what the lead lacks, what changed and its points."""
    from pipelines.jobs.explain import explain_points, explain_score
    from pipelines.jobs.movers import find_change
    from serving.pages.scores import lead_report

    opened = find_workspace(workspace)
    moment = settle(opened, read_as_of(as_of), now())
    points = explain_points(opened, [lead], moment)
    known_as = points.standing["lead_id"].iloc[0]
    found = explain_score(opened, known_as, moment)
    moved = find_change(opened, known_as, moment, found)
    changed = (moved.changes, moved.since) if moved else None
    return lead_report(points.standing, points.lines, found, points.agreement, moment, changed)


@command(app, "movers --as-of 2026-03-01")
def movers(
    workspace: Path,
    as_of: AsOf = None,
    since: Annotated[
        str | None, typer.Option(help="Compare with the scores of this moment (default: the day before).")
    ] = None,
    least: Annotated[float, typer.Option(help="Show changes of at least so much in log-odds.", min=0.001)] = 0.1,
    most: Annotated[int, typer.Option(help="Print at most this many leads up, and down.", min=1)] = 10,
) -> Report:
    """List the leads that moved up and down, and why."""
    from pipelines.jobs.movers import find_movers
    from serving.pages.changes import movers_report

    opened = find_workspace(workspace)
    moment = settle(opened, read_as_of(as_of), now())
    m = find_movers(opened, moment, read_moment(since, "--since") if since else None, least)
    counts = {"both": m.both, "came": m.came, "went": m.went}
    return movers_report(m.changes, m.since, m.as_of, counts, m.agreement, most, least)


@command(app, "replay --as-of 2026-03-01")
def replay(
    workspace: Path,
    as_of: Annotated[str, typer.Option(help="Compute the scores published as of this moment (UTC).")],
    leads: Annotated[list[str] | None, typer.Argument(help="Compare these leads alone (default: all).")] = None,
    most: Annotated[int, typer.Option(help="Print at most this many differences.", min=1)] = 20,
) -> Report:
    """Compute published scores again, and compare them."""
    from pipelines.jobs.replay import replay_scores
    from serving.pages.replay import replay_report

    return replay_report(replay_scores(find_workspace(workspace), read_moment(as_of), leads or ()), most)


@command(app, "report --as-of 2026-03-01")
def report(
    workspace: Path,
    as_of: AsOf = None,
    leads: Annotated[
        bool, typer.Option("--leads", help="Write the day's lists as pages for e-mail instead, with names.")
    ] = False,
) -> Report:
    """Write one page for sales and marketing. It shows promises, buyers, and the model next to the rules."""
    moment = read_as_of(as_of)
    if leads:
        from pipelines.jobs.calls import write_lists

        opened = find_workspace(workspace)
        pages = write_lists(opened, settle(opened, moment, now()))
        facts = {"pages": [str(page) for page in pages]}
        return listed(
            (), *(f"{page}: it names people, so send it only to who may see it" for page in pages), facts=facts
        )
    folder = running.find_flows(workspace).report(workspace, moment)
    page = folder / "report.html"
    csv = f"{folder}: holds each figure as CSV, with its query"
    return listed((), f"{page}: open it in a browser", csv, facts={"page": str(page)})
