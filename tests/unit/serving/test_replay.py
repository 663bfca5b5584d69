"""When are two scorings of one moment the same? Numbers to 1e-12, everything else as it stands."""

from __future__ import annotations

import pandas as pd
import pytest

from serving.replay import compare


@pytest.mark.parametrize(
    ("said", "now", "differ"),
    [
        (0.3, 0.3 + 1e-13, False),
        (0.3, 0.3 + 1e-10, True),
        (5e6, 5e6 + 1e-7, False),
        (5e6, 5e6 + 1e-3, True),
        (float("nan"), float("nan"), False),
        (float("nan"), 0.3, True),
        (0.3, float("nan"), True),
        ("nearly", "nearly", False),
        ("nearly", "qualified", True),
        (None, "nearly", True),
        (1, 2, True),
    ],
)
def test_when_two_values_are_the_same(said: object, now: object, differ: bool) -> None:
    one, other = (pd.DataFrame({"lead_id": ["L1", "L2"], "value": [value, value]}) for value in (said, now))
    found = compare(one, other, ["value"])
    assert list(found["lead_id"]) == (["L1", "L2"] if differ else [])
