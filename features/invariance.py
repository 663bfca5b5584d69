"""Does any feature read the future? A check that anybody can run on their own data and their own features.

A feature at `as_of` may depend on rows with `known_at < as_of` alone. So it must not change when every later row is
taken away, nor when it is there twice over in other form: the check builds the matrix on the data as they are, without
the later rows, and with the later rows moved to other leads, and names each column that differs anywhere.
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from data.agreement.model import Agreement
from data.sql import in_force
from data.tables import TABLES
from data.warehouse import Warehouse
from features.definition import Feature
from features.matrix import build_matrix

PAST = """SELECT * REPLACE (CASE WHEN superseded_at < $as_of THEN superseded_at END AS superseded_at)
    FROM {table} WHERE known_at < $as_of"""
MOVED = """SELECT * FROM {table} WHERE known_at < $as_of
    UNION ALL BY NAME SELECT * REPLACE (coalesce(nullif(lag({id}) OVER (ORDER BY {id}, known_at), {id}), {id}) AS {id})
    FROM {table} WHERE known_at >= $as_of"""


def find_leaks(
    warehouse: Warehouse,
    agreement: Agreement,
    features: tuple[Feature, ...],
    moments: list[datetime],
    leads: int = 500,
) -> dict[str, str]:
    """Features that depend on what was not known at `as_of`: name -> one example in words; empty is good.

    At each of `moments` up to `leads` leads, picked by a hash of their id, are looked at.
    """
    leaks: dict[str, str] = {}
    sample = f"SELECT lead_id FROM leads l WHERE {in_force('$1', 'l')} ORDER BY hash(lead_id), lead_id LIMIT {leads:d}"
    for as_of in moments:
        index = warehouse.frame(sample, [as_of]).assign(as_of=pd.Timestamp(as_of))
        if index.empty:
            continue
        seen = build_matrix(warehouse, index, agreement, features=features)
        for what, later in (("removed", PAST), ("moved to other leads", MOVED)):
            with warehouse.shadowed(_selects(later), {"as_of": as_of}):
                other = build_matrix(warehouse, index, agreement, features=features)
            for name, example in differences(seen, other).items():
                leaks.setdefault(name, f"{example} when rows known from {as_of:%Y-%m-%d %H:%M} on were {what}")
    return leaks


def differences(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, str]:
    """Columns that differ anywhere between two matrices of the same index: name -> the first difference in words."""
    found = {}
    for name in one.columns:
        a, b = one[name], other[name]
        unequal = ~((a == b) | (a.isna() & b.isna()))
        if unequal.any():
            row = int(unequal.to_numpy().argmax())
            found[name] = f"lead {one['lead_id'].iloc[row]}: {a.iloc[row]} became {b.iloc[row]}"
    return found


def sample_moments(warehouse: Warehouse) -> list[datetime]:
    """Three moments spread over the time in which touches, calls and hand-offs were known."""
    found = warehouse.scalar(
        """SELECT quantile_disc(known_at, [0.25, 0.5, 0.75]) FROM (SELECT known_at FROM touches
        UNION ALL SELECT known_at FROM calls UNION ALL SELECT known_at FROM handoffs
        UNION ALL SELECT known_at FROM leads)"""
    )
    return sorted(set(found or []))


def _selects(select: str) -> dict[str, str]:
    """The SELECT over each table; `id` is what its rows are of."""
    return {n: select.format(table=n, id=(t.key or ("lead_id",))[0]) for n, t in TABLES.items()}
