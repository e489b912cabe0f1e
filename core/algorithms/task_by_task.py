"""The query loss of tasks that run one after the other, each of which goes backwards before the next one is begun.

What the network keeps of one task's queries to differentiate them is then all that is held at a time. The gradients are the same.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.algorithms.forward import Weights

# (weights of one task, (1, *shape) each; which task it is) → its loss, a scalar.
TaskLoss = Callable[[Weights, int], Tensor]


def mean_loss(loss: TaskLoss, tasks: int, weights: Weights, shared: Sequence[Tensor]) -> Tensor:
    """The mean of the tasks' losses, which can be differentiated once.

    weights: each (tasks, *shape), that are given to ``loss`` task by task. shared: what it reads beside them.
    """
    return _TaskByTask.apply(loss, tasks, list(weights), *weights.values(), *shared)


class _TaskByTask(torch.autograd.Function):
    """(loss, tasks, names of the weights, weights …, shared …) → the mean loss."""

    @staticmethod
    def forward(context, loss: TaskLoss, tasks: int, names: list[str], *tensors: Tensor):
        stacked, shared = tensors[: len(names)], tensors[len(names) :]
        adapt, learned = context.needs_input_grad[3:][: len(names)], context.needs_input_grad[3:][len(names) :]
        wanted = [p for p, needed in zip(shared, learned, strict=True) if needed]
        losses, by_task, sums = [], [], [None] * len(wanted)
        for i in range(tasks):
            own = [w[i : i + 1].detach().requires_grad_(needed) for w, needed in zip(stacked, adapt, strict=True)]
            leaves = [w for w in own if w.requires_grad]
            with torch.enable_grad():
                one = loss(dict(zip(names, own, strict=True)), i) / tasks
            found = torch.autograd.grad(one, [*leaves, *wanted], allow_unused=True)
            by_task.append(found[: len(leaves)])
            sums = [_added(before, more) for before, more in zip(sums, found[len(leaves) :], strict=True)]
            losses.append(one.detach())
        each = iter([_stacked(rows) for rows in zip(*by_task, strict=True)])
        total = iter(sums)
        context.gradients = [next(each) if needed else None for needed in adapt]
        context.gradients += [next(total) if needed else None for needed in learned]
        return sum(losses)

    @staticmethod
    @once_differentiable
    def backward(context, cotangent: Tensor):
        gradients, context.gradients = context.gradients, None  # which would else live as long as the loss
        return None, None, None, *(None if g is None else cotangent * g for g in gradients)


def _stacked(rows: Sequence[Tensor | None]) -> Tensor | None:
    """The tasks' gradients of a weight: zeros where a task did not use it, None where none did."""
    used = next((row for row in rows if row is not None), None)
    return None if used is None else torch.cat([torch.zeros_like(used) if row is None else row for row in rows])


def _added(before: Tensor | None, more: Tensor | None) -> Tensor | None:
    if before is None or more is None:
        return more if before is None else before
    return before + more
