"""Sides in processes of their own: what they find, and that one which cannot play or dies is heard of."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.peers import Comparison, Measured, agreeing, distance, table
from benchmarks.sides import Nursery, Order, nurseries
from benchmarks.work import OURS, PAPER, TEXTBOOK, NotHere
from benchmarks.workloads import Workload, meta_steps
from data.places import Folders

NOWHERE = Folders(Path(), Path())
SINUSOID: Workload = meta_steps()[0]


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, Nursery]]:
    with nurseries() as both:
        yield both


def order(contender: str) -> Order:
    return Order(SINUSOID, contender, "as a worker", "cpu", NOWHERE)


def test_two_processes_find_the_same_meta_gradient(running: dict[str, Nursery]) -> None:
    with running["as a worker"].side(order(OURS)) as ours, running["as installed"].side(order(TEXTBOOK)) as theirs:
        assert distance(ours.answer(), theirs.answer()) < 1e-5
        assert ours.seconds() > 0
        assert ours.peak() > 0


def test_a_comparison_times_every_contender_and_says_so(running: dict[str, Nursery]) -> None:
    measured = Comparison(running, "cpu", NOWHERE, rounds=1).measure(replace(SINUSOID, repeats=2))
    assert {(OURS, "as a worker"), (OURS, "as installed"), (TEXTBOOK, "as a worker")} <= measured.times.keys()
    assert measured.ratios().keys() == {"as installed", "as a worker", "memory"}
    assert "times as fast as the best peer as a worker" in table(measured)
    assert 0 < measured.roofline.flops < 1e9


def test_a_side_that_cannot_play_is_named_with_the_reason(running: dict[str, Nursery]) -> None:
    with (
        pytest.raises(RuntimeError, match=r"(?s)paper's code at sinusoid-1: Traceback"),  # ProtoNet on a regression
        running["as a worker"].side(order(PAPER)) as side,
    ):
        side.answer()


def test_the_death_of_a_side_is_heard_of(running: dict[str, Nursery]) -> None:
    class Deadly:
        def __reduce__(self) -> tuple:
            return exit, (1,)  # where it arrives

    with running["as a worker"].side(order(OURS)) as side, pytest.raises(RuntimeError, match="its process ended"):
        side._ask("become", Deadly())


def test_what_is_not_close_is_left_out() -> None:
    class Says:
        def __init__(self, value: float):
            self.value = value

        def answer(self) -> dict:
            return {"w": np.array([1.0, self.value])}

    measured = Measured(SINUSOID)
    sides = {(name, "as a worker"): Says(value) for name, value in (("a", 1.0), ("b", 1.5), ("c", float("nan")))}
    assert list(agreeing(sides, measured, torch.float32)) == [("a", "as a worker")]
    assert "something else than the a" in measured.left_out["b"]


def test_not_here_is_no_failure(running: dict[str, Nursery]) -> None:
    first_order = next(one for one in meta_steps() if one.name == "conv4-stride-first-order")
    with (
        pytest.raises(NotHere),
        running["as installed"].side(Order(first_order, "torchopt", "as installed", "cpu", NOWHERE)),
    ):
        pass
