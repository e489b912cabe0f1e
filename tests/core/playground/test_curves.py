"""A person's points: what is refused of them, and what learners make of the rest."""

import math

import numpy as np
import pytest
import torch
from torch.func import functional_call

from core.algorithms.base import algorithms
from core.playground.curves import MOST, STEPS, Points, at_rate, drawn, faster, fit, inner_rate, places
from data.errors import InputError
from data.sinusoid import LOOKED_AT
from tests.core.playground.untrained import untrained

POINTS = Points.of([[-4.0, 1.5], [-1.0, -0.5], [0.5, 2.0], [3.0, 4.0]])
REGRESSION = sorted(name for name, kind in algorithms().items() if "regression" in kind.kinds)


@pytest.mark.parametrize("name", REGRESSION)
def test_every_learner_of_regression_answers_as_its_library_does(name: str) -> None:
    learner = untrained(name)
    found = fit(learner, POINTS)
    rows = STEPS + 1 if learner.algorithm.takes_steps else 1
    assert found.y.shape == (rows, LOOKED_AT) and found.error.shape == (rows,)
    for step in {0, 1, rows - 1} & set(range(rows)):
        state = learner.adapt(POINTS.x[:, None], POINTS.y[:, None], step)
        np.testing.assert_allclose(found.y[step], learner.predict(state, places())[:, 0], rtol=1e-4, atol=1e-5)
        on_points = learner.predict(state, POINTS.x[:, None])[:, 0].numpy()
        assert found.error[step] == pytest.approx(((on_points - POINTS.y) ** 2).mean(), rel=1e-3)


def test_a_step_of_maml_is_one_down_the_gradient_of_the_mean_squared_error() -> None:
    """θ' = θ − α ∇ mean (f(x; θ) − y)², with autograd on the network alone."""
    learner = untrained("maml", "algorithm.inner_lr=0.05")
    x, y = (torch.tensor(part, dtype=torch.float32)[:, None] for part in (POINTS.x, POINTS.y))
    loss = (learner.algorithm.model(x) - y).square().mean()
    named = dict(learner.algorithm.model.named_parameters())
    gradients = torch.autograd.grad(loss, list(named.values()))
    moved = {name: p - 0.05 * g for (name, p), g in zip(named.items(), gradients, strict=True)}
    expected = functional_call(learner.algorithm.model, moved, (places(),)).detach()[:, 0]
    np.testing.assert_allclose(fit(learner, POINTS).y[1], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["maml", "anil", "reptile", "pretrain", "scratch"])
def test_another_inner_rate_is_that_of_a_learner_made_with_it_and_leaves_the_first_alone(name: str) -> None:
    learner = untrained(name)
    before, rate = fit(learner, POINTS), inner_rate(learner.algorithm)
    found = fit(learner, POINTS, 2.0)
    assert found.rate == pytest.approx(2 * rate)
    own = {"pretrain": "algorithm.finetune_lr"}.get(name, "algorithm.inner_lr")
    np.testing.assert_allclose(found.y, fit(untrained(name, f"{own}={2 * rate}"), POINTS).y, rtol=1e-5, atol=1e-6)
    assert np.array_equal(fit(learner, POINTS).y, before.y)
    assert not np.allclose(found.y[1], before.y[1])


@pytest.mark.parametrize("name", ["meta-sgd", "maml++", "cnp"])
def test_rates_that_are_learned_stay_as_they_are(name: str) -> None:
    learner = untrained(name)
    assert inner_rate(learner.algorithm) is None and at_rate(learner.algorithm, 3.0) is learner.algorithm


@pytest.mark.parametrize("value", [0, -1, 11, math.nan, math.inf, "2", True, None])
def test_a_rate_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"from 0\.1 to 10"):
        faster(value)


@pytest.mark.parametrize("value", [0.1, 1, 10.0])
def test_and_one_within_it_is_taken(value: float) -> None:
    assert faster(value) == value


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (None, "no points"),
        ([], "no points"),
        ("[[0, 1]]", "no points"),
        ([[0.0, 1.0, 2.0]], "no points"),
        ([[0.0, 1.0], [2.0]], "no points"),
        ([[0.0, None]], "no points"),
        ([[0.0, math.nan]], "no points"),
        ([[0.0, math.inf]], "no points"),
        ([{"x": 0.0, "y": 1.0}], "no points"),
        ([[0.0, 1.0]] * (MOST + 1), "31 points are too many"),
        ([[5.1, 1.0]], "x is outside"),
        ([[1.0, -5.1]], "y is outside"),
    ],
)
def test_points_that_cannot_be_meant_are_refused(values: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Points.of(values)


def test_points_at_the_edge_of_the_range_are_taken_and_read_again() -> None:
    edges = [[-5.0, -5.0], [5.0, 5.0], [0.0, 0.0]]
    assert Points.of(edges).plain() == edges
    assert len(Points.of([[0, 0]] * MOST).x) == MOST


def test_a_drawn_task_lies_on_its_true_function_and_is_the_same_again() -> None:
    family = untrained("maml").family
    task = drawn(family, 5, 7)
    x = torch.tensor(task.points.x, dtype=torch.float32).view(1, -1, 1)
    np.testing.assert_allclose(task.curve(x)[0, :, 0], task.points.y, atol=5e-4)
    assert task.truth.shape == (LOOKED_AT,)
    assert drawn(family, 5, 7).points.plain() == task.points.plain() != drawn(family, 5, 8).points.plain()
    assert Points.of(task.points.plain()).plain() == task.points.plain()
    assert len(drawn(family, 1000, 7).points.x) == MOST
