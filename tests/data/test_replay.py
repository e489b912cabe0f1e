"""Rollouts that are looked at again: the same trajectories, and what other weights would have made of them."""

from pathlib import Path

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from data.family import EpisodeShape
from data.navigation import NavigationConfig, NavigationFamily
from data.replay import Replay
from data.rollouts import RolloutBatch


class Net:
    """A policy linear in the state, of weights (4, 2)."""

    def __init__(self, seed: int):
        self.weights = (0.3 * torch.randn(4, 2, generator=torch.Generator().manual_seed(seed))).requires_grad_()

    def __call__(self, states: Tensor) -> Tensor:
        return states @ self.weights.T + torch.tensor([0.1, 0.2, -0.5, -0.5])


def batch() -> RolloutBatch:
    family = NavigationFamily(NavigationConfig(horizon=12), datasets=Path(), cache=Path())
    return family.sample("train", EpisodeShape(1, 4, 3), 2, torch.Generator().manual_seed(0))


def gradient(loss: Tensor, net: Net) -> Tensor:
    return torch.autograd.grad(loss.sum(), net.weights)[0]


def test_the_first_time_it_is_the_batch_itself() -> None:
    net, own, replay = Net(1), batch(), Replay(batch())
    for ours, theirs in (
        (replay.support_loss(net, 1), own.support_loss(net, 1)),
        (replay.query_loss(net), own.query_loss(net)),
    ):
        torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(gradient(ours, net), gradient(theirs, net))
    assert replay.divergences[0].abs().max() < 1e-6


def test_again_nothing_is_rolled_out_and_both_policies_are_compared(monkeypatch) -> None:
    first, other, replay = Net(1), Net(2), Replay(batch())
    known = replay.query_loss(first).detach()
    before = replay.support_loss(first, 0)
    rollout, better = replay.judged[0].rollout, replay.judged[0].better
    monkeypatch.setattr(type(replay.batch), "roll_out", None)
    replay.again()
    found = replay.query_loss(other)

    def policies(net: Net) -> Normal:
        mean, log_deviation = net(rollout.states.flatten(1, 2)).view(*rollout.states.shape[:3], 4).split(2, -1)
        return Normal(mean, log_deviation.exp())

    ratio = (policies(other).log_prob(rollout.actions) - policies(first).log_prob(rollout.actions)).sum(-1).exp()
    taken = rollout.there.sum((1, 2))
    change = -((ratio - 1) * better * rollout.there).sum((1, 2)) / taken
    torch.testing.assert_close(found, known + change, rtol=1e-4, atol=1e-4)
    apart = kl_divergence(policies(first), policies(other)).sum(-1)
    torch.testing.assert_close(replay.divergences[0], (apart * rollout.there).sum((1, 2)) / taken, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(replay.divergence(), replay.divergences[0].mean())
    after = replay.support_loss(other, 0)  # on what the first one did
    torch.testing.assert_close(after.detach(), before.detach())
    assert not torch.allclose(gradient(after, other), gradient(before, first))
