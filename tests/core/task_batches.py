"""Two families whose tasks are no Episodes: bandits, whose data depend on the weights, and texts scored by free decoding."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from data.batch import Answer
from data.family import EpisodeShape, FamilyConfig, TaskFamily
from data.metric import Metric
from data.spec import InputSpec

RETURN = Metric("return", "mean reward", True, digits=3, low=0.0, high=1.0)
RIGHT = Metric("right", "symbols right when written freely", True, "%", 100.0, 1, 0.0, 1.0)


# Bandits: a policy sees nothing (always the input 1) and chooses among arms, each of which gives its own reward.


def pulls(logits: Tensor, luck: Tensor, rewards: Tensor) -> tuple[Tensor, Tensor]:
    """Arms drawn from a policy by given luck in [0, 1): their log-probabilities and their rewards, each (tasks, pulls).

    logits: (tasks, pulls, arms). rewards: (tasks, arms). Which arms are drawn depends on the policy, without a gradient.
    """
    log_p = logits.log_softmax(-1)
    arm = (log_p.detach().exp().cumsum(-1) < luck.unsqueeze(-1)).sum(-1).clamp(max=rewards.shape[-1] - 1)
    return log_p.gather(-1, arm.unsqueeze(-1)).squeeze(-1), rewards.gather(1, arm)


def reinforce(log_p: Tensor, reward: Tensor) -> Tensor:
    """The score-function loss with the mean reward as its baseline → (tasks,) (Williams 1992)."""
    return -(log_p * (reward - reward.mean(-1, keepdim=True))).mean(-1)


@dataclass(frozen=True)
class Bandits:
    """rewards (tasks, arms); luck (tasks, 2, pulls): for learning, and for what is asked after it."""

    rewards: Tensor
    luck: Tensor
    support_x: ClassVar[Tensor | None] = None
    quick_scores: ClassVar[bool] = True

    @property
    def tasks(self) -> int:
        return len(self.rewards)

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        return self.rewards, self.luck

    def played(self, answer: Answer, luck: Tensor) -> tuple[Tensor, Tensor]:
        return pulls(answer(torch.ones_like(luck).unsqueeze(-1)), luck, self.rewards)

    def support_loss(self, answer: Answer, step: int) -> Tensor:
        return reinforce(*self.played(answer, luck_at(self.luck[:, 0], step)))

    def query_loss(self, answer: Answer) -> Tensor:
        return reinforce(*self.played(answer, self.luck[:, 1]))

    def scores(self, answer: Answer) -> Tensor:
        return self.played(answer, self.luck[:, 1])[1].mean(1)

    def to(self, device: torch.device | str) -> "Bandits":
        return Bandits(*(part.to(device) for part in self.tensors))

    def __getitem__(self, tasks: slice) -> "Bandits":
        return Bandits(*(part[tasks] for part in self.tensors))


def luck_at(luck: Tensor, step: int) -> Tensor:
    """Each inner step has a luck of its own."""
    return (luck + 0.618 * step).frac()


class BanditConfig(FamilyConfig):
    name: Literal["bandit"] = "bandit"
    arms: int = 5
    pulls: int = 20

    @property
    def shape(self) -> EpisodeShape:
        return EpisodeShape(1, self.pulls, self.pulls)

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((1,))


class BanditFamily(TaskFamily):
    """One arm of the first two pays 1, the others nothing: there is something to learn for all tasks, and for each."""

    Config = BanditConfig
    title = "Bandits"
    summary = "Find the arm that pays."
    kind = "control"

    @classmethod
    def metric(cls, shape: EpisodeShape) -> Metric:  # noqa: ARG003
        return RETURN

    @classmethod
    def loss_title(cls, shape: EpisodeShape) -> str:  # noqa: ARG003
        return "score-function loss"

    def outputs(self, shape: EpisodeShape) -> int:
        return self.config.arms

    def sample(self, split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Bandits:
        best = torch.randint(2, (tasks,), generator=generator)
        luck = torch.rand(tasks, 2, shape.k_shot, generator=generator)
        return Bandits(F.one_hot(best, self.config.arms).float(), luck).to(self.device)

    def made_up(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Bandits:
        return self.sample("train", shape, tasks, generator)

    def sample_flat(self, split, batch_size: int, generator: torch.Generator):
        raise NotImplementedError("A bandit has no ordinary batches.")


# Texts: each task has a code, one symbol for another; a text is written in it symbol by symbol.


@dataclass(frozen=True)
class Texts:
    """sources and targets (tasks, n, length) of symbols in [1, vocabulary), to learn from and to be asked about."""

    support: Tensor
    support_target: Tensor
    query: Tensor
    query_target: Tensor
    support_x: ClassVar[Tensor | None] = None
    quick_scores: ClassVar[bool] = False

    @property
    def tasks(self) -> int:
        return len(self.support)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return self.support, self.support_target, self.query, self.query_target

    def support_loss(self, answer: Answer, step: int) -> Tensor:
        return told(answer, self.support, self.support_target)

    def query_loss(self, answer: Answer) -> Tensor:
        return told(answer, self.query, self.query_target)

    def scores(self, answer: Answer) -> Tensor:
        """The share of symbols that come out right when each follows from those that were written before it."""
        written = torch.zeros_like(self.query)
        for place in range(self.query.shape[-1]):
            written[..., place] = answer(torch.cat([self.query, written], -1)).argmax(-1)
        return (written == self.query_target).float().flatten(1).mean(1)

    def to(self, device: torch.device | str) -> "Texts":
        return Texts(*(part.to(device) for part in self.tensors))

    def __getitem__(self, tasks: slice) -> "Texts":
        return Texts(*(part[tasks] for part in self.tensors))


def told(answer: Answer, sources: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of each task → (tasks,), each symbol told the right ones before it (teacher forcing)."""
    loss, length = torch.zeros(len(sources), device=sources.device), sources.shape[-1]
    for place in range(length):
        before = torch.where(torch.arange(length, device=sources.device) < place, targets, 0)
        logits = answer(torch.cat([sources, before], -1))  # (tasks, n, vocabulary)
        each = F.cross_entropy(logits.transpose(1, 2), targets[..., place], reduction="none")
        loss = loss + each.mean(1) / length
    return loss


class TextConfig(FamilyConfig):
    name: Literal["texts"] = "texts"
    symbols: int = 4
    length: int = 3

    @property
    def shape(self) -> EpisodeShape:
        return EpisodeShape(1, 6, 6)

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((2 * self.length,), "integer", vocabulary=self.symbols + 1, padding=0)


class TextFamily(TaskFamily):
    Config = TextConfig
    title = "Texts in a code"
    summary = "Write a text in a code of which a few examples are given."
    kind = "sequence"

    @classmethod
    def metric(cls, shape: EpisodeShape) -> Metric:  # noqa: ARG003
        return RIGHT

    def outputs(self, shape: EpisodeShape) -> int:
        return self.config.symbols + 1

    def sample(self, split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Texts:
        symbols, length = self.config.symbols, self.config.length
        code = torch.rand(tasks, symbols, generator=generator).argsort(1) + 1
        source = torch.randint(1, symbols + 1, (tasks, shape.k_shot + shape.n_query, length), generator=generator)
        target = code.gather(1, source.flatten(1) - 1).view_as(source)
        k = shape.k_shot
        return Texts(source[:, :k], target[:, :k], source[:, k:], target[:, k:]).to(self.device)

    def made_up(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Texts:
        return self.sample("train", shape, tasks, generator)

    def sample_flat(self, split, batch_size: int, generator: torch.Generator):
        raise NotImplementedError("Texts have no ordinary batches.")
