"""Operations that write into memory which nobody reads any more: the same numbers, and no other memory is written to."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.training.in_place import in_place
from core.training.scripted import scripted
from core.training.tracing import trace
from tests.core.training.test_tracing import FUNCTIONS

HELD = torch.full((4, 4), 2.0)
Function = Callable[[Tensor, Tensor], list[Tensor]]


def written(function: Function, *given: Tensor) -> list[str]:
    """The operations that write into their first argument."""
    graph = in_place(trace(function, *given)).graph
    names = [str(node.target).removeprefix("aten.") for node in graph.nodes if node.op == "call_function"]
    return [name for name in names if name.split(".")[0].endswith("_") or name.endswith("grad_input")]


def masked(x: Tensor, y: Tensor) -> list[Tensor]:
    return [torch.ops.aten.threshold_backward(x.exp(), y, 0)]


def seen_before(x: Tensor, _: Tensor) -> list[Tensor]:
    """A view of what might be overwritten is read later."""
    whole = x.exp()
    row = whole[0]
    return [whole * 2, row]


CASES: dict[str, tuple[Function, list[str]]] = {
    "one after the other": (lambda x, y: [(x * y + y - x) / 3], ["add_.Tensor", "sub_.Tensor", "div_.Tensor"]),
    "an input": (lambda x, _: [x * 2], []),
    "what it holds": (lambda x, _: [HELD * 2 + x], ["add_.Tensor"]),
    "an answer": (lambda x, y: [one := x.exp(), one * y], []),
    "read later": (lambda x, y: [(one := x.exp()) * y, one.sin()], []),
    "read before": (lambda x, y: [(one := x.exp()).sin(), one * y], ["mul_.Tensor"]),
    "a view of it is read later": (seen_before, []),
    "through a view": (lambda x, y: [x.exp().t() * y], ["mul_.Tensor"]),
    "a part": (lambda x, _: [x.exp()[:2] * 2], []),
    "itself": (lambda x, _: [(one := x.exp()) * one], ["mul_.Tensor"]),
    "itself turned": (lambda x, _: [(one := x.exp()) * one.t()], []),
    "larger": (lambda x, y: [x.sum(0) * y], []),
    "another kind of number": (lambda x, y: [(x > 0) * y], []),
    "spread out": (lambda x, y: [x.sum(0, keepdim=True).expand(4, 4) * y], []),
    "another order": (lambda x, y: [x.exp().t() + y.exp()], ["add_.Tensor"]),
    "a mask": (masked, ["threshold_backward.grad_input"]),
    "ReLU": (lambda x, y: [torch.relu(x + y)], ["relu_.default"]),
    "a part of what was cut": (lambda x, y: [(p := (one := x.exp()).unsafe_chunk(2))[0], one * 2, p[1] * y[:2]], []),
    "what overlaps": (lambda x, _: [x.exp().view(-1)[:10].unfold(0, 4, 2) * 2], []),
    "parts of a list": (lambda x, y: [torch.stack([x, y]).unbind()[0] * y], []),
    "one of several": (lambda x, y: [x.sort()[0] * y], ["mul_.Tensor"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_in_place(case: str) -> None:
    function, wanted = CASES[case]
    given = [torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    assert written(function, *given) == wanted


@pytest.mark.parametrize("name", [*CASES, *FUNCTIONS])
def test_the_numbers_are_the_same_and_nothing_else_is_overwritten(name: str) -> None:
    function = CASES[name][0] if name in CASES else FUNCTIONS[name]
    given, other = (
        [torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        for seeds in ((0, 1), (2, 3))
    )
    graph = in_place(trace(function, *given))
    run = scripted(graph)
    kept, held = [one.clone() for one in other], HELD.clone()
    wanted = function(*other)
    for _ in range(2):
        for found in (graph(*other), run(*other)):
            assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
            assert all(torch.equal(a, b) for a, b in zip([*other, HELD], [*kept, held], strict=True))
