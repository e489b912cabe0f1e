"""Tasks of acting: a batch rolls out the policy that the weights of each inner step make, and learns from what came of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from data.batch import Answer
from data.policy import Policy
from data.policy_gradient import EPSILON, MetaGradient, advantages, exploration, steps_taken, surrogate, worth

ROLLOUTS = 3  # inner steps with a luck of their own; later ones take the luck of an earlier one's other trajectories


class Rollout(NamedTuple):
    """What a policy did. states (tasks, trajectories, steps, numbers) before each action; actions (…, numbers of an action) as
    the policy gave them; rewards (tasks, trajectories, steps) after each, 0 after the end; there: 1 up to the end, 0 after it.
    """

    states: Tensor
    actions: Tensor
    rewards: Tensor
    there: Tensor

    @property
    def returns(self) -> Tensor:
        """Sum of each trajectory's rewards (tasks, trajectories)."""
        return self.rewards.sum(-1)


@dataclass(frozen=True)
class Learning:
    """How a task learns from its rollouts. discount: of later rewards. later_steps: what the step size of inner steps after the
    first is multiplied by. meta_gradient: see ``policy_gradient``.
    """

    discount: float = 0.99
    later_steps: float = 1.0
    meta_gradient: MetaGradient = "lvc"


@dataclass(frozen=True)
class RolloutBatch(ABC):
    """Tasks of acting, of which all that is random is given beforehand.

    support_luck (tasks, ROLLOUTS, k_shot, steps, numbers) and query_luck (tasks, n_query, steps, numbers): what the policy
    draws its actions by. A loss's value is minus the mean return. Its derivatives are those of ``policy_gradient``, on
    another scale: of advantages with deviation 1, as a mean over steps, so that one inner rate suits any reward.
    """

    policy: ClassVar[Policy]
    parts: ClassVar[tuple[str, ...]]  # names of its tensors, each (tasks, …), in the order of a hash over them
    support_x: ClassVar[Tensor | None] = None
    quick_scores: ClassVar[bool] = False  # a score is one more rollout, and says what the loss says

    support_luck: Tensor
    query_luck: Tensor
    learning: Learning
    # E-MAML: log-probabilities (tasks,) of what was learned from at each inner step since the first, with their graphs.
    explored: list[Tensor] = field(default_factory=list, init=False, repr=False, compare=False)

    @abstractmethod
    def roll_out(self, answer: Answer, luck: Tensor) -> Rollout:
        """Act by given luck (tasks, trajectories, steps, numbers), without a gradient."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(getattr(self, name) for name in self.parts)

    def to(self, device: torch.device | str) -> Self:
        return self._each(lambda part: part.to(device))

    def __getitem__(self, tasks: slice) -> Self:
        return self._each(lambda part: part[tasks])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        return replace(self, **{name: change(getattr(self, name)) for name in self.parts})

    @property
    def tasks(self) -> int:
        return len(self.query_luck)

    def expected(self) -> Tensor:
        """A guess of each task's return that depends on nothing but the task (tasks,), to compare E-MAML's with."""
        return torch.zeros(self.tasks, device=self.query_luck.device)

    def support_loss(self, answer: Answer, step: int) -> Tensor:
        return self.loss_on(self.roll_out(answer, self.luck_at(step)), answer, step)

    def loss_on(self, rollout: Rollout, answer: Answer, step: int) -> Tensor:
        """The support loss of an inner step on what was done in it, under weights that need not be those that did it."""
        log_p, (better, _) = self.log_p(answer, rollout), self.advantages(rollout)
        if self.learning.meta_gradient == "e-maml":
            if step == 0:
                self.explored.clear()
            self.explored.append((log_p * rollout.there).sum((1, 2)))
        loss = surrogate(log_p, better, rollout.there, self.learning.meta_gradient)
        return worth(loss * self.learning.later_steps if step else loss, -rollout.returns.mean(1))

    def query_loss(self, answer: Answer) -> Tensor:
        rollout = self.roll_out(answer, self.query_luck)
        better, deviation = self.advantages(rollout)
        # One derivative of it is taken, and that is the same of all surrogates.
        loss = surrogate(self.log_p(answer, rollout), better, rollout.there, "plain")
        if self.explored:
            # In the unit of the surrogate, a step's share of the return by the deviation of advantages.
            unit = steps_taken(rollout.there) / rollout.there.shape[1] * (deviation + EPSILON)
            loss = loss + exploration(sum(self.explored), (rollout.returns.mean(1) - self.expected()) / unit)
        return worth(loss, -rollout.returns.mean(1))

    def scores(self, answer: Answer) -> Tensor:
        """Mean return of each task → (tasks,)."""
        return self.roll_out(answer, self.query_luck).returns.mean(1)

    def luck_at(self, step: int) -> Tensor:
        """An inner step's (tasks, k_shot, steps, numbers). Used again they come at other times, or they would teach the same."""
        return self.support_luck[:, step % ROLLOUTS].roll(step // ROLLOUTS, 2)

    def log_p(self, answer: Answer, rollout: Rollout) -> Tensor:
        """Of all actions, under the present weights: (tasks, trajectories, steps), differentiable."""
        said = answer(rollout.states.flatten(1, 2))  # (tasks, trajectories * steps, outputs)
        return self.policy.log_p(said, rollout.actions.flatten(1, 2)).view(rollout.rewards.shape)

    def advantages(self, rollout: Rollout) -> tuple[Tensor, Tensor]:
        return advantages(rollout.states, rollout.rewards, rollout.there, self.learning.discount)
