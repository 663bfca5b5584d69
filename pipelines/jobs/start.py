"""What does a new workspace begin with? Settings, an agreement, and if wanted the files of a simulated company."""

from __future__ import annotations

from pathlib import Path

from data.agreement.file import default_text
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


def simulate_source(workspace: Workspace, leads: int, seed: int) -> Path:
    """Write the simulated company's files into the workspace; returns their folder."""
    from data.simulator.company import simulate, write

    folder = workspace.root / "simulated"
    write(simulate(leads=leads, seed=seed), folder)
    return folder
