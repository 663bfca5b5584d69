"""How does a warehouse of an older version become ours? One step per schema version, all in one transaction.

A step is never changed, as workspaces of its version may still be there: it says in its own words what it adds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from data.sql import quoted
from data.tables import ACCOUNTS, LEADS

if TYPE_CHECKING:
    from data.warehouse import Warehouse

KNOWN = {
    "accounts": "account_id industry employees annual_revenue country name",
    "leads": "lead_id account_id created_at source title job_function seniority country permission name email phone",
}
VERSION = "known_at superseded_at batch_id retracted_at copied_from"


def _name_extras(warehouse: Warehouse) -> None:
    """To 1, from before versions: ids of events, columns of retractions, a prefix for the columns of sources."""
    warehouse.execute("""ALTER TABLE touches ADD COLUMN IF NOT EXISTS event_id VARCHAR;
        ALTER TABLE calls ADD COLUMN IF NOT EXISTS call_id VARCHAR""")
    for table in ["accounts", "leads", "touches", "calls", "answers", "handoffs", "decisions", "opportunities"]:
        for column in ("retracted_at TIMESTAMP", "copied_from VARCHAR"):
            warehouse.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
    for of in (ACCOUNTS, LEADS):
        own = f"{KNOWN[of.name]} {VERSION}".split()
        for name in warehouse.columns(of.name):
            if name not in own and not name.startswith(of.extra("")):
                warehouse.execute(f"ALTER TABLE {of.name} RENAME COLUMN {quoted(name)} TO {quoted(of.extra(name))}")


MIGRATIONS: tuple[Callable[[Warehouse], None], ...] = (_name_extras,)
"""The step to version 1, to version 2 and so on; the schema's version is how many there are."""
