"""Why did a lead that a person will look at get its score? Contributions, reasons and bounds as columns by lead."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data.errors import ModelError
from features.definition import CONCEPTS, Feature
from models.explaining.explanation import Explainer, spread
from models.explaining.reason_codes import MOST, missing, reasons
from models.fitting.deployed import ReadyModel

log = logging.getLogger(__name__)

BACKGROUND_ROWS = 100
"""Rows that a lead is compared with."""
TEXTS = [f"reason_{place}" for place in range(1, MOST + 1)]
NUMBERS = ["log_odds_base", *(f"contribution_{c}" for c in CONCEPTS)]
FLAGS = ["reasons_checked"]


def explain_scores(
    model: ReadyModel | None,
    features: tuple[Feature, ...],
    matrix: pd.DataFrame,
    seen: pd.Series[bool],
    explainer: Explainer | None = None,
) -> pd.DataFrame:
    """What stands beside the scores of n leads, by the index of the matrix; empty for those that nobody sees.

    - log_odds_base and contribution_<concept>: they add up to the log-odds of the probability; a concept that the model
      has no feature of is empty.
    - reason_1 .. reason_4, in the catalogue's words; reasons_checked: whether refits vouch for them.

    Without a model all of it is empty. `explainer` is the model's where there is one already.
    """
    parts = [pd.DataFrame(index=matrix.index)]
    if model is not None and seen.any():
        X = matrix.loc[seen.to_numpy(), [f.name for f in features]]
        with threadpool_limits(limits=1):  # as in `scoring.predict`
            try:
                parts += _reasoned(explainer or _explainer(model, features), X)
            except ModelError as error:  # reasons stand beside scores: what goes wrong in them stops no scoring
                log.warning("scores have no reasons today: %s", error)
    types = dict.fromkeys(NUMBERS, "float64") | dict.fromkeys(TEXTS, "str") | dict.fromkeys(FLAGS, "boolean")
    return pd.concat(parts, axis=1).reindex(index=matrix.index, columns=list(types)).astype(types)


class LeadExplainer:
    """Says all that can be said of one lead, one after the other: the model is read once."""

    def __init__(self, model: ReadyModel, features: tuple[Feature, ...]) -> None:
        self._model, self._features = model, features
        self._explainer = _explainer(model, features)
        accepted = pd.DataFrame(model.background)[np.asarray(model.accepted) == 1]
        self._beside = None if accepted.empty else self._explainer.beside(spread(accepted, BACKGROUND_ROWS))

    def explain(self, lead: pd.DataFrame) -> dict[str, Any]:
        """Of a frame of one row, `why`: the columns of `explain_scores`; `missing`: what the lead lacks beside the
        average accepted lead."""
        why = explain_scores(self._model, self._features, lead, pd.Series(True, index=lead.index), self._explainer)
        if self._beside is None:
            return {"why": why.iloc[0], "missing": []}
        with threadpool_limits(limits=1):
            lacks = missing(self._beside, lead[[f.name for f in self._features]])
        return {"why": why.iloc[0], "missing": lacks.iloc[0].dropna().tolist()}


def _explainer(model: ReadyModel, features: tuple[Feature, ...]) -> Explainer:
    return Explainer(model, spread(pd.DataFrame(model.background), BACKGROUND_ROWS), features)


def _reasoned(explainer: Explainer, X: pd.DataFrame) -> list[pd.DataFrame]:
    found = explainer.explain(X)
    return [found.values.add_prefix("contribution_").assign(log_odds_base=found.base), reasons(explainer, X, found)]
