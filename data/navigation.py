"""Navigation in the plane, the first control experiment of Finn et al. 2017 (section 5.3, https://arxiv.org/abs/1703.03400)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.batch import Adapted, Answer
from data.config import setting
from data.family import EpisodeShape, FamilyConfig, Split, TaskFamily
from data.metric import RETURN, Metric
from data.policy_gradient import MetaGradient
from data.rollouts import ROLLOUTS, Gaussian, Learning, Policy, Rollout, RolloutBatch
from data.sinusoid import uniform
from data.spec import InputSpec
from data.view import TaskView

SQUARE = (-0.5, 0.5)  # where goals are, in both coordinates
REACH = 0.1  # the farthest a step goes in each coordinate
NEAR = 0.01  # of the goal in both coordinates: arrived
NUMBERS = 2  # of a state, and of an action
LOOKED_AT = 3  # trajectories of a task that are shown

Reward = Literal["distance", "squared distance"]


class NavigationConfig(FamilyConfig):
    """How a point is rewarded, and how many trajectories it learns from."""

    name: Literal["navigation"] = "navigation"
    k_shot: int = setting(20, "Trajectories to learn from (k_shot)", ge=1, le=100, telling=4)
    """Trajectories under the present weights that each inner step learns from."""
    n_query: int = setting(20, "Trajectories after adapting (n_query)", ge=1, le=100)
    """Trajectories of the adapted policy that the meta-step learns from."""
    reward: Reward = setting("distance", "Reward")
    """Minus the distance to the goal, as in the released code of Finn et al., or its square, as their paper says."""
    horizon: int = setting(100, "Longest trajectory", unit="steps", ge=1, le=200)
    """Steps after which a trajectory ends if it has not arrived."""
    discount: float = setting(0.99, "Discount", gt=0, le=1, step=0.01, advanced=True)
    """What a reward one step later counts for, while learning. A return is the plain sum."""
    later_steps: float = setting(1.0, "Later inner steps", gt=0, le=1, step=0.1, advanced=True)
    """What the step size of inner steps after the first is multiplied by: 0.5 in the paper's test. Without effect on Reptile,
    whose steps do not depend on the scale of a loss.
    """
    meta_gradient: MetaGradient = setting("lvc", "Meta-gradient", advanced=True)
    """How the inner step is differentiated. plain: as the released code does, without the score-function term. lvc: with the part
    of it that has little variance (ProMP). dice: all of it, without bias. e-maml: plain, and what exploring was worth.
    """

    @property
    def shape(self) -> EpisodeShape:
        return EpisodeShape(1, self.k_shot, self.n_query)

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

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.goals, self.support_luck, self.query_luck

    def to(self, device: torch.device | str) -> "Navigation":
        return self._each(lambda part: part.to(device))

    def __getitem__(self, tasks: slice) -> "Navigation":
        return self._each(lambda part: part[tasks])

    def _each(self, change) -> "Navigation":
        goals, support_luck, query_luck = map(change, self.tensors)
        return Navigation(support_luck, query_luck, self.learning, goals, self.reward)

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


class NavigationFamily(TaskFamily):
    """A goal ~ U[−0.5, 0.5]² a task. The point starts at (0, 0), sees where it is but not the goal, and is done within 0.01 of
    it in both coordinates.

    All three splits are one distribution and share no task, as those of sinusoids.
    """

    Config = NavigationConfig
    config: NavigationConfig
    title = "Navigation"
    summary = "Find a goal in the plane that only the rewards tell of."
    kind = "control"
    repeats = False  # a hundred calls of the network, with what each does to the next, are not written down

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Navigation:
        del split  # one distribution
        return self._batch(tasks, 1, ROLLOUTS, shape, generator)

    def pooled(self, split: Split, batch_size: int, generator: torch.Generator) -> Navigation:
        """Trajectories of as many tasks as one, for learners that do not work in tasks."""
        del split
        return self._batch(1, batch_size, 0, EpisodeShape(1, 0, batch_size), generator)

    def _batch(
        self, tasks: int, goals: int, rollouts: int, shape: EpisodeShape, generator: torch.Generator
    ) -> Navigation:
        """goals: of each task. rollouts: of its support."""
        config = self.config

        def luck(*size: int) -> Tensor:
            return torch.randn(tasks, *size, config.horizon, NUMBERS, generator=generator, device=generator.device)

        drawn = uniform((tasks, goals, NUMBERS), SQUARE, generator)
        learning = Learning(config.discount, config.later_steps, config.meta_gradient)
        support_luck, query_luck = luck(rollouts, shape.k_shot), luck(shape.n_query)
        return Navigation(support_luck, query_luck, learning, drawn, config.reward).to(self.device)

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

    def made_up(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Navigation:
        return self.sample("train", shape._replace(k_shot=2, n_query=2), tasks, generator)

    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        raise NotImplementedError(
            "A trajectory is no example that could be drawn before there is a policy; see pooled."
        )

    @classmethod
    def metric(cls, shape: EpisodeShape) -> Metric:  # noqa: ARG003
        return RETURN

    @classmethod
    def loss_title(cls, shape: EpisodeShape) -> str:  # noqa: ARG003
        return "minus the mean return"

    @classmethod
    def task(cls, shape: EpisodeShape) -> str:
        return f"{shape.k_shot} trajectories"

    def outputs(self, shape: EpisodeShape) -> int:
        return Navigation.policy.outputs
