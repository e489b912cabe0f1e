"""Replicas of a learner, which work on different tasks at the same time: each in a thread with processor cores of its own.

Threads that share a convolution of few examples wait for each other at its end, and all of them for one whose core somebody
else is using. Tasks need each other for nothing but the sum of their gradients.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import cache, partial, reduce
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from core.algorithms.portion import Portion, StepReport, summed
from data.batch import Episodes, TaskBatch

if TYPE_CHECKING:
    from core.algorithms.base import Algorithm

T = TypeVar("T")
Gradients = Sequence[Tensor | None]
Taken = tuple[Gradients, StepReport]  # of the parameters that are learned, and what is reported
Take = Callable[["Algorithm", Episodes], Taken]  # a replica and a single task
MOST = 8  # replicas: what is Python of their work takes turns
GLANCE = 0.1  # seconds between two looks at those that take longer than the first
Tick = Callable[[float], None]  # fraction done in [0, 1]; raises to interrupt


class Interrupted(Exception):
    """Ends the work of a replica that nobody waits for any more."""


def may_be_divided(learner: Algorithm) -> bool:
    """Whether tasks may be divided among replicas of it, and that is faster: a network with BatchNorm on a processor, which
    is one of convolutions.

    Not for a network that draws random numbers, whose order would not be the same each time, nor for a learner that keeps
    more than its parameters from one meta-step to the next.
    """
    convolves = bool(learner.forward_tasks.norms) and learner.family.device.type == "cpu"
    kept = learner.state_dict().keys() - dict(learner.named_parameters()).keys()
    return convolves and learner.network_repeats and not kept


@cache
def pool() -> ThreadPoolExecutor:
    """Of all replicas of this process, so that they use the same memory one after the other."""
    return ThreadPoolExecutor(MOST - 1, "replica")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # threads stay behind


def divided(tasks: int, cores: int) -> list[tuple[slice, float]]:
    """Each replica's tasks and their share: by as few as leave none of them more tasks than it would have among the most."""
    return Portion(at_once=-(-tasks // min(tasks, cores, MOST))).parts(tasks)


class Replicas:
    """As many replicas of a learner as it takes, on the same weights in memory, with gradients of their own."""

    def __init__(self, learner: Algorithm):
        self.learner = learner
        self.twins: list[Algorithm] = []

    def by_task(self, batch: Episodes, take: Take) -> Taken:
        """The means over the tasks of what ``take`` gives. Each replica calls it for one of its tasks after the other.

        Sums are taken in the order of the tasks, so that the same cores give the same numbers. On other numbers of cores they
        are the same up to the order of sums.
        """

        def work(one: Algorithm, part: Episodes, *_: object) -> tuple[Gradients, list[StepReport]]:
            found, reports = [], []
            for i in range(part.tasks):
                gradients, report = take(one, part[i : i + 1])
                found = added(found, gradients) if found else gradients
                reports.append(report)
            return found, reports

        parts = [one for one, _ in self.each(batch, work)]
        sums = reduce(added, [found for found, _ in parts])
        means = [None if one is None else one / batch.tasks for one in sums]
        return means, summed([(report, 1 / batch.tasks) for _, reports in parts for report in reports])

    def divides(self, batch: TaskBatch) -> bool:
        """Whether there is anything to divide, and among whom."""
        return isinstance(batch, Episodes) and min(batch.tasks, torch.get_num_threads()) > 1

    def each(
        self, batch: Episodes, work: Callable[[Algorithm, Episodes, float, Tick], T], tick: Tick | None = None
    ) -> list[tuple[T, float]]:
        """What each replica makes of its run of the tasks, with its share of them. The first works in this thread.

        work: a replica, its tasks, their share, what to call with the fraction of them that is done. tick: called in this
        thread with the fraction of all. While it does not come back, the others wait; what it raises ends their work.
        """
        cores = torch.get_num_threads()
        parts = divided(batch.tasks, cores)
        count = len(parts)
        while len(self.twins) < count:
            self.twins.append(replica(self.learner))
        done, over, going = [0.0] * count, threading.Event(), threading.Event()
        going.set()

        def note(rank: int, fraction: float) -> None:
            done[rank] = fraction
            if tick and not rank:
                going.clear()
                tick(min(done))
                going.set()
            going.wait()
            if over.is_set():
                raise Interrupted

        def run(rank: int) -> T:
            torch.get_num_threads()  # a thread's first look takes what another has set, so it comes before its own
            torch.set_num_threads(cores * (rank + 1) // count - cores * rank // count)
            bring_up_to_date(self.twins[rank], self.learner)
            tasks, share = parts[rank]
            try:
                return work(self.twins[rank], batch[tasks], share, partial(note, rank))
            except BaseException:
                over.set()
                raise

        others: list[Future[T]] = []
        try:
            with self.learner.forward_tasks.twice_differentiable():  # which is said for all threads at once
                try:
                    for rank in range(1, count):
                        others.append(pool().submit(copy_context().run, run, rank))
                    found = [run(0)]
                    while tick and wait(others, GLANCE).not_done:
                        tick(min(done))
                    found += [job.result() for job in others]
                finally:
                    over.set()
                    going.set()
                    wait(others)  # nobody goes on with weights that another still reads
        except Interrupted:  # in this thread: for what went wrong in another
            raise next(
                error for job in others if not isinstance(error := job.exception(), Interrupted | None)
            ) from None
        finally:
            torch.set_num_threads(cores)
        return [(one, share) for one, (_, share) in zip(found, parts, strict=True)]


def added(ones: Gradients, others: Gradients) -> Gradients:
    pairs = zip(ones, others, strict=True)
    return [other if one is None else one if other is None else one + other for one, other in pairs]


def replicas_of(learner: Algorithm) -> Replicas | None:
    """None where they would not be faster."""
    return Replicas(learner) if may_be_divided(learner) and torch.get_num_threads() > 1 else None


def replica(learner: Algorithm) -> Algorithm:
    """The same learner, that reads the same weights in memory and keeps gradients of its own."""
    turn = learner.forward_tasks.turn
    # What others have put in the place of its methods is theirs, and no replica's to call.
    given = [name for name in vars(learner) if callable(getattr(type(learner), name, None))]
    with turn:  # which puts other weights in the place of the network's own
        own = {id(p): nn.Parameter(p.detach(), requires_grad=p.requires_grad) for p in learner.parameters()}
        theirs = {id(vars(learner)[name]): None for name in given}
        kept = {id(learner.family): learner.family, id(turn): threading.RLock()}
        found = copy.deepcopy(learner, own | theirs | kept)
    for name in given:
        delattr(found, name)
    return found


def bring_up_to_date(one: Algorithm, learner: Algorithm) -> None:
    """Whatever became of the learner since: other weights, or elsewhere in memory; another mode."""
    one.progress = learner.progress
    one.train(learner.training)
    with learner.forward_tasks.turn:
        for mine, its in zip(one.parameters(), learner.parameters(), strict=True):
            mine.data, mine.grad = its.data, None
