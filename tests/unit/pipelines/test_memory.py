"""How much may DuckDB hold while scores are published? What these leave of `memory`, and enough at any rate."""

import numpy as np
import pandas as pd
import pytest

from data.settings import ComputeSettings
from pipelines.jobs.score import IMPORTED, LEAST, LEAST_PER_LEAD, _left_for_duckdb


@pytest.mark.parametrize(
    ("said", "number"), [("100MB", 100e6), ("1.5GB", 1.5e9), ("2 GiB", 2 * 2**30), ("1TB", 1e12), ("3MiB", None)]
)
def test_memory_is_a_number_too(said, number):
    if number is None:
        with pytest.raises(ValueError, match="an amount from 100MB to 1000TB"):
            ComputeSettings(memory=said)
    else:
        assert ComputeSettings(memory=said).memory_bytes == number


def test_duckdb_has_what_the_scores_leave_but_enough_to_publish_them():
    frames = pd.DataFrame({"p": np.zeros(1000)}, index=range(1000)), pd.DataFrame(np.zeros((1000, 10)))
    held = sum(int(frame.memory_usage(deep=True).sum()) for frame in frames)
    assert held > 80_000
    assert _left_for_duckdb(4_000_000_000, *frames) == 4_000_000_000 - IMPORTED - held
    assert _left_for_duckdb(1_500_000_000, *frames) == LEAST
    assert _left_for_duckdb(200_000_000, *frames) == 200_000_000  # no more than is allowed
    many = pd.DataFrame(index=range(2_000_000))
    assert _left_for_duckdb(3_000_000_000, many) == 2_000_000 * LEAST_PER_LEAD > LEAST
