"""Does the model decide better than the rules alone? The base tables of that chapter, from hand-offs it was tested on.

They are the champion's later rows: its probabilities come from a fit on earlier rows alone, so none knew its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from data.agreement.file import pick
from data.agreement.model import Agreement
from data.cohorts import TO_SALES_SCORES
from data.sql import in_force
from data.tables import COSTS, JUDGED, TESTED
from data.warehouse import Warehouse
from features.rules.standing import build_rules
from models.judging.policy import (
    AGREED,
    EQUAL,
    EVERYBODY,
    LEAST_EFFECTIVE,
    NOBODY,
    POLICIES,
    RULES,
    at_the_gate,
    brought,
    claim,
    effective_accounts,
    pick_by_policy,
    value_picks,
    weights,
)
from models.judging.selective import bounds, robust_gain, robust_value

GATE = f"""WITH gate AS (
        SELECT lead_id, as_of, probability, propensity, draw, (SELECT count(*) FROM handoffs h
            WHERE h.lead_id = s.lead_id AND {in_force("s.as_of", "h")}) AS episode
        FROM scores s WHERE propensity > 0 AND as_of < $as_of),
    answers AS (
        SELECT s.lead_id, s.as_of, y FROM m_tested t ASOF JOIN {TO_SALES_SCORES} s
        ON s.lead_id = t.lead_id AND t.as_of > s.as_of WHERE t.as_of <= s.as_of + INTERVAL 7 DAY),
    came AS (
        SELECT lead_id, min(as_of) AS as_of, arg_min_null(probability, as_of) AS p, max(propensity) AS propensity,
            arg_min(y, as_of) AS y FROM gate LEFT JOIN answers USING (lead_id, as_of)
        GROUP BY lead_id, episode, draw, propensity < 1)
    SELECT c.*, coalesce('account ' || account_id, 'lead ' || lead_id) AS group
    FROM came c JOIN leads l USING (lead_id) WHERE {in_force("$as_of::TIMESTAMP", "l")}
    AND as_of BETWEEN (SELECT min(as_of) FROM answers) AND (SELECT max(as_of) FROM answers) ORDER BY lead_id, as_of"""
"""Who came to the gate in the tested time: a row per lead and gate episode, certain hand-offs apart, as first scored.

A draw is held once in each gate episode and age band, and may be published several times that day; those first scored
earlier are left out, drawn or not. p is the published one of all: a later model's would be there for hand-offs alone.
y: as tested."""
NEVER_HANDED_OFF = f"""SELECT count(*) FROM leads l WHERE {in_force("$as_of::TIMESTAMP", "l")} AND NOT EXISTS
    (FROM handoffs e WHERE e.lead_id = l.lead_id AND {in_force("$as_of::TIMESTAMP")})
    AND created_at BETWEEN $first::TIMESTAMP AND $last::TIMESTAMP"""


def save_judgement(
    warehouse: Warehouse,
    folder: Path,
    as_of: datetime,
    agreements: Sequence[Agreement],
    tested: pd.DataFrame,
    vouched: bool,
) -> None:
    """Write the tables `tested` (a row per decided hand-off), `judged` (per policy) and `costs` (per segment).

    `tested`: lead_id, as_of, y, probability, propensity, group, as `Registry.holdout` gives them; or empty.
    `vouched`: the model may speak of leads below the gate.
    """
    now = pick(list(agreements), as_of)
    rows = _decided(warehouse, now, tested) if "lead_id" in tested else tested
    handed = judged = pd.DataFrame()
    if len(rows):
        picks = pick_by_policy(rows, [now], vouched) | {NOBODY: np.zeros(len(rows))}
        handed = rows.assign(
            account=rows["group"], accepted=rows["y"], weight=weights(rows), gain=brought(rows), **picks
        )
        equal = claim(rows)
        unseen = _unseen(warehouse, now, as_of, rows) if equal.gated_only else ""
        robust = _robust(_came(warehouse, now, as_of, rows), now, vouched)
        sentences = {EQUAL: equal.sentence, AGREED: robust, EVERYBODY: unseen}
        judged = value_picks(rows, picks, equal).assign(sentence=lambda f: f["policy"].map(sentences).fillna(""))
    for table, frame in ((TESTED, handed), (JUDGED, judged), (COSTS, _costs(now))):
        typed = frame.reindex(columns=list(table.names)).astype(table.pandas_types)
        typed.to_parquet(folder / f"{table.name}.parquet", index=False)


def _costs(agreement: Agreement) -> pd.DataFrame:
    named = [s.name for s in agreement.values.segments]
    worked_out = ("refusal", "threshold", "spare_threshold")
    rows = [{**c.model_dump(), **{n: getattr(c, n) for n in worked_out}} for c in agreement.values.costs()]
    segments = [*named, "all others" if named else "all"]
    return pd.DataFrame(rows).assign(segment=segments, others=[*(False for _ in named), True])


def _decided(warehouse: Warehouse, agreement: Agreement, tested: pd.DataFrame) -> pd.DataFrame:
    """The tested hand-offs with their zone and money under the agreement of today."""
    standing = build_rules(warehouse, tested[["lead_id", "as_of"]].drop_duplicates(), [agreement.from_ever_on()])
    return at_the_gate(tested.assign(p=tested["probability"]), standing, [agreement])


def _came(warehouse: Warehouse, agreement: Agreement, as_of: datetime, tested: pd.DataFrame) -> pd.DataFrame:
    """Who came to the gate in the tested time, as `robust_value` takes them; nobody where no model had scored then."""
    if not warehouse.rows("FROM duckdb_columns() WHERE table_name = 'scores' AND column_name = 'draw'"):
        return pd.DataFrame()
    with warehouse.view("m_tested", tested[["lead_id", "as_of", "y"]]):
        rows = warehouse.frame(GATE, {"as_of": as_of})
    rows = rows[rows["p"].notna()].assign(answered=lambda f: f["y"].notna(), y=lambda f: f["y"].fillna(0))
    return _decided(warehouse, agreement, rows.assign(probability=rows["p"]))


def _robust(gate: pd.DataFrame, agreement: Agreement, vouched: bool) -> str:
    """The doubly robust line; nothing where nobody who was picked at random has an answer."""
    if gate.empty or not (gate["answered"] & (gate["propensity"] < 1)).any():
        return ""
    picks = pick_by_policy(gate.assign(propensity=1.0), [agreement], vouched)
    seen, random = gate["answered"].to_numpy(), (gate["propensity"] < 1).to_numpy()
    gains = []
    for name in (AGREED, EQUAL):
        gain = robust_gain(gate, picks[name], picks[RULES])
        effective = effective_accounts(gate[seen], np.abs(picks[name] - picks[RULES])[seen])
        few = f", effective sample size {effective:,.0f}, so no claim" if effective < LEAST_EFFECTIVE else ""
        gains.append(f"{POLICIES[name]}, {gain.mean:+,.2f} ({gain.low:+,.2f} to {gain.high:+,.2f}{few})")
    return (
        f"a doubly robust estimate over {len(gate):,} leads as they came to the gate, from the scores published then "
        f"({random.sum():,} could be picked at random; {(random & ~seen).sum():,} of those were held or not answered), "
        f"with capacity left out: {POLICIES[RULES]}, {robust_value(gate, picks[RULES])}; "
        f"compared with that, {'; '.join(gains)}"
    )


def _unseen(warehouse: Warehouse, agreement: Agreement, as_of: datetime, rows: pd.DataFrame) -> str:
    """Bounds for leads of the tested time that nobody handed off: all of them rejected, all accepted."""
    times = {"as_of": as_of, "first": rows["as_of"].min(), "last": rows["as_of"].max()}
    below = warehouse.scalar(NEVER_HANDED_OFF, times)
    if not below:
        return ""
    low, high = bounds(rows, np.ones(len(rows)), below, below, agreement.values)
    return (
        f"what sales would decide on the {below:,} leads of that period that nobody handed off is unknown; "
        f"handing off everybody would be worth {low:,.0f} (all rejected) to {high:,.0f} (all accepted) per lead"
    )
