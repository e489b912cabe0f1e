"""Which tasks are hard."""

import numpy as np

from core.hardest import worst
from data.metric import SQUARED_ERROR, accuracy


def test_the_worst_come_first_and_what_is_not_finite_before_them() -> None:
    scores = np.array([0.5, np.nan, 0.1, 0.9, 0.1], np.float32)
    assert worst(accuracy(5), scores) == [1, 2, 4, 0, 3]
    assert worst(SQUARED_ERROR, scores, 3) == [1, 3, 0]
