"""Does every measure of `make bench` still run? On a company so small that its figures mean nothing."""

import pytest

from benchmarks.speed.prepare import Place, put_in_time_order, put_model_into_use, write_company
from benchmarks.speed.work import WORK, Clock

pytestmark = pytest.mark.slow
LOADS = ("first_load", "typed_insert")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("speed"))
    write_company(place, 2000, "1GB")
    loaded = {name: WORK[name](place, Clock()) for name in LOADS}
    assert 0 < loaded["first_load"] <= loaded["typed_insert"]  # rows that hold nothing new are left out
    put_model_into_use(place)
    put_in_time_order(place)
    return place


@pytest.mark.parametrize("name", [name for name in WORK if name not in LOADS])
def test_a_measure_runs_and_its_clock_too(place, name):
    clock = Clock()
    assert WORK[name](place, clock) > 0
    assert clock.cpu > 0
    assert clock.wall > 0
