"""What a model is trained on is what it is given when it scores: the same numbers for the same lead and moment."""

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.cohorts import open_leads
from data.intake.ingest import ingest
from data.settings import Settings
from data.warehouse import Warehouse
from features.matrix import build_matrix
from models.rows.dataset import build_training_set
from tests.flows import work

PAIRS = 1000
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


def test_training_rows_equal_those_of_a_single_lead_scored_at_that_moment(warehouse):
    agreement, observed = default_agreement(), work.AS_OF
    data, _ = build_training_set(warehouse, Settings(), agreement, observed)
    rng = np.random.default_rng(1)
    rows = index_of(warehouse, agreement, observed)
    for i in rng.choice(len(data.y), 15, replace=False):
        alone = build_matrix(warehouse, rows.iloc[[i]], agreement, names=list(data.X.columns))
        pd.testing.assert_frame_equal(
            alone[data.X.columns], data.X.iloc[[i]].reset_index(drop=True), check_exact=True, obj=f"row {i}"
        )


def index_of(warehouse, agreement, observed):
    """The (lead_id, as_of) of the training rows, in their order."""
    from data.cohorts import build_cohort
    from data.labels import label_outcomes, to_target

    settings = Settings()
    snapshots = build_cohort(warehouse, settings.cohort, observed)
    labelled = label_outcomes(warehouse, snapshots, settings.horizon, observed)
    kept = to_target(labelled, settings.label.expired, settings.label.never_handed_off).notna()
    return labelled.loc[kept, KEY].reset_index(drop=True)


def test_what_comes_to_be_known_later_changes_no_earlier_row(warehouse):
    """Training long after and scoring on the day see the same: a snapshot does not age."""
    day = pd.Timestamp("2025-06-01")
    index = open_leads(warehouse, day, 36_500, ()).head(50)
    long_after = build_matrix(warehouse, index, default_agreement())
    with Warehouse.open(None) as then:
        for table in ("accounts", "leads", "touches", "calls", "answers", "handoffs", "decisions", "opportunities"):
            known = warehouse.frame(f"SELECT * FROM {table} WHERE known_at < $1", [day])
            with then.view("known", known):
                then.execute(f"INSERT INTO {table} BY NAME SELECT * FROM known")
        on_the_day = build_matrix(then, index, default_agreement())
    pd.testing.assert_frame_equal(long_after, on_the_day[long_after.columns], check_exact=True)
