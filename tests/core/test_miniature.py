"""One meta-update on two weights against its closed form, derived by hand."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from core import miniature
from core.algorithms.maml import MAML, MAMLConfig
from core.miniature import START, TASKS, Point, Rates, Task, bowl, lines, network, path, turn, update
from data.sinusoid import Sinusoid, SinusoidConfig

ORDERS = pytest.mark.parametrize("first_order", [False, True])


def by_hand(task: Task, start: Point, inner_lr: float, first_order: bool) -> tuple[np.ndarray, ...]:
    """For y = w x + b and d = (w, b) − line the loss is dᵀ M d with M = [[mean x², mean x], [mean x, 1]], so that its gradient
    is 2 M d and its Hessian 2 M. One inner step leaves d' = (I − 2α S) d, S the support's M. Of the query's M, called Q, the
    gradient is 2 Q d' at the adapted weights, and (I − 2α S) 2 Q d' by the start; first order drops the factor.
    """

    def moments(x: tuple[float, ...]) -> np.ndarray:
        return np.array([[np.mean(np.square(x)), np.mean(x)], [np.mean(x), 1.0]])

    support, query = moments(task.support), moments(task.query)
    d = np.array(start) - np.array(task.line)
    factor = np.eye(2) - 2 * inner_lr * support
    there = 2 * query @ factor @ d
    losses = d @ support @ d, factor @ d @ query @ factor @ d
    return 2 * support @ d, np.array(task.line) + factor @ d, there, there if first_order else factor @ there, *losses


@ORDERS
@pytest.mark.parametrize("start", [START, Point(0.4, 2.0)])
@pytest.mark.parametrize(("inner_lr", "tasks"), [(0.2, 2), (0.45, 4), (0.05, 3)])
def test_an_update_is_the_closed_form(start: Point, inner_lr: float, tasks: int, first_order: bool) -> None:
    found = update(start, Rates(inner_lr, 0.3, tasks, first_order))
    expected = [by_hand(task, start, inner_lr, first_order) for task in TASKS[:tasks]]
    parts = ("inner_gradient", "adapted", "gradient_there", "gradient", "support_loss", "query_loss")
    for part, values in zip(parts, zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(getattr(found, part), values, rtol=1e-12, err_msg=part)
    mean = np.mean([one[3] for one in expected], 0)
    np.testing.assert_allclose(found.meta_gradient, mean, rtol=1e-12)
    np.testing.assert_allclose(found.end, np.array(start) - 0.3 * mean, rtol=1e-12)
    assert found.loss == pytest.approx(np.mean([one[5] for one in expected]), rel=1e-12)


@ORDERS
def test_it_is_the_step_of_the_learner_that_runs_train(first_order: bool) -> None:
    def line(_: int) -> nn.Module:
        return network(START).model

    family = Sinusoid(SinusoidConfig(), datasets=Path(), cache=Path())
    config = MAMLConfig(inner_lr=0.2, inner_steps=1, first_order=first_order)
    learner = MAML(config, line, family, family.config.shape, "transductive").double()
    report = learner.learn(lines(3))
    found = update(START, Rates(0.2, 0.3, 3, first_order))
    assert found.loss == pytest.approx(report.query_loss.item(), rel=1e-12)
    gradient = (learner.model.weight.grad.item(), learner.model.bias.grad.item())
    assert found.meta_gradient == pytest.approx(gradient, rel=1e-12)


def test_first_order_goes_another_way_and_second_order_the_way_of_the_meta_loss() -> None:
    second, first = (update(START, Rates(first_order=order)) for order in (False, True))
    assert first.gradient == first.gradient_there
    assert turn(first.meta_gradient, second.meta_gradient)[0] > 5
    slope = [
        (
            update(Point(START.w + dw, START.b + db), Rates()).loss
            - update(Point(START.w - dw, START.b - db), Rates()).loss
        )
        for dw, db in ((1e-5, 0), (0, 1e-5))
    ]
    assert np.array(slope) / 2e-5 == pytest.approx(second.meta_gradient, rel=1e-7)


def test_updates_in_a_row_bring_the_loss_after_adapting_down() -> None:
    found = path(START, Rates(), 10)
    losses = [update(at, Rates()).loss for at in found]
    assert (len(found), found[1]) == (11, update(START, Rates()).end)
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0] / 5


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("part", ["support", "query"])
def test_contours_are_where_the_engine_finds_that_loss(task: Task, part: str) -> None:
    place, batch = TASKS.index(task), lines()
    for ring, level in zip(np.split(bowl(task, part, (0.5, 2.0), 9), [9, 10], 1)[::2], (0.5, 2.0), strict=True):
        for w, b in ring.T:
            line = network(Point(w, b))
            loss = getattr(batch, f"{part}_loss")
            found = loss(lambda x, line=line: line(None, x), *([0] if part == "support" else []))
            assert found[place].item() == pytest.approx(level, rel=1e-9)


def test_what_diverges_is_followed_no_further() -> None:
    rates = Rates(0.5, 1.0, first_order=True)
    found = path(START, rates, 100)
    assert len(found) < 100 and not any(map(miniature.astray, found))
    assert miniature.astray(update(found[-1], rates).end) and miniature.astray(Point(0, float("nan")))


def test_a_turn_is_an_angle_and_a_ratio() -> None:
    assert turn(Point(2, 0), Point(0, 1)) == pytest.approx((90, 0.5))
    assert turn(Point(0, 0), Point(0, 1)) == (0.0, 0.0)
    assert miniature.moved(Point(1, 2), Point(2, -2), 0.5) == (0, 3)
