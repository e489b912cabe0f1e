"""The floor for anything that claims to learn to learn: the same adaptation from a random start."""

from typing import Literal

from torch import Tensor

from core.algorithms.base import AlgorithmConfig, Network
from core.algorithms.fine_tune import FineTuner, FineTuning, Scope, grid, middling
from core.algorithms.forward import Weights
from data.config import setting
from data.family import EpisodeShape
from data.language import mark


class ScratchConfig(AlgorithmConfig):
    name: Literal["scratch"] = "scratch"
    inner_lr: float | None = setting(
        None, "Inner learning rate", gt=0, le=100, step=0.01, empty="chosen on validation", telling=1
    )
    """Step size of the adaptation on the task's mean loss; empty: the best on validation episodes."""
    inner_steps: int | None = setting(
        None, "Inner steps", unit="steps", ge=1, le=200, empty="chosen on validation", telling=2
    )
    """Gradient steps on the support set; empty: the best of eight numbers up to 20 on validation episodes."""


class Scratch(FineTuner):
    """No meta-training: every task starts from the network's random weights, the same for all tasks."""

    Config = ScratchConfig
    title = mark("From scratch")
    summary = mark("No meta-training at all: the same adaptation from a random start.")
    group = "baselines"
    meta_trained = False
    fixed_way = False

    def __init__(self, config: ScratchConfig, *arguments, **settings):
        super().__init__(config, *arguments, **settings)
        self.chosen = middling(self.candidates())

    def build_model(self, network: Network, test_shape: EpisodeShape):
        return network(self.family.outputs(test_shape))

    def learned(self) -> dict[str, Tensor]:
        """Nothing: the random start is a function of the run's seed."""
        return {}

    def start(self, tasks: int, scope: Scope) -> Weights:
        return {name: w.detach().requires_grad_() for name, w in self.forward_tasks.stack(tasks).items()}

    def candidates(self) -> list[FineTuning]:
        return grid(["all"], self.config.inner_lr, self.config.inner_steps)

    @property
    def steps_are_open(self) -> bool:
        return self.config.inner_steps is None
