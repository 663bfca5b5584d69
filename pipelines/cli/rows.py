"""Where do rows come from, and where are those that no table took? Commands over raw files and the quarantine."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import UsageError
from data.workspace import Workspace
from pipelines.cli import running
from pipelines.cli.options import find_workspace
from pipelines.cli.printing import command
from pipelines.moment import NOW, now, settle
from serving.pages.sections import Report, for_machines, listed

if TYPE_CHECKING:  # the command line prints help without DuckDB
    from pipelines.jobs.schedule import ToIngest

app = typer.Typer()
quarantine = typer.Typer(no_args_is_help=True, help="Rejected rows: list, retry or discard.")
app.add_typer(quarantine, name="quarantine")


def name_sources() -> str:
    """The sources that come with leadready, for the help of `ingest`."""
    from data.intake.mapping import known_sources

    return ", ".join(known_sources())


@command(app, "ingest canonical exports/crm --backfill")
def ingest(
    workspace: Path,
    source: Annotated[str, typer.Argument(help=f"The kind of source: {name_sources()}, or one of your own.")],
    path: Annotated[
        str | None,
        typer.Argument(help="The file, folder of files or database URL to load; if left out, as settings.toml says."),
    ] = None,
    backfill: Annotated[bool, typer.Option(help="Treat rows as known when they happened, not when loaded.")] = False,
    timezone: Annotated[
        str | None, typer.Option(help="Read times without a time zone in this one (default: UTC).")
    ] = None,
    mappings: Annotated[
        Path | None, typer.Option(help="Read <source>/<table>.sql from this folder (default: <workspace>/mappings).")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only show what would become of it; store nothing.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Read tables in full that are read by watermark.")] = False,
) -> Report:
    """Load a batch of data, whole or not at all. Stored rows are not stored twice; rejected ones are put aside."""
    from pydantic import SecretStr

    from data.intake.ingest import check_zone
    from data.intake.mapping import load_mappings
    from serving.pages.ingest import check_report, ingest_report

    given = _to_ingest(workspace, source, path, timezone, mappings)
    load_mappings(source, given.mappings or Workspace(workspace).mappings)  # before seconds are spent on Prefect
    check_zone(given.timezone)
    if check:
        from pipelines.jobs.ingest import ingest_batch

        opened = find_workspace(workspace)
        done = ingest_batch(
            opened,
            source,
            given.path,
            settle(opened, NOW, now()),
            backfill=backfill,
            timezone=given.timezone,
            mappings=given.mappings,
            check=True,
            extract=replace(given.extract, full=full),
        )
        return check_report(done)
    flows = running.find_flows(workspace)
    done = flows.ingest(
        workspace,
        source,
        SecretStr(given.path),
        given.shown,
        NOW,
        backfill,
        given.timezone,
        given.mappings,
        by_settings=path is None,
        full=full,
    )
    return ingest_report(done)


def _to_ingest(workspace: Path, source: str, path: str | None, timezone: str | None, mappings: Path | None) -> ToIngest:
    """What the words of `ingest` mean; without a path it is the source of that name in the settings."""
    from data.intake.databases import without_password
    from data.intake.watermarks import Extract
    from pipelines.jobs.schedule import ToIngest, source_of

    if path is None:
        opened = find_workspace(workspace)
        if source not in opened.settings.schedule.sources:
            known = ", ".join(opened.settings.schedule.sources) or "none"
            do = "give the path of what to load, or name the source there"
            expected = f"a path, or a source of [schedule.sources] in settings.toml ({known})"
            raise UsageError(f"ingesting {source}", expected=expected, got="neither", do=do)
        found = source_of(opened, source)
        return replace(found, timezone=timezone or found.timezone, mappings=mappings or found.mappings)
    shown = without_password(path)
    if "://" not in path and not Path(path).exists():
        raise UsageError(f"ingesting {source}", expected="a file or folder", got=f"no {shown}", do="check the path")
    return ToIngest(path, shown, timezone or "UTC", mappings, Extract())


@command(app, "simulate --world slow --leads 3000 --seed 7")
def simulate(
    workspace: Path,
    world: Annotated[
        str, typer.Option(help="Choose default, slow, drift, gated, null, strange or articles.")
    ] = "default",
    leads: Annotated[int, typer.Option(help="Simulate this many leads.", min=100, max=10_000_000)] = 3000,
    seed: Annotated[int, typer.Option(help="Change the seed to simulate another company.", min=0, max=2**32 - 1)] = 1,
    days: Annotated[int, typer.Option(help="Simulate this many days.", min=30, max=3650)] = 365,
    out: Annotated[Path | None, typer.Option(help="Write the files here (default: <workspace>/simulated).")] = None,
) -> Report:
    """Write the files of a simulated company. Its true probabilities are known, so methods can be judged by them."""
    from data.simulator.company import START, funnel, in_words, write
    from data.simulator.company import simulate as simulate_company

    folder = out or workspace / "simulated"
    tables = simulate_company(leads, seed, days=days, world=world)
    try:
        write(tables, folder)
    except OSError as error:
        got = f"{folder} ({error.strerror})"
        raise UsageError(
            "simulating", expected="a folder that can be written", got=got, do="choose another with --out"
        ) from None
    found, rows = funnel(tables, START + timedelta(days=days)), {name: len(table) for name, table in tables.items()}
    known = Workspace(workspace).marker.exists()
    command = f"leadready ingest canonical {shlex.quote(str(folder))} -w {shlex.quote(str(workspace))}"
    command = command if known else f"leadready init -w {shlex.quote(str(workspace))} && {command}"
    lines = [
        *in_words(found),
        f"files: {folder}",
        f"truth (never ingested): {folder / 'truth'}",
        f"next: {command}",
    ]
    facts = {"world": world, "folder": str(folder), "truth": str(folder / "truth"), "rows": rows}
    facts |= {"funnel": found, "next": command}
    return listed([{"table": name, "rows": n} for name, n in rows.items()], *lines, facts=facts)


@command(quarantine, "quarantine list", "list")
def quarantine_list(
    workspace: Path,
    most: Annotated[int, typer.Option(help="Print this many rows.", min=1)] = 20,
    show_values: Annotated[bool, typer.Option("--show-values", help="Show the values, which may be personal.")] = False,
) -> Report:
    """List rejected rows with file, line and reason. Their values are shown only with --show-values."""
    from data.intake.ingest import quarantined
    from data.intake.quarantine import without_values

    with find_workspace(workspace).warehouse() as warehouse:
        found = quarantined(warehouse)
    rows = for_machines(found if show_values else without_values(found))
    shown = [{k: r[k] for k in ("batch_id", "table_name", "file", "line", "reason")} for r in rows[:most]]
    more = f"{len(rows):,} rows in quarantine" + (f", {most} shown" if len(rows) > most else "")
    return listed(shown, more, facts=rows)


@command(quarantine, "quarantine replay", "replay")
def quarantine_replay(workspace: Path) -> Report:
    """Check the rejected rows again. Rows that pass now, such as those whose lead has arrived, leave the quarantine."""
    from data.intake.ingest import replay
    from serving.pages.ingest import ingest_rows

    opened = find_workspace(workspace)
    moment = settle(opened, NOW, now())
    with opened.warehouse() as warehouse:
        rows = ingest_rows(
            replay(warehouse, loaded_at=moment, agreements=opened.agreements, settings=opened.settings.ingest)
        )
    return listed(rows, *["no rejected rows to replay"] * (not rows))


@command(quarantine, "quarantine discard 40181a0398d44cd2", "discard")
def quarantine_discard(
    workspace: Path, batch: Annotated[str, typer.Argument(help="The batch_id from `leadready quarantine list`.")]
) -> Report:
    """Discard the rejected rows of a batch. Do this once its file has been corrected and ingested again."""
    from data.intake.quarantine import discard

    with find_workspace(workspace).warehouse() as warehouse:
        dropped = discard(warehouse, batch)
    if not dropped:
        held, do = "a batch with rows in quarantine", "take its batch_id from `leadready quarantine list`"
        raise UsageError("discarding rejected rows", expected=held, got=batch, do=do)
    return listed((), f"{dropped:,} rows discarded", facts={"dropped": dropped})
