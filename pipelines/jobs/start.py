"""What does a new workspace begin with? Settings, an agreement, and if wanted the files of a simulated company."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from data.agreement.file import default_text
from data.errors import DataError
from data.intake.files import relations_in
from data.intake.mapping import STARTERS, load_mappings
from data.opened import open_workspace
from data.settings import DEFAULT as DEFAULT_SETTINGS
from data.workspace import Workspace

FIRST_AGREEMENT = "2000-01-01.toml"


def init_workspace(workspace: Workspace, scheme: str = "BANT") -> list[Path]:
    """Make the workspace with an agreement of that scheme and settings; what is there stays. Returns the files made."""
    texts = {workspace.agreements / FIRST_AGREEMENT: default_text(scheme), workspace.settings: DEFAULT_SETTINGS}
    workspace.create()
    opened = open_workspace(workspace.root)
    if any(workspace.agreements.glob("*.toml")):
        del texts[workspace.agreements / FIRST_AGREEMENT]
    made = [path for path, text in texts.items() if workspace.add(path, text)]
    with opened.warehouse():
        pass
    return made


def match_starter(source: str, exports: str) -> dict[str, list[str]]:
    """For each starter mapping of a CRM the files or tables that it reads and the exports lack.

    Raises UsageError for a CRM without a starter, and DataError where there is nothing for its leads.
    """
    mappings, found = load_mappings(source, STARTERS), relations_in(exports)
    lacking = {m.table.name: [r.removeprefix("raw_") for r in m.reads if r not in found] for m in mappings}
    if lacking["leads"]:
        expected = " and ".join(lacking["leads"])
        do = f"export it, or name the file or its folder so (data/starters/{source}/README.md)"
        got = ", ".join(found.values())
        raise DataError(f"looking for exports of {source}", expected=f"{expected} for the leads", got=got, do=do)
    return lacking


def copy_starter(workspace: Workspace, source: str, tables: Iterable[str]) -> list[Path]:
    """Copy the starter mappings of these tables into the workspace; what is there stays. Returns the files made."""
    place = workspace.mappings / source
    names = ("README.md", *(f"{table}.sql" for table in tables))
    texts = {place / name: (STARTERS / source / name).read_text(encoding="utf-8") for name in names}
    return [path for path, text in texts.items() if workspace.add(path, text)]


def simulate_source(workspace: Workspace, leads: int, seed: int) -> Path:
    """Write the simulated company's files into the workspace; returns their folder."""
    from data.simulator.company import simulate, write

    folder = workspace.root / "simulated"
    write(simulate(leads=leads, seed=seed), folder)
    return folder
