"""Why does a lead stand where it does? The rules' own sum, and what the model in use makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from data.agreement.model import Agreement
from data.errors import DataError
from data.intake.keys import stored_ids
from data.opened import OpenWorkspace
from features.rules.standing import build_lines, build_rules


@dataclass(frozen=True)
class Points:
    """The standing of each lead under the agreement in force, and the lines that add up to its points."""

    agreement: Agreement
    standing: pd.DataFrame
    lines: pd.DataFrame


def explain_points(opened: OpenWorkspace, leads: list[str], as_of: datetime) -> Points:
    """The points of those leads at `as_of`, each once; DataError names the leads that were not known by then."""
    with opened.warehouse() as warehouse:
        leads = list(dict.fromkeys(stored_ids(warehouse, leads)))
        index = pd.DataFrame({"lead_id": leads, "as_of": pd.Timestamp(as_of)})
        standing = build_rules(warehouse, index, opened.agreements)
        unknown = sorted(set(leads) - set(standing["lead_id"]))
        if unknown:
            raise DataError(
                f"explaining leads as of {as_of:%Y-%m-%d}",
                expected="leads known by then",
                got=f"unknown {', '.join(unknown[:10])}",
                do="check the id, or use a later --as-of",
            )
        return Points(opened.agreement_at(as_of), standing, build_lines(warehouse, index, opened.agreements))


def explain_score(opened: OpenWorkspace, lead: str, as_of: datetime) -> dict[str, object] | None:
    """What the champion makes of a lead at `as_of` (see `serving.scoring.explain_one`); None where there is none."""
    from models.registry.client import Registry
    from serving.in_use import find_model, trained_under
    from serving.scoring import explain_one

    model = find_model(Registry(opened.workspace))
    if model is None:
        return None
    with opened.warehouse() as warehouse:
        found = explain_one(warehouse, model, trained_under(opened, model), lead, as_of)
    return {"version": model.version, "trained_until": model.trained_until, "provisional": model.provisional, **found}
