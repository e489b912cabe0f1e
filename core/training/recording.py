"""A meta-step's operations, written down once and repeated without Python and autograd: the same numbers in less time.

In a small network an operation costs less for its arithmetic than for being called: by Python, noted by autograd, gone
through once more backwards, at every step in the same way. On a GPU that holds for larger ones too. So the operations of a
whole step, inner gradients and meta-gradient included, are traced once (``tracing.py``). From then on they are tidied
(``tidy.py``) and run by TorchScript's interpreter on a processor, and as a CUDA graph on a GPU. They give the same numbers, but
for the sign of a zero, so that it has no influence on a run when the recording takes over.
No compiler is needed.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from core.algorithms.base import Algorithm, StepReport, laid_out
from core.training.graphed import Graphed
from core.training.in_place import in_place
from core.training.scripted import scripted
from core.training.tidy import tidied
from core.training.tracing import Traced, trace
from data.batch import Episodes

Layout = list[tuple[torch.Size, tuple[int, ...], torch.dtype]]


class Recording:
    """One learner's meta-step for meta-batches of one layout."""

    def __init__(self, learner: Algorithm, batch: Episodes, turning: bool = True):
        """turning: see ``tidied``. Raises whatever tracing raises where the step cannot be written down."""
        self.learner, self.layout, self.turning = learner, layout(batch), turning
        self.parameters = {name: p for name, p in learner.named_parameters() if p.requires_grad}
        self.learned: list[nn.Parameter] = []  # that have a gradient
        self.said: list[str] = []  # of a report, in the order of the outputs
        traced = self.traced(batch)
        with torch.no_grad():
            self.run = repeatable(traced, self.inputs(batch), turning)

    def inputs(self, batch: Episodes) -> list[Tensor]:
        """What the step is a function of: the weights, then a batch's own tensors."""
        return [*self.parameters.values(), *batch.tensors]

    def traced(self, batch: Episodes) -> Traced:
        """The operations that lead from ``inputs`` to the gradients of ``learned`` and what is ``said``, as they are."""
        weights = [p.detach().clone().requires_grad_() for p in self.parameters.values()]
        return trace(lambda *tensors: self._step(batch, tensors), *weights, *batch.tensors)

    def _step(self, batch: Episodes, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Gradients and what the report says. tensors: as ``inputs``."""
        count = len(self.parameters)
        weights = {f"learner.{name}": w for name, w in zip(self.parameters, tensors[:count], strict=True)}
        given = batch.like(tensors[count:]), list(weights.values())
        # Not tied: of a network that a learner has under two names, torch would put back the traced weights.
        gradients, report = functional_call(Whole(self.learner), weights, given, tie_weights=False)
        there = zip(self.parameters.values(), gradients, strict=True)
        self.learned = [p for p, gradient in there if gradient is not None]
        values = {name: value for name, value in vars(report).items() if value is not None}
        self.said = list(values)
        return *(gradient for gradient in gradients if gradient is not None), *values.values()

    def fits(self, batch: Episodes) -> bool:
        return layout(batch) == self.layout

    def __call__(self, batch: Episodes) -> tuple[list[Tensor], StepReport]:
        """The gradients of ``learned`` under the present parameters, and the report."""
        with torch.inference_mode():  # with less to look after, each operation takes a tenth less time
            out = self.run(*self.inputs(batch))
        return self.answer(out)

    def answer(self, out: Sequence[Tensor]) -> tuple[list[Tensor], StepReport]:
        """What a call gives, of what the operations gave.

        Copies, which whoever gets them may change in place; laid out as their parameters are, as autograd's would be.
        """
        count = len(self.learned)
        with torch.no_grad():
            pairs = zip(self.learned, out[:count], strict=True)
            gradients = [laid_out(g.clone(), p) for p, g in pairs]
        values = zip(self.said, (one.clone() for one in out[count:]), strict=True)
        return gradients, StepReport(**{"query_score": None, **dict(values)})


class StackedRecordings:
    """The meta-steps of several learners of one kind as one, each from its own weights on its own meta-batch.

    What one learner's step does is done for all of them at once: by ``vmap`` over what was traced, which holds no autograd any
    more. On a GPU, where a small network's operation costs its call and not its arithmetic, several cost hardly more than one.
    """

    def __init__(self, recordings: Sequence[Recording], batches: Sequence[Episodes]):
        """recordings: of learners that differ in their weights alone.

        Raises whatever ``vmap`` raises for an operation that it cannot follow.
        """
        self.recordings = recordings
        self.held = [torch.stack(parts) for parts in zip(*self._inputs(batches), strict=True)]
        self.places = [place for held in self.held for place in held.unbind()]
        traced = recordings[0].traced(batches[0])
        with torch.no_grad():
            self.run = repeatable(trace(vmap(traced), *self.held), self.held, recordings[0].turning)

    @torch.no_grad()
    def _inputs(self, batches: Sequence[Episodes]) -> list[list[Tensor]]:
        return [one.inputs(batch) for one, batch in zip(self.recordings, batches, strict=True)]

    def __call__(self, batches: Sequence[Episodes]) -> list[tuple[list[Tensor], StepReport]]:
        """Of each learner what its own recording gives."""
        given = [part for parts in zip(*self._inputs(batches), strict=True) for part in parts]
        with torch.inference_mode():
            torch._foreach_copy_(self.places, given)
            out = [part.unbind() for part in self.run(*self.held)]
        return [one.answer(own) for one, own in zip(self.recordings, zip(*out, strict=True), strict=True)]


def repeatable(traced: Traced, inputs: Sequence[Tensor], turning: bool = True) -> Callable[..., Sequence[Tensor]]:
    """The same function without Python between its operations, for inputs of one layout."""
    if inputs[0].is_cuda:
        return Graphed(traced, [one.detach() for one in inputs])
    return scripted(in_place(tidied(traced, turning)))


class Whole(nn.Module):
    """A learner's gradients as a module's call, so that ``functional_call`` can put traced weights in."""

    def __init__(self, learner: Algorithm):
        super().__init__()
        self.learner = learner

    def forward(self, batch: Episodes, learned: list[Tensor]) -> tuple[Sequence[Tensor | None], StepReport]:
        with self.learner.forward_tasks.twice_differentiable():
            return self.learner.gradients(batch, learned)


def layout(batch: Episodes) -> Layout:
    """What a recording has to find again: views are written down with the strides that they were taken of."""
    return [(one.shape, one.stride(), one.dtype) for one in batch.tensors]
