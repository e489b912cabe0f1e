"""A graph of operations as a program for TorchScript's interpreter, which calls them without Python and lets go of each
tensor after its last use.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node


def scripted(traced: GraphModule) -> Callable[..., Sequence[Tensor]]:
    """The same function. traced: as ``trace`` gives it, of a function that answers with a sequence of tensors; what it says
    of its nodes is used up.

    Raises RuntimeError where TorchScript does not know an operation.
    """
    held = [getattr(traced, node.target) for node in traced.graph.find_nodes(op="get_attr")]
    text = program(traced)
    # What a node gives is a small tensor each, in the way of larger ones until it is collected.
    for node in traced.graph.nodes:
        node.meta.clear()
    run = torch.jit.CompilationUnit(text).run

    def call(*inputs: Tensor) -> Sequence[Tensor]:
        # As it is written: to look for something better would take the first calls many times as long, and may round otherwise.
        with torch.jit.optimized_execution(False):
            return run(*inputs, *held)

    return call


def program(traced: GraphModule) -> str:
    """Its text, a function ``run`` of the inputs and of the tensors that the graph holds."""
    nodes = list(traced.graph.nodes)
    given = [node.name for kind in ("placeholder", "get_attr") for node in nodes if node.op == kind]
    lines = [line(node) for node in nodes if node.op in ("call_function", "output")]
    return "\n    ".join([f"def run({', '.join(given)}):", *lines]) + "\n"


def line(node: Node) -> str:
    """A node's statement."""
    if node.op == "output":
        return f"return {word(node.args[0])}"
    if node.target is operator.getitem:
        return f"{node.name} = {node.args[0].name}[{node.args[1]}]"
    schema = node.target._schema
    kinds = {one.name: one.type.annotation_str for one in schema.arguments}
    # Of two overloads with the same arguments TorchScript takes the one that torch took.
    said = [word(one, kind) for one, kind in zip(node.args, kinds.values(), strict=False)]
    said += [f"{name}={word(one, kinds[name])}" for name, one in node.kwargs.items()]
    return f"{node.name} = torch.ops.{schema.name.replace('::', '.')}({', '.join(said)})"


def word(value: Any, kind: str = "") -> str:
    """A value's literal. kind: the type that its operation asks for."""
    if isinstance(value, Node):
        return value.name
    if isinstance(value, (list, tuple)):
        parts = f"[{', '.join(map(word, value))}]"
        if value and None not in value:
            return parts
        whole = kind.removeprefix("Optional[").removesuffix("]") if kind.startswith("Optional") else kind
        return f"torch.jit.annotate({whole}, {parts})"  # of nothing a list's type cannot be told
    if isinstance(value, torch.device):
        return f'torch.device("{value}")'
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)
