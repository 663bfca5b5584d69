"""What can be typed? The `leadready` command: it reads words, calls flows, and prints what came of them."""

from __future__ import annotations

import getpass
import json
import logging
import math
import os
import re
import shlex
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import LeadreadyError, UsageError
from data.workspace import Workspace

if TYPE_CHECKING:
    from features.catalogue import Feature
    from models.registry.history import Move

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Which leads would sales accept today, why, and what to do next with each.",
)  # fmt: skip
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows that no table took: look at them, try them again.")
features_app = typer.Typer(no_args_is_help=True, help="The catalogue: what a feature means, and that none reads ahead.")
agreement_app = typer.Typer(no_args_is_help=True, help="What sales and marketing agreed on: look, check, compare.")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(features_app, name="features")
app.add_typer(agreement_app, name="agreement")

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="LEADREADY_HOME", help="Folder that holds whatever runs produce.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
HOME = Path("var")
DEMO_HOME = Path("var/demo")
DEMO_AS_OF = "2025-12-15"


def main() -> None:
    """Run the command; a user's mistake ends in one plain line and an exit code of its kind, without a traceback."""
    try:
        app()
    except LeadreadyError as error:
        print(f"leadready: {error}", file=sys.stderr)
        _let_go(error)
        sys.exit(error.exit_code)


@app.command(epilog="Example: leadready init --workspace var")
def init(
    workspace: WorkspaceOption = HOME,
    scheme: Annotated[str, typer.Option(help="What the agreement starts from: BANT, APNRP or digital.")] = "BANT",
    as_json: JsonOption = False,
) -> None:
    """Make a workspace with an agreement and settings; nothing that is there is changed."""
    from pipelines.jobs import init_workspace

    made = [str(p) for p in init_workspace(Workspace(workspace), scheme)]
    lines = [f"workspace: {workspace}", *(f"made {p}: read it, change it" for p in made)]
    _say({"workspace": str(workspace), "made": made}, lines, as_json)


@app.command(epilog="Example: leadready ingest canonical exports/crm --backfill")
def ingest(
    source: Annotated[str, typer.Argument(help="canonical, bpic2012, x_education, bank_marketing, or one of yours.")],
    path: Annotated[str, typer.Argument(help="A file, a folder of files, or a database URL.")],
    workspace: WorkspaceOption = HOME,
    backfill: Annotated[bool, typer.Option(help="Old rows: known when they happened, not when loaded.")] = False,
    timezone: Annotated[str, typer.Option(help="Zone of times that name none.")] = "UTC",
    mappings: Annotated[Path | None, typer.Option(help="Folder with your own mappings: <source>/<table>.sql.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Load a batch: one transaction; the same rows twice change nothing; bad rows go to the quarantine."""
    from pydantic import SecretStr

    from data.intake.files import without_password

    shown = without_password(path)
    if "://" not in path and not Path(path).exists():
        raise UsageError(f"ingesting {source}", expected="a file or folder", got=f"no {shown}", do="check the path")
    space = _ready(workspace)
    flows = _flows(space)
    report = flows.ingest(space.root, source, SecretStr(path), shown, _now(), backfill, timezone, mappings)
    from pipelines.reports import ingest_notes, ingest_rows

    rows = ingest_rows(report)
    _say({"batch_id": report.batch_id, "files": report.files, "tables": rows}, [*_table(rows), *ingest_notes(report)],
         as_json)  # fmt: skip


@quarantine_app.command("list", epilog="Example: leadready quarantine list")
def quarantine_list(
    workspace: WorkspaceOption = HOME,
    most: Annotated[int, typer.Option(help="Rows to print.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Rows held back, with file, line and reason (the raw rows, which may be personal, only with --json)."""
    from pipelines.jobs import list_quarantine

    held = list_quarantine(_ready(workspace))
    rows = json.loads(held.to_json(orient="records", date_format="iso"))
    shown = [{k: r[k] for k in ("batch_id", "table_name", "file", "line", "reason")} for r in rows[:most]]
    more = [f"{len(rows):,} rows in quarantine" + (f", {most} shown" if len(rows) > most else "")]
    _say(rows, [*_table(shown), *more], as_json)


@quarantine_app.command("replay", epilog="Example: leadready quarantine replay")
def quarantine_replay(workspace: WorkspaceOption = HOME, as_json: JsonOption = False) -> None:
    """Try the rows again, as after their lead came in; those that pass leave the quarantine."""
    from pipelines.jobs import replay_quarantine
    from pipelines.reports import ingest_rows

    rows = ingest_rows(replay_quarantine(_ready(workspace), _now()))
    _say(rows, _table(rows) or ["nothing to replay"], as_json)


@quarantine_app.command("discard", epilog="Example: leadready quarantine discard 40181a0398d44cd2")
def quarantine_discard(
    batch: Annotated[str, typer.Argument(help="The batch_id that `leadready quarantine list` shows.")],
    workspace: WorkspaceOption = HOME,
    as_json: JsonOption = False,
) -> None:
    """Drop the rows a batch left in the quarantine, once its file was mended and ingested again."""
    from pipelines.jobs import discard_quarantine

    dropped = discard_quarantine(_ready(workspace), batch)
    if not dropped:
        raise UsageError("discarding", expected="a batch with rows in quarantine", got=batch,
                         do="take its batch_id from `leadready quarantine list`")  # fmt: skip
    _say({"dropped": dropped}, [f"{dropped:,} rows dropped"], as_json)


@features_app.command("list", epilog="Example: leadready features list --concept calls")
def features_list(
    workspace: WorkspaceOption = HOME,
    concept: Annotated[str | None, typer.Option(help="Only this concept.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every feature of the catalogue, the extra columns of your sources among them."""
    found = [f for f in _catalogue(workspace) if concept in (None, f.concept)]
    rows = [{"name": f.name, "concept": f.concept, "direction": f.direction, "meaning": f.meaning} for f in found]
    _say(rows, [*_table(rows), f"{len(rows)} features"], as_json)


@features_app.command("show", epilog="Example: leadready features show email_click_7d")
def features_show(name: str, workspace: WorkspaceOption = HOME, as_json: JsonOption = False) -> None:
    """One feature: its meaning, what a missing value means, and its SQL."""
    import difflib

    by_name = {f.name: f for f in _catalogue(workspace)}
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, 3)
        raise UsageError("showing a feature", expected="a name of the catalogue", got=name,
                         do=f"try {', '.join(near) or '`leadready features list`'}")  # fmt: skip
    feature = by_name[name].facts()
    _say(feature, [f"{k:>9}: {v}" for k, v in feature.items() if v not in ("", ())], as_json)


@features_app.command("check", epilog="Example: leadready features check --leads 1000")
def features_check(
    workspace: WorkspaceOption = HOME,
    leads: Annotated[int, typer.Option(help="Leads looked at per moment.")] = 500,
    as_json: JsonOption = False,
) -> None:
    """Prove on your own data that no feature reads what was not known at its moment; ends with 12 if one does."""
    from pipelines.jobs import check_features

    checked, leaks = check_features(_ready(workspace), leads, _now())
    lines = [f"{name}: {example}" for name, example in leaks.items()]
    lines.append(f"{checked} features checked, {len(leaks)} depend on what was not known yet")
    _say({"checked": checked, "leaks": leaks}, lines, as_json)
    if leaks:
        raise typer.Exit(12)


@agreement_app.command("schema", epilog="Example: leadready agreement schema > agreement.schema.json")
def agreement_schema() -> None:
    """Every key an agreement may have, with its meaning, as JSON Schema."""
    from data.agreement.model import Agreement

    print(json.dumps(Agreement.model_json_schema(), indent=1))


@agreement_app.command("check", epilog="Example: leadready agreement check draft/2026-03-01.toml")
def agreement_check(
    file: Annotated[Path | None, typer.Argument(help="One file; default all of the workspace.")] = None,
    workspace: WorkspaceOption = HOME,
    as_json: JsonOption = False,
) -> None:
    """Whether agreements hold together; else ends with 10 and names file, line and key."""
    from data.agreement.file import all_versions, effective_from, read_agreement
    from pipelines.jobs import find_unseen_words
    from pipelines.reports import agreement_row

    found = [read_agreement(file, effective_from(file))] if file else all_versions(_ready(workspace).agreements)
    rows = [agreement_row(a) for a in found]
    unseen = find_unseen_words(Workspace(workspace), found)
    lines = [*_table(rows), "they hold together" if rows else "no agreement: `leadready init`"]
    lines += [f"perhaps misspelt, or not in the data yet: {word}" for word in unseen]
    _say({"agreements": rows, "unseen": unseen}, lines, as_json)


@agreement_app.command("show", epilog="Example: leadready agreement show --as-of 2026-03-01")
def agreement_show(
    workspace: WorkspaceOption = HOME,
    as_of: Annotated[str | None, typer.Option(help="The one in force then; default now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The agreement in force, whole, its scheme laid in; what it prints is itself a file that can be used."""
    from data.agreement.file import as_toml, in_force
    from pipelines.reports import agreement_row

    agreement = in_force(_ready(workspace).agreements, _moment(as_of, _now()))
    head = [f"# {k}: {json.dumps(v, ensure_ascii=False)}" for k, v in agreement_row(agreement).items()]
    _say(agreement.model_dump(mode="json"), [*head, as_toml(agreement).rstrip()], as_json)


@agreement_app.command("diff", epilog="Example: leadready agreement diff 2000-01-01.toml 2026-03-01.toml")
def agreement_diff(
    old: Annotated[str, typer.Argument(help="A file, or the name of one in the workspace.")],
    new: Annotated[str, typer.Argument(help="The other one.")],
    workspace: WorkspaceOption = HOME,
    as_json: JsonOption = False,
) -> None:
    """What changed between two agreements, key by key, with their schemes laid in."""
    from data.agreement.file import differences, effective_from, read_agreement

    folder = Workspace(workspace).agreements
    paths = [Path(p) if Path(p).exists() else folder / (p if p.endswith(".toml") else f"{p}.toml") for p in (old, new)]
    changed = differences(*(read_agreement(p, effective_from(p)) for p in paths))
    rows = [{"key": k, "old": a, "new": b} for k, (a, b) in changed.items()]
    _say(rows, _table(rows) or ["they say the same"], as_json)


@agreement_app.command("explain", epilog="Example: leadready agreement explain L0000012 --as-of 2026-03-01")
def agreement_explain(
    leads: Annotated[list[str], typer.Argument(help="One lead or more.")],
    workspace: WorkspaceOption = HOME,
    as_of: Annotated[str | None, typer.Option(help="As known before this moment (UTC); default now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The sum behind a lead's points, line by line, and the zone that follows."""
    from data.agreement.file import in_force
    from pipelines.jobs import explain_points
    from pipelines.reports import records, standing_lines

    space, moment = _ready(workspace), _moment(as_of, _now())
    standing, lines = explain_points(space, list(dict.fromkeys(leads)), moment)
    agreement = in_force(space.agreements, moment)
    shown, rows = [], []
    by_lead = dict(list(lines.drop(columns=["as_of", "agreement_version"]).groupby("lead_id")))
    for row in records(standing):
        own = by_lead.get(row["lead_id"], lines.head(0)).drop(columns="lead_id", errors="ignore")
        shown += [*standing_lines(row, records(own), agreement), ""]
        rows.append({**row, "lines": json.loads(own.to_json(orient="records", date_format="iso"))})
    _say(rows, shown[:-1], as_json)


@app.command(epilog="Example: leadready explain L0000012 --as-of 2026-03-01")
def explain(
    lead: Annotated[str, typer.Argument(help="The lead's id.")],
    workspace: WorkspaceOption = HOME,
    as_of: Annotated[str | None, typer.Option(help="As known before this moment (UTC); default now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Why a lead has its score: the rules' own sum, the model's contributions, reasons, and what is missing."""
    from data.agreement.file import in_force
    from pipelines.jobs import explain_points, explain_score
    from pipelines.reports import records, score_lines, standing_lines

    space, moment = _ready(workspace), _moment(as_of, _now())
    standing, lines = explain_points(space, [lead], moment)
    found = explain_score(space, lead, moment)
    shown = standing_lines(records(standing)[0], records(lines), in_force(space.agreements, moment))
    shown += ["", *(score_lines(found) if found else ["no model in use: the rules alone route (`leadready train`)"])]
    scored = {name: part.to_dict() if hasattr(part, "to_dict") else part for name, part in (found or {}).items()}
    rules = {**records(standing)[0], "lines": json.loads(lines.to_json(orient="records", date_format="iso"))}
    _say({"lead_id": lead, "as_of": moment.isoformat(), "rules": rules, "model": scored}, shown, as_json)


@app.command(epilog="Example: leadready train --as-of 2026-03-01 --dry-run")
def train(
    workspace: WorkspaceOption = HOME,
    as_of: Annotated[str | None, typer.Option(help="Learn from what was known then (UTC); default now.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would learn from and test on.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit and compare the models, keep them in MLflow, and put the best to use if it may be (else ends with 13)."""
    space, moment = _ready(workspace), _moment(as_of, _now())
    if dry_run:
        _plan_training(space, moment, as_json)
        return
    training = _flows(space).train(space.root, moment)
    from pipelines.reports import training_json, training_notes, training_rows

    lines = [*_table(training_rows(training)), *training_notes(training)]
    _say(training_json(training), lines, as_json)
    if training.decision.alias is None:
        raise typer.Exit(13)


@app.command(epilog="Example: leadready promote 3 --why 'sales wants the new form in'")
def promote(
    version: Annotated[int, typer.Argument(help="A version of the model, as `leadready ui` lists them.")],
    workspace: WorkspaceOption = HOME,
    why: Annotated[str, typer.Option(help="The reason, kept with the model.")] = "",
    force: Annotated[
        bool, typer.Option(help="Although the leak guard warns of it, or it cannot score; needs --why.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a version to use by hand (12 where it cannot score, 13 where the leak guard warns); `rollback` goes back."""
    from dataclasses import asdict

    from pipelines.jobs import promote_model

    move = promote_model(_ready(workspace), version, _now(), _user(), why, force)
    same = [f"version {version} is in use already: nothing changed"]
    _say(asdict(move) if move else {"to": version, "changed": False}, _moved(move) if move else same, as_json)


@app.command(epilog="Example: leadready rollback --why 'too many refusals since Monday'")
def rollback(
    workspace: WorkspaceOption = HOME,
    why: Annotated[str, typer.Option(help="The reason, kept with the model.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Put the model to use that was in use before; twice goes two back."""
    from dataclasses import asdict

    from pipelines.jobs import roll_back

    move = roll_back(_ready(workspace), _now(), _user(), why)
    _say(asdict(move), _moved(move), as_json)


@app.command(epilog="Example: leadready score --as-of 2026-03-01")
def score(
    workspace: WorkspaceOption = HOME,
    as_of: Annotated[str | None, typer.Option(help="Score as known before this moment (UTC); default today.")] = None,
    model: Annotated[str, typer.Option(help="Alias or version: champion, challenger, 3.")] = "champion",
    most: Annotated[int, typer.Option(help="Leads to print.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Rescore every open lead beside the rules and publish table, Parquet and CSV; repeating it changes nothing."""
    today = datetime.combine(_now().date(), datetime.min.time())
    space, moment = _ready(workspace), _moment(as_of, today)
    done = _flows(space).score(space.root, moment, model)
    from pipelines.reports import capacity_rows, counts_table, top_rows

    top, counts, capacity = top_rows(done.scores, most), counts_table(done.scores), capacity_rows(done.capacity)
    where = f"written to {done.folder}" if done.folder else "not published: only the champion's scores are"
    lines = [
        *_table(top),
        "",
        *_table(counts),
        "",
        *_table(capacity),
        f"{len(done.scores):,} open leads scored; {where}",
    ]
    result = {"as_of": moment.isoformat(), "folder": str(done.folder) if done.folder else None, "routes": counts,
              "capacity": capacity, "top": top}  # fmt: skip
    _say(result, lines, as_json)


@app.command(epilog="Example: leadready backtest --from 2025-09-01 --to 2026-03-01 --every 28d")
def backtest(
    first: Annotated[str, typer.Option("--from", help="The first day to learn on (UTC).")],
    last: Annotated[str, typer.Option("--to", help="Hand-offs before this moment are predicted (UTC).")],
    workspace: WorkspaceOption = HOME,
    every: Annotated[str, typer.Option(help="How often to learn anew: days as 7d, or hours as 12h.")] = "7d",
    as_of: Annotated[str | None, typer.Option(help="Judge by what was known then (UTC); default now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What training and scoring on each past day would have done, against rules, base rate and a CRM's frequencies."""
    space, now = _ready(workspace), _now()
    begin, end, moment = _moment(first, now, "--from"), _moment(last, now, "--to"), _moment(as_of, now)
    if not begin < end <= moment:
        raise UsageError("testing back", expected="--from before --to, and --to not after --as-of",
                         got=f"{begin} to {end} as of {moment}", do="name a span of the past")  # fmt: skip
    done = _flows(space).backtest(space.root, begin, end, _span(every), moment)
    from pipelines.reports import backtest_json, backtest_notes, backtest_rows, period_rows, policy_rows

    lines = [*_table(backtest_rows(done)), "", *_table(period_rows(done)), "", *_table(policy_rows(done)), "",
             *backtest_notes(done)]  # fmt: skip
    _say(backtest_json(done), lines, as_json)


@app.command(epilog="Example: leadready ablate --as-of 2026-03-01")
def ablate(
    workspace: WorkspaceOption = HOME,
    as_of: Annotated[str | None, typer.Option(help="By what was known then (UTC); default now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What rules, clicks, fit, calls and answers are each worth alone on later leads, and everything together."""
    space, moment = _ready(workspace), _moment(as_of, _now())
    done = _flows(space).ablate(space.root, moment)
    from pipelines.reports import ablation_json, ablation_notes, ablation_rows

    _say(ablation_json(done), [*_table(ablation_rows(done)), "", *ablation_notes(done)], as_json)


@app.command(epilog="Example: leadready report --as-of 2026-03-01")
def report(
    workspace: WorkspaceOption = HOME,
    as_of: Annotated[str | None, typer.Option(help="As known before this moment (UTC); default today.")] = None,
    as_json: JsonOption = False,
) -> None:
    """One page with the waterfall, the follow-up promise, who buys, rejections, and the model beside the rules."""
    today = datetime.combine(_now().date(), datetime.min.time())
    space, moment = _ready(workspace), _moment(as_of, today)
    folder = _flows(space).report(space.root, moment)
    page = folder / "report.html"
    _say(
        {"page": str(page)}, [f"{page}: open it in a browser", f"{folder}: each figure as CSV with its query"], as_json
    )


@app.command(epilog="Example: leadready simulate --world slow --leads 3000 --seed 7")
def simulate(
    workspace: WorkspaceOption = HOME,
    world: Annotated[str, typer.Option(help="default, slow, drift, gated, null or strange.")] = "default",
    leads: Annotated[int, typer.Option(help="Leads of the simulated company.", min=100)] = 3000,
    seed: Annotated[int, typer.Option(help="Another seed, another company.", min=0)] = 1,
    days: Annotated[int, typer.Option(help="Days that the company is watched.", min=30)] = 365,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; default <workspace>/simulated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the files of a company whose truth is known: to try leadready on, and to judge methods by."""
    from data.simulator.company import START, funnel, in_words, write
    from data.simulator.company import simulate as simulate_company

    folder = out or workspace / "simulated"
    tables = simulate_company(leads, seed, days=days, world=world)
    try:
        write(tables, folder)
    except OSError as error:
        raise UsageError("simulating", expected="a folder that can be written", got=f"{folder} ({error.strerror})",
                         do="name another with --out") from None  # fmt: skip
    found, rows = funnel(tables, START + timedelta(days=days)), {name: len(table) for name, table in tables.items()}
    known = Workspace(workspace).marker.exists()
    command = f"leadready ingest canonical {shlex.quote(str(folder))} -w {shlex.quote(str(workspace))}"
    command = command if known else f"leadready init -w {shlex.quote(str(workspace))} && {command}"
    lines = [*_table([{"table": name, "rows": n} for name, n in rows.items()]), *in_words(found),
             f"files: {folder}", f"truth (no ingest takes it): {folder / 'truth'}", f"next: {command}"]  # fmt: skip
    result = {"world": world, "folder": str(folder), "truth": str(folder / "truth"), "rows": rows}
    _say({**result, "funnel": found, "next": command}, lines, as_json)


@app.command(epilog="Example: leadready demo")
def demo(
    workspace: WorkspaceOption = DEMO_HOME,
    leads: Annotated[int, typer.Option(help="Leads of the simulated company.", min=100)] = 3000,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """From nothing to routes and a report on a simulated company: simulate, ingest, train, score, report."""
    from pipelines.jobs import init_workspace

    os.environ.pop("LEADREADY_MLFLOW", None)  # made-up leads are no matter for the server of a company's models
    space = Workspace(workspace)
    init_workspace(space)
    flows = _flows(space)
    loaded, training, scored, folder = flows.demo(space.root, leads, seed, _moment(DEMO_AS_OF, _now()), _now())
    from pipelines.reports import ingest_rows, top_rows, training_json, training_notes, training_rows

    top = top_rows(scored.scores, 10)
    lines = ["", "What came in", *_table(ingest_rows(loaded)), "", "How well it predicts, on later leads",
             *_table(training_rows(training)), *training_notes(training), "",
             f"The ten leads to look at first on {DEMO_AS_OF}", *_table(top)]  # fmt: skip
    lines += ["", *_where(space, scored.folder, folder)]
    _say({"ingest": ingest_rows(loaded), "training": training_json(training), "top": top}, lines, as_json)


@app.command(epilog="Example: leadready runs")
def runs(
    workspace: WorkspaceOption = HOME,
    most: Annotated[int, typer.Option(help="Runs to print.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """The latest trainings with their main figures."""
    from models.registry.client import Registry

    found = Registry(_ready(workspace)).runs(most)
    rows = json.loads(found.to_json(orient="records", date_format="iso"))
    _say(rows, _table(rows) or ["no training yet: `leadready train`"], as_json)


@app.command(epilog="Example: leadready ui --port 5001")
def ui(workspace: WorkspaceOption = HOME, port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> None:
    """MLflow's page on this workspace: runs side by side, plots, models. Ends with Ctrl-C."""
    from data.intake.files import without_password
    from models.registry.client import server
    from models.registry.tracking import page_command

    if named := server():
        print(f"MLflow's page: {without_password(named)}")
        return
    command = page_command(_ready(workspace), port)
    print(f"MLflow's page: http://127.0.0.1:{port}", flush=True)
    os.execvpe(
        command[0],
        command,
        {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )


def _plan_training(space: Workspace, moment: datetime, as_json: bool) -> None:
    """Print what a training would do, without fitting and without Prefect; ends with 12 if it would be refused."""
    from pipelines.jobs import plan_training
    from pipelines.reports import planning_json, planning_notes, planning_rows, refusal_notes, time_lines

    planning = plan_training(space, moment)
    plan = planning.plan
    lines = [*planning_notes(planning), "", *time_lines(plan), "", *_table(planning_rows(plan)), *refusal_notes(plan)]
    _say(planning_json(planning), lines, as_json)
    if plan.refusals:
        raise typer.Exit(12)


def _let_go(error: BaseException | None) -> None:
    """Drop what an error's frames hold: a DuckDB connection that outlives the interpreter complains on stderr."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _ready(workspace: Path) -> Workspace:
    space = Workspace(workspace)
    space.check()
    return space


def _flows(space: Workspace) -> Any:
    """The flows, with Prefect set up for an embedded run unless the environment says otherwise."""
    quiet = {
        "PREFECT_HOME": str((space.root / "prefect").resolve()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
        "PREFECT_CLI_PROMPT": "false",
    }
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    _show_progress()
    logging.getLogger("pipelines").info("starting Prefect (takes some 15 to 30 s)")
    from pipelines import flows

    flows.check_server()
    return flows


def _show_progress() -> None:
    """What the rooms log goes to stderr with the seconds passed."""
    started = time.monotonic()

    class Seconds(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return f"[{time.monotonic() - started:6.1f} s] {record.getMessage()}"

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Seconds())
    for room in ("data", "features", "models", "serving", "pipelines"):
        logger = logging.getLogger(room)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)


def _moved(move: Move) -> list[str]:
    """What changed, and what to do next."""
    before = f" instead of version {move.instead_of}" if move.instead_of else ""
    lines = [f"version {move.to} is in use{before} since {move.when} UTC"]
    lines += [f"its training decided: {move.decided}"] * bool(move.decided)
    lines += [f"forced against: {move.findings}"] * move.forced
    return [*lines, "`leadready score` uses it from now on; `leadready rollback` goes back"]


def _user() -> str:
    """Who is at the keyboard, '' where the system has no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _span(text: str) -> timedelta:
    """A step like 7d or 12h; UsageError where it is none."""
    found = re.fullmatch(r"([1-9]\d{0,4})([dh])", text.strip())
    if not found:
        raise UsageError("reading --every", expected="days like 7d or hours like 12h", got=repr(text), do="write it so")
    return timedelta(**{{"d": "days", "h": "hours"}[found[2]]: int(found[1])})


def _moment(text: str | None, otherwise: datetime, option: str = "--as-of") -> datetime:
    """A date or time (UTC, or with its own offset) as UTC; UsageError where it is neither."""
    if text is None:
        return otherwise
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        raise UsageError(
            f"reading {option}", expected="a date or time like 2026-03-01 or 2026-03-01T08:00", got=repr(text),
            do="write it so",
        ) from None  # fmt: skip


def _catalogue(workspace: Path) -> tuple[Feature, ...]:
    from pipelines.jobs import read_catalogue

    return read_catalogue(_ready(workspace), _now())


def _say(result: Any, lines: list[str], as_json: bool) -> None:
    """The result for machines, or the lines for people."""
    if as_json:
        print(json.dumps(_without_nan(result), indent=1, default=str))
    else:
        print("\n".join(lines))


def _without_nan(value: Any) -> Any:
    """The same with null where a number is missing: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as aligned text columns."""
    if not rows:
        return []
    cells = [[*rows[0]], *([_cell(v) for v in row.values()] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    numeric = [all(isinstance(r[name], int | float | None) for r in rows) for name in rows[0]]
    return ["  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, numeric, strict=True)).rstrip()
            for line in cells]  # fmt: skip


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _where(space: Workspace, folder: Path, report: Path) -> list[str]:
    return [
        "Where things lie",
        f"  {folder}/scores.csv and .parquet   every open lead's score and route, for the CRM",
        f"  {report}/report.html   waterfall, promises, who buys, the model beside the rules: open it in a browser",
        f"  {space.warehouse}   the data (DuckDB)",
        f"  {space.agreements}   the agreement: what the rules are",
        f"  {space.settings}   how training and scoring are set",
        f"  leadready ui -w {space.root}   the trainings, their figures and plots (MLflow)",
    ]


if __name__ == "__main__":
    main()
