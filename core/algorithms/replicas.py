"""Replicas of a learner, which work on different tasks at the same time: each in a thread with processor cores of its own.

Threads that share a convolution of few examples wait for each other at its end, and all of them for one whose core somebody
else is using. Tasks need each other for nothing but the sum of their gradients.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from core.algorithms.portion import Portion, StepReport, summed
from data.batch import Episodes, TaskBatch

if TYPE_CHECKING:
    from core.algorithms.base import Algorithm

T = TypeVar("T")
MOST = 8  # replicas: what is Python of their work takes turns


class Interrupted(Exception):
    """Ends the work of a replica that nobody waits for any more."""


def may_be_divided(learner: Algorithm) -> bool:
    """Whether tasks may be divided among replicas of it, and that is faster: convolutions on a processor.

    Not for a network that draws random numbers, whose order would not be the same each time, nor for a learner that keeps
    averages of what it has seen.
    """
    convolves = bool(learner.forward_tasks.norms) and learner.family.device.type == "cpu"
    return convolves and learner.network_repeats and next(learner.buffers(), None) is None


class Replicas:
    """As many replicas of a learner as it takes, on the same weights in memory, with gradients of their own."""

    def __init__(self, learner: Algorithm):
        self.learner, self.as_written = learner, learner.learn
        self.twins: list[Algorithm] = []
        self.pool = ThreadPoolExecutor(MOST - 1, "replica")

    def learn(self, batch: TaskBatch, share: float = 1.0) -> StepReport:
        """As the learner's: gradients are added up in the order of the tasks, so that the same cores give the same numbers.

        On other numbers of cores they are the same up to the order of sums.
        """
        if not self.divides(batch):
            return self.as_written(batch, share)
        with self.learner.forward_tasks.twice_differentiable():  # which is said for all threads at once
            reports = self.each(batch, lambda one, part, fraction, _: one.learn(part, share * fraction))
        for p, *copies in zip(self.learner.parameters(), *(one.parameters() for one in self.twins), strict=True):
            for other in copies:
                if other.grad is not None:
                    p.grad = other.grad if p.grad is None else p.grad + other.grad
                    other.grad = None
        return summed(reports)

    def divides(self, batch: TaskBatch) -> bool:
        """Whether there is anything to divide, and among whom."""
        return isinstance(batch, Episodes) and min(batch.tasks, torch.get_num_threads()) > 1

    def each(
        self,
        batch: Episodes,
        work: Callable[[Algorithm, Episodes, float, Callable[[float], None]], T],
        tick: Callable[[float], None] | None = None,
    ) -> list[tuple[T, float]]:
        """What each replica makes of its run of the tasks, with its share of them.

        The first of them works in this thread. work: a replica, its tasks, their share, what to call with the fraction of
        them that is done. tick: called in this thread with the fraction of all; what it raises ends the others' work.
        """
        cores = torch.get_num_threads()
        count = min(cores, batch.tasks, MOST)
        parts = [part for rank in range(count) for part in Portion(rank, count).parts(batch.tasks)]
        while len(self.twins) < count:
            self.twins.append(replica(self.learner))
        done, over = [0.0] * count, threading.Event()

        def run(rank: int) -> T:
            def note(fraction: float) -> None:
                done[rank] = fraction
                if over.is_set():
                    raise Interrupted
                if tick and not rank:
                    tick(min(done))

            torch.set_num_threads(cores // count)
            bring_up_to_date(self.twins[rank], self.learner)
            tasks, share = parts[rank]
            return work(self.twins[rank], batch[tasks], share, note)

        others = [self.pool.submit(copy_context().run, run, rank) for rank in range(1, count)]
        try:
            found = [run(0), *(job.result() for job in others)]
        finally:
            over.set()
            wait(others)  # nobody goes on with weights that another still reads
            torch.set_num_threads(cores)
        return [(one, share) for one, (_, share) in zip(found, parts, strict=True)]

    def close(self) -> None:
        self.pool.shutdown()


@contextmanager
def replicas_of(learner: Algorithm) -> Iterator[Replicas | None]:
    """For a while; None where they would not be faster."""
    if not may_be_divided(learner) or torch.get_num_threads() < 2:
        yield None
        return
    replicas = Replicas(learner)
    try:
        yield replicas
    finally:
        replicas.close()


def replica(learner: Algorithm) -> Algorithm:
    """The same learner, that reads the same weights in memory and keeps gradients of its own."""
    own = {id(p): nn.Parameter(p.detach(), requires_grad=p.requires_grad) for p in learner.parameters()}
    kept = {id(learner.family): learner.family, id(learner.forward_tasks.turn): threading.RLock()}
    method = learner.__dict__.get("learn")  # it may be the one that asks for replicas
    found = copy.deepcopy(learner, own | kept | {id(method): None})
    found.__dict__.pop("learn", None)
    return found


def bring_up_to_date(one: Algorithm, learner: Algorithm) -> None:
    """Whatever became of the learner since: other weights, or elsewhere in memory; another mode."""
    one.progress = learner.progress
    one.train(learner.training)
    for mine, its in zip(one.parameters(), learner.parameters(), strict=True):
        mine.data, mine.grad = its.data, None
