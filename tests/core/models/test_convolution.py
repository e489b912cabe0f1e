"""Convolutions of many tasks as products of matrices, against PyTorch's own of many groups."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.algorithms import forward
from core.config.checks import parse
from core.models import convolution
from core.models.convolution import by_products, convolved
from core.training.build import build_learner, without_data

TASKS, N, CHANNELS, FILTERS = 3, 4, 2, 5


def slopes(convolve: Callable[..., Tensor], bias: bool, stride: int, size: int) -> list[Tensor]:
    """The answer, its slope along a fixed direction, and that slope's along another, by input, weights and biases."""
    draw = torch.Generator().manual_seed(0)
    shapes = [(N, TASKS * CHANNELS, size, size), (TASKS * FILTERS, CHANNELS, 3, 3), (TASKS * FILTERS,)][: 2 + bias]
    given = [torch.randn(shape, generator=draw, dtype=torch.float64).requires_grad_() for shape in shapes]
    answer = convolve(*given, *[None][bias:], stride, 1, TASKS)
    way = torch.randn(answer.shape, generator=draw, dtype=torch.float64)
    first = torch.autograd.grad(answer.tanh(), given, way, create_graph=True)
    ways = [torch.randn(one.shape, generator=draw, dtype=torch.float64) for one in first]
    return [answer, *first, *torch.autograd.grad(first, given, ways)]


@pytest.mark.parametrize("size", [8, 7, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_products_give_what_groups_give_and_so_do_two_derivatives(bias: bool, stride: int, size: int) -> None:
    ours, theirs = (slopes(way, bias, stride, size) for way in (by_products, convolved))
    assert len(ours) == 2 * (2 + bias) + 1
    assert min(one.abs().max() for one in theirs) > 1e-3
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("downsampling", ["stride", "max-pool"])
def test_a_meta_gradient_by_products(downsampling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "AS_ONE", ())
    monkeypatch.setattr(forward, "ONE_BY_ONE", ())
    values = {
        "family": {"name": "doodles", "n_way": 3, "k_shot": 1, "n_query": 2},
        "model": {"name": "conv4", "filters": 4, "downsampling": downsampling},
        "algorithm": {"name": "maml", "inner_lr": 0.1, "inner_steps": 2},
    }
    config = parse(values)
    family, asked = without_data(config), []

    def gradients(kinds: tuple[str, ...]) -> list[Tensor]:
        monkeypatch.setattr(convolution, "AS_PRODUCTS", kinds)
        learner = build_learner(config, family, "stacked").double()
        batch = family.made_up(config.family.shape, 3, torch.Generator().manual_seed(0))
        parts = [part.double() if part.is_floating_point() else part for part in batch.tensors]
        learner.learn(type(batch)(*parts, batch.objective))
        return [p.grad for p in learner.parameters()]

    real = convolution.by_products
    monkeypatch.setattr(convolution, "by_products", lambda *given: (asked.append(1), real(*given))[1])
    groups = gradients(())
    assert not asked
    products = gradients(("cpu",))
    assert asked
    for one, other in zip(products, groups, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)
