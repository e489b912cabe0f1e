"""A recorded step as one CUDA graph: all its kernels start by a single call, with no gap in which the GPU waits for Python."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 3  # calls before the capture, in which libraries allocate and choose what must not change afterwards
Step = Callable[[], Sequence[Tensor]]


class Graphed:
    """A function of tensors that reads its arguments from memory of its own, and answers in the same memory at each call.

    So an answer holds until the next call: whoever keeps it copies it.
    """

    def __init__(
        self,
        function: Callable[..., Sequence[Tensor]],
        arguments: Sequence[Tensor],
        capture: Callable[[Step], tuple[Callable[[], None], Sequence[Tensor]]] | None = None,
    ):
        """arguments: of the layout that all calls will have. capture: turns a step into what repeats it and its answers."""
        self.held = [torch.empty_like(one).copy_(one) for one in arguments]  # of the same strides
        self.replay, self.answers = (capture or captured)(lambda: function(*self.held))

    def __call__(self, *arguments: Tensor) -> Sequence[Tensor]:
        torch._foreach_copy_(self.held, list(arguments))
        self.replay()
        return self.answers


def captured(step: Step) -> tuple[Callable[[], None], Sequence[Tensor]]:
    """The step as a CUDA graph, and the tensors that it writes. Raises RuntimeError for a step that waits for the GPU."""
    side = torch.cuda.Stream()  # a capture must not see what the main stream has begun
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Another run of this process may validate meanwhile: what its thread asks of the GPU is none of the graph's.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        answers = step()
    return graph.replay, answers
