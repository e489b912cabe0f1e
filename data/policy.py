"""Policies: how a network's answers are read as distributions over actions, and actions drawn from them by given luck."""

from dataclasses import dataclass
from math import log, pi
from typing import Protocol

import torch
from torch import Tensor

LEAST_DEVIATION = 1e-6  # of an action, as in rllab (Duan et al. 2016)


class Policy(Protocol):
    """Reads a network's answers (…, outputs) as distributions over actions (…, numbers of an action)."""

    @property
    def outputs(self) -> int:
        """Size of the network's answer."""

    def luck(self, *size: int, generator: torch.Generator) -> Tensor:
        """What so many actions are drawn by (*size, numbers), on the generator's device."""

    def act(self, answer: Tensor, luck: Tensor) -> Tensor:
        """An action of each distribution by given luck, without a gradient."""

    def log_p(self, answer: Tensor, action: Tensor) -> Tensor:
        """The log-probability, or its density, of each action → (…)."""

    def divergence(self, before: Tensor, answer: Tensor) -> Tensor:
        """KL(before ‖ answer) of the distributions that two answers are, in nats → (…)."""


@dataclass(frozen=True)
class Gaussian:
    """Independent normal numbers; an answer is their means, then the logs of their deviations. Luck: standard normal."""

    numbers: int

    @property
    def outputs(self) -> int:
        return 2 * self.numbers

    def luck(self, *size: int, generator: torch.Generator) -> Tensor:
        return torch.randn(*size, self.numbers, generator=generator, device=generator.device)

    def act(self, answer: Tensor, luck: Tensor) -> Tensor:
        mean, log_deviation = self.parts(answer)
        return mean + log_deviation.exp() * luck

    def log_p(self, answer: Tensor, action: Tensor) -> Tensor:
        mean, log_deviation = self.parts(answer)
        off = (action - mean) * (-log_deviation).exp()
        return -(0.5 * off.square() + log_deviation).sum(-1) - 0.5 * self.numbers * log(2 * pi)

    def divergence(self, before: Tensor, answer: Tensor) -> Tensor:
        (mean, log_deviation), (now, log_now) = self.parts(before), self.parts(answer)
        ratio = ((2 * log_deviation).exp() + (mean - now).square()) * (-2 * log_now).exp()
        return (log_now - log_deviation + 0.5 * (ratio - 1)).sum(-1)

    def parts(self, answer: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_deviation = answer.split(self.numbers, -1)
        return mean, log_deviation.clamp(min=log(LEAST_DEVIATION))


@dataclass(frozen=True)
class Categorical:
    """One of several choices, int64 (…, 1); an answer is the logs of their odds. Luck: uniform in [0, 1), one number."""

    choices: int

    @property
    def outputs(self) -> int:
        return self.choices

    def luck(self, *size: int, generator: torch.Generator) -> Tensor:
        return torch.rand(*size, 1, generator=generator, device=generator.device)

    def act(self, answer: Tensor, luck: Tensor) -> Tensor:
        """The first choice whose share, added to those before it, exceeds the luck; shares that round to less than 1 in
        all leave the rest to the last.
        """
        until = answer.softmax(-1).cumsum(-1)  # (…, choices)
        return (until <= luck).sum(-1, keepdim=True).clamp(max=self.choices - 1)

    def log_p(self, answer: Tensor, action: Tensor) -> Tensor:
        return answer.log_softmax(-1).gather(-1, action).squeeze(-1)

    def divergence(self, before: Tensor, answer: Tensor) -> Tensor:
        log_p = before.log_softmax(-1)
        return (log_p.exp() * (log_p - answer.log_softmax(-1))).sum(-1)
