"""What is too small for a task, and that the way out that is told leads out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.shortages import left_out, shortages
from data.sizes import Sizes


def told(sizes: Sizes, *shape: int) -> list[str]:
    return [str(one) for one in shortages("birds", "test", sizes, *shape)]


def test_classes_that_are_large_enough_are_enough() -> None:
    sizes = Sizes.of([3, 20, 7, 20])
    assert told(sizes, 2, 5, 15) == []
    assert left_out("test", sizes, 5, 15) == "2 of 4 test classes have fewer than 20 examples and are never drawn."
    assert left_out("test", sizes, 1, 2) == ""


SUM = "k_shot + n_query = {} exceeds the {} birds; "
SAID = [
    ([20, 20], (3, 1, 1), "n_way = 3 exceeds the 2 test classes of birds; lower n_way to 2 or less."),
    ([20], (3, 1, 1), "n_way = 3 exceeds the 1 test classes of birds; add test classes."),
    ([20, 20], (2, 5, 16), SUM.format(21, "20 examples per class of") + "lower n_query to 15 or less."),
    ([20, 20], (2, 30, 15), SUM.format(45, "20 examples per class of") + "lower k_shot to 5 or less."),
    (
        [20, 20],
        (2, 20, 20),
        SUM.format(40, "20 examples per class of") + "lower n_query to 10 or less and k_shot to 10 or less.",
    ),
    ([3, 20, 7], (2, 5, 15), SUM.format(20, "7 examples that 2 test classes have in") + "lower n_query to 2 or less."),
    ([1, 20, 20], (3, 5, 15), SUM.format(20, "1 example that 3 test classes have in") + "lower n_way to 2 or less."),
    ([1, 1], (2, 1, 1), SUM.format(2, "1 example per class of") + "add examples."),
]


@pytest.mark.parametrize(("counts", "shape", "sentence"), SAID)
def test_what_is_said(counts: list[int], shape: tuple[int, int, int], sentence: str) -> None:
    assert told(Sizes.of(counts), *shape) == [sentence]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    n_way=st.integers(2, 12),
    k_shot=st.integers(1, 40),
    n_query=st.integers(1, 40),
)
def test_whoever_follows_what_is_said_ends_with_tasks_that_can_be_drawn(
    counts: list[int], n_way: int, k_shot: int, n_query: int
) -> None:
    sizes, shape = Sizes.of(counts), {"n_way": n_way, "k_shot": k_shot, "n_query": n_query}
    said = shortages("birds", "test", sizes, **shape)
    assert bool(said) == (sizes.having(k_shot + n_query) < n_way)
    assert len({one.field for one in said}) == len(said)
    for one in said:
        if not one.lowered:
            assert one.remedy.startswith("add")
            assert sizes.having(2) < 2 or sizes.having(2) < n_way  # no smaller task would do
            return
        assert all(1 <= most <= shape[field] for field, most in one.lowered.items())
        shape |= one.lowered
    assert shortages("birds", "test", sizes, **shape) == []
