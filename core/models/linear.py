"""A linear layer under each task's own weights, forwards and twice back in as few operations as there are.

What autograd makes of the products of matrices by itself is as right, but takes half as many operations again, and for the
second derivative a product with few columns, which a processor's batched routine is slow at: as many rows are fast.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (tasks, n, in), weight (tasks, out, in), bias (tasks, out) → (tasks, n, out)."""
    return Linear.apply(x, weight, bias)


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return plus_product(bias.unsqueeze(1), x, weight.mT)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        """gradient (tasks, n, out): by the output. Returns those by x, weight and bias."""
        return Back.apply(gradient, *ctx.saved_tensors, ctx.needs_input_grad[0])


class Back(torch.autograd.Function):
    """The gradient of ``Linear``, and its own."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, gradient: Tensor, x: Tensor, weight: Tensor, by_x: bool
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        ctx.save_for_backward(gradient, x, weight)
        ctx.set_materialize_grads(False)
        return product(gradient, weight) if by_x else None, product(gradient.mT, x), gradient.sum(1)

    @staticmethod
    def backward(
        ctx: FunctionCtx, into_x: Tensor | None, into_weight: Tensor | None, into_bias: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        """What flows into the three gradients, of their shapes; None where nothing does."""
        gradient, x, weight = ctx.saved_tensors
        by_gradient = None if into_bias is None else into_bias.unsqueeze(1)
        by_x = by_weight = None
        if into_weight is not None:
            by_gradient = plus_product(by_gradient, x, into_weight.mT)
            by_x = product(gradient, into_weight) if ctx.needs_input_grad[1] else None
        if into_x is not None:
            by_gradient = plus_product(by_gradient, into_x, weight.mT)
            by_weight = product(gradient.mT, into_x)
        return by_gradient if by_gradient is None else by_gradient.expand_as(gradient), by_x, by_weight, None


def product(one: Tensor, other: Tensor) -> Tensor:
    """Of matrices (tasks, n, k) and (tasks, k, m), which has nothing to add up where k is 1."""
    return one * other if one.shape[2] == 1 else torch.bmm(one, other)


def plus_product(start: Tensor | None, one: Tensor, other: Tensor) -> Tensor:
    """start, which may lack examples, plus ``product``."""
    if start is None:
        return product(one, other)
    return torch.addcmul(start, one, other) if one.shape[2] == 1 else torch.baddbmm(start, one, other)
