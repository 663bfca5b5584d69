"""What must hold for the draws among leads below the gate, over days and whatever the shares."""

from __future__ import annotations

from itertools import combinations
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.exploration import DRAWS_A_DAY, PLACES, SHARES, explore, realised
from serving.exploration import chances

shares = st.lists(st.sampled_from([0.02, 0.05, 0.3, 0.5, 0.9]), min_size=1, max_size=8)


def by_hand(share: list[float], places: int) -> list[float]:
    """Over all sets of leads that the coins can pick: whoever is in one gets a place by chance."""
    n, found = len(share), np.zeros(len(share))
    for size in range(1, n + 1):
        for drawn in combinations(range(n), size):
            likely = prod(share[i] if i in drawn else 1 - share[i] for i in range(n))
            found[list(drawn)] += likely * min(
                1, comb(size - 1, places - 1) / comb(size, places) if size > places else 1
            )
    return list(found)


@given(shares, st.integers(1, 4))
def test_the_chance_is_that_of_all_sets_that_can_be_drawn(share, places):
    assert list(chances(np.array(share), places)) == pytest.approx(by_hand(share, places), abs=1e-8)


@given(shares, st.integers(1, 4))
def test_the_chances_add_up_to_the_places_that_are_taken(share, places):
    """On average as many are picked as are drawn, but for those beyond the places; none has more than its share."""
    found = chances(np.array(share), places)
    assert (found > 0).all()
    assert (found <= np.array(share) + 1e-12).all()
    assert found.sum() <= min(places, sum(share)) + 1e-6


def test_many_leads_are_no_trouble():
    assert chances(np.full(100_000, 0.05), 2).sum() == pytest.approx(2, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("draws_a_day", DRAWS_A_DAY)
def test_leads_are_picked_as_often_as_their_propensities_say(draws_a_day):
    """A small form of benchmarks/exploration.py: fewer, as many and more drawn than there are places."""
    found = explore(draws_a_day, days=20, seed=1)
    ratio, low, high = realised(found)
    assert low <= ratio <= high
    assert not found.duplicated(["lead_id", "draw"]).any(), "one draw per gate episode and turn"
    assert found.groupby("day")["explored"].sum().max() <= PLACES
    assert found["propensity"].le(max(SHARES)).all()
    stated = set(np.round(found.loc[found["propensity"] > 0, "propensity"], 9))
    assert len(stated) > 1, "leads of several age bands take part"
