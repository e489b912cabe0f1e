"""What is left of a function's operations when it is tidied, and that it gives the very same numbers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.training.tidy import tidied
from core.training.tracing import Traced, trace

HELD = torch.ones(3, 4, 1)  # by a function, and no input of it
Function = Callable[[Tensor, Tensor], Tensor]


def names(function: Traced) -> list[str]:
    return [str(node.target) for node in function.graph.nodes if node.op == "call_function"]


def one_axis_less(x: Tensor) -> Tensor:
    return x.sum(1, keepdim=True).squeeze(1)


CASES: dict[str, tuple[Function, list[str]]] = {
    "the same twice": (lambda x, y: (x * y) + (x * y), ["aten.mul.Tensor", "aten.add.Tensor"]),
    "the same number twice": (lambda x, y: (x * 0.1) + (x * 0.1) + 0 * y, ["mul", "add", "mul", "add"]),
    "detached": (lambda x, y: x.detach() + y.detach(), ["aten.add.Tensor"]),
    "turned and back": (lambda x, y: x.transpose(1, 2).transpose(2, 1) + y, ["aten.add.Tensor"]),
    "zeros": (lambda x, y: torch.zeros_like(x) + x + y, ["aten.add.Tensor"]),
    "ones": (lambda x, y: torch.ones_like(x) * (x + y), ["aten.add.Tensor"]),
    "power of one": (lambda x, y: x.pow(1) + y, ["aten.add.Tensor"]),
    "power of none": (lambda x, y: x.pow(0.0) * y + x, ["aten.add.Tensor"]),
    "times one": (lambda x, y: 1.0 * x + y, ["aten.add.Tensor"]),
    "a sign": (lambda x, y: -x * 0.1 + y, ["aten.mul.Tensor", "aten.add.Tensor"]),
    "one term": (lambda x, y: torch.bmm(x[:, :, :1], y[:, :1]), ["aten.mul.Tensor"]),
    "an axis kept for nothing": (lambda x, y: one_axis_less(x) + one_axis_less(y), ["sum", "sum", "add"]),
    "known before": (lambda x, y: x * (torch.ones_like(x) / 7).sum(0) + y, ["aten.mul.Tensor", "aten.add.Tensor"]),
}


@pytest.mark.parametrize("case", CASES)
def test_less_is_done_for_the_very_same(case: str) -> None:
    function, wanted = CASES[case]
    given = [torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    shorter = tidied(trace(function, *given))
    left = [name for name in names(shorter) if "slice" not in name]
    assert len(left) == len(wanted) and all(want in name for want, name in zip(wanted, left, strict=True)), left
    other = [one + 1 for one in given]
    for tensors in (given, other):
        assert torch.equal(shorter(*tensors), function(*tensors))


def test_a_column_is_multiplied_as_a_row_where_that_is_faster() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        return torch.bmm(x.transpose(1, 2), y) * torch.bmm(x.transpose(1, 2)[:, :3], y).sum()

    given = [torch.randn(3, 20, columns, generator=torch.Generator().manual_seed(0)) for columns in (40, 1)]
    turned, straight = (tidied(trace(function, *given), turning) for turning in (True, False))
    shapes = [node.meta["val"].shape for node in turned.graph.nodes if "bmm" in str(node.target)]
    assert shapes == [(3, 1, 40), (3, 3, 1)], "the second is small"
    assert names(turned).count("aten.transpose.int") == 3, "of the column and the result, and of x for the second"
    assert torch.equal(straight(*given), function(*given))
    for one in ("float32", "float64"):
        tensors = [part.to(getattr(torch, one)) for part in given]
        torch.testing.assert_close(turned(*tensors), function(*tensors))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: torch.zeros_like(x[0]) + y[:, :1],  # which widens the other part
        lambda x, y: torch.add(torch.zeros_like(x), x, alpha=2) + y,
        lambda x, y: torch.add(x, torch.zeros_like(y), alpha=2),
        lambda x, y: x.long() * 1.0 + y,  # which makes another kind of number of it
        lambda x, y: x.sum((0, 1), keepdim=True).squeeze(1) + y,
        lambda x, y: torch.bmm(x, y) + x.pow(2),
        lambda x, y: -x.long() * 3 + y,
        lambda x, y: -x.to(torch.uint8) * 0.5 + y,
        lambda x, y: x.sum(1, keepdim=True, dtype=torch.float64).squeeze(1) + y.sum(1),
        lambda x, y: torch.cat([torch.ones_like(x), x]) + torch.cat([torch.zeros_like(y), torch.ones_like(y)]),
        lambda x, y: (x.bfloat16() * 0.1).float() + y,
        lambda x, y: x.max(1).values + y.max(1).values,
        lambda x, y: torch.bmm(HELD, y[:, :1]) * 0.5 + HELD * x.pow(1),
    ],
)
def test_what_only_looks_like_it_stays(function: Function) -> None:
    given = [10 * torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    shorter = tidied(trace(function, *given))
    assert shorter(*given).dtype == function(*given).dtype
    assert torch.equal(shorter(*given), function(*given))


def test_what_draws_random_numbers_is_left_alone() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        return torch.rand_like(x) - torch.rand_like(x) + 0 * y

    traced = trace(function, torch.ones(9), torch.ones(9))
    before = names(traced)
    assert names(tidied(traced)) == before
    assert (traced(torch.ones(9), torch.ones(9)) != 0).any()


def test_what_changes_its_inputs_in_place_is_left_alone() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        z = x + y
        first = z * 2
        z.add_(1)
        return first + z * 2

    given = [torch.ones(2, 2), torch.ones(2, 2)]
    traced = trace(function, *given)
    before = names(traced)
    assert names(tidied(traced)) == before
    assert torch.equal(traced(*given), function(*given))
