"""What a function of tensors does, written down as the graph of the operations that it calls, backward passes included.

``make_fx`` writes the same down, but imports torch's compiler to do so, and looks after shapes that nobody knows yet: that
takes as long as fifty steps of a small network, and 80 MB. Here shapes are known, and a trace takes about as long as a step.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.fx import Graph, Interpreter, Node
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary


class Untraceable(Exception):
    """A function that does something else with other inputs of the same layout."""


class Traced(nn.Module):
    """A function as a graph of operations. Its buffers are the tensors that the graph holds."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = Graph()

    def forward(self, *inputs: Tensor) -> Any:
        """One operation after the other."""
        return Interpreter(self, graph=self.graph).run(*inputs)


def trace(function: Callable[..., Any], *inputs: Tensor) -> Traced:
    """The operations that lead from the inputs to the answers, for inputs of this layout. Each node's ``meta["val"]`` says
    what it gives: a tensor without numbers.

    Raises Untraceable where the function looks at a number of a tensor.
    """
    tracer = Tracer()
    for i, one in enumerate(inputs):
        tracer.note(one, tracer.traced.graph.placeholder(f"input_{i}"))
    with tracer:
        answers = function(*inputs)
    tracer.traced.graph.output(map_aggregate(answers, tracer.given))
    return tracer.traced


class Tracer(TorchDispatchMode):
    """While it is entered, whatever torch computes in this thread is computed and noted."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch's compiler, which would be imported to be told to look away, is not at work here."""
        return False

    def __init__(self) -> None:
        super().__init__()
        self.traced = Traced()
        self.nodes = WeakTensorKeyDictionary()  # of the tensors that are still there

    def __torch_dispatch__(
        self, operation: OpOverload, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        node = self.traced.graph.call_function(operation, *map_aggregate((args, kwargs), self.given))
        answer = operation(*args, **kwargs)
        if isinstance(answer, Tensor):
            self.note(answer, node)
        elif isinstance(answer, (tuple, list)):
            for i, part in enumerate(answer):
                if isinstance(part, Tensor):
                    self.note(part, self.traced.graph.call_function(operator.getitem, (node, i)))
        elif answer is not None:
            raise Untraceable(f"{operation} looks at a number of a tensor.")
        return answer

    def note(self, tensor: Tensor, node: Node) -> None:
        self.nodes[tensor] = node
        node.meta["val"] = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")

    def node(self, tensor: Tensor) -> Node:
        """The node that gave it; one that holds it, for a tensor from elsewhere."""
        if tensor not in self.nodes:
            name = f"held_{len(list(self.traced.buffers()))}"
            self.traced.register_buffer(name, tensor.detach())
            self.note(tensor, self.traced.graph.get_attr(name))
        return self.nodes[tensor]

    def given(self, one: Any) -> Any:
        return self.node(one) if isinstance(one, Tensor) else one
