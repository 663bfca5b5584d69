import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import isotonic_regression

from models.fitting.venn_abers import VennAbers
from tests.unit.models.fitting.test_calibration import made, sample, scores


def refitted(z, y, lead, outcome):
    """Venn-Abers as it is defined: isotonic regression with one more row, read there."""
    place = np.unique(np.append(z, lead), return_inverse=True)[1]
    rows = np.bincount(place)
    accepted = np.bincount(place, np.append(y, outcome))
    return isotonic_regression(accepted / rows, weights=rows).x[place[-1]]


@settings(max_examples=60, deadline=None)
@given(made)
def test_venn_abers_is_what_refitting_with_the_lead_gives(drawn):
    z, y = scores(drawn)
    leads = np.concatenate([z[:4], [-9.0, -0.33, 0.0, 0.777, 9.0]])
    low, high = VennAbers().fit(z, y).interval(leads)
    for lead, p0, p1 in zip(leads, low, high, strict=True):
        assert p0 == pytest.approx(refitted(z, y, lead, 0), abs=1e-9)
        assert p1 == pytest.approx(refitted(z, y, lead, 1), abs=1e-9)
        assert p0 < p1


def test_one_of_the_two_venn_abers_probabilities_is_calibrated():
    """Take p1 of leads that were accepted and p0 of the others: among leads told q, the share accepted is q."""
    told, happened = [], []
    for seed in range(300):
        z, y, _ = sample(120, stretch=3.0, seed=seed)
        low, high = VennAbers().fit(z[:100], y[:100]).interval(z[100:])
        told.append(np.where(y[100:] == 1, high, low))
        happened.append(y[100:])
    told, happened = np.concatenate(told), np.concatenate(happened)
    for at in np.array_split(np.argsort(told), 5):
        noise = np.sqrt(told[at].mean() * (1 - told[at].mean()) / len(at))
        assert told[at].mean() == pytest.approx(happened[at].mean(), abs=4 * noise)


def test_the_table_is_small_and_the_bounds_close_with_more_rows():
    widths = []
    for rows in (300, 3000):
        z, y, _ = sample(rows)
        fitted = VennAbers().fit(z, y)
        assert len(fitted.knots_) < rows / 2
        widths.append(float(np.mean(np.subtract(*fitted.interval(z)[::-1]))))
    assert widths[1] < widths[0] / 2
