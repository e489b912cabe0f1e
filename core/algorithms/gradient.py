"""Adapting by gradient descent on the support set, many tasks at once."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from core.algorithms.base import SupportLoss, TaskState
from core.algorithms.forward import Weights
from core.algorithms.recompute import RecomputedSteps
from data.batch import TaskBatch

# A step size for all weights, or by (step from 0, weight's name): a number or a tensor that broadcasts over the weight.
Rate = float | Callable[[int, str], Tensor]


def task_gradients(
    support_loss: SupportLoss,
    weights: Weights,
    step: int,
    adapted: Collection[str] | None = None,
    *,
    create_graph: bool,
) -> tuple[dict[str, Tensor | None], Tensor]:
    """Each task's gradient of its own support loss by weight, and the losses (tasks,).

    The gradient of the *sum* over tasks with respect to stacked weights is the per-task gradient, because no task's loss
    depends on another task's weights. adapted: names of the weights that may change, None for all that require a gradient.
    """
    with torch.enable_grad():
        loss = support_loss(weights, step)  # (tasks,)
        learned = {n: w for n, w in weights.items() if w.requires_grad and (adapted is None or n in adapted)}
        gradients = torch.autograd.grad(
            loss.sum(), list(learned.values()), create_graph=create_graph, allow_unused=True
        )
    return dict(zip(learned, gradients, strict=True)), loss


def inner_step(
    support_loss: SupportLoss,
    weights: Weights,
    lr: Rate,
    *,
    create_graph: bool,
    step: int = 0,
    adapted: Collection[str] | None = None,
) -> tuple[Weights, Tensor]:
    """One gradient step of every task on its own support loss: θ' = θ − α ∇L(θ) (Finn et al. 2017, eq. 1).

    Returns the new weights and the losses (tasks,) before the step.
    """
    gradients, loss = task_gradients(support_loss, weights, step, adapted, create_graph=create_graph)
    stepped = dict(weights)
    for name, gradient in gradients.items():
        if gradient is None:  # a parameter the network never uses stays as it is
            continue
        # A number is taken along by the addition: of a small network each operation saved counts.
        stepped[name] = (
            weights[name] - lr(step, name) * gradient if callable(lr) else weights[name].add(gradient, alpha=-lr)
        )
    return stepped, loss


def repeated(
    step: Callable[..., tuple[Weights, Tensor]], steps: int, recomputed: Sequence[Tensor] | None, create_graph: bool
) -> Callable[[Weights, int], tuple[Weights, Tensor]]:
    """An inner step by weights and index, for so many in a row. recomputed: see ``gradient_descent``.

    Without second derivatives a step's graph is gone once its gradient is there, and nothing has to be computed again.
    """
    if recomputed is None or not create_graph:
        return lambda weights, index: step(weights=weights, step=index, create_graph=create_graph)
    again = lambda weights, index, graph: step(weights=weights, step=index, create_graph=graph)  # noqa: E731
    return RecomputedSteps(again, steps, recomputed)


def gradient_descent(
    support_loss: SupportLoss,
    weights: Weights,
    batch: TaskBatch,
    *,
    lr: Rate,
    steps: int,
    second_order: bool,
    differentiable: bool,
    recomputed: Sequence[Tensor] | None = None,
) -> Iterator[TaskState]:
    """States after 0 … steps inner steps from ``weights``, of which all that require a gradient change.

    differentiable: the result stays connected to the initial weights; without second_order the inner gradient is a
    constant in that graph, which is first-order MAML. batch: for the states. recomputed: compute each step again instead of
    keeping its graph, see RecomputedSteps; what is learned beside the weights.
    """
    take = repeated(partial(inner_step, support_loss, lr=lr), steps, recomputed, differentiable and second_order)
    yield TaskState(weights, batch)
    for step in range(steps):
        weights, loss = take(weights, step)
        if not differentiable:
            # Each step starts a new graph: the old one would only hold memory.
            weights = {name: w.detach().requires_grad_(w.requires_grad) for name, w in weights.items()}
        yield TaskState(weights, batch, loss.detach())
