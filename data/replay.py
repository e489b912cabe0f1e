"""Rollouts that are learned from more than once, for outer updates that look at several weights before they take a step."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from data.batch import Answer
from data.policy_gradient import steps_taken
from data.rollouts import Rollout, RolloutBatch


@dataclass(frozen=True)
class Judged:
    """What an adapted policy did, and what it was. said (tasks, trajectories * steps, outputs) to each state; better: advantages
    (tasks, trajectories, steps).
    """

    rollout: Rollout
    said: Tensor
    better: Tensor


class Replay:
    """A batch of tasks of acting whose policies act the first time they are asked, and are held to what they did from then on.

    After ``again`` the same questions are asked in the same order, under other weights: inner steps then learn from the first
    time's trajectories, and a query loss's value is that of the first time, plus the change of the surrogate that Schulman et
    al. 2015 (eq. 14) estimate by importance sampling, in the unit of RolloutBatch's surrogates. Its first derivative is
    the batch's own. ``divergences``: since ``again``, of each query loss KL(policy that acted ‖ present one), in nats, by task.
    """

    support_x: ClassVar[Tensor | None] = None
    quick_scores: ClassVar[bool] = False

    def __init__(self, batch: RolloutBatch):
        self.batch, self.tasks = batch, batch.tasks
        self.learned_from: dict[int, Rollout] = {}  # by inner step
        self.judged: list[Judged] = []
        self.divergences: list[Tensor] = []

    def again(self) -> None:
        self.divergences = []

    def divergence(self) -> Tensor:
        """Their mean."""
        return torch.stack(self.divergences).mean()

    def support_loss(self, answer: Answer, step: int) -> Tensor:
        if step not in self.learned_from:
            self.learned_from[step] = self.batch.roll_out(answer, self.batch.luck_at(step))
        return self.batch.loss_on(self.learned_from[step], answer, step)

    def query_loss(self, answer: Answer) -> Tensor:
        place = len(self.divergences)
        if place == len(self.judged):
            rollout = self.batch.roll_out(answer, self.batch.query_luck)
            with torch.no_grad():
                said = answer(rollout.states.flatten(1, 2))
            self.judged.append(Judged(rollout, said, self.batch.advantages(rollout)[0]))
        return self._on(self.judged[place], answer)

    def _on(self, first: Judged, answer: Answer) -> Tensor:
        rollout, policy, steps = first.rollout, self.batch.policy, steps_taken(first.rollout.there)
        actions, said = rollout.actions.flatten(1, 2), answer(rollout.states.flatten(1, 2))
        there, better = rollout.there.flatten(1), first.better.flatten(1)  # (tasks, trajectories * steps)
        self.divergences.append((policy.divergence(first.said, said) * there).sum(1) / steps)
        ratio = (policy.log_p(said, actions) - policy.log_p(first.said, actions)).exp()
        change = -((ratio - 1) * better * there).sum(1) / steps
        return change - rollout.returns.mean(1)
