"""The plane in which a learner adapts, and the loss in it."""

import numpy as np
import pytest
import torch

from core.playground.curves import Points, drawn, fit
from core.playground.surface import ASKED_AT, SIDE, flat, in_plane, losses, surfaces, unflat, way
from data.sinusoid import X_RANGE
from tests.core.playground.untrained import untrained

POINTS = Points.of([[-4.0, 1.5], [-1.0, -0.5], [0.5, 2.0], [3.0, 4.0]])
STEPPING = ["maml", "anil", "meta-sgd", "maml++", "reptile", "pretrain", "scratch"]


@pytest.mark.parametrize("name", STEPPING)
def test_the_plane_is_orthonormal_and_holds_the_start(name: str) -> None:
    one = way(untrained(name), POINTS)
    torch.testing.assert_close(one.axes @ one.axes.T, torch.eye(2), rtol=0, atol=1e-5)
    assert one.path[0].tolist() == [0.0, 0.0] and (one.path.sum(0) >= 0).all() and 0 < one.share <= 1.0001


@pytest.mark.parametrize("name", STEPPING)
def test_the_loss_at_the_start_is_the_learners_own_and_others_up_to_what_the_plane_leaves_out(name: str) -> None:
    learner = untrained(name)
    one, own = way(learner, POINTS), fit(learner, POINTS).error
    (found,) = surfaces([one], None)
    np.testing.assert_allclose(found.at, own, rtol=1e-4)
    x, y = one.task.support_x, one.task.support_y
    projected = losses(one, in_plane(one, one.path), x, y)
    assert projected[0].item() == pytest.approx(own[0], rel=1e-5)
    away = flat(one.weights) - flat(in_plane(one, one.path))  # nothing but what is orthogonal to the plane
    assert (away @ one.axes.T).abs().max() < 1e-4
    back = {name: values + rest for (name, values), rest in zip(
        in_plane(one, one.path).items(), unflat(away, one.weights).values(), strict=True
    )}  # fmt: skip
    np.testing.assert_allclose(losses(one, back, x, y), own, rtol=1e-3)


def test_a_value_of_the_grid_is_the_loss_of_the_weights_there() -> None:
    learner = untrained("maml")
    task = drawn(learner.family, 5, 1)
    one = way(learner, task.points)
    (found,) = surfaces([one], task.curve)
    assert found.loss.shape == (SIDE, SIDE) and found.first.shape == found.second.shape == (SIDE,)
    row, column = 30, 7
    start, (u, v) = flat(one.weights)[0], one.axes
    weights = unflat((start + found.first[column] * u + found.second[row] * v)[None], one.weights)
    x = torch.linspace(*X_RANGE, ASKED_AT)[None, :, None]
    with torch.no_grad():
        answer = learner.algorithm.forward_tasks(weights, x)
    off = (fit(learner, task.points).y - task.truth) ** 2
    np.testing.assert_allclose(found.at, off.mean(1), rtol=1e-3)  # as the plot of the curves says it
    assert found.loss[row, column] == pytest.approx((answer - task.curve(x)).square().mean().item(), rel=1e-4)


def test_all_windows_are_of_one_size_and_hold_every_path() -> None:
    slow, fast = (way(untrained("maml", f"algorithm.inner_lr={rate}"), POINTS) for rate in (0.001, 0.05))
    found = surfaces([slow, fast], None)
    for one in found:
        assert np.array_equal(one.first, found[0].first) and np.array_equal(one.second, found[0].second)
        assert one.first[0] < one.path[:, 0].min() and one.path[:, 0].max() < one.first[-1]
        assert np.ptp(one.first) == pytest.approx(np.ptp(one.second), rel=1e-5)


def test_a_way_in_a_line_lies_in_the_plane_whole() -> None:
    one = way(untrained("maml", "model.widths=[]"), Points.of([[2.0, 3.0]]))  # one point of a straight line
    assert one.share == pytest.approx(1, abs=1e-5)


def test_one_that_does_not_move_has_a_plane_too() -> None:
    learner = untrained("maml")
    x = [[1.0]]
    y = learner.predict(learner.adapt(x, [[0.0]], 0), x).item()
    (found,) = surfaces([way(learner, Points(np.array([1.0]), np.array([y])))], None)
    assert np.isfinite(found.loss).all() and np.abs(found.path).max() < 1e-4


def test_one_that_diverges_is_drawn_as_far_as_it_got_and_leaves_the_others_maps_alone() -> None:
    calm, wild = (way(untrained("maml", f"algorithm.inner_lr={rate}"), POINTS) for rate in (0.01, 100))
    assert not wild.path.isfinite().all() and wild.path[1].isfinite().all() and 0 < wild.share <= 1.0001
    first, second = surfaces([calm, wild], None)
    assert not first.beyond and second.beyond and first.first[-1] < 50 * np.abs(first.path).max()
    assert np.isfinite(first.loss).all()


def test_a_learner_without_steps_has_no_way() -> None:
    assert way(untrained("cnp"), POINTS) is None
