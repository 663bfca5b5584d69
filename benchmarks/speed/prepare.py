"""What do the measures stand on? A generated company, its warehouse, and a workspace with a model in use."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from benchmarks.generate import DAYS, START, generate
from data.opened import OpenWorkspace, open_workspace
from data.sql import literal
from data.warehouse import Warehouse
from data.workspace import Workspace
from models.registry.client import Registry
from pipelines.jobs.promote import promote_model
from pipelines.jobs.start import init_workspace
from pipelines.jobs.train import train_models

AS_OF = datetime.fromisoformat(START) + timedelta(days=DAYS * 0.95)
LOADED = datetime.fromisoformat(START) + timedelta(days=DAYS)
LABELS = 5_000
"""The model learns at a moment by which about so many hand-offs were answered."""
TOUCHES_A_LEAD, CALLS_A_LEAD = 30, 5
SETTINGS = """[training]
folds = 1
[compute]
threads = 2
memory = "{memory}"
"""


@dataclass(frozen=True)
class Place:
    """The folder of a company of one size."""

    folder: Path

    @property
    def raw(self) -> Path:
        """Its canonical files."""
        return self.folder / "raw"

    @property
    def workspace(self) -> Workspace:
        """Where it is loaded, with a model in use."""
        return Workspace(self.folder / "var")

    @property
    def by_time(self) -> Path:
        """A warehouse of the same rows, touches in order of time."""
        return self.folder / "by_time.duckdb"

    def opened(self) -> OpenWorkspace:
        """The workspace."""
        return open_workspace(self.workspace.root)


def write_company(place: Place, leads: int, memory: str) -> None:
    """Generate the files and an empty workspace beside them."""
    generate(place.raw, leads, leads * TOUCHES_A_LEAD, leads * CALLS_A_LEAD)
    init_workspace(place.workspace)
    place.workspace.settings.write_text(SETTINGS.format(memory=memory))


def put_model_into_use(place: Place) -> None:
    """Train on the first answers of sales."""
    opened = place.opened()
    with opened.warehouse() as warehouse:
        learned = f"SELECT decided_at FROM decisions ORDER BY decided_at LIMIT 1 OFFSET {LABELS}"
        moment: datetime = warehouse.scalar(learned) or AS_OF
    train_models(opened, moment)
    version = Registry(opened.workspace).aliases().get("champion", 1)
    promote_model(opened, version, moment, "", "to be measured", force=True)


def put_in_time_order(place: Place) -> None:
    """Write the warehouse once more, its touches in order of time."""
    with place.opened().warehouse() as warehouse:
        warehouse.execute(f"ATTACH {literal(str(place.by_time))} AS timely")
        names = [
            n
            for (n,) in warehouse.rows(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
            )
        ]
        for name in names:
            order = "ORDER BY occurred_at, lead_id" if name == "touches" else ""
            warehouse.execute(f"CREATE TABLE timely.{name} AS SELECT * FROM {name} {order}")
        warehouse.execute("DETACH timely")


def everybody(warehouse: Warehouse) -> pd.DataFrame:
    """Each lead at AS_OF."""
    found = warehouse.frame("SELECT DISTINCT lead_id FROM leads WHERE known_at < $1 ORDER BY lead_id", [AS_OF])
    return found.assign(as_of=pd.Timestamp(AS_OF))


def snapshots(warehouse: Warehouse) -> pd.DataFrame:
    """Half as many snapshots as leads, each at a moment of its own."""
    return warehouse.frame(
        """SELECT lead_id, created_at + to_seconds((epoch($1::TIMESTAMP - created_at)
            * (0.05 + 0.95 * (hash(lead_id, 'when') % 1000) / 1000))::BIGINT) AS as_of
        FROM leads WHERE hash(lead_id, 'chosen') % 2 = 0 AND created_at < $1 - INTERVAL 1 DAY AND superseded_at IS NULL
        ORDER BY lead_id""",
        [AS_OF],
    )


STEPS = {"model": put_model_into_use, "time": put_in_time_order}

if __name__ == "__main__":
    STEPS[sys.argv[1]](Place(Path(sys.argv[2])))
