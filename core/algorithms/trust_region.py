"""TRPO as the outer update (Schulman et al. 2015, https://arxiv.org/abs/1502.05477), as Finn et al. 2017 took for control.

Of the meta-gradient g and the matrix F of second derivatives of the adapted policies' mean divergence, both with respect to what
is meta-learned, the step is −√(2δ / sᵀFs) s with F s = g (appendix C there), made shorter until the surrogate is better and the
divergence at most δ, on the very trajectories that g came from. Under all weights that are looked at, policies are adapted anew
by the trajectories that their inner steps have learned from.

The constants are those of two implementations of MAML with it, cbfinn/maml_rl and tristandeleu/pytorch-maml-rl.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.algorithms.base import Algorithm
from core.algorithms.optimizers import Uncompiled
from core.algorithms.portion import StepReport
from data.replay import Replay
from data.rollouts import RolloutBatch

DAMPING = 1e-5  # added to F's diagonal: policies need not depend on all weights
CONJUGATE_STEPS, RESIDUAL = 10, 1e-10
SHORTER, TRIES = 0.8, 15  # factor of a step that was too long, and how many are tried


@dataclass(frozen=True)
class Part:
    """Some of a meta-batch's tasks as they were acted in. share: of the meta-batch. began: their meta-loss. slope: of their mean
    divergence (numbers,), 0 with a graph.
    """

    tasks: Replay
    share: float
    began: float
    slope: Tensor


class TRPO(Uncompiled):
    """An optimizer without a state, whose ``learn`` takes the place of the learner's: it keeps what ``step`` has to look at.

    The rate that it is given plays no part: how far a step goes is for the trust region to say.
    """

    def __init__(self, algorithm: Algorithm, region: float):
        """region: δ, how far policies may diverge in one step, in nats."""
        super().__init__([p for p in algorithm.parameters() if p.requires_grad], {"lr": 0.0})
        self.algorithm, self.region = algorithm, region
        self.parts: list[Part] = []

    @property
    def learned(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def learn(self, batch: RolloutBatch, share: float = 1.0) -> StepReport:
        """As Algorithm.learn."""
        tasks = Replay(batch)
        with self.algorithm.forward_tasks.twice_differentiable():
            loss, report = self.algorithm.meta_loss(tasks)
            slope = derivatives(tasks.divergence(), self.learned, create_graph=True)
            (share * loss).backward(retain_graph=True)
        self.parts.append(Part(tasks, share, float(loss.detach()), slope))
        return report

    @torch.no_grad()
    def step(self) -> None:
        """Where no step is better, nothing moves."""
        parts, self.parts = self.parts, []
        gradient = flat([torch.zeros_like(p) if p.grad is None else p.grad for p in self.learned])

        def curved(vector: Tensor) -> Tensor:
            """F's product with a vector."""
            with torch.enable_grad(), self.algorithm.forward_tasks.twice_differentiable():
                products = [part.share * derivatives(part.slope @ vector, self.learned) for part in parts]
            return sum(products) + DAMPING * vector

        direction = conjugate_gradient(curved, gradient)
        curvature = direction @ curved(direction)
        if curvature > 0:
            self._search((2 * self.region / curvature).sqrt() * direction, parts)

    def _search(self, whole: Tensor, parts: Sequence[Part]) -> None:
        before = flat(self.learned)
        for attempt in range(TRIES):
            self._put(before - SHORTER**attempt * whole)
            change, divergence = self._looked_at(parts)
            if change < 0 and divergence <= self.region:
                return
        self._put(before)

    @torch.no_grad()
    def _put(self, weights: Tensor) -> None:
        for parameter, part in zip(self.learned, weights.split([p.numel() for p in self.learned]), strict=True):
            parameter.copy_(part.view_as(parameter))

    def _looked_at(self, parts: Sequence[Part]) -> tuple[float, float]:
        """How much the meta-loss has changed, and how far policies have gone from those that acted."""
        change = divergence = 0.0
        with torch.enable_grad(), self.algorithm.forward_tasks.twice_differentiable():
            for part in parts:
                part.tasks.again()
                loss, _ = self.algorithm.meta_loss(part.tasks)
                change += part.share * (float(loss.detach()) - part.began)
                divergence += part.share * float(part.tasks.divergence().detach())
        return change, divergence


def conjugate_gradient(product: Callable[[Tensor], Tensor], wanted: Tensor) -> Tensor:
    """x with A x = wanted for a symmetric positive A, of which its product with a vector is given: Hestenes & Stiefel 1952, in
    at most CONJUGATE_STEPS steps from 0.
    """
    x, residual, direction = torch.zeros_like(wanted), wanted, wanted
    size = residual @ residual
    for _ in range(CONJUGATE_STEPS):
        if size < RESIDUAL:
            break
        curved = product(direction)
        rate = size / (direction @ curved)
        x, residual = x + rate * direction, residual - rate * curved
        before, size = size, residual @ residual
        direction = residual + size / before * direction
    return x


def derivatives(value: Tensor, of: Sequence[Tensor], *, create_graph: bool = False) -> Tensor:
    """By all numbers of these tensors, one after another; the graph is kept."""
    return flat(torch.autograd.grad(value, of, create_graph=create_graph, retain_graph=True, materialize_grads=True))


def flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
