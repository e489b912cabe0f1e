"""A graph of operations as a program for TorchScript's interpreter, which calls them without Python and lets go of each
tensor after its last use.

It is put together from operations, and not from a text: of a Conv4 to read that takes three times as long, and 20 MiB for a
moment.
"""

import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._C import FloatType, ListType, OptionalType, TensorType
from torch.fx import Node

from core.training.tracing import Traced


def scripted(traced: Traced) -> Callable[..., Sequence[Tensor]]:
    """The same function. traced: as ``trace`` gives it, of a function that answers with a sequence of tensors; what it says
    of its nodes is used up.

    Raises RuntimeError where TorchScript does not know an operation.
    """
    held = [getattr(traced, node.target) for node in traced.graph.find_nodes(op="get_attr")]
    run = torch._C._create_function_from_graph("run", Program(traced).graph)
    # What a node gives is a small tensor each, in the way of larger ones until it is collected.
    for node in traced.graph.nodes:
        node.meta.clear()

    def call(*inputs: Tensor) -> Sequence[Tensor]:
        # As it is written: to look for something better would take the first calls many times as long, and may round otherwise.
        with torch.jit.optimized_execution(False):
            return run(*inputs, *held)

    return call


class Program:
    """TorchScript's own graph, of the inputs and of the tensors that the traced one holds."""

    def __init__(self, traced: Traced):
        self.graph, self.constants = torch.Graph(), {}
        self.values: dict[Node, Any] = {}  # what each node gives: a value, or several
        for kind in ("placeholder", "get_attr"):
            for node in traced.graph.find_nodes(op=kind):
                self.values[node] = self.graph.addInput(node.name)
        for node in traced.graph.nodes:
            if node.op == "call_function":
                self.values[node] = self.called(node)
        answers = traced.graph.output_node().args[0]
        self.graph.registerOutput(self.value(answers, ListType(TensorType.get())))

    def called(self, node: Node) -> Any:
        """What a node's operation gives."""
        if node.target is operator.getitem:
            whole, i = self.values[node.args[0]], node.args[1]
            if isinstance(whole, list):
                return whole[i]
            return self._operation("aten::__getitem__", [whole, self.constant(i)], [TensorType.get()])[0]
        # Of the overloads of this name TorchScript takes the one of these kinds of arguments.
        schema = node.target._schema
        given = dict(zip((one.name for one in schema.arguments), node.args, strict=False)) | node.kwargs
        taken = [self.value(given.get(one.name, one.default_value), one.type) for one in schema.arguments]
        values = self._operation(schema.name, taken, [one.type for one in schema.returns])
        return values[0] if len(values) == 1 else values

    def value(self, given: Any, kind: torch.Type) -> Any:
        """What is given to an operation that asks for this kind."""
        if isinstance(given, Node):
            return self.values[given]
        if isinstance(kind, OptionalType) and given is not None:
            return self.value(given, kind.getElementType())
        if isinstance(given, (list, tuple)):
            if given and all(type(one) is int for one in given) and kind.getElementType().annotation_str == "int":
                return self.constant(list(given))
            parts = [self.value(one, kind.getElementType()) for one in given]
            return self._operation("prim::ListConstruct", parts, [kind])[0]
        return self.constant(float(given) if isinstance(kind, FloatType) else given)

    def constant(self, given: Any) -> Any:
        if isinstance(given, (torch.memory_format, torch.layout)):
            given = number(given)
        key = type(given), repr(given)
        if key not in self.constants:
            self.constants[key] = self.graph.insertConstant(given)
        return self.constants[key]

    def _operation(self, name: str, taken: list[Any], kinds: list[torch.Type]) -> list[Any]:
        node = self.graph.create(name, taken, len(kinds))
        self.graph.appendNode(node)
        values = list(node.outputs())
        for value, kind in zip(values, kinds, strict=True):
            value.setType(kind)
        return values


@cache
def number(of_torch: torch.memory_format | torch.layout) -> int:
    """What TorchScript knows such a constant by."""
    return torch.jit.CompilationUnit(f"def number():\n    return {of_torch}\n").number()
