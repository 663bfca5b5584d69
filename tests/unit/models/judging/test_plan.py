"""The plan says what a training does: the same rows, the same refusals, without a fit."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import models.fitting.learning
from data.errors import ModelError
from models.judging.plan import plan_training, time_line
from models.judging.training import train
from models.rows.training_set import TrainingSet
from tests.unit.models.leads import make


def answered(data: TrainingSet, silent: float = 0.0, seed: int = 0) -> TrainingSet:
    """The same rows, answered within days, observed five days after the last hand-off; some count by their silence."""
    random = np.random.default_rng(seed)
    after = pd.Series(pd.to_timedelta(random.exponential(4, len(data.y)), unit="D"))
    never = pd.Series(random.random(len(data.y)) < silent)
    observed = data.as_of.max() + timedelta(days=5)
    when = (data.as_of + after).mask(never | (after >= data.horizon) | (data.as_of + after >= observed))
    if silent:
        return replace(
            data, y=np.where(when.isna(), 0, data.y), answered_at=when, observed=observed, silence_counts=True
        )
    kept = (when.notna() | (data.as_of + data.horizon <= observed)).to_numpy()
    return replace(data, answered_at=when, observed=observed).only(np.flatnonzero(kept))


@pytest.mark.slow
@pytest.mark.parametrize("silent", [0.0, 0.3])
def test_the_fits_of_a_training_are_the_parts_of_its_plan(monkeypatch, silent):
    data = answered(make(rows=360, numbers=3, texts=1), silent)
    plan = plan_training(data, test_share=0.25, folds=3)
    fits, fit = [], models.fitting.learning.fit

    def watched(name, data, rows, cut, *rest, **options):
        fits.append((name, rows, cut))
        return fit(name, data, rows, cut, *rest, **options)

    monkeypatch.setattr(models.fitting.learning, "fit", watched)
    result = train(data, seed=1, test_share=0.25, folds=3, bags=0)
    done = [(rows, cut) for name, rows, cut in fits if name == "base_rate"]
    assert [cut for _, cut in done] == [part.cut for part in plan.parts[:-1]]
    assert all(np.array_equal(rows, part.train) for (rows, _), part in zip(done, plan.parts[:-1], strict=True))
    assert np.array_equal(fits[-1][1], plan.parts[-1].train)
    assert fits[-1][2] == plan.parts[-1].cut
    held_out = plan.parts[-2]
    assert list(result.holdout.index) == list(held_out.test)
    assert (result.purged, result.young) == (len(held_out.purged), plan.parts[-1].young)
    assert result.test_rows.base_rate * result.test_rows.rows == pytest.approx(held_out.test_accepted)
    assert len(result.fold_metrics.loc["base_rate"]) == len(plan.folds) == 3


def test_every_row_is_in_one_place_of_a_part():
    data = answered(make())
    for part in plan_training(data).parts:
        places = [*part.train, *part.purged, *part.test, *part.untested]
        assert len(set(places)) == len(places)
    held_out = plan_training(data).parts[-2]
    assert sum(len(rows) for rows in (held_out.train, held_out.purged, held_out.test, held_out.untested)) == len(data.y)
    assert 0 < len(held_out.untested) <= plan_training(data).parts[-1].young


@pytest.mark.parametrize(
    "data",
    [
        make(days=10),
        make(rows=60),
        replace(make(), y=(np.arange(500) < 39).astype(int)),
        replace(make(), y=(np.arange(500) < 60).astype(int)),
        replace(make(), features=make().features[1:]),
    ],
    ids=["ten days", "60 rows", "39 accepted", "accepted early alone", "parts that do not fit"],
)
def test_a_refusal_is_told_in_the_words_of_the_training(data):
    with pytest.raises(ModelError) as refused:
        train(data, seed=1)
    plan = plan_training(data)
    assert plan.refusals[0] == str(refused.value)
    assert plan.parts[-1].name == "all"


def test_where_nothing_is_refused_nothing_is_said():
    assert plan_training(make()).refusals == ()


def test_counts_are_those_of_the_cohort():
    data = make()
    plan = plan_training(replace(data, propensity=pd.Series(np.where(np.arange(500) % 10, 1.0, 0.05))))
    assert plan.labels == (int(data.y.sum()), int((1 - data.y).sum()))
    assert plan.explored == 50
    assert sum(plan.features.values()) == len(data.features)
    assert plan.features["qualification"] == 3
    assert plan_training(data).explored == 0


def test_explored_hand_offs_without_a_label_are_no_labels():
    """Where silence counts they are in the set while they are pending."""
    data = answered(make(), silent=0.5)
    drawn = replace(data, propensity=pd.Series(np.where(np.arange(500) % 2, 1.0, 0.05)))
    pending = ~data.labelled[::2]
    assert pending.any()
    assert plan_training(drawn).explored == 250 - pending.sum()
    assert plan_training(replace(drawn, propensity=pd.Series(np.zeros(500)))).explored == 0


@pytest.mark.parametrize("bins", [1, 7, 72])
def test_the_time_line_holds_every_row_once_where_it_lies_in_time(bins):
    data = answered(make())
    plan = plan_training(data)
    for part in plan.parts:
        counts = time_line(plan, part, bins)
        groups = (part.train, part.purged, part.test, part.untested)
        assert list(counts.sum(axis=0)) == [len(rows) for rows in groups]
    held_out = time_line(plan, plan.parts[-2], bins)
    if bins > 1:
        assert held_out[0, 0] > 0
        assert held_out[-1, 3] > 0
        assert np.flatnonzero(held_out[:, 0]).max() <= np.flatnonzero(held_out[:, 2]).min()


def test_a_cohort_of_one_instant_is_drawn_too():
    data = make(rows=100)
    plan = plan_training(replace(data, as_of=pd.Series([data.as_of[0]] * 100)))
    assert len(plan.refusals) > 0
    assert time_line(plan, plan.parts[-1], 5).sum() == 100
