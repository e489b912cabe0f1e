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
from torch.fx import Graph, GraphModule, Node
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary


class Untraceable(Exception):
    """A function that does something else with other inputs of the same layout."""


def trace(function: Callable[..., Any], *inputs: Tensor) -> GraphModule:
    """The operations that lead from the inputs to the answers, for inputs of this layout. Each node's ``meta["val"]`` says
    what it gives: a tensor without numbers. Tensors that the function holds are held by the module.

    Raises Untraceable where the function looks at a number of a tensor.
    """
    tracer = Tracer()
    for i, one in enumerate(inputs):
        tracer.note(one, tracer.graph.placeholder(f"input_{i}"))
    with tracer:
        answers = function(*inputs)
    tracer.graph.output(map_aggregate(answers, tracer.given))
    return GraphModule(tracer.held, tracer.graph)


class Tracer(TorchDispatchMode):
    """While it is entered, whatever torch computes in this thread is computed and noted."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch's compiler, which would be imported to be told to look away, is not at work here."""
        return False

    def __init__(self) -> None:
        super().__init__()
        self.graph, self.held = Graph(), nn.Module()
        self.nodes = WeakTensorKeyDictionary()  # of the tensors that are still there

    def __torch_dispatch__(
        self, operation: OpOverload, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        node = self.graph.call_function(operation, *map_aggregate((args, kwargs), self.given))
        answer = operation(*args, **kwargs)
        if isinstance(answer, Tensor):
            self.note(answer, node)
        elif isinstance(answer, (tuple, list)):
            for i, part in enumerate(answer):
                if isinstance(part, Tensor):
                    self.note(part, self.graph.call_function(operator.getitem, (node, i)))
        elif answer is not None:
            raise Untraceable(f"{operation} looks at a number of a tensor.")
        return answer

    def note(self, tensor: Tensor, node: Node) -> None:
        self.nodes[tensor] = node
        node.meta["val"] = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")

    def node(self, tensor: Tensor) -> Node:
        """The node that gave it; one that holds it, for a tensor from elsewhere."""
        if tensor not in self.nodes:
            name = f"held_{len(list(self.held.buffers()))}"
            self.held.register_buffer(name, tensor.detach())
            self.note(tensor, self.graph.get_attr(name))
        return self.nodes[tensor]

    def given(self, one: Any) -> Any:
        return self.node(one) if isinstance(one, Tensor) else one
