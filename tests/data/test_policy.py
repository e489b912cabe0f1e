"""Policies draw what their distributions say, by given luck."""

import torch
from torch.distributions import Normal, kl_divergence

from data.policy import Categorical, Gaussian


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_gaussian_policy_is_torchs_own_distribution() -> None:
    answer, luck = torch.randn(5, 4, generator=seeded(0)), torch.randn(5, 2, generator=seeded(1))
    theirs = torch.distributions.Normal(answer[:, :2], answer[:, 2:].exp())
    action = Gaussian(2).act(answer, luck)
    torch.testing.assert_close(action, theirs.mean + theirs.stddev * luck)
    torch.testing.assert_close(Gaussian(2).log_p(answer, action), theirs.log_prob(action).sum(-1))
    assert Gaussian(2).luck(3, 4, generator=seeded(0)).shape == (3, 4, 2)


def test_a_categorical_policy_draws_each_choice_as_often_as_its_share() -> None:
    """Luck on an even grid counts instead of sampling: shares 0.5, 0.125, 0.375 of 1000 are 500, 125, 375."""
    answer = torch.tensor([0.5, 0.125, 0.375]).log() + 3.0
    luck = (torch.arange(1000) + 0.5).unsqueeze(-1) / 1000
    action = Categorical(3).act(answer.expand(1000, 3), luck)
    assert torch.bincount(action.squeeze(-1)).tolist() == [500, 125, 375]
    log_p = Categorical(3).log_p(answer.expand(1000, 3), action)
    theirs = torch.distributions.Categorical(logits=answer).log_prob(action.squeeze(-1))
    torch.testing.assert_close(log_p, theirs)


def test_no_luck_asks_for_a_choice_that_there_is_not() -> None:
    """Shares in float32 may add up to less than the highest luck there is."""
    policy, highest = Categorical(200), torch.tensor([1 - 2**-24])
    answers = torch.randn(500, 200, generator=seeded(0))
    assert policy.act(answers, highest.expand(500, 1)).max() <= 199
    assert policy.act(torch.full((1, 200), float("nan")), highest.expand(1, 1)).item() == 0
    luck = policy.luck(7, 3, generator=seeded(0))
    assert luck.shape == (7, 3, 1) and luck.min() >= 0 and luck.max() < 1


def test_a_choice_of_no_share_is_never_taken() -> None:
    answer = torch.tensor([[-float("inf"), 0.0, -float("inf"), 0.0]]).expand(3, 4)
    luck = torch.tensor([[0.0], [0.5], [0.9999999]])
    assert Categorical(4).act(answer, luck).flatten().tolist() == [1, 3, 3]


def test_how_far_two_policies_are_apart_is_torchs_own_divergence() -> None:
    before, now = torch.randn(2, 5, 4, generator=seeded(0))
    (mean, log_deviation), (other, log_other) = before.split(2, -1), now.split(2, -1)
    normal = kl_divergence(Normal(mean, log_deviation.exp()), Normal(other, log_other.exp())).sum(-1)
    torch.testing.assert_close(Gaussian(2).divergence(before, now), normal)
    theirs = kl_divergence(torch.distributions.Categorical(logits=before), torch.distributions.Categorical(logits=now))
    torch.testing.assert_close(Categorical(4).divergence(before, now), theirs)
    for policy in (Gaussian(2), Categorical(4)):
        assert policy.divergence(now, now).abs().max() < 1e-6
