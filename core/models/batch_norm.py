"""BatchNorm by a batch's own statistics, for meta-learning: twice differentiable in few passes over the maps.

PyTorch differentiates the backward pass of BatchNorm by a formula of some thirty passes over the maps. Here it takes eleven,
and fewer where the maps are max-pooled right after: the scale is not negative, so that the largest value before it is the
largest after it, and only what pooling leaves is scaled and shifted. Maps are (n, channels, height, width), laid out by
pixel; everything else is (channels,). None of it can be differentiated three times.
"""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from data.language import tr

aten = torch.ops.aten
HALVING = ([2, 2], [2, 2], [0, 0], [1, 1], False)  # kernel, stride, padding, dilation and ceil_mode of 2×2 max-pooling


def normalised(x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
    """scale · x̂ + shift, with x̂ = (x − mean) / √(variance + eps) by channel, of x's shape."""
    return _Normalised.apply(x, scale, shift, eps)


def pooled(x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
    """2×2 max-pooling of ``normalised``, for a scale that is nowhere negative."""
    largest, mean, variance = _Pooled.apply(x)
    factor = scale * torch.rsqrt(variance + eps)
    return torch.addcmul(_spread(shift - factor * mean), largest, _spread(factor))


def _spread(values: Tensor) -> Tensor:
    """By channel → over a map."""
    return values.view(1, -1, 1, 1)


def _rows(x: Tensor) -> Tensor:
    """(n, channels, height, width) → (n, height · width, channels)."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _total(x: Tensor) -> Tensor:
    """Sums by channel."""
    return _rows(x).flatten(0, 1).sum(0)


def _last() -> None:
    """Refuse to be differentiated again. ``once_differentiable`` would leave a part of the third derivative out unsaid."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            tr("This BatchNorm can be differentiated twice, not three times; call the block layer by layer.")
        )


class _Pooled(Function):
    """The largest of each 2×2 values, and the mean and the biased variance of all by channel."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        largest, index = aten.max_pool2d_with_indices(x, *HALVING)
        mean, variance = aten.batch_norm_update_stats(x, None, None, 0.0)
        ctx.save_for_backward(x, index, mean)
        return largest, mean, variance

    @staticmethod
    def backward(ctx: FunctionCtx, largest: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        x, index, center = ctx.saved_tensors
        n = x.numel() // x.shape[1]
        slope = variance * (2 / n)
        return _Unpooled.apply(largest, index, x, slope, mean / n - slope * center)


class _Unpooled(Function):
    """largest, each back where it came from, + slope · x + shift."""

    @staticmethod
    def forward(ctx: FunctionCtx, largest: Tensor, index: Tensor, x: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
        ctx.save_for_backward(index, x, slope)
        whole = aten.max_pool2d_with_indices_backward(largest, x, *HALVING, index)
        return whole.addcmul_(x, _spread(slope)).add_(_spread(shift))

    @staticmethod
    def backward(ctx: FunctionCtx, v: Tensor) -> tuple[Tensor, None, Tensor, Tensor, Tensor]:
        _last()
        index, x, slope = ctx.saved_tensors
        there = _rows(v).gather(1, _rows(index)).unflatten(1, index.shape[2:]).permute(0, 3, 1, 2)
        return there, None, v * _spread(slope), _total(v * x), _total(v)


class _Normalised(Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        y, mean, inverse = aten.native_batch_norm(x, scale, shift, None, None, True, 0.0, eps)
        ctx.save_for_backward(x, scale, mean, inverse)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        return *_NormalisedBackward.apply(g, *ctx.saved_tensors, ctx.eps), None


class _NormalisedBackward(Function):
    """∇x, ∇scale, ∇shift. With s = scale, r = 1 / √(variance + eps) and ⟨·⟩ the mean by channel over a channel's N values:

    ∇x = s r (g − ⟨g⟩ − x̂ ⟨g x̂⟩), ∇scale = N ⟨g x̂⟩, ∇shift = N ⟨g⟩.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, g: Tensor, x: Tensor, scale: Tensor, mean: Tensor, inverse: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        found = aten.native_batch_norm_backward(g, x, scale, None, None, mean, inverse, True, eps, [True] * 3)
        ctx.save_for_backward(g, x, scale, mean, inverse, *found[1:])
        return found

    @staticmethod
    def backward(
        ctx: FunctionCtx, v: Tensor, v_scale: Tensor, v_shift: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        """Of ⟨v, ∇x⟩ + v_scale ∇scale + v_shift ∇shift, with v for each of the three.

        The first sum is N s r T with T = ⟨v g⟩ − ⟨v⟩⟨g⟩ − ⟨v x̂⟩⟨g x̂⟩. x acts through x̂, N ∂⟨v x̂⟩/∂x = r (v − ⟨v⟩ − x̂ ⟨v x̂⟩),
        and through r, N ∂r/∂x = −r² x̂. Mean and r are not constants but functions of x, so that they have no gradient here.
        """
        _last()
        g, x, scale, mean, inverse, g_scale, g_shift = ctx.saved_tensors
        n = x.numel() // x.shape[1]
        hat = torch.addcmul(_spread(-mean * inverse), x, _spread(inverse))  # x̂
        mean_v, mean_vx, mean_vg = _total(v) / n, _total(v * hat) / n, _total(v * g) / n
        mean_g, mean_gx = g_shift / n, g_scale / n
        factor = scale * inverse
        spread = mean_vg - mean_v * mean_g - mean_vx * mean_gx  # T
        of_v = -factor * inverse * mean_gx
        of_g = v_scale * inverse - factor * inverse * mean_vx
        of_hat = -factor * inverse * spread - of_v * mean_vx - of_g * mean_gx
        to_g = combined(v_shift - factor * mean_v, (factor, v), (v_scale - factor * mean_vx, hat))
        to_x = combined(-of_v * mean_v - of_g * mean_g, (of_v, v), (of_g, g), (of_hat, hat))
        return to_g, to_x, n * inverse * spread, None, None, None


def combined(shift: Tensor, *terms: tuple[Tensor, Tensor]) -> Tensor:
    """shift + the sum of factor · map over the terms."""
    whole = _spread(shift)
    for factor, part in terms:
        whole = torch.addcmul(whole, part, _spread(factor))
    return whole
