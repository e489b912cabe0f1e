"""Navigation in the plane, the first control experiment of Finn et al. 2017 (section 5.3, https://arxiv.org/abs/1703.03400)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.batch import Adapted, Answer
from data.config import setting
from data.control import LOOKED_AT, ControlConfig, ControlFamily
from data.family import Split
from data.language import mark
from data.policy import Gaussian, Policy
from data.rollouts import Rollout, RolloutBatch
from data.sinusoid import uniform
from data.spec import InputSpec
from data.view import TaskView

SQUARE = (-0.5, 0.5)  # where goals are, in both coordinates
REACH = 0.1  # the farthest a step goes in each coordinate
NEAR = 0.01  # of the goal in both coordinates: arrived
NUMBERS = 2  # of a state, and of an action

Reward = Literal["distance", "squared distance"]


class NavigationConfig(ControlConfig):
    """How a point is rewarded, and how many trajectories it learns from."""

    name: Literal["navigation"] = "navigation"
    reward: Reward = setting("distance", "Reward")
    """Minus the distance to the goal, as in the released code of Finn et al., or its square, as their paper says."""

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((NUMBERS,))


class Paths(NamedTuple):
    """Trajectories as plain arrays. points (tasks, trajectories, steps + 1, 2), the start first, and the last one again after the
    end; goals (tasks, 2); returns (tasks, trajectories).
    """

    points: np.ndarray
    goals: np.ndarray
    returns: np.ndarray


@dataclass(frozen=True)
class Navigation(RolloutBatch):
    """goals (tasks, 1, 2), or (tasks, trajectories, 2) where each trajectory has its own. Luck: standard normal."""

    goals: Tensor
    reward: Reward
    policy: ClassVar[Policy] = Gaussian(NUMBERS)
    parts: ClassVar[tuple[str, ...]] = ("goals", "support_luck", "query_luck")

    @torch.no_grad()
    def roll_out(self, answer: Answer, luck: Tensor) -> Rollout:
        """Each action, in units of REACH and clipped to it, moves the point. A whole step of all trajectories is one call."""
        at = torch.zeros_like(luck[:, :, 0])  # (tasks, trajectories, 2)
        under_way = torch.ones_like(at[..., 0])
        states, actions, rewards, there = [], [], [], []
        for step in range(luck.shape[2]):
            action = self.policy.act(answer(at), luck[:, :, step])
            states.append(at), actions.append(action), there.append(under_way)
            at = at + REACH * action.clamp(-1, 1) * under_way.unsqueeze(-1)
            away = self.goals - at
            rewards.append(self.rewarded(away) * under_way)
            under_way = under_way * (away.abs() >= NEAR).any(-1)
        return Rollout(*(torch.stack(parts, 2) for parts in (states, actions, rewards, there)))

    def rewarded(self, away: Tensor) -> Tensor:
        """away: from the point to the goal (…, 2) → (…)."""
        squared = away.square().sum(-1)
        return -(squared.sqrt() if self.reward == "distance" else squared)

    def expected(self) -> Tensor:
        """The return of standing still."""
        return self.query_luck.shape[2] * self.rewarded(self.goals).mean(1)

    def paths(self, answer: Answer) -> Paths:
        """Where the policy goes, by the luck of the queries."""
        states, actions, rewards, there = self.roll_out(answer, self.query_luck)
        last = states[:, :, -1:] + REACH * actions[:, :, -1:].clamp(-1, 1) * there[:, :, -1:, None]
        points = torch.cat([states, last], 2)
        return Paths(*(part.cpu().numpy() for part in (points, self.goals.mean(1), rewards.sum(-1))))


class NavigationFamily(ControlFamily):
    """A goal ~ U[−0.5, 0.5]² a task. The point starts at (0, 0), sees where it is but not the goal, and is done within 0.01 of
    it in both coordinates.

    All three splits are one distribution and share no task, as those of sinusoids.
    """

    Config = NavigationConfig
    config: NavigationConfig
    title = mark("Navigation")
    summary = mark("Find a goal in the plane that only the rewards tell of.")
    policy = Navigation.policy

    def drawn(self, *size: int, generator: torch.Generator) -> Tensor:
        return uniform((*size, NUMBERS), SQUARE, generator)

    def batch(self, split: Split, drawn: Tensor, support_luck: Tensor, query_luck: Tensor) -> Navigation:
        del split  # one distribution
        return Navigation(support_luck, query_luck, self.learning, drawn, self.config.reward)

    def views(self, drawn: Navigation, batch: Navigation, learner: Sequence[Adapted]) -> list[TaskView]:
        del drawn
        by_step = {one.step: batch.paths(one.answer) for one in learner}
        goals = batch.goals.mean(1).tolist()
        return [
            TaskView(
                "paths",
                {"goal": np.array(goal, np.float32)},
                {step: {"paths": list(paths.points[task, :LOOKED_AT])} for step, paths in by_step.items()},
            )
            for task, goal in enumerate(goals)
        ]
