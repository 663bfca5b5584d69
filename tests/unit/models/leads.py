"""A small simulated training set with a known signal, for tests of the models room."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from features.catalogue import CONCEPTS, Feature
from models.judging.training import TrainingSet

START = pd.Timestamp("2025-01-01")


def feature(name: str, concept: str = "engagement", dtype: str = "number", direction: str = "", **more) -> Feature:
    over = "touches" if dtype == "number" else "lead"
    return Feature(name, concept, over, "count(*)", f"meaning of {name}", direction=direction, dtype=dtype, **more)


def make(rows: int = 500, numbers: int = 10, texts: int = 2, seed: int = 0, signal: float = 1.5, days: int = 300):
    """Rows in time order over `days`; numbers are counts with gaps; need and points drive acceptance by `signal`."""
    random = np.random.default_rng(seed)
    need = random.normal(size=rows)
    frame, features = {}, []
    for j in range(numbers):
        values = random.poisson(np.exp(0.6 * need * (j < 3) + 0.5 * random.normal(size=rows))).astype(float)
        if j % 4 == 0:
            values[random.random(rows) < 0.3] = np.nan
        frame[f"n{j}"] = values
        features.append(feature(f"n{j}", CONCEPTS[j % len(CONCEPTS)], direction="+" if j < 3 else ""))
    frame["rule_points"] = np.round(np.clip(50 + 20 * need + 20 * random.normal(size=rows), 0, 100) / 10) * 10
    features.append(feature("rule_points", "qualification", part="points", axis="both"))
    for j in range(texts):
        levels = ["unknown", "web", "event", "partner", "rare"]
        frame[f"t{j}"] = random.choice(levels, size=rows, p=[0.2, 0.4, 0.3, 0.09, 0.01])
        features.append(feature(f"t{j}", "fit", dtype="text"))
    y = (random.random(rows) < 1 / (1 + np.exp(-signal * need + 0.3))).astype(int)
    as_of = pd.Series(START + pd.to_timedelta(np.sort(random.integers(0, days * 1440, rows)), unit="min"))
    group = pd.Series([f"A{i}" for i in random.integers(0, 3 * rows, rows)])
    lead_id, met = pd.Series([f"L{i}" for i in range(rows)]), pd.Series(np.ones(rows))
    return TrainingSet(pd.DataFrame(frame), y, as_of, group, timedelta(days=14), tuple(features), lead_id, met)
