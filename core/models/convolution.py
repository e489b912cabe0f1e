"""The convolution of many tasks at once, each with its own weights: as one of many groups, or as products of matrices."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Kinds of device on which products are faster, forwards and twice back. On a processor they take about twice as long
# (``python -m benchmarks.meta_step``, which measures any device). No GPU has been measured yet; cuDNN is known to be slow at the
# second derivative of many groups.
AS_PRODUCTS: tuple[str, ...] = ()


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, tasks: int) -> Tensor:
    """x (n, tasks · channels, height, width) → (n, tasks · filters, height', width').

    weight (tasks · filters, channels, k, k), bias (tasks · filters,).
    """
    if x.device.type in AS_PRODUCTS:
        return by_products(x, weight, bias, stride, padding, tasks)
    return F.conv2d(x, weight, bias, stride, padding, groups=tasks)


def by_products(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, tasks: int) -> Tensor:
    """The same: each output value's window is a row (im2col), and a task's rows times its weights one product."""
    n, size = len(x), weight.shape[-1]
    x = F.pad(x, (padding,) * 4).unflatten(1, (tasks, -1)).permute(1, 0, 3, 4, 2)  # (tasks, n, height, width, channels)
    height, width = ((side - size) // stride + 1 for side in x.shape[2:4])
    shifts = [(i, j) for i in range(size) for j in range(size)]
    windows = torch.cat([x[:, :, i:, j:][:, :, ::stride, ::stride][:, :, :height, :width] for i, j in shifts], -1)
    rows = windows.flatten(1, 3)  # (tasks, n · height · width, k · k · channels)
    weight = weight.unflatten(0, (tasks, -1)).permute(0, 3, 4, 2, 1).flatten(1, 3)  # (tasks, k · k · channels, filters)
    out = rows @ weight if bias is None else torch.baddbmm(bias.view(tasks, 1, -1), rows, weight)
    return out.unflatten(1, (n, height, width)).permute(1, 0, 4, 2, 3).flatten(1, 2)
