"""What of a meta-step's operations can be left out or done by a cheaper one, with the same numbers (but for the sign of a zero).

What autograd writes down is general: it detaches what needs no gradient, multiplies by ones, adds zeros, keeps an axis to take it
away again. In a small network an operation costs less for its arithmetic than for being called, so fewer of them are less time.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.fx import Node
from torch.fx.node import map_arg

from core.training.tracing import Traced

aten = torch.ops.aten
# These give their argument as it is, where nothing is differentiated.
SAME = {aten.detach.default, aten.alias.default, aten.lift_fresh.default}
PRODUCTS = {aten.mul.Scalar, aten.mul.Tensor}
EXACT = {torch.float32, torch.float64}  # in which a number is taken as the tensor that it would be
LARGE = 400  # terms in all from which on torch leaves a small product to the library
FILLED = {aten.ones_like.default: 1.0, aten.zeros_like.default: 0.0}


def tidied(traced: Traced, turning: bool = True) -> Traced:
    """The same function on a processor in fewer operations. traced: as ``trace`` gives it.

    turning: also by products the other way round, which add up the same numbers, but it is the machine's library that says
    in which order.
    """
    calls = [node for node in traced.graph.nodes if node.op == "call_function"]
    if any(isinstance(node.target, OpOverload) and unequal(node.target) for node in calls):
        return traced
    tidying = Tidying(traced, turning)
    for node in calls:
        stand_in = tidying.stand_in(node)
        if stand_in is not node:
            node.replace_all_uses_with(stand_in)
            traced.graph.erase_node(node)
    traced.graph.eliminate_dead_code()
    return traced


class Tidying:
    """One pass over a graph from its inputs on: what a node takes has been tidied before it."""

    def __init__(self, traced: Traced, turning: bool):
        self.traced, self.seen, self.own = traced, {}, []  # own: the constants that were put here
        self.rules: list[Callable[[Node], Node | None]] = [
            *(argument, self.known, self.neutral),
            *(self.without_sign, self.over_one_term, self.without_kept_axis, self.by_number),
            *([self.as_row] if turning else []),
        ]

    def stand_in(self, node: Node) -> Node:
        """The node that gives the same for less; itself where there is none."""
        if node.op != "call_function":
            return node
        for rule in self.rules:
            if (better := rule(node)) is not None:
                return self.stand_in(better)
        return self.seen.setdefault((node.target, repr(node.args), repr(node.kwargs)), node)

    def known(self, node: Node) -> Node | None:
        """What comes out the same each time is computed now."""
        like = node.meta.get("val")
        if node.target in FILLED:
            return self._constant(torch.full(like.shape, FILLED[node.target], dtype=like.dtype), node)
        if node.target is aten.pow.Tensor_Scalar and node.args[1] == 0:
            return self._constant(torch.ones(like.shape, dtype=like.dtype), node)
        taken = node.all_input_nodes
        if not taken or not isinstance(like, Tensor) or any(self._value(one) is None for one in taken):
            return None
        args, kwargs = (map_arg(given, self._value) for given in (node.args, node.kwargs))
        return self._constant(node.target(*args, **kwargs), node)

    def neutral(self, node: Node) -> Node | None:
        """A sum with nothing but zeros, and a product with nothing but ones, is the other part."""
        empty = {aten.add.Tensor: 0.0, aten.mul.Tensor: 1.0}.get(node.target)
        if empty is None or not all(isinstance(one, Node) for one in node.args):
            return None
        for one, other in (node.args, reversed(node.args)):
            value, plain = self._value(one), "alpha" not in node.kwargs
            if plain and value is not None and bool((value == empty).all()) and same_kind(other, node):
                return other
        return None

    def without_sign(self, node: Node) -> Node | None:
        """(-x) · 0.1 is x · -0.1."""
        if node.target not in PRODUCTS or not isinstance(node.args[1], (int, float)):
            return None
        negative = node.args[0].target is aten.neg.default and node.args[0].meta["val"].is_floating_point()
        return self._call(node, node.target, node.args[0].args[0], -node.args[1]) if negative else None

    def over_one_term(self, node: Node) -> Node | None:
        """A product of matrices (…, m, 1) and (…, 1, n) adds nothing up."""
        one_term = node.target is aten.bmm.default and node.args[0].meta["val"].shape[2] == 1
        return self._call(node, aten.mul.Tensor, *node.args) if one_term else None

    def as_row(self, node: Node) -> Node | None:
        """A · b is (bᵀ · Aᵀ)ᵀ: libraries take a third to an eighth of the time for a row of many numbers than for a column."""
        if node.target is not aten.bmm.default:
            return None
        (_, rows, terms), columns = node.args[0].meta["val"].shape, node.args[1].meta["val"].shape[2]
        if columns != 1 or rows == 1 or rows * terms < LARGE:
            return None
        turned = [self.stand_in(self._turned(node, one)) for one in (node.args[1], node.args[0])]
        row = self.stand_in(self._call(node, aten.bmm.default, *turned))
        row.meta["val"] = node.meta["val"].transpose(1, 2)
        return self._turned(node, row)

    def _turned(self, place: Node, one: Node) -> Node:
        turned = self._call(place, aten.transpose.int, one, 1, 2)
        turned.meta["val"] = one.meta["val"].transpose(1, 2)
        return turned

    def without_kept_axis(self, node: Node) -> Node | None:
        """A sum that keeps its axis, which is taken away then."""
        total = node.args[0] if node.target is aten.squeeze.dim else None
        kept = total is not None and total.target is aten.sum.dim_IntList and total.args[2:] == (True,)
        if not kept or total.kwargs or total.args[1] != [node.args[1]]:
            return None
        return self._call(node, aten.sum.dim_IntList, *total.args[:2])

    def by_number(self, node: Node) -> Node | None:
        """A number is made a tensor once, and not at each call."""
        number = node.args[1] if node.target in PRODUCTS else None
        if not isinstance(number, (int, float)) or node.meta["val"].dtype not in EXACT:
            return None
        factor = torch.tensor(number, dtype=node.meta["val"].dtype)
        return self._call(node, aten.mul.Tensor, node.args[0], self._constant(factor, node))

    def _call(self, place: Node, target: OpOverload, *args: Any) -> Node:
        """A call in a node's place."""
        with self.traced.graph.inserting_before(place):
            node = self.traced.graph.call_function(target, args)
        node.meta = dict(place.meta)
        return node

    def _constant(self, value: Tensor, place: Node) -> Node:
        """A tensor that the graph holds: the same node for the same one, so that what is made of it is the same too."""
        for node in self.own:
            held = node.meta["val"]
            if held.dtype == value.dtype and torch.equal(held, value):
                return node
        name = f"constant{len(self.own)}"
        self.traced.register_buffer(name, value)
        with self.traced.graph.inserting_before(place):
            node = self.traced.graph.get_attr(name)
        node.meta["val"] = value
        self.own.append(node)
        return node

    def _value(self, node: Any) -> Tensor | None:
        """What a node gives at each call; None where that depends on the inputs, and for what is no node."""
        return node.meta["val"] if isinstance(node, Node) and node in self.own else None


def unequal(operation: OpOverload) -> bool:
    """Whether two equal calls may give unequal values: it changes what it is given, or draws random numbers."""
    return operation._schema.is_mutable or torch.Tag.nondeterministic_seeded in operation.tags


def argument(node: Node) -> Node | None:
    """The node that this one gives again: through nothing, or through a transposition and the one back."""
    first = node.args[0] if node.args and isinstance(node.args[0], Node) else None
    one = {aten.pow.Tensor_Scalar, *PRODUCTS} & {node.target} and node.args[1] == 1
    if first is None or node.target in SAME or (one and same_kind(first, node)):
        return first
    turned = node.target is aten.transpose.int and first.target is aten.transpose.int
    return first.args[0] if turned and set(node.args[1:]) == set(first.args[1:]) else None


def same_kind(one: Node, other: Node) -> bool:
    """Whether two nodes give tensors of one shape and one kind of number."""
    return (one.meta["val"].shape, one.meta["val"].dtype) == (other.meta["val"].shape, other.meta["val"].dtype)
