"""Navigation is the paper's and its released code's, and its batches roll out what they learn from."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from data.batch import Adapted, Answer
from data.control import LOOKED_AT
from data.family import EpisodeShape
from data.metric import RETURN
from data.navigation import Navigation, NavigationConfig, NavigationFamily
from data.policy import Gaussian
from data.rollouts import ROLLOUTS

SHAPE = EpisodeShape(1, 4, 3)
STILL = math.log(1e-6)  # the log of a deviation that moves nothing


@pytest.fixture
def family(tmp_path: Path) -> NavigationFamily:
    return made(tmp_path)


def made(folder: Path, **settings) -> NavigationFamily:
    return NavigationFamily(NavigationConfig(horizon=12, **settings), datasets=folder, cache=folder)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def heading(x: float, y: float, log_deviation: float = STILL) -> Answer:
    """A policy that always does the same."""
    said = torch.tensor([x, y, log_deviation, log_deviation])
    return lambda states: said.expand(*states.shape[:2], 4)


def to(goals: Tensor, batch: Navigation) -> Navigation:
    """The same batch with other goals (tasks, 2)."""
    return replace(batch, goals=goals.unsqueeze(1))


def test_goals_fill_the_papers_square_and_the_start_is_its_middle(family: NavigationFamily) -> None:
    batch = family.sample("train", EpisodeShape(1, 1, 1), 20_000, seeded(0))
    counts = torch.histc(batch.goals, 10, -0.5, 0.5)  # both coordinates: each bin expects 4000, five deviations are 300
    assert batch.goals.abs().max() <= 0.5 and (counts - 4000).abs().max() < 300
    rollout = batch.roll_out(heading(1, 1), batch.query_luck)
    assert rollout.states[:, :, 0].abs().max() == 0
    assert family.metric(SHAPE) == RETURN and family.outputs(SHAPE) == 4


def test_a_step_goes_a_tenth_at_most_and_is_rewarded_by_where_it_ends(family: NavigationFamily) -> None:
    """By hand: the goal is at (0.5, 0), three steps of (0.1, 0) for an action of 1, 2 and 3, then back."""
    batch = to(torch.tensor([[0.5, 0.0]]), family.sample("train", SHAPE, 1, seeded(0)))
    rollout = batch.roll_out(heading(3, 0), batch.query_luck[:, :, :3])
    torch.testing.assert_close(rollout.states[0, 0, :, 0], torch.tensor([0.0, 0.1, 0.2]))
    torch.testing.assert_close(rollout.rewards[0, 0], -torch.tensor([0.4, 0.3, 0.2]))
    torch.testing.assert_close(rollout.actions[0, 0, 0], torch.tensor([3.0, 0.0]))  # as the policy gave it
    assert rollout.returns[0, 0] == pytest.approx(-0.9)
    squared = replace(batch, reward="squared distance").roll_out(heading(3, 0), batch.query_luck[:, :, :3])
    torch.testing.assert_close(squared.rewards[0, 0], -torch.tensor([0.16, 0.09, 0.04]))


@pytest.mark.parametrize(("off", "arrives"), [(0.009, True), (0.011, False)])
def test_a_trajectory_ends_within_a_hundredth_of_the_goal(family: NavigationFamily, off: float, arrives: bool) -> None:
    batch = to(torch.tensor([[0.2 + off, -off]]), family.sample("train", SHAPE, 1, seeded(0)))
    rollout = batch.roll_out(heading(1, 0), batch.query_luck)
    assert rollout.there[0, 0].sum() == (2 if arrives else 12)
    if arrives:  # the step that arrives is rewarded, and nothing after it
        assert rollout.returns[0, 0] == pytest.approx(-math.hypot(0.1 + off, off) - math.hypot(off, off), abs=1e-6)
        torch.testing.assert_close(rollout.states[0, 0, -1], torch.tensor([0.2, 0.0]))


def test_one_seed_gives_one_sample_of_goals_and_luck(family: NavigationFamily) -> None:
    first, again, other = (family.sample("test", SHAPE, 3, seeded(seed)).tensors for seed in (1, 1, 2))
    assert all(torch.equal(one, same) for one, same in zip(first, again, strict=True))
    assert not any(torch.equal(one, another) for one, another in zip(first, other, strict=True))
    assert [tuple(part.shape) for part in first] == [(3, 1, 2), (3, ROLLOUTS, 4, 12, 2), (3, 3, 12, 2)]
    pieces = list(family.hashed(family.draw("test", SHAPE, 3, seeded(1))))
    assert all(torch.equal(piece, part) for piece, part in zip(pieces, first, strict=True))


def test_a_part_of_a_batch_is_those_tasks(family: NavigationFamily) -> None:
    batch = family.sample("train", SHAPE, 3, seeded(0))
    policy = heading(0.3, -0.2, 0.0)
    torch.testing.assert_close(batch.scores(policy)[1:], batch[1:].scores(policy))
    assert batch[1:].tasks == 2 and batch.to("cpu").tasks == 3


def test_each_inner_step_has_a_luck_of_its_own(family: NavigationFamily) -> None:
    batch = family.sample("train", SHAPE, 2, seeded(0))
    lucks = [batch.luck_at(step) for step in range(2 * ROLLOUTS)]
    assert all(not torch.equal(lucks[i], lucks[j]) for i in range(len(lucks)) for j in range(i))
    assert torch.equal(lucks[ROLLOUTS][:, :, 1:], lucks[0][:, :, :-1])  # beyond those drawn, a step later


class Net:
    """A policy linear in the state, of weights (4, 2)."""

    def __init__(self, seed: int = 3):
        self.weights = (0.3 * torch.randn(4, 2, generator=seeded(seed))).requires_grad_()

    def __call__(self, states: Tensor) -> Tensor:
        return states @ self.weights.T + torch.tensor([0.1, 0.2, -0.5, -0.5])


def test_a_losss_value_is_minus_the_return_and_its_gradient_the_policys(family: NavigationFamily) -> None:
    batch, net = family.sample("train", SHAPE, 2, seeded(0)), Net()
    rollout = batch.roll_out(net, batch.luck_at(0))
    better, _ = batch.advantages(rollout)
    by_hand = []
    for task in range(2):
        log_p = Gaussian(2).log_p(net(rollout.states[task]), rollout.actions[task])
        taken = rollout.there[task].bool()
        by_hand.append(torch.autograd.grad(-(log_p * better[task])[taken].mean(), net.weights)[0])
    loss = batch.support_loss(net, 0)
    torch.testing.assert_close(loss, -rollout.returns.mean(1))
    for task in range(2):
        torch.testing.assert_close(torch.autograd.grad(loss[task], net.weights, retain_graph=True)[0], by_hand[task])


def test_later_inner_steps_may_be_smaller(tmp_path: Path) -> None:
    net = Net()

    def gradient(later_steps: float, step: int) -> Tensor:
        batch = made(tmp_path, later_steps=later_steps).sample("train", SHAPE, 2, seeded(0))
        return torch.autograd.grad(batch.support_loss(net, step).sum(), net.weights)[0]

    assert torch.equal(gradient(0.5, 0), gradient(1.0, 0))
    torch.testing.assert_close(gradient(0.5, 1), 0.5 * gradient(1.0, 1))


def test_e_maml_adds_what_exploring_was_worth(tmp_path: Path) -> None:
    """The query loss's gradient beyond the adapted policy's own: minus the gain times that of all log-probabilities explored."""
    batch = made(tmp_path, meta_gradient="e-maml").sample("train", SHAPE, 2, seeded(0))
    before, after = Net(3), Net(4)
    explored = [batch.roll_out(before, batch.luck_at(step)) for step in range(2)]
    log_p = sum((batch.log_p(before, one) * one.there).sum((1, 2)) for one in explored)
    rollout = batch.roll_out(after, batch.query_luck)
    _, deviation = batch.advantages(rollout)
    gain = (rollout.returns.mean(1) - batch.expected()) / (rollout.there.sum((1, 2)) / 3 * deviation)
    right = torch.autograd.grad(-(gain * log_p).sum(), before.weights)[0]
    for _ in range(2):  # what was explored before is forgotten at the first inner step
        for step in range(2):
            batch.support_loss(before, step)
        loss = batch.query_loss(after)
    torch.testing.assert_close(torch.autograd.grad(loss.sum(), before.weights)[0], right)
    torch.testing.assert_close(loss.detach(), -rollout.returns.mean(1))
    still = batch.roll_out(heading(0, 0), batch.query_luck).returns.mean(1)
    torch.testing.assert_close(batch.expected(), still, rtol=1e-3, atol=1e-3)


def test_pooled_trajectories_have_each_a_goal_of_its_own(family: NavigationFamily) -> None:
    batch = family.pooled("train", 5, seeded(0))
    assert batch.tasks == 1 and batch.goals.shape == (1, 5, 2)
    rewards = batch.roll_out(heading(0, 0), batch.query_luck).rewards
    torch.testing.assert_close(rewards[0, :, 0], -batch.goals[0].norm(dim=-1), rtol=1e-3, atol=1e-5)
    assert batch.query_loss(Net()).shape == (1,)


def test_paths_are_plain_arrays_from_start_to_end(family: NavigationFamily) -> None:
    batch = to(torch.tensor([[0.2, 0.0], [0.5, 0.5]]), family.sample("train", SHAPE, 2, seeded(0)))
    points, goals, returns = batch.paths(heading(1, 0))
    assert points.shape == (2, 3, 13, 2) and returns.shape == (2, 3)
    np.testing.assert_allclose(goals, [[0.2, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(points[0, 0, :4, 0], [0.0, 0.1, 0.2, 0.2], atol=1e-6)  # arrived: it stays
    np.testing.assert_allclose(points[1, 0, -1], [1.2, 0.0], atol=1e-5)
    np.testing.assert_allclose(returns, batch.roll_out(heading(1, 0), batch.query_luck).returns)


def test_a_task_is_looked_at_as_the_paths_that_the_policy_takes() -> None:
    family = NavigationFamily(NavigationConfig(horizon=6), datasets=Path("/"), cache=Path("/"))
    batch = family.sample("val", EpisodeShape(1, 2, 7), 2, torch.Generator().manual_seed(0))
    still = Adapted(1, lambda states: torch.zeros(*states.shape[:2], 4), lambda: None)
    view = family.views(batch, batch, [still])[1]
    np.testing.assert_allclose(view.given["goal"], batch.goals[1, 0], rtol=1e-6)
    paths = view.said[1]["paths"]
    assert [path.shape for path in paths] == [(7, 2)] * LOOKED_AT
    np.testing.assert_array_equal(paths, batch.paths(still.answer).points[1, :LOOKED_AT])


def test_no_two_inner_steps_learn_the_same() -> None:
    batch = made(Path("/")).sample("train", SHAPE, 2, torch.Generator().manual_seed(0))
    losses = torch.stack(
        [batch.support_loss(lambda x: torch.zeros(*x.shape[:2], 4), step) for step in range(2 * ROLLOUTS)]
    )
    assert len({tuple(one) for one in losses.tolist()}) == 2 * ROLLOUTS
