"""What families of tasks of acting share: how much a policy may try, and the luck that it acts by."""

from abc import abstractmethod

import torch
from torch import Tensor

from data.config import setting
from data.family import EpisodeShape, FamilyConfig, Split, TaskFamily
from data.language import mark
from data.metric import RETURN, Metric
from data.policy import Policy
from data.policy_gradient import MetaGradient
from data.rollouts import ROLLOUTS, Learning, RolloutBatch

LOOKED_AT = 3  # trajectories of a task that are shown


class ControlConfig(FamilyConfig):
    """How many trajectories a policy learns from, how long they are, and how it learns."""

    k_shot: int = setting(20, "Trajectories to learn from (k_shot)", ge=1, le=100, telling=4)
    """Trajectories under the present weights that each inner step learns from."""
    n_query: int = setting(20, "Trajectories after adapting (n_query)", ge=1, le=100)
    """Trajectories of the adapted policy that the meta-step learns from."""
    horizon: int = setting(100, "Longest trajectory", unit="steps", ge=1, le=200)
    """Steps after which a trajectory ends if it has not ended before."""
    discount: float = setting(0.99, "Discount", gt=0, le=1, step=0.01, advanced=True)
    """What a reward one step later counts for, while learning. A return is the plain sum."""
    later_steps: float = setting(1.0, "Later inner steps", gt=0, le=1, step=0.1, advanced=True)
    """What the step size of inner steps after the first is multiplied by: 0.5 in the test of Finn et al. Without effect on
    Reptile, whose steps do not depend on the scale of a loss.
    """
    meta_gradient: MetaGradient = setting("lvc", "Meta-gradient", advanced=True)
    """How the inner step is differentiated. plain: as the code of Finn et al. does, without the score-function term. lvc: with
    the part of it that has little variance (ProMP). dice: all of it, without bias. e-maml: plain, and what exploring was worth.
    """

    @property
    def shape(self) -> EpisodeShape:
        return EpisodeShape(1, self.k_shot, self.n_query)


class ControlFamily(TaskFamily):
    """Tasks of acting. What is random about a batch is drawn before any policy acts: the tasks first, then the luck."""

    config: ControlConfig
    kind = "control"
    repeats = False  # many calls of the network, with what each does to the next, are not written down

    @property
    @abstractmethod
    def policy(self) -> Policy:
        """How the network's answers are read."""

    @abstractmethod
    def drawn(self, *size: int, generator: torch.Generator) -> Tensor:
        """What tells so many tasks apart (*size, …), on the generator's device."""

    @abstractmethod
    def batch(self, split: Split, drawn: Tensor, support_luck: Tensor, query_luck: Tensor) -> RolloutBatch:
        """The tasks (tasks, 1, …) of a split, or (tasks, trajectories, …) where each trajectory has its own."""

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> RolloutBatch:
        return self._batch(split, (tasks, 1), ROLLOUTS, shape, generator)

    def pooled(self, split: Split, batch_size: int, generator: torch.Generator) -> RolloutBatch:
        """Trajectories of as many tasks as one, for learners that do not work in tasks."""
        return self._batch(split, (1, batch_size), 0, EpisodeShape(1, 0, batch_size), generator)

    def _batch(
        self, split: Split, tasks: tuple[int, int], rollouts: int, shape: EpisodeShape, generator: torch.Generator
    ) -> RolloutBatch:
        """tasks: how many, and how many different ones each is made of. rollouts: of its support."""
        drawn = self.drawn(*tasks, generator=generator)

        def luck(*size: int) -> Tensor:
            return self.policy.luck(tasks[0], *size, self.config.horizon, generator=generator)

        support_luck, query_luck = luck(rollouts, shape.k_shot), luck(shape.n_query)
        return self.batch(split, drawn, support_luck, query_luck).to(self.device)

    @property
    def learning(self) -> Learning:
        return Learning(self.config.discount, self.config.later_steps, self.config.meta_gradient)

    def made_up(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> RolloutBatch:
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
        return mark("minus the mean return")

    @classmethod
    def task(cls, shape: EpisodeShape) -> str:
        return f"{shape.k_shot} trajectories"

    def outputs(self, shape: EpisodeShape) -> int:
        return self.policy.outputs
