"""A convolution block as one against its layers, which PyTorch differentiates itself."""

import pytest
import torch
from torch import Tensor

from core.models.batch_norm import normalised, pooled
from core.models.block import Block, blocks_as_one

KINDS = {
    "max-pool": {"stride": 1, "pool": True},
    "stride": {"stride": 2, "pool": False},
    "plain": {"stride": 1, "pool": False},
}


def block(kind: str, channels: int) -> Block:
    """In float64, with scales of either sign."""
    torch.manual_seed(0)
    made = Block(channels, 6, **KINDS[kind]).double()
    torch.nn.init.normal_(made[1].weight)
    torch.nn.init.normal_(made[1].bias)
    return made


def twice(made: Block, x: Tensor) -> dict[str, Tensor]:
    """The answer, its slope along a fixed direction, and that slope's along another, by input and parameter."""
    learned = {"x": x, "weight": made[0].weight, "scale": made[1].weight, "shift": made[1].bias}
    draw = torch.Generator().manual_seed(1)

    def slopes(of: Tensor | tuple[Tensor, ...], again: bool) -> tuple[Tensor, ...]:
        parts = of if isinstance(of, tuple) else (of,)
        ways = [torch.randn(p.shape, generator=draw, dtype=p.dtype) for p in parts]
        return torch.autograd.grad(parts, list(learned.values()), ways, create_graph=again)

    answer = made(x)
    first = slopes(answer.square(), True)
    second = slopes(first, False)
    found = {"answer": answer}
    for order, gradients in ((1, first), (2, second)):
        found |= {f"{order} {name}": g for name, g in zip(learned, gradients, strict=True)}
    return {name: value.detach() for name, value in found.items()}


@pytest.mark.parametrize("size", [8, 7])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_as_one_it_gives_what_its_layers_give_and_so_do_two_derivatives(kind: str, channels: int, size: int) -> None:
    made = block(kind, channels)
    x = torch.randn(5, channels, size, size, dtype=torch.float64).clamp(0, 1).requires_grad_()  # with equal neighbours
    layers = twice(made, x)
    with blocks_as_one(True):
        one = twice(made, x)
    assert layers["2 x"].abs().max() > 1e-3
    for name, value in layers.items():
        torch.testing.assert_close(one[name], value, rtol=1e-9, atol=1e-10, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("kind", KINDS)
def test_in_float32_its_second_derivatives_are_as_close_to_the_true_ones_as_its_layers(kind: str) -> None:
    made = block(kind, 3)
    x = (5 + torch.randn(5, 3, 8, 8, dtype=torch.float64)).requires_grad_()  # a mean that is far from zero
    true = twice(made, x)
    made, small = made.float(), x.detach().float().requires_grad_()
    layers = twice(made, small)
    with blocks_as_one(True):
        one = twice(made, small)
    for name, value in true.items():
        off = [float((found[name] - value).norm() / value.norm()) for found in (layers, one)]
        assert off[1] < 10 * off[0] + 1e-5, name


def test_as_one_it_does_not_call_its_layers_and_otherwise_it_does() -> None:
    made, calls = block("max-pool", 1), []
    made[1].register_forward_pre_hook(lambda *_: calls.append(1))
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    with blocks_as_one(True):
        made(x)
        assert not calls
        with blocks_as_one(False):
            made(x)
        assert len(calls) == 1
    made(x)
    assert len(calls) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_convolutions_bias_has_a_gradient_and_it_is_nothing(kind: str) -> None:
    made = block(kind, 3)
    with blocks_as_one(True):
        answer = made(torch.randn(5, 3, 8, 8, dtype=torch.float64))
    (slope,) = torch.autograd.grad(answer.square().sum(), made[0].bias)
    assert slope.tolist() == [0.0] * 6


@pytest.mark.parametrize("whole", [True, False])
def test_a_single_value_has_no_variance(whole: bool) -> None:
    with blocks_as_one(whole), pytest.raises(ValueError, match="more than 1 value per channel"):
        block("stride", 1)(torch.zeros(1, 1, 2, 2, dtype=torch.float64))


@pytest.mark.parametrize("function", [normalised, pooled])
def test_a_third_derivative_is_refused_rather_than_wrong(function) -> None:
    x = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    scale, shift = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    found = function(x, scale, shift, 1e-5).square().sum()
    (slope,) = torch.autograd.grad(found, x, create_graph=True)
    with pytest.raises(RuntimeError, match="twice, not three times"):
        torch.autograd.grad(slope.square().sum(), x, create_graph=True)
