"""Adapting by gradient descent on the support set, many tasks at once."""

from collections.abc import Iterator

import torch
from torch import Tensor

from core.algorithms.base import Algorithm, TaskState
from core.forward import Weights


def inner_step(
    algorithm: Algorithm, weights: Weights, support_x: Tensor, support_y: Tensor, lr: float, *, create_graph: bool
) -> tuple[Weights, Tensor]:
    """One gradient step of every task on its own support loss: θ' = θ − α ∇L(θ) (Finn et al. 2017, eq. 1).

    The gradient of the *sum* over tasks with respect to stacked weights is the per-task gradient, because no task's loss
    depends on another task's weights. Returns the new weights and the losses (tasks,) before the step.
    """
    with torch.enable_grad():
        loss = algorithm.family.loss(algorithm.forward_tasks(weights, support_x), support_y)  # (tasks,)
        learned = {name: value for name, value in weights.items() if value.requires_grad}
        gradients = torch.autograd.grad(
            loss.sum(), list(learned.values()), create_graph=create_graph, allow_unused=True
        )
    stepped = dict(weights)
    for (name, value), gradient in zip(learned.items(), gradients, strict=True):
        if gradient is not None:  # a parameter the network never uses stays as it is
            stepped[name] = value - lr * gradient
    return stepped, loss


def gradient_descent(
    algorithm: Algorithm,
    weights: Weights,
    support_x: Tensor,
    support_y: Tensor,
    *,
    lr: float,
    steps: int,
    second_order: bool,
    differentiable: bool,
) -> Iterator[TaskState]:
    """States after 0 … steps inner steps from ``weights`` (those that require a gradient are adapted).

    differentiable: the result stays connected to the initial weights; without second_order the inner gradient is a
    constant in that graph, which is first-order MAML.
    """
    yield TaskState(weights, support_x)
    for _ in range(steps):
        weights, loss = inner_step(
            algorithm, weights, support_x, support_y, lr, create_graph=differentiable and second_order
        )
        if not differentiable:
            # Each step starts a new graph: the old one would only hold memory.
            weights = {name: w.detach().requires_grad_(w.requires_grad) for name, w in weights.items()}
        yield TaskState(weights, support_x, loss.detach())
