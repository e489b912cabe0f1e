"""What a score is, and how numbers of any size are written."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.metric import DIVERGED, SQUARED_ERROR, Metric, accuracy, fixed, written

ANY = st.one_of(
    st.floats(-1e300, 1e300),
    st.tuples(st.sampled_from([-1, 1]), st.floats(-30, 300)).map(lambda pair: pair[0] * 10 ** pair[1]),
)


@given(ANY)
def test_a_number_of_any_size_is_short_and_close(value: float) -> None:
    text = written(value)
    assert len(text) <= 10 and text != "-0" and "+" not in text
    assert float(text) == pytest.approx(value, rel=0.05, abs=1e-320)


@given(ANY, ANY)
def test_what_is_larger_is_not_written_as_smaller(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert float(written(low)) <= float(written(high))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.233783425e27, "5.2e27"),
        (-1.26e-9, "-1.3e-9"),
        (9_999_999.4, "9999999"),
        (1e7, "1.0e7"),
        (9.99e99, "1.0e100"),
        (999.96, "1000"),
        (0.00012344, "0.000123"),
        (-0.0, "0"),
        (math.nan, "not finite"),
        (-math.inf, "not finite"),
    ],
)
def test_written(value: float, text: str) -> None:
    assert written(value) == text


def test_decimals_never_leave_a_minus_before_nothing() -> None:
    assert (fixed(-0.001, 2), fixed(-0.006, 2), fixed(12.345678, 2), fixed(1e30, 2)) == (
        "0.00",
        "-0.01",
        "12.35",
        "1.0e30",
    )
    assert accuracy().difference(-1e-9) == "+0.00 points"
    assert SQUARED_ERROR.difference(9.6e28) == "+9.6e28"
    assert SQUARED_ERROR.difference(-0.05) == "-0.05"


def test_scores_of_any_size() -> None:
    assert SQUARED_ERROR.text(9.6148e28, 1.9e29) == "9.6e28 ± 1.9e29"
    assert SQUARED_ERROR.text(1112.4, 2179.2) == "1112 ± 2179"
    assert SQUARED_ERROR.text(0.72376, 0.03734) == "0.7238 ± 0.037"
    assert SQUARED_ERROR.text(math.inf) == "not finite"


def test_the_limit_is_a_hundred_times_a_tasks_own_error_and_at_least_the_median_one() -> None:
    """Median 2: of the task that was all but solved, 100 times nothing is no limit."""
    limits = SQUARED_ERROR.limits(np.array([0.001, 2.0, 10.0, np.nan]))
    np.testing.assert_array_equal(limits, [2.0, DIVERGED * 2.0, DIVERGED * 10.0, np.inf])
    assert np.isinf(SQUARED_ERROR.limits(np.full(3, np.nan))).all()


@pytest.mark.parametrize(
    "metric",
    [accuracy(5), Metric("return", "return", True), Metric("gap", "gap", False), replace(SQUARED_ERROR, high=1.0)],
)
def test_only_errors_without_an_upper_bound_can_diverge(metric: Metric) -> None:
    assert np.isinf(metric.limits(np.array([0.1, 0.2]))).all()
