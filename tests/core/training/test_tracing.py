"""What is written down of a function, and that it gives the same numbers when it is run from that, also as a program."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import vmap

from core.training.scripted import Program, scripted
from core.training.tracing import Untraceable, trace

HELD = torch.full((4, 4), 3.0)
Function = Callable[[Tensor, Tensor], Sequence[Tensor]]


def second_derivative(x: Tensor, y: Tensor) -> list[Tensor]:
    inner = x.detach().requires_grad_()
    (first,) = torch.autograd.grad((inner.sin() * y).pow(3).sum(), inner, create_graph=True)
    return list(torch.autograd.grad(first.square().sum(), inner))


def convolved(x: Tensor, y: Tensor) -> list[Tensor]:
    """Two of what its derivative gives, of three: the bias has none."""
    x, weight = (one.detach().clone().requires_grad_() for one in (x.view(1, 1, 4, 4), y[:3, :3].reshape(1, 1, 3, 3)))
    maps = F.max_pool2d(F.conv2d(x, weight, padding=1), 2)
    return list(torch.autograd.grad(maps.square().sum(), [x, weight]))


def in_place(x: Tensor, y: Tensor) -> list[Tensor]:
    whole = x.clone()
    row = whole[0]
    whole.mul_(y).add_(1)
    return [row, whole]


FUNCTIONS: dict[str, Function] = {
    "two answers": lambda x, y: (x + y, x * y),
    "an input": lambda x, y: [x, x + y],
    "the same twice": lambda x, y: [x + y] * 2,
    "what it holds": lambda x, y: [x * HELD + y],
    "made anew": lambda x, y: [torch.zeros(4, dtype=x.dtype, device=x.device) + torch.arange(4) * x + y],
    "numbers": lambda x, y: [x.clamp(-torch.inf, 0.3) + torch.full_like(y, torch.nan).nan_to_num(1e-7) * y],
    "a list of none": lambda x, y: [x.sum().view([]) + y.permute(1, 0)],
    "a list with nothing in it": lambda x, y: [x[:, torch.tensor([0, 2])] + y[:, :2]],
    "a list": lambda x, y: [torch.cat([x, y], 1), *torch.stack([x, y]).unbind()],
    "some of several": lambda x, y: [x.max(0)[1], y.sort()[0]],
    "words": lambda x, y: [torch.div(x, y, rounding_mode="floor"), x.to(torch.float64), y.contiguous()],
    "by name": lambda x, y: [torch.add(x, y, alpha=0.1), y.sum(dim=1, keepdim=True)],
    "tasks": lambda x, y: [vmap(lambda a, b: torch.linalg.vecdot(a, b) * a)(x, y)],
    "derivatives": second_derivative,
    "convolution": convolved,
    "in place": in_place,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_repeated(name: str) -> None:
    """By the graph and by the program, on other numbers than it was traced with."""
    function = FUNCTIONS[name]
    given, other = (
        [torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        for seeds in ((0, 1), (2, 3))
    )
    traced = trace(function, *given)
    run = scripted(traced)
    for inputs in (given, other):
        wanted = function(*inputs)
        for found in (traced(*inputs), run(*inputs)):
            assert len(found) == len(wanted)
            assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(found, wanted, strict=True))


def test_what_each_operation_gives_is_said() -> None:
    traced = trace(lambda x: [x.t().double()], torch.zeros(2, 3))
    said = [node.meta["val"] for node in traced.graph.nodes if node.op == "call_function"]
    assert [(one.shape, one.stride(), one.dtype) for one in said][-1] == ((3, 2), (1, 3), torch.float64)
    assert all(one.device.type == "meta" for one in said)


@pytest.mark.parametrize("looks", [lambda x: x.sum().item(), lambda x: bool((x > 0).all())])
def test_who_looks_at_a_number_is_not_traced(looks: Callable[[Tensor], Any]) -> None:
    def function(x: Tensor) -> list[Tensor]:
        return [x if looks(x) else -x]

    with pytest.raises(Untraceable, match="looks at a number"):
        trace(function, torch.ones(2))


def test_nothing_is_taken_apart_or_put_together() -> None:
    """TorchScript by itself makes a product and a sum of a layer after a few calls: where that is large, it rounds otherwise."""
    draw = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(shape, generator=draw) for shape in ((64, 64), (1000, 64), (1000,)))

    def function(*given: Tensor) -> list[Tensor]:
        return [torch.addmm(given[2], given[0], given[1].t()), F.linear(*given).relu()]

    run, wanted = scripted(trace(function, x, weight, bias)), function(x, weight, bias)
    with torch.inference_mode():
        for _ in range(4):
            assert all(torch.equal(a, b) for a, b in zip(run(x, weight, bias), wanted, strict=True))


def test_a_program_can_be_read() -> None:
    traced = trace(lambda x, y: [torch.add(x, y, alpha=2).sum([0])], torch.zeros(2), torch.zeros(2))
    read = str(Program(traced).graph).split("%input_1 : Tensor):")[1]
    assert [line.strip() for line in read.strip().splitlines()] == [
        "%2 : int = prim::Constant[value=2]()",
        "%3 : Tensor = aten::add(%input_0, %input_1, %2)",
        "%4 : int[] = prim::Constant[value=[0]]()",
        "%5 : bool = prim::Constant[value=0]()",
        "%6 : NoneType = prim::Constant()",
        "%7 : Tensor = aten::sum(%3, %4, %5, %6)",
        "%8 : Tensor[] = prim::ListConstruct(%7)",
        "return (%8)",
    ]


def test_tensors_that_are_gone_are_not_kept() -> None:
    """As many live at a time as in the function itself."""
    alive, most = [], []

    def function(x: Tensor) -> list[Tensor]:
        for _ in range(9):
            x = x + 1
            alive.append(weakref.ref(x))
            most.append(sum(ref() is not None for ref in alive))
        return [x]

    trace(function, torch.zeros(3))
    assert max(most) <= 2
