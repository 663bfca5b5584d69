"""Better or worse than usual: by a number's direction, an answer by its points and by what was said."""

import numpy as np
import pandas as pd
import pytest

from features.definition import Feature
from models.explaining.directions import standings

NEVER = float("nan")


@pytest.mark.parametrize(
    ("direction", "own", "usual", "stands"),
    [
        ("+", 3.0, 1.0, 1),
        ("+", 0.0, 1.0, -1),
        ("+", 1.0, 1.0, 0),
        ("-", 1.0, 0.0, -1),
        ("-", 0.0, 2.0, 1),
        ("", 9.0, 0.0, 0),
        ("-", NEVER, 400.0, -1),
        ("-", 400.0, NEVER, 1),
        ("+", NEVER, 0.0, -1),
        ("+", NEVER, NEVER, 0),
        ("", NEVER, 1.0, 0),
    ],
)
def test_a_number_stands_by_its_direction(direction, own, usual, stands):
    feature = Feature("x", "calls", "calls", "1", "x", "never", direction)
    assert standings([feature], pd.DataFrame({"x": [own]}), pd.DataFrame({"x": [usual]})).tolist() == [[stands]]


NEED = [
    Feature(f"need_{part}", "qualification", "rules", "1", part, criterion="need", part=part, fresh_days=90, **more)
    for part, more in {
        "state": {"dtype": "text"},
        "points": {"direction": "+", "axis": "research"},
        "age_days": {"null": "never asked"},
    }.items()
]


@pytest.mark.parametrize(
    ("own", "usual", "stands"),
    [
        (("yes", 25.0, 10.0), ("not_asked", 0.0, NEVER), 1),
        (("no", -10.0, 10.0), ("not_asked", 0.0, NEVER), -1),
        (("not_asked", 0.0, NEVER), ("yes", 25.0, 10.0), -1),
        (("yes", -10.0, 10.0), ("not_asked", 0.0, NEVER), -1),
        (("no", 0.0, 10.0), ("not_asked", 0.0, NEVER), -1),
        (("yes", 0.0, 10.0), ("refused", 0.0, 10.0), 1),
        (("refused", 0.0, 10.0), ("not_asked", 0.0, NEVER), 0),
        (("no", 0.0, 91.0), ("not_asked", 0.0, NEVER), 0),
        (("yes", 0.0, 91.0), ("yes", 25.0, 10.0), -1),
    ],
)
def test_an_answer_stands_by_its_points_and_then_by_what_was_said(own, usual, stands):
    names = [feature.name for feature in NEED]
    found = standings(NEED, pd.DataFrame([own], columns=names), pd.DataFrame([usual], columns=names))
    assert found[0, 0] == stands


def test_every_lead_stands_for_itself():
    features = [Feature("x", "calls", "calls", "1", "x", direction="-"), *NEED]
    X = pd.DataFrame({"x": [0.0, 5.0], "need_state": "no", "need_points": [0.0, -10.0], "need_age_days": 1.0})
    found = standings(features, X, X.head(1))
    assert np.array_equal(found, [[0, 0, 0, 0], [-1, -1, -1, 0]])
