"""What a model is trained on is what it is given when it scores: the same numbers for the same lead and moment."""

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.cohorts import open_leads
from data.intake.ingest import ingest
from data.settings import Settings
from data.tables import TABLES
from data.warehouse import Warehouse
from features.matrix import build_matrix
from models.rows.dataset import build_training_set
from tests.flows import work

pytestmark = pytest.mark.slow

PAIRS = 1000
INSTANT = pd.Timedelta(microseconds=1)
KEY = ["lead_id", "as_of"]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    source = work.write_company(tmp_path_factory.mktemp("parity"), leads=600)
    with Warehouse.open(None) as opened:
        ingest(opened, "canonical", source, loaded_at=work.LOADED_AT)
        yield opened


def moments():
    """Days at which a batch job scores, in the company's year, and one odd moment."""
    days = pd.date_range("2025-03-01", "2025-12-20", periods=12).floor("h")
    return [*days, pd.Timestamp("2025-07-07 07:07:07.070707")]


def test_a_thousand_rows_at_once_equal_those_of_each_days_scoring(warehouse):
    """As training asks for them, mixed and shuffled, against all open leads day by day."""
    served = pd.concat(
        [build_matrix(warehouse, open_leads(warehouse, m, 36_500, ()), default_agreement()) for m in moments()]
    )
    asked = served[KEY].sample(PAIRS, random_state=1)
    trained = build_matrix(warehouse, asked, default_agreement())
    expected = asked.merge(served, on=KEY, how="left", validate="one_to_one")
    pd.testing.assert_frame_equal(trained, expected[trained.columns], check_exact=True)


@pytest.mark.parametrize(("leads", "handoffs"), [(600, 60), pytest.param(5000, 1000, marks=pytest.mark.soak)])
def test_a_training_row_is_the_row_scored_had_nobody_handed_the_lead_off(tmp_path, leads, handoffs):
    """Every column: from the last hand-off to the first, what sales wrote from its instant on is deleted."""
    agreement, scored = default_agreement(), []
    with Warehouse.open(None) as alone:
        ingest(alone, "canonical", work.write_company(tmp_path, leads=leads), loaded_at=work.LOADED_AT)
        trained, _ = build_training_set(alone, Settings(), agreement, work.AS_OF)
        names = list(trained.X.columns)
        rows = trained.snapshots[KEY].iloc[::-1].head(handoffs)
        assert len(rows) == handoffs
        for place in range(len(rows)):
            index = rows.iloc[[place]]
            for table in ("handoffs", "decisions", "opportunities"):
                alone.execute(f"DELETE FROM {table} WHERE known_at >= $1", [index["as_of"].iloc[0] - INSTANT])
            scored.append(build_matrix(alone, index, agreement, names=names))
    pd.testing.assert_frame_equal(
        pd.concat(scored)[names].set_index(rows.index), trained.X.loc[rows.index], check_exact=True
    )


def test_training_rows_equal_those_of_a_single_lead_scored_at_that_moment(warehouse):
    agreement, observed = default_agreement(), work.AS_OF
    data, _ = build_training_set(warehouse, Settings(), agreement, observed)
    rng = np.random.default_rng(1)
    rows = data.snapshots
    for i in rng.choice(len(data.y), 15, replace=False):
        alone = build_matrix(warehouse, rows.iloc[[i]], agreement, names=list(data.X.columns))
        pd.testing.assert_frame_equal(
            alone[data.X.columns], data.X.iloc[[i]].reset_index(drop=True), check_exact=True, obj=f"row {i}"
        )


def test_what_comes_to_be_known_later_changes_no_earlier_row(warehouse):
    """Training long after and scoring on the day see the same: a snapshot does not age."""
    day = pd.Timestamp("2025-06-01")
    index = open_leads(warehouse, day, 36_500, ()).head(50)
    long_after = build_matrix(warehouse, index, default_agreement())
    with Warehouse.open(None) as then:
        for table in TABLES:
            known = warehouse.frame(f"SELECT * FROM {table} WHERE known_at < $1", [day])
            with then.view("known", known):
                then.execute(f"INSERT INTO {table} BY NAME SELECT * FROM known")
        on_the_day = build_matrix(then, index, default_agreement())
    pd.testing.assert_frame_equal(long_after, on_the_day[long_after.columns], check_exact=True)
