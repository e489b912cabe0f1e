"""A linear layer under each task's own weights against what PyTorch makes of the products themselves."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.models.linear import linear

SIZES = [(5, 3), (1, 3), (5, 1), (1, 1)]  # in, out: what has nothing to add up is computed otherwise


def plain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.einsum("tni,toi->tno", x, weight) + bias.unsqueeze(1)


def inputs(fan_in: int, fan_out: int, *, with_x: bool = True) -> list[Tensor]:
    torch.manual_seed(0)
    shapes = [(2, 4, fan_in), (2, fan_out, fan_in), (2, fan_out)]
    made = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    return [one.requires_grad_(with_x or place > 0) for place, one in enumerate(made)]


@pytest.mark.parametrize("size", SIZES)
def test_values_and_two_derivatives(size: tuple[int, int]) -> None:
    given = inputs(*size)
    torch.testing.assert_close(linear(*given), plain(*given))
    assert torch.autograd.gradcheck(linear, given)
    assert torch.autograd.gradgradcheck(linear, given)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("of", [(1,), (2,), (1, 2)], ids=["weight", "bias", "both"])
def test_a_meta_gradient_through_an_inner_step_of_some_of_its_weights(
    size: tuple[int, int], of: tuple[int, ...]
) -> None:
    """The first layer's inputs need no gradient, and nothing flows into what does not step."""

    def found(layer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> tuple[Tensor, ...]:
        given = inputs(*size, with_x=False)
        stepped, chosen = list(given), [given[place] for place in of]
        gradients = torch.autograd.grad(layer(*given).pow(3).sum(), chosen, create_graph=True)
        for place, gradient in zip(of, gradients, strict=True):
            stepped[place] = given[place] - 0.1 * gradient
        return torch.autograd.grad(layer(*stepped).pow(3).sum(), given[1:])

    for ours, theirs in zip(found(linear), found(plain), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_nothing_but_its_first_derivative_can_be_asked_for() -> None:
    x, weight, bias = inputs(5, 3)
    (by_x,) = torch.autograd.grad(linear(x, weight, bias).sin().sum(), x, create_graph=True)
    (ours,) = torch.autograd.grad(by_x.sum(), weight)
    (by_x,) = torch.autograd.grad(plain(x, weight, bias).sin().sum(), x, create_graph=True)
    torch.testing.assert_close(ours, torch.autograd.grad(by_x.sum(), weight)[0])
