"""Classes counted by the number of their examples."""

import math

from data.sizes import Sizes


def test_sizes_are_counted() -> None:
    sizes = Sizes.of([3, 20, 7, 20])
    assert sizes.classes == 4
    assert [sizes.having(n) for n in (1, 4, 20, 21)] == [4, 3, 2, 0]
    assert [sizes.smallest_of(n) for n in range(6)] == [math.inf, 20, 20, 7, 3, 0]
    assert Sizes.even(5, math.inf).smallest_of(5) == math.inf
