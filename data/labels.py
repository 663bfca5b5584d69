"""How did sales decide? The outcome of each snapshot within its horizon, as far as it is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from data.sql import ALIKE, in_force
from data.warehouse import Warehouse

CountsAs = Literal["exclude", "not_accepted"]

OUTCOMES = f"""WITH decided AS (
    SELECT i.row_id, d.*, i.closes, {in_force("least(i.closes, $observed)", "d")} AS in_time
    FROM (SELECT *, sales_until + to_microseconds($horizon_us) AS closes FROM m_labels) i
    LEFT JOIN {ALIKE} a ON a.lead_id = i.lead_id
    JOIN decisions d ON d.lead_id = coalesce(a.other, i.lead_id)
        AND d.decided_at >= i.sales_until AND d.decided_at < i.closes
        AND CASE WHEN i.handed_off_at IS NULL THEN coalesce(d.copied_from, d.lead_id) = i.lead_id
            ELSE d.handed_off_at BETWEEN i.handed_off_at AND i.again_at END
        AND d.known_at < $observed),
last AS (
    SELECT row_id, decision, greatest(decided_at, known_at) AS answered_at FROM decided
    WHERE in_time OR (known_at >= closes AND {in_force("$observed", "decided")})
    QUALIFY 1 = row_number() OVER (
        PARTITION BY row_id ORDER BY in_time DESC, decided_at DESC, known_at DESC, decision)),
handed AS (
    SELECT DISTINCT i.row_id FROM m_labels i LEFT JOIN {ALIKE} a ON a.lead_id = i.lead_id
        JOIN handoffs h ON h.lead_id = coalesce(a.other, i.lead_id) AND {in_force("$observed", "h")}
        AND h.handed_off_at < i.as_of + to_microseconds($horizon_us)
        AND h.handed_off_at >= i.as_of - to_microseconds($horizon_us))
SELECT CASE WHEN i.as_of + to_microseconds($horizon_us) > $observed THEN coalesce(last.decision, 'pending')
    WHEN last.decision IS NOT NULL THEN last.decision
    WHEN handed.row_id IS NOT NULL THEN 'expired' ELSE 'never_handed_off' END AS outcome,
    i.as_of + to_microseconds($horizon_us) <= $observed AS mature, last.answered_at
FROM m_labels i LEFT JOIN last USING (row_id) LEFT JOIN handed USING (row_id) ORDER BY i.row_id"""


def label_outcomes(
    warehouse: Warehouse, snapshots: pd.DataFrame, horizon: timedelta, observed: datetime
) -> pd.DataFrame:
    """`snapshots` (as `build_cohort` gives them) with three more columns: `outcome`, `mature` and `answered_at`.

    The outcome is the last decision in [sales_until, + horizon), so from the hand-off's own instant on, as it was in
    force when the horizon closed: a correction by then counts, a later one changes nothing, and what became known only
    after the close counts as it is known at `observed`. Without a decision it is `pending` while the horizon is open,
    then `expired`, or `never_handed_off` where sales was not asked within a horizon before or after. `mature`: the
    horizon had closed at `observed`. `answered_at`: when our systems knew that decision, NaT without one.
    """
    rows = snapshots.reset_index(drop=True).assign(row_id=lambda f: range(len(f)))
    parameters = {"horizon_us": horizon // timedelta(microseconds=1), "observed": observed}
    with warehouse.view("m_labels", rows):
        found = warehouse.frame(OUTCOMES, parameters)
    return rows.drop(columns="row_id").assign(**{name: found[name] for name in ("outcome", "mature", "answered_at")})


def to_target(labelled: pd.DataFrame, expired: CountsAs, never_handed_off: CountsAs) -> pd.Series[float]:
    """accepted_within_horizon: 1 accepted, 0 rejected, NaN unlabelled.

    What expired and what was never handed off count as is said by the caller: a lead nobody asked sales about is
    unlabelled, unless the benchmark at hand defines it otherwise. While the horizon is open a decision counts as it is
    (models.rows.delay weighs it); a row without one is 0 where no decision would surely count so at the close, else
    unlabelled. Where the two rules differ and nobody knows which will hold, the whole row waits for the close.
    """
    values = {"accepted": 1.0, "rejected": 0.0}
    settled = {"expired": expired, "never_handed_off": never_handed_off}
    values |= {outcome: 0.0 for outcome, counts_as in settled.items() if counts_as == "not_accepted"}
    expires, agreed = values.get("expired", np.nan), expired == never_handed_off
    open_ended = labelled["handed_off_at"].notna().map({True: expires, False: expires if agreed else np.nan})
    target = labelled["outcome"].map(values).where(labelled["outcome"] != "pending", open_ended).astype(float)
    return target.where(labelled["mature"] | labelled["handed_off_at"].notna() | agreed)
