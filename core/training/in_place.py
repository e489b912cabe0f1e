"""Which of a graph's operations may write their answer into memory that nothing else will read any more.

Then no memory is asked for: a small network's step takes a twentieth less time, and a large one's holds fewer maps.
"""

import operator

import torch
from torch import Tensor
from torch.fx import Node

from core.training.tracing import Traced

aten = torch.ops.aten
INTO_FIRST = {
    aten.add.Tensor: aten.add_.Tensor,
    aten.sub.Tensor: aten.sub_.Tensor,
    aten.mul.Tensor: aten.mul_.Tensor,
    aten.mul.Scalar: aten.mul_.Scalar,
    aten.div.Tensor: aten.div_.Tensor,
    aten.div.Scalar: aten.div_.Scalar,
    aten.neg.default: aten.neg_.default,
    aten.relu.default: aten.relu_.default,
    aten.addcmul.default: aten.addcmul_.default,
    aten.threshold_backward.default: aten.threshold_backward.grad_input,
}
# These give their argument's memory too, and do not say so.
UNSAID = {aten._unsafe_view.default, aten.unsafe_split.Tensor, aten.unsafe_split_with_sizes.default}


def in_place(traced: Traced) -> Traced:
    """The same function of the same numbers. traced: as ``trace`` gives it, also tidied. Its inputs stay as they are."""
    nodes = list(traced.graph.nodes)
    place, memory = {node: i for i, node in enumerate(nodes)}, memories(nodes)
    read = dict.fromkeys(nodes, -1)  # where what lies in a node's memory is read for the last time
    for node, owner in memory.items():
        read[owner] = max([read[owner], *(place[user] for user in node.users)])
    given: dict[Node, Node] = {}  # memory that another node had before

    def owner_of(node: Node) -> Node:
        owner = memory[node]
        while owner in given:
            owner = given[owner]
        return owner

    for node in nodes:
        into = INTO_FIRST.get(node.target)
        first = node.args[0] if into and isinstance(node.args[0], Node) else None
        if first is None or not (fits(node, owner := owner_of(first)) and read[owner] == place[node]):
            continue
        if sum(owner_of(one) is owner for one in node.all_input_nodes) > 1:  # it would read what it has just written
            continue
        node.target = into
        if into is aten.threshold_backward.grad_input:
            node.kwargs = {"grad_input": first}
        given[node], read[owner] = owner, read[node]
    return traced


def memories(nodes: list[Node]) -> dict[Node, Node]:
    """The node in whose memory each node's answer lies: itself, unless it is another look at what it was given."""
    found: dict[Node, Node] = {}
    for node in nodes:
        found[node] = found.get(source(node), node)
    return found


def source(node: Node) -> Node | None:
    """Which argument's memory an operation gives in another shape, a part of it, or written to; None for memory of its own."""
    if node.op != "call_function":
        return None
    if node.target is operator.getitem:
        return node.args[0] if source(node.args[0]) is not None else None
    schema = node.target._schema
    if out := next((one.name for one in schema.arguments if one.is_out), None):
        return node.kwargs[out]
    views = any(one.alias_info is not None for one in schema.returns)
    return node.args[0] if views or node.target in UNSAID else None


def fits(node: Node, owner: Node) -> bool:
    """Whether a node's answer is of the shape of its first argument, which fills a memory that the graph has made itself."""
    there, whole, answer = node.args[0].meta["val"], owner.meta.get("val"), node.meta["val"]
    if owner.op != "call_function" or not isinstance(whole, Tensor) or whole.numel() != there.numel():
        return False
    reach = 1 + sum((size - 1) * stride for size, stride in zip(there.shape, there.stride(), strict=True))
    same = (there.shape, there.stride(), there.dtype) == (answer.shape, answer.stride(), answer.dtype)
    return reach == there.numel() and same  # each number at a place of its own
