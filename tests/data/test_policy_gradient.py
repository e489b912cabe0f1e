"""The derivatives that losses on rollouts have, against enumeration of everything a small bandit and a small maze can do."""

from collections.abc import Iterator
from itertools import product

import pytest
import torch
from torch import Tensor

from data.policy import Categorical
from data.policy_gradient import MetaGradient, advantages, discounted, exploration, linear_baseline, surrogate

PAID = torch.tensor([1.0, 0.2], dtype=torch.float64)  # of the bandit's two arms
RATE, PULLS = 0.7, 2
START = torch.tensor([0.3, -0.4], dtype=torch.float64)  # log-odds


def all_pulls(pulls: int) -> Tensor:
    """Every sequence of arms (2 ** pulls, pulls)."""
    return torch.tensor(list(product(range(2), repeat=pulls)))


def log_p(logits: Tensor, arms: Tensor) -> Tensor:
    """Of each task's pulls, by its own policy: (tasks, 2), (tasks, pulls) → (tasks, pulls)."""
    return Categorical(2).log_p(logits.unsqueeze(1).expand(*arms.shape, 2), arms.unsqueeze(-1))


def loss(logits: Tensor, arms: Tensor, meta_gradient: MetaGradient) -> Tensor:
    """Of tasks whose trajectories are single pulls, with what they paid as their advantage → (tasks,)."""
    log_ps = log_p(logits, arms).unsqueeze(-1)
    return surrogate(log_ps, PAID[arms].unsqueeze(-1), torch.ones_like(log_ps), meta_gradient)


def expected(logits: Tensor) -> Tensor:
    """Return of each policy."""
    return logits.softmax(-1) @ PAID


def many(tasks: int) -> Tensor:
    """The start of so many tasks, each with a gradient of its own."""
    return START.expand(tasks, 2).clone().requires_grad_()


def by_task(losses: Tensor, start: Tensor) -> Tensor:
    return torch.autograd.grad(losses.sum(), start, create_graph=True)[0]


def adapted(start: Tensor, arms: Tensor) -> Tensor:
    """After one inner step on these pulls."""
    return start - RATE * by_task(loss(start, arms, "plain"), start)


def estimates(start: Tensor, after: Tensor, explored: Tensor, arms: Tensor) -> Tensor:
    """E-MAML's meta-gradient of each task, from pulls to learn from and pulls ``after`` it."""
    gain = PAID[arms].mean(1) - 0.5
    return by_task(loss(after, arms, "plain") + exploration(log_p(start, explored).sum(1), gain), start).detach()


def exact() -> Tensor:
    """∇ E_D[J(θ'(D))], minus: over all that may be pulled, and with which probability."""
    explored = all_pulls(PULLS)
    start = many(len(explored))
    value = log_p(start, explored).sum(1).exp() * expected(adapted(start, explored))
    return by_task(-value, start).sum(0).detach()


def test_e_mamls_meta_gradient_is_right_in_expectation() -> None:
    explored, arms = all_pulls(PULLS).repeat_interleave(2, 0), torch.arange(2).repeat(2**PULLS).unsqueeze(1)
    start = many(len(explored))
    after = adapted(start, explored)
    p = (log_p(start, explored).sum(1) + log_p(after, arms).sum(1)).exp().detach()
    mean = p @ estimates(start, after, explored, arms)
    torch.testing.assert_close(mean, exact(), rtol=1e-12, atol=1e-14)


def test_without_its_second_term_it_is_not() -> None:
    explored = all_pulls(PULLS)
    start = many(len(explored))
    p = log_p(start, explored).sum(1).exp().detach()
    mean = p @ by_task(-expected(adapted(start, explored)), start).detach()
    assert (mean - exact()).abs().max() > 0.05 * exact().abs().max()


def test_many_rollouts_agree_with_enumeration_within_their_interval() -> None:
    generator, start = torch.Generator().manual_seed(0), many(50_000)

    def pulled(logits: Tensor, count: int) -> Tensor:
        luck = Categorical(2).luck(len(logits), count, generator=generator).double()
        return Categorical(2).act(logits.detach().unsqueeze(1), luck).squeeze(-1)

    explored = pulled(start, PULLS)
    after = adapted(start, explored)
    found = estimates(start, after, explored, pulled(after, 3))
    half = 1.96 * found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - exact()).abs() < half).all()
    assert (half < 0.03 * exact().abs()).all()  # narrower than what the second term is worth


# A maze of two choices in a row: what the second pays depends on the first, so that what was chosen early changes later rewards.
WAYS = torch.tensor([[0.0, 1.0], [0.5, -1.0]], dtype=torch.float64)  # paid after (first, second)
FIRST = torch.tensor([0.1, 0.3], dtype=torch.float64)
CHOICES = torch.tensor(
    [[0.2, -0.1], [0.4, 0.3], [-0.5, 0.1]], dtype=torch.float64
)  # log-odds at the start, after 0, after 1


def ways(weights: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Each way through: its log-probabilities (1, 1, 2) and rewards (1, 1, 2)."""
    chances = weights.log_softmax(-1)
    for first, second in all_pulls(2):
        yield (
            torch.stack([chances[0, first], chances[1 + first, second]]).view(1, 1, 2),
            torch.stack([FIRST[first], WAYS[first, second]]).view(1, 1, 2),
        )


def derivatives(value: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    (first,) = torch.autograd.grad(value, weights, create_graph=True)
    rows = [torch.autograd.grad(part, weights, retain_graph=True)[0] for part in first.flatten()]
    return first.detach(), torch.stack(rows)


@pytest.mark.parametrize(("meta_gradient", "unbiased"), [("dice", True), ("lvc", False), ("plain", False)])
@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_first_and_second_derivatives_in_expectation(
    meta_gradient: MetaGradient, unbiased: bool, baseline: float
) -> None:
    """Over all ways through the maze. The first is right of each, the second of DiCE alone."""
    weights = CHOICES.clone().requires_grad_()
    value = sum(chance.sum().exp() * rewards.sum() for chance, rewards in ways(weights))
    right = derivatives(-value, weights)
    mean = [torch.zeros_like(one) for one in right]
    for chance, rewards in ways(weights):
        better = discounted(rewards, 1.0) - baseline
        per_step = surrogate(chance, better, torch.ones_like(chance), meta_gradient)[0]
        for part, one in zip(mean, derivatives(2 * per_step, weights), strict=True):  # two steps
            part += chance.sum().exp().detach() * one
    torch.testing.assert_close(mean[0], right[0], rtol=1e-10, atol=1e-12)
    assert torch.allclose(mean[1], right[1], rtol=1e-10, atol=1e-12) is unbiased


def test_of_single_steps_the_low_variance_curvature_has_no_bias_either() -> None:
    start = many(1)
    right = derivatives(-expected(start).sum(), start)[1]
    for meta_gradient, unbiased in (("lvc", True), ("dice", True), ("plain", False)):
        mean = torch.zeros_like(right)
        for arms in all_pulls(1):
            p = log_p(start, arms[None]).sum().exp().detach()
            mean += p * derivatives(loss(start, arms[None], meta_gradient)[0], start)[1]
        assert torch.allclose(mean, right, rtol=1e-12, atol=1e-14) is unbiased


def test_rewards_to_come_are_discounted() -> None:
    rewards = torch.tensor([[1.0, 0.0, 4.0]])
    assert discounted(rewards, 0.5).tolist() == [[2.0, 2.0, 4.0]]
    assert discounted(rewards, 1.0).tolist() == [[5.0, 4.0, 4.0]]


def test_steps_after_the_end_change_nothing() -> None:
    generator, exact = torch.Generator().manual_seed(0), torch.float64
    states, rewards, chance = (
        torch.randn(size, generator=generator, dtype=exact) for size in ((2, 3, 20, 2), (2, 3, 20), (2, 3, 20))
    )
    there = (torch.arange(20) < torch.tensor([20, 9, 1]).unsqueeze(1)).to(exact).expand(2, 3, 20)
    rewards = rewards * there

    def found(junk: float) -> tuple[Tensor, Tensor]:
        better, _ = advantages(states + junk * (1 - there).unsqueeze(-1), rewards, there, 0.9)
        losses = [surrogate(chance + junk * (1 - there), better, there, kind) for kind in ("plain", "lvc", "dice")]
        return better, torch.stack(losses)

    for ours, theirs in zip(found(0.0), found(3.0), strict=True):
        torch.testing.assert_close(ours, theirs)
    better = found(0.0)[0]
    count = there.sum((1, 2))
    torch.testing.assert_close(better.sum((1, 2)) / count, torch.zeros(2, dtype=exact), atol=1e-6, rtol=0)
    torch.testing.assert_close(better.square().sum((1, 2)) / count, torch.ones(2, dtype=exact))


def test_a_baseline_finds_what_is_linear_in_its_features() -> None:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2, 20, 50, 2, generator=generator)
    time = torch.arange(50) / 100
    returns = 3 * states[..., 0] - 2 * states[..., 1].square() + 5 * time**2 - 1
    fitted = linear_baseline(states, returns, torch.ones_like(returns))
    assert (fitted - returns).abs().max() < 0.05 * returns.abs().max()


def test_a_baseline_of_trajectories_that_are_all_alike_is_finite() -> None:
    """A policy that runs away does the same at every step: its states are multiples of the time."""
    states = (torch.arange(100) / 10).view(1, 1, 100, 1).expand(3, 20, 100, 2) * torch.tensor([1.0, -1.0])
    returns = discounted(-states.norm(dim=-1), 0.99)
    fitted = linear_baseline(states, returns, torch.ones_like(returns))
    assert (fitted - returns).abs().max() < 0.1 * returns.abs().max()
