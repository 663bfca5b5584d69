from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits

from models.judging.training import TrainingResult, train
from models.rows.training_set import TrainingSet
from tests.unit.models.leads import make


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small fits on a busy machine are many times slower when threads wait for one another."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def data() -> TrainingSet:
    return make()


@pytest.fixture(scope="session")
def result(data) -> TrainingResult:
    return train(data, seed=1)
