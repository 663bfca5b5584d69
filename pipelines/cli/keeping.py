"""How is a workspace kept in order? Backup and restore, who was forgotten, what is old, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import find_workspace
from pipelines.cli.printing import command
from pipelines.moment import now
from serving.pages.sections import Report, listed

app = typer.Typer()
Replace = Annotated[bool, typer.Option("--replace", help="Replace what is there.")]


@command(app, "backup /backups/leadready.tar.zst")
def backup(
    workspace: Path,
    to: Annotated[Path, typer.Argument(help="Write the backup to this file, outside the workspace.")],
    replace: Replace = False,
) -> Report:
    """Back up the workspace to one file. Other commands that write wait meanwhile."""
    from data.backup import total
    from models.registry.client import server
    from pipelines.jobs.backup import LEFT_OUT, ON_SERVER, back_up

    done = back_up(find_workspace(workspace), to, now(), replace=replace)
    rows = [{"part": name, "files": done.counts[name], "size": total([size])} for name, size in done.sizes.items()]
    points = [
        f"wrote {done.file}: {total([done.bytes])} for {total(done.sizes.values())} of files; it holds personal data",
        *(f"left out {name}: {why}" for name, why in LEFT_OUT.items() if (workspace / name).exists()),
        *(f"left out {link}, a link to another folder: back that up too" for link in done.links),
        *[ON_SERVER] * bool(server()),
        "after each `leadready forget` keep a new list of `leadready forgotten` elsewhere, for the case of a restore",
    ]
    return listed(rows, *points, facts=asdict(done))


@command(app, "restore /backups/leadready.tar.zst --workspace var")
def restore(
    workspace: Path,
    file: Annotated[Path, typer.Argument(help="Restore this backup.")],
    replace: Replace = False,
    forgotten: Annotated[
        Path | None, typer.Option(help="Forget again whoever is on this list of `leadready forgotten`.")
    ] = None,
) -> Report:
    """Restore a workspace from a backup, at any path. It is done whole or not at all; who was forgotten stays so."""
    from models.registry.client import server
    from pipelines.jobs.backup import ON_SERVER
    from pipelines.jobs.backup import restore as bring_back

    done = bring_back(workspace, file, now(), replace=replace, forgotten=forgotten)
    about, lost = done.about, f"{done.lost} people on the list were noted in another workspace and hold no rows here:"
    points = [
        f"restored {workspace} as it was at {about.made_at[:16].replace('T', ' ')} UTC (by leadready {about.release})",
        f"people forgotten since the backup was made, and erased again: {done.forgotten}",
        *[f"{lost} rows of them that come later are not dropped"] * bool(done.lost),
        f"files of models and runs found at their new place: {done.moved}"
        if done.moved
        else "models are where they were",
        f"exports written anew: {done.days} days; the web page follows with the next `leadready score`",
        *[ON_SERVER] * bool(server()),
        f"look it over: leadready doctor -w {workspace}",
    ]
    return listed((), *points, facts=asdict(done))


@command(app, "forgotten /safe/forgotten.json")
def forgotten(
    workspace: Path, to: Annotated[Path, typer.Argument(help="Write the list to this file, and replace it.")]
) -> Report:
    """Write down who was forgotten, as hashes that name nobody. Keep it apart from backups: `restore` needs it."""
    from data.forgotten import list_forgotten
    from data.whole import whole, writing

    with find_workspace(workspace).warehouse() as warehouse:
        known = list_forgotten(warehouse)
    with writing(f"writing {to}", "name another file"), whole(to) as making:
        making.write_text(known.as_json(), encoding="utf-8")
    return listed((), f"wrote {to}: {len(known.hashes)} people", facts={"file": str(to), "people": len(known.hashes)})


@command(app, "doctor --workspace var")
def doctor(
    workspace: Path,
    mend: Annotated[bool, typer.Option("--mend", help="Put right what can be put right without loss.")] = False,
) -> tuple[Report, int]:
    """Check the workspace and what it stands on. It changes nothing unless you add --mend."""
    from data.workspace import Workspace
    from pipelines.jobs.doctor import examine
    from serving.pages.sections import Section

    found = examine(Workspace(workspace), now(), mend)
    rows = [{"check": name, "state": one.state, "found": one.says} for name, one in found.findings.items()]
    todo = [f"{name}: {one.do}" for name, one in found.findings.items() if one.do]
    mended = [f"mended {name}: {before}" for name, before in found.mended.items()]
    facts = {
        "findings": [{"check": name, **asdict(one)} for name, one in found.findings.items()],
        "mended": found.mended,
        "exit_code": found.code,
    }
    return Report([Section(rows=rows, points=mended), Section(chapter="What to do", points=todo)], facts), found.code


@command(app, "tidy --workspace var")
def tidy(workspace: Path) -> Report:
    """Remove what is older than [retention] in settings.toml says. The daily run ends with it."""
    from data.backup import total
    from pipelines.jobs.tidy import tidy as remove_old

    done = remove_old(find_workspace(workspace), now())
    rows = [{"of": name, "removed": count} for name, count in done.gone.items()]
    points = [
        f"the workspace is {total([done.freed])} smaller",
        *[f"kept for good, as [retention] says nothing else: {', '.join(done.kept)}"] * bool(done.kept),
    ]
    return listed(rows, *points, facts=asdict(done))
