"""Do probabilities come true? The figure that training, backtest and card share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.metrics.evaluation import Vector, calibration_bins
from serving.pages.sections import Section


def label(name: str) -> str:
    """A candidate's name as people read it."""
    return name.replace("_", " ")


def reliability(y: Vector, p: Vector, name: str) -> Section:
    """Accepted share against predicted probability in bins of equal size, with the band of a correct model."""
    rows, expected, observed, variance = calibration_bins(y, p)
    spread = 1.96 * np.sqrt(variance)
    ends = {"right_share_low": np.maximum(expected - spread, 0), "right_share_high": np.minimum(expected + spread, 1)}
    about = (
        f"Each dot stands for about {int(np.median(rows))} leads. Grey: where 95 % of correct predictions would fall."
    )
    return Section(
        f"Do the probabilities of {name} come true on {len(y):,} later leads?",
        (about,),
        frame=pd.DataFrame({"predicted_share": expected, "accepted_share": observed, **ends, "leads": rows}),
        kind="curves - predicted_share accepted_share right_share_low right_share_high",
    )
