"""Two days of scores and some overrides for a simulated company, as pages show them: with long names."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from data.tables import OVERRIDES, PUBLICATIONS, SCORES
from data.warehouse import Warehouse
from tests.tables import put

TEAMS = ("north", "public sector and co-operatives, Rhine and Westphalia")
ROUTES = ("hand_off", "tele_qualify", "reheat", "manager_check", "hold", "nurture", "nurture", "with_sales")
QUESTIONS = ("need", "budget", "who else has to agree before anything is bought")
CAUSE = (
    "up from 12 % to 34 %, mainly because of new touches: a form on 2025-10-30, a page view on 2025-10-30 (4 times), "
    "a webinar on 2025-10-29 (came in late), 7 more"
)


def add_scores(warehouse: Warehouse, as_of: datetime, version: str) -> None:
    """Scores of all leads at `as_of` and a day before, under the agreement of that version, both published."""
    leads = [lead for (lead,) in warehouse.rows("SELECT DISTINCT lead_id FROM leads WHERE known_at < $1", [as_of])]
    random = np.random.default_rng(1)
    for moment in (as_of - timedelta(days=1), as_of):
        rows = pd.DataFrame({"lead_id": sorted(leads), "as_of": moment}).sample(frac=0.9, random_state=moment.day)
        route, n = random.choice(ROUTES, len(rows)), len(rows)
        put(
            warehouse,
            SCORES,
            rows.assign(
                route=route,
                route_reason="as it happens",
                contact=np.where(np.isin(route, ["tele_qualify", "reheat"]), "phone", "e-mail"),
                team=random.choice(TEAMS, n),
                zone="nearly",
                urgent=random.random(n) < 0.1,
                early=False,
                explored=False,
                probability=random.uniform(0.02, 0.9, n),
                threshold=0.14,
                gain_call=random.normal(0, 10, n),
                next_question=random.choice(QUESTIONS, n),
                changed=np.where(random.random(n) < 0.5, CAUSE, None),
                look_again=np.where(route == "nurture", "2025-11-09", None),
                model_version="1",
                agreement_version=version,
            ),
        )
        put(warehouse, PUBLICATIONS, pd.DataFrame({"as_of": [moment], "folder": ["f"], "day": [f"{moment:%Y-%m-%d}"]}))


def add_overrides(warehouse: Warehouse, as_of: datetime) -> None:
    """Overrides before thirty decided hand-offs, each with a score that followed it, and of ten other leads."""
    handed = warehouse.frame(
        """SELECT lead_id, handed_off_at FROM handoffs JOIN decisions USING (lead_id, handed_off_at)
        WHERE decided_at < $1 QUALIFY row_number() OVER (PARTITION BY lead_id ORDER BY handed_off_at) = 1
        ORDER BY lead_id LIMIT 30""",
        [as_of],
    )
    hour, at = pd.Timedelta(hours=1), handed["handed_off_at"]
    scores = pd.DataFrame({"lead_id": handed["lead_id"], "as_of": at - hour, "route": "hand_off", "probability": 0.4})
    put(warehouse, SCORES, scores.assign(threshold=0.14))
    asked = pd.DataFrame({"lead_id": handed["lead_id"], "route": "hand_off", "decided_at": at - 2 * hour})
    rest = warehouse.frame("SELECT DISTINCT lead_id FROM leads WHERE known_at < $1 ORDER BY 1 DESC LIMIT 10", [as_of])
    kept = rest.assign(route="nurture", decided_at=as_of - timedelta(days=30))
    rows = pd.concat([asked, kept]).assign(why="met", decided_by="ann")
    rows = rows.assign(holds_until=rows["decided_at"] + pd.Timedelta(days=60))
    put(warehouse, OVERRIDES, rows)
