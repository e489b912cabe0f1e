"""The band around the mean of several curves, by hand and by another library's quantiles."""

import numpy as np
import pytest
from scipy import stats

from core.comparing.bands import STRETCHES, averaged, band

X = np.array([0.0, 1.0, 2.0])
CURVES = [(X, np.array([1.0, 2.0, 3.0])), (X, np.array([3.0, 2.0, 7.0])), (X, np.array([5.0, 2.0, 2.0]))]


def test_one_standard_deviation_to_either_side() -> None:
    found = band(CURVES, "standard deviation")
    assert found.x.tolist() == X.tolist() and found.n.tolist() == [3, 3, 3]
    assert found.mean == pytest.approx([3, 2, 4])
    assert found.high - found.mean == pytest.approx([2, 0, 7**0.5])  # (2² + 0 + 2²) / 2, 0, (1 + 3² + 2²) / 2
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_one_standard_error() -> None:
    found = band(CURVES, "standard error")
    assert found.high - found.mean == pytest.approx(np.array([2, 0, 7**0.5]) / 3**0.5)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_interval_is_students(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    found = band([(np.array([4.0]), np.array([value])) for value in values], "95 % interval")
    low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    assert (found.low[0], found.high[0]) == pytest.approx((low, high))
    if n == 2:
        assert found.high[0] - found.mean[0] == pytest.approx(12.706 * stats.sem(values), rel=1e-4)


def test_between_its_points_a_curve_is_straight_and_beyond_them_it_is_not() -> None:
    short, long = (
        (np.array([1.0, 3.0]), np.array([10.0, 30.0])),
        (np.array([0.0, 2.0, 5.0]), np.array([0.0, 4.0, 10.0])),
    )
    found = band([short, long], "standard deviation")
    assert found.x.tolist() == [0, 1, 2, 3, 5]
    assert found.n.tolist() == [1, 2, 2, 2, 1]
    assert found.mean == pytest.approx([0, (10 + 2) / 2, (20 + 4) / 2, (30 + 6) / 2, 10])
    assert np.isnan(found.low).tolist() == np.isnan(found.high).tolist() == [True, False, False, False, True]


def test_points_that_are_not_finite_are_not_there() -> None:
    broken = (np.array([0.0, 1.0, 2.0]), np.array([1.0, np.nan, np.inf]))
    assert band([broken], "standard error").x.tolist() == [0]
    assert band([broken, CURVES[0]], "standard error").n.tolist() == [2, 1, 1]
    for nothing in ([], [(np.empty(0), np.empty(0))], [(X, np.full(3, np.nan))]):
        assert len(band(nothing, "95 % interval").x) == 0


def test_a_gap_between_the_curves_has_no_band() -> None:
    found = band([(np.array([0.0, 1.0]), np.ones(2)), (np.array([3.0, 4.0]), np.ones(2))], "standard deviation")
    assert found.x.tolist() == [0, 1, 3, 4] and found.n.tolist() == [1, 1, 1, 1]


def test_long_curves_are_averaged_before_the_band_is_drawn() -> None:
    """Noise that no seed is to blame for is not what a band shows."""
    generator = np.random.default_rng(0)
    x = np.arange(100_000.0)
    noisy = [(x, level + generator.normal(0, 1, len(x))) for level in (0.0, 2.0)]
    found = band(noisy, "standard deviation")
    assert len(found.x) <= 2 * STRETCHES
    assert (found.x[0], found.x[-1]) == (x[0], x[-1])
    assert found.high - found.mean == pytest.approx(np.full(len(found.x), 2**0.5), abs=0.6)


def test_the_mean_of_what_lies_in_a_stretch() -> None:
    x = np.arange(4.0 * STRETCHES)
    (places, means), (one, value) = averaged([(x, 2 * x), (np.array([7.0]), np.array([5.0]))])
    assert len(places) == STRETCHES
    assert (places[1], means[1]) == pytest.approx((5.5, 11.0))
    assert (one.tolist(), value.tolist()) == ([7], [5])
