"""Ordinary supervised training, then fine-tuning (the baseline of Chen et al. 2019, https://arxiv.org/abs/1904.04232)."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Literal

import torch
from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network, StepReport, TaskState
from core.algorithms.body import last_layer
from core.algorithms.comparing import one_hot, prototype_layer
from core.algorithms.fine_tune import FineTuner, FineTuning, Scope, detached, grid, middling
from core.algorithms.forward import Weights
from core.algorithms.ordinary import OrdinaryBatches
from core.algorithms.output_layer import OutputLayerLearner
from core.models.base import head_parameters
from data.batch import Episodes, TaskBatch
from data.config import setting
from data.family import EpisodeShape
from data.language import mark


class PretrainConfig(AlgorithmConfig):
    name: Literal["pretrain"] = "pretrain"
    batch_size: int = setting(64, "Batch size", unit="examples", ge=2, le=4096, step=16, telling=1)
    """Examples of an ordinary training batch, from all training classes; of control and translation, of as many tasks."""
    finetune: Literal["all", "head", "best"] = setting("best", "Fine-tune")
    """Which weights a new task may change: all, the new output layer only, or whichever is better on validation
    episodes.
    """
    finetune_lr: float | None = setting(
        None, "Fine-tuning rate", gt=0, le=100, step=0.01, empty="chosen on validation", telling=2
    )
    """Step size on the task's mean loss; empty: the best on validation episodes."""
    finetune_steps: int | None = setting(
        None, "Fine-tuning steps", unit="steps", ge=1, le=200, empty="chosen on validation"
    )
    """Gradient steps on the support set; empty: the best of eight numbers up to 20 on validation episodes."""


class Pretrain(OrdinaryBatches, OutputLayerLearner, FineTuner):
    """Classifies all training classes at once; a new task gets a zero output layer on the trained body and is fine-tuned.

    For regression the examples of all tasks are pooled, and the whole network is kept: it has learned the tasks' mean
    (Finn et al. 2017, section 5.1); for translation, to write in all languages at once. For control likewise one policy learns
    from trajectories of all tasks, taken for those of a single one (section 5.3).

    While it trains, a guessed fine-tuning would say little about which checkpoint is best. So validations ask for the class
    whose mean of the body's features is nearest; for regression, and a network that does not end with a linear layer, the
    fine-tuning is chosen before each validation on the first of its tasks.
    """

    Config = PretrainConfig
    title = mark("Pretrain + fine-tune")
    summary = mark("Ordinary training on all training classes, then a new output layer and fine-tuning.")
    group = "baselines"
    kinds = ("classification", "regression", "sequence", "control")
    fixed_way = False
    proxy = mark("nearest class mean of features")

    def __init__(
        self, config: PretrainConfig, network: Network, family, test_shape: EpisodeShape, *arguments, **settings
    ):
        super().__init__(config, network, family, test_shape, *arguments, **settings)
        classes = family.classes("train")
        if classes is None:
            self.classifier, self.head = self.model, set()
        else:
            self.classifier, self.head = network(classes), head_parameters(network, family.outputs(test_shape))
            self.model.requires_grad_(False)  # only a mould: its weights come from the classifier
        self.last = last_layer(self.classifier, self.head, family.input_spec)
        self.chosen = None if self.last and self.is_open else middling(self.candidates())

    @property
    def reads_once(self) -> bool:
        return self.last is not None and (self.chosen is None or self.chosen.scope == "head")

    def trajectory(self, batch: TaskBatch, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        if self.chosen is None:
            return self.untuned(batch, steps)
        return super().trajectory(batch, steps, differentiable=differentiable)

    def untuned(self, batch: Episodes, steps: int) -> Iterator[TaskState]:
        """The one state there is without fine-tuning, for each step: an output layer that finds the nearest class mean."""
        with torch.no_grad():
            features = self.body(None, batch.support_x)  # (tasks, n_support, features)
            layer = prototype_layer(features, one_hot(batch.support_y, batch.objective.outputs, features))
        head = {f"{self.last}.{part}": value for part, value in zip(("weight", "bias"), layer, strict=True)}
        state = TaskState(head, batch, read=self.reader(batch))
        return repeat(state, steps + 1)

    @property
    def trained(self) -> nn.Module:
        return self.classifier

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        return network(self.family.outputs(test_shape))

    def learned(self) -> dict[str, Tensor]:
        """Without the mould, whose output layer has another size when tested on another number of classes."""
        learned = super().learned()
        return {n: v for n, v in learned.items() if not n.startswith("model.")} if self.head else learned

    def start(self, tasks: int, scope: Scope) -> Weights:
        with self.forward_tasks.turn:  # the networks' own: no call has put a task's weights in their place
            trained, moulds = dict(self.classifier.named_parameters()), dict(self.model.named_parameters())
            self._take_buffers()
        weights = {}
        for name, mould in moulds.items():
            if name in self.head:
                weights[name] = detached(torch.zeros_like(mould), tasks, adapt=True)
            else:
                weights[name] = detached(trained[name], tasks, adapt=scope == "all" or not self.head)
        return weights

    def plain(self, state: TaskState) -> nn.Module:
        return super().plain(replace(state, weights=self.start(1, "all") | state.weights))

    def _take_buffers(self) -> None:
        """What a person's own network keeps in buffers was learned by the classifier."""
        if self.model is not self.classifier:
            buffers = dict(self.classifier.named_buffers())
            for name, mould in self.model.named_buffers():
                if name in buffers and buffers[name].shape == mould.shape:
                    mould.copy_(buffers[name])

    def candidates(self) -> list[FineTuning]:
        scopes: list[Scope] = ["all", "head"] if self.config.finetune == "best" else [self.config.finetune]
        if not self.head:
            scopes = ["all"]
        return grid(scopes, self.config.finetune_lr, self.config.finetune_steps)

    @property
    def steps_are_open(self) -> bool:
        return self.config.finetune_steps is None

    def classify(self, x: Tensor) -> Tensor:
        return self.classifier(x)

    def draw(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> TaskBatch:
        """Of sequences and of control all tasks' examples, or what the policy does in them, taken for a single task."""
        if self.family.kind in ("sequence", "control"):
            return self.family.pooled("train", self.config.batch_size, generator)
        return super().draw(shape, tasks, generator)

    def meta_loss(self, batch: TaskBatch) -> tuple[Tensor, StepReport]:
        if isinstance(batch, Episodes):
            return super().meta_loss(batch)
        loss = batch.query_loss(partial(self.forward_tasks, None)).mean()
        return loss, StepReport(loss.detach(), None)
