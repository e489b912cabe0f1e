"""Inner steps whose graphs are not kept: each is computed again when its gradient is due (Chen et al. 2016,
https://arxiv.org/abs/1604.06174). The gradients are exact.

Of n steps the weights before every √n-th are kept. Backwards, a stretch between two of them is run again without graphs,
which gives the weights before each of its steps, and then each step once more with its graph. So memory holds about 2√n times the
tasks' weights and the graph of a single step, where it would hold n graphs, for two more forward passes and inner gradients.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.algorithms.forward import Weights
from core.models.base import ModelError
from data.language import tr

# (weights, index from 0, whether to keep the graph) → the weights after the step, and the tasks' losses (tasks,) before it.
Step = Callable[[Weights, int, bool], tuple[Weights, Tensor]]
TOLERANCE = (
    1e-3  # relative, of a loss that is computed again: other kernels may round otherwise, another step is far off
)


class RecomputedSteps:
    """Calls ``step`` as it stands, in a graph that holds no more of it than which step it was. Steps go from 0 upwards.

    learned: parameters that the step reads beside the weights it is given, such as learned rates.
    """

    def __init__(self, step: Step, steps: int, learned: Sequence[Tensor]):
        self.step, self.stretch, self.learned = step, max(1, math.isqrt(steps)), learned
        self.kept: dict[int, Weights] = {}  # by the index of the first step of a stretch
        self.run: dict[int, Weights] = {}  # before each step of the stretch that is gone through backwards
        self.losses: list[Tensor] = []
        self.noise: list[Noise] = []

    def __call__(self, weights: Weights, index: int) -> tuple[Weights, Tensor]:
        *stepped, loss = _Recomputed.apply(self, index, list(weights), *weights.values(), *self.learned)
        return dict(zip(weights, stepped, strict=True)), loss

    def first(self, weights: Weights, index: int) -> tuple[Weights, Tensor]:
        """The step for the first time, from weights that are cut off from what they were computed from."""
        if index % self.stretch == 0:
            self.kept[index] = weights
        self.noise.append(Noise(weights))
        stepped, loss = self.step(weights, index, False)
        self.losses.append(loss.detach())
        return stepped, loss

    def before(self, index: int) -> Weights:
        """The weights before a step, of whose stretch all weights are computed again unless the step after it did so."""
        start = index - index % self.stretch
        if index not in self.run:
            self.run = {start: self.kept[start]}
            for i in range(start, index):
                with self.noise[i].again():
                    self.run[i + 1] = cut_off(self.step(self.run[i], i, False)[0], self.run[i])
        return self.run.pop(index)

    def gradients(self, index: int, cotangents: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Of the weights before a step and of what is learned, from those of the weights after it."""
        weights = self.before(index)
        with torch.enable_grad(), self.noise[index].again():
            stepped, loss = self.step(weights, index, True)
        self.compare(loss.detach(), self.losses[index])
        pairs = [(w, c) for w, c in zip(stepped.values(), cotangents, strict=True) if c is not None and w.requires_grad]
        inputs = [*weights.values(), *self.learned]
        if not pairs:
            return [None] * len(inputs)
        outputs, given = zip(*pairs, strict=True)
        wanted = [x for x in inputs if x.requires_grad]
        found = iter(torch.autograd.grad(outputs, wanted, given, allow_unused=True))
        return [next(found) if x.requires_grad else None for x in inputs]

    def compare(self, again: Tensor, first: Tensor) -> None:
        """Raises ModelError where a step was another one the second time: its gradient would be that of no training step."""
        if not torch.allclose(again, first, rtol=TOLERANCE, atol=TOLERANCE * TOLERANCE, equal_nan=True):
            raise ModelError(
                tr(
                    "An inner step comes out otherwise when it is computed again: the network or the tasks keep something "
                    "between two calls, or draw random numbers of their own."
                ),
                tr("Set algorithm.recompute to false."),
                "algorithm.recompute",
            )


class _Recomputed(torch.autograd.Function):
    """One inner step: (plan, index, names of the weights, weights …, what is learned …) → (weights …, losses)."""

    @staticmethod
    def forward(context, plan: RecomputedSteps, index: int, names: list[str], *tensors: Tensor):
        context.set_materialize_grads(False)
        context.plan, context.index = plan, index
        given = dict(zip(names, tensors[: len(names)], strict=True))
        stepped, loss = plan.first(cut_off(given, given), index)
        loss = loss.detach()
        context.mark_non_differentiable(loss)
        return *(w.detach() for w in stepped.values()), loss

    @staticmethod
    @once_differentiable
    def backward(context, *cotangents: Tensor | None):
        return None, None, None, *context.plan.gradients(context.index, cotangents[:-1])


class Noise:
    """Where torch's own random numbers stand, as dropout takes them: on the processor and where the weights are."""

    def __init__(self, weights: Weights):
        device = next(iter(weights.values())).device
        self.devices = [device] if device.type == "cuda" else []
        self.processor = torch.get_rng_state()
        self.device = [torch.cuda.get_rng_state(device) for device in self.devices]

    @contextmanager
    def again(self) -> Iterator[None]:
        """The same numbers once more, and afterwards on from where it was."""
        with torch.random.fork_rng(devices=self.devices):
            torch.set_rng_state(self.processor)
            for device, state in zip(self.devices, self.device, strict=True):
                torch.cuda.set_rng_state(state, device)
            yield


def cut_off(weights: Weights, like: Weights) -> Weights:
    """Apart from what they were computed from; those adapt that do so in ``like``."""
    return {name: w.detach().requires_grad_(like[name].requires_grad) for name, w in weights.items()}
