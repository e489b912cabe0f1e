"""MAML++ (Antoniou, Edwards & Storkey 2019, How to train your MAML, https://arxiv.org/abs/1810.09502)."""

from collections.abc import Iterator
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network, NormalisedBy, StepReport, SupportLoss, TaskState, present
from core.algorithms.forward import Statistics, TaskForward, Weights
from core.algorithms.gradient import inner_step, repeated
from core.algorithms.maml import MAML
from data.batch import TaskBatch
from data.config import setting
from data.family import EpisodeShape
from data.language import mark

MOMENTUM = 0.1  # of the running statistics, PyTorch's default and the released code's
LEAST = 0.03  # of a step's equal share: what the earlier steps' weights fall to while the multi-step loss is on


class MAMLPlusPlusConfig(AlgorithmConfig):
    name: Literal["maml++"] = "maml++"
    inner_lr: float = setting(0.1, "Initial inner rate", gt=0, le=100, step=0.01, telling=1)
    """Where every learned rate starts, on the task's mean loss."""
    inner_steps: int = setting(5, "Inner steps", unit="steps", ge=1, le=100, telling=2)
    """Gradient steps on the support set while meta-training."""
    learn_rates: bool = setting(True, "Learned inner rates")
    """Learn a rate for each parameter tensor and each inner step (section 4, LSLR)."""
    multi_step_share: float = setting(0.1, "Multi-step loss", ge=0, le=1, step=0.05)
    """Share of the training in which the query losses after every inner step count; 0: only the last step's (MSL)."""
    first_order_share: float = setting(0.0, "First-order warm-up", ge=0, le=1, step=0.05)
    """Share of the training, at its start, without second derivatives (DA; 50 of 100 epochs in the paper's text, off in
    the released configuration).
    """
    batch_norm_per_step: bool = setting(True, "BatchNorm per step")
    """A scale and shift of each BatchNorm layer for every inner step, not adapted (BNWB)."""
    recompute: bool = setting(False, "Recompute inner steps", advanced=True)
    """Keep no inner step's graph but compute each again backwards: less memory, the same gradients."""
    running_statistics: bool = setting(False, "Running statistics per step")
    """At test, normalise by means and variances gathered in training, apart for every inner step (BNRS), whatever the
    batch statistics are set to. The released code gathers them, but normalises by each batch's own.
    """


class MAMLPlusPlus(MAML):
    """MAML with a learned inner rate per layer and step, a loss on every step at first, and BatchNorm weights per step.

    Loss: Σ_i v_i L(θ_i; query) over the steps i (eq. 2), v_i from ``step_weights``. Inner: θ_i = θ_{i−1} − α_{i,l} ∇L for
    each parameter tensor l. Steps beyond ``inner_steps`` use the last step's rates and BatchNorm weights. The paper's
    cosine schedule is the run's.

    With ``running_statistics`` the mean and variance of every BatchNorm layer's input are kept for each inner step, as moving
    averages over what the support sets give before and after that step in training. At test they normalise support and
    queries alike, together with that step's BatchNorm weights.
    """

    Config = MAMLPlusPlusConfig
    title = "MAML++"
    summary = mark("MAML with learned inner rates, a loss on every step and BatchNorm weights per step.")

    @property
    def settled(self) -> bool:
        """Which steps count, and whether second derivatives do, changes at first."""
        return self.progress >= max(self.config.multi_step_share, self.config.first_order_share)

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        model, steps = super().build_model(network, test_shape), self.config.inner_steps
        named = dict(model.named_parameters())
        self.index = {name: i for i, name in enumerate(named)}
        rates = torch.full((len(named), steps), self.config.inner_lr)
        self.rates = nn.Parameter(rates, requires_grad=self.config.learn_rates)  # (parameter tensors, steps)
        norms = [name for name, layer in model.named_modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
        owned = [f"{name}.{part}" for name in norms for part in ("weight", "bias")]
        self.owned = [name for name in owned if self.config.batch_norm_per_step and name in named]
        self.norms = nn.ParameterList(named[n].detach().expand(steps, *named[n].shape).clone() for n in self.owned)
        for name in self.owned:
            named[name].requires_grad_(False)  # never used: each step has its own
        start = self.no_statistics(model) if self.config.running_statistics else {}
        self.gathered = list(start)  # a buffer's name takes no dots
        for i, rows in enumerate(start.values()):
            self.register_buffer(f"running{i}", rows)
        return model

    def no_statistics(self, model: nn.Module) -> Statistics:
        """What the moving averages start from, mean 0 and variance 1: each (inner steps, channels)."""
        with torch.no_grad():
            seen = TaskForward(model, "loop").statistics(None, self.family.input_spec.zeros(1, 2))
        rows = self.config.inner_steps
        return {key: torch.full((rows, s.shape[1]), float(key.endswith("variance"))) for key, s in seen.items()}

    @property
    def normalises_by(self) -> NormalisedBy:
        return "running" if self.gathered else super().normalises_by

    def running(self, step: int, tasks: int) -> Statistics | None:
        """The statistics of an inner step, each (tasks, channels); None while training or without them."""
        if self.training or not self.gathered:
            return None
        row = min(step, self.config.inner_steps - 1)
        return {key: getattr(self, f"running{i}")[row].expand(tasks, -1) for i, key in enumerate(self.gathered)}

    @torch.no_grad()
    def gather(self, step: int, weights: Weights, support_x: Tensor | None) -> None:
        """Bring the statistics of an inner step up to date with what the network gives under that step's weights."""
        seen = self.forward_tasks.statistics(weights, present(support_x))
        step = min(step, self.config.inner_steps - 1)
        for i, key in enumerate(self.gathered):
            getattr(self, f"running{i}")[step].lerp_(seen[key].mean(0), MOMENTUM)

    def trajectory(self, batch: TaskBatch, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        tasks = batch.tasks
        gathers = self.training and differentiable and bool(self.gathered)
        second_order = differentiable and self.progress >= self.config.first_order_share
        step_of = partial(self.step, self.support_loss(batch, differentiable=differentiable), differentiable)
        take = repeated(step_of, steps, self.recomputed, second_order)
        weights = self.at_step(self.forward_tasks.stack(tasks), 0, differentiable=differentiable)
        yield TaskState(weights, batch, statistics=self.running(0, tasks))
        for step in range(steps):
            if gathers:
                self.gather(step, self.at_step(weights, step, differentiable=False), batch.support_x)
            weights, loss = take(weights, step)
            if not differentiable:
                weights = {name: w.detach().requires_grad_(name not in self.owned) for name, w in weights.items()}
            if gathers:
                self.gather(step, weights, batch.support_x)
            yield TaskState(weights, batch, loss.detach(), statistics=self.running(step, tasks))

    def step(
        self, support_loss: SupportLoss, differentiable: bool, weights: Weights, step: int, *, create_graph: bool
    ) -> tuple[Weights, Tensor]:
        """An inner step under its own rates and BatchNorm weights."""
        return inner_step(
            support_loss,
            self.at_step(weights, step, differentiable=differentiable),
            self.rate if differentiable else lambda i, name: self.rate(i, name).detach(),
            create_graph=create_graph,
            step=step,
            adapted=self.index.keys() - set(self.owned),
        )

    def support_loss(self, batch: TaskBatch, *, differentiable: bool) -> SupportLoss:
        """At test under each inner step's running statistics, if there are any."""
        if self.running(0, batch.tasks) is None:
            return super().support_loss(batch, differentiable=differentiable)

        def loss(weights: Weights, step: int) -> Tensor:
            statistics = self.running(step, batch.tasks)
            return batch.support_loss(lambda x: self.forward_tasks.normalised(weights, x, statistics), step)

        return loss

    def rate(self, step: int, name: str) -> Tensor:
        """α of a parameter tensor at a step, a scalar."""
        return self.rates[self.index[name], min(step, self.config.inner_steps - 1)]

    def at_step(self, weights: Weights, step: int, *, differentiable: bool) -> Weights:
        """The weights with the BatchNorm scales and shifts of this step. They are used for support and query alike."""
        step, tasks = min(step, self.config.inner_steps - 1), len(next(iter(weights.values())))
        own = {}
        for name, values in zip(self.owned, self.norms, strict=True):
            value = values[step] if differentiable else values[step].detach()
            own[name] = value.expand(tasks, *value.shape)
        return weights | own

    def step_weights(self) -> list[float]:
        """v_1 … v_n, the weight of the query loss after each inner step; their sum is 1.

        All equal at first. Over the first ``multi_step_share`` of the training the earlier steps' fall linearly and the last
        one's rises (the released code's ``get_per_step_loss_importance_vector``); after that only the last step counts.
        """
        n, share = self.config.inner_steps, self.config.multi_step_share
        if self.progress >= share:
            return [0.0] * (n - 1) + [1.0]
        early = max((1 - self.progress / share) / n, LEAST / n)
        return [early] * (n - 1) + [1 - (n - 1) * early]

    def meta_loss(self, batch: TaskBatch) -> tuple[Tensor, StepReport]:
        """Weighted sum of the query losses after each step; the report is of the last step alone."""
        states = self.trajectory(batch, self.adaptation_steps, differentiable=True)
        next(states)
        loss, support_loss = torch.zeros((), device=self.rates.device), None
        for weight, state in zip(self.step_weights(), states, strict=True):
            support_loss = state.support_loss.mean() if support_loss is None else support_loss
            if weight:
                last, score = self.judged(state)
                loss = loss + weight * last
        return loss, StepReport(last.detach(), score, support_loss)
