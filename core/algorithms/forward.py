"""Predictions of one network under many tasks' weights at once, and BatchNorm statistics taken from the support set.

Weights are stacked along a leading axis of tasks. ``stacked`` runs the network once under vmap; ``loop`` runs it once a task
and takes any network that vmap refuses (recurrent layers, buffers changed in place, data-dependent branches).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm

from core.models.block import blocks_as_one

Weights = dict[str, Tensor]  # by parameter name, each (tasks, *shape)
Statistics = dict[str, Tensor]  # by "layer.call.mean" and "layer.call.variance", each (tasks, channels)
ForwardMode = Literal["stacked", "loop"]
AS_ONE = ("cpu",)  # kinds of device that run a block of layers as one, which pays where memory is slow
ONE_BY_ONE = ("cpu",)  # kinds of device that run tasks of many examples one after the other even so
MANY_EXAMPLES = 25


def stack_weights(model: nn.Module, tasks: int) -> Weights:
    """Each parameter expanded to (tasks, *shape); gradients flow back to the network's own parameters."""
    return {name: p.unsqueeze(0).expand(tasks, *p.shape) for name, p in model.named_parameters()}


class Remembered:
    """A function of one tensor, computed once for the very same one: its last argument's answer is kept.

    A tensor that nobody changes in place. With gradients and without are two answers.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]):
        self.function = function
        self.asked: tuple[Tensor, bool] | None = None

    def __call__(self, x: Tensor) -> Tensor:
        graph = torch.is_grad_enabled()
        if self.asked is None or self.asked[0] is not x or self.asked[1] is not graph:
            self.answer, self.asked = self.function(x), (x, graph)
        return self.answer


class TaskForward:
    """Calls ``model`` with per-task weights. It holds no state between calls, and any number of threads may call it.

    While a call lasts, torch puts the given weights in the place of the network's own (``functional_call``), and BatchNorm
    layers compute or record what they are asked to. So calls of one network take turns, also those of another TaskForward
    that runs a part of it, see ``over``.
    """

    def __init__(self, model: nn.Module, mode: ForwardMode, turn: AbstractContextManager | None = None):
        self.model, self.mode, self.turn = model, mode, turn or threading.RLock()
        self.norms = {name: layer for name, layer in model.named_modules() if isinstance(layer, _BatchNorm)}
        self.names = {name for name, _ in model.named_parameters()}
        self.recurrent = any(isinstance(layer, nn.RNNBase) for layer in model.modules())
        self.stacked_forward = getattr(model, "stacked_forward", None)  # a network may know a faster way than vmap
        # Looking for tied parameters at every call costs as much as the forward pass of a small network.
        self.tied = len(dict(model.named_parameters(remove_duplicate=False))) > len(dict(model.named_parameters()))

    def stack(self, tasks: int) -> Weights:
        """The network's own weights for so many tasks, never those that a call in another thread has put there meanwhile."""
        with self.turn:
            return stack_weights(self.model, tasks)

    def over(self, model: nn.Module) -> "TaskForward":
        """Another network that shares layers with this one, run in the same way."""
        return TaskForward(model, self.mode, self.turn)

    @contextmanager
    def twice_differentiable(self) -> Iterator[None]:
        """Only kernels with a second derivative: attention's math kernel, and no cuDNN for recurrent layers."""
        without_cudnn = torch.backends.cudnn.flags(enabled=False) if self.recurrent else nullcontext()
        with sdpa_kernel(SDPBackend.MATH), without_cudnn:
            yield

    def __call__(self, weights: Weights | None, x: Tensor) -> Tensor:
        """x (tasks, n, *input) → (tasks, n, *output), each BatchNorm layer normalising a task's n examples together.

        weights: those that differ between tasks. The others are the network's own, which is much cheaper than the same weights
        stacked; None for all of them.
        """
        own = self.stacked_forward is not None and weights is not None and weights.keys() >= self.names
        if self.mode == "stacked" and own and not self._one_by_one(weights, x):
            with blocks_as_one(x.device.type in AS_ONE):
                return self.stacked_forward(weights, x)
        return self._over_tasks(self._plain, weights, x)

    def statistics(self, weights: Weights | None, x: Tensor) -> Statistics:
        """What each BatchNorm layer sees on x: mean and biased variance of its input, by task."""
        return self._over_tasks(self._recorded, weights, x) if self.norms else {}

    def normalised(self, weights: Weights | None, x: Tensor, statistics: Statistics) -> Tensor:
        """As a call, but with the given mean and variance in every BatchNorm layer: each example is answered alone."""
        return self._over_tasks(self._given, weights, x, statistics) if statistics else self(weights, x)

    def _plain(self, weights: Weights | None, x: Tensor) -> Tensor:
        return functional_call(self.model, {**self._buffers(), **(weights or {})}, (x,), tie_weights=self.tied)

    def _recorded(self, weights: Weights | None, x: Tensor) -> Statistics:
        seen: Statistics = {}
        calls = dict.fromkeys(self.norms, 0)

        def record(name: str, inputs: tuple[Tensor, ...]) -> None:
            axes = [0, *range(2, inputs[0].ndim)]
            variance, mean = torch.var_mean(inputs[0], axes, correction=0)
            seen[f"{name}.{calls[name]}.mean"], seen[f"{name}.{calls[name]}.variance"] = mean, variance
            calls[name] += 1

        hooks = [
            layer.register_forward_pre_hook(lambda _, inputs, name=name: record(name, inputs))
            for name, layer in self.norms.items()
        ]
        try:
            with blocks_as_one(False):
                self._plain(weights, x)
        finally:
            for hook in hooks:
                hook.remove()
        return seen

    def _given(self, weights: Weights | None, x: Tensor, statistics: Statistics) -> Tensor:
        calls = dict.fromkeys(self.norms, 0)

        # The native kernel cannot be differentiated with respect to given statistics, and refuses a batch of one.
        def forward(name: str, layer: _BatchNorm, inputs: Tensor) -> Tensor:
            shape = (1, -1) + (1,) * (inputs.ndim - 2)
            mean, variance = (statistics[f"{name}.{calls[name]}.{part}"].view(shape) for part in ("mean", "variance"))
            calls[name] += 1
            y = (inputs - mean) * torch.rsqrt(variance + layer.eps)
            return y if layer.weight is None else y * layer.weight.view(shape) + layer.bias.view(shape)

        for name, layer in self.norms.items():
            layer.forward = partial(forward, name, layer)
        try:
            with blocks_as_one(False):
                return self._plain(weights, x)
        finally:
            for layer in self.norms.values():
                del layer.forward

    def _buffers(self) -> Weights:
        # A network may change its buffers in place: each call gets its own copy, so that no task leaves a trace.
        return {name: buffer.clone() for name, buffer in self.model.named_buffers()}

    def _over_tasks(self, single, weights: Weights | None, *stacked):
        """``single`` for each task: its arguments and its answer are tensors or dicts of tensors with a leading task axis."""
        with self.turn:
            return self._in_turn(single, weights, *stacked)

    def in_turn(self, x: Tensor) -> bool:
        """Whether tasks of their own weights with these inputs (tasks, n, *input) run one after the other."""
        return len(x) > 1 and (self.mode == "loop" or self._one_by_one({}, x))

    def _one_by_one(self, weights: Weights | None, x: Tensor) -> bool:
        """Whether tasks are faster one after the other than stacked.

        Stacked, all tasks' convolutions are one of many groups. On a processor that pays for few examples a task; many, or one
        network for all tasks, run faster task by task. Networks without BatchNorm are small here and cost more in calls than
        in numbers.
        """
        slow = bool(self.norms) and x.device.type in ONE_BY_ONE and (weights is None or x.shape[1] >= MANY_EXAMPLES)
        return slow or (weights is None and len(x) == 1)

    def _in_turn(self, single, weights: Weights | None, *stacked):
        if weights is None:
            single = partial(single, None)
        else:
            stacked = (weights, *stacked)
        x = next(part for part in stacked if isinstance(part, Tensor))
        if self.mode == "stacked" and not self._one_by_one(weights, x):
            return vmap(single, randomness="different")(*stacked)
        # Taking tasks out one at a time, each would bring its gradient back as zeros for all the others.
        parts = [
            [dict(zip(a, task, strict=True)) for task in zip(*(v.unbind() for v in a.values()), strict=True)]
            if isinstance(a, dict)
            else a.unbind()
            for a in stacked
        ]
        with blocks_as_one(self.mode == "stacked" and x.device.type in AS_ONE):
            answers = [single(*task) for task in zip(*parts, strict=True)]
        if isinstance(answers[0], dict):
            return {key: torch.stack([answer[key] for answer in answers]) for key in answers[0]}
        return torch.stack(answers)
