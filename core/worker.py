"""The process that trains one run: claims its row, reports into the store, obeys it, and leaves the queue in order."""

import io
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from typing import Any, TextIO, TypeVar

import torch

from core import diverged
from core.algorithms.base import Algorithm
from core.config.checks import parse
from core.errors import StoreError
from core.mirror import mirrored
from core.runs import hardware, sigterm, views
from core.runs.artifacts import Artifacts, LocalArtifacts
from core.runs.attempt import Attempt, Superseded
from core.runs.facts import Facts
from core.runs.home import Home
from core.runs.launchers import launcher_of
from core.runs.scheduler import reconcile
from core.runs.schema import Run
from core.runs.store import RunStore
from core.runs.system import System
from core.training.account import versions
from core.training.build import open_family, threads
from core.training.device import open_device, release
from core.training.evaluation import EvaluationResult
from core.training.listener import Desired, Progress, Row, Stopped
from core.training.log import apart, written
from core.training.memory import REMEDY, out_of_memory
from core.training.parallel import Team
from core.training.together import Member, Together
from core.training.trainer import Trainer
from data.errors import InnerloopError
from data.family import SPLIT_TITLES
from data.language import mark
from data.view import Shown

T = TypeVar("T")
TRACEBACK = mark("The whole traceback is in the log below.")
log = logging.getLogger(__name__)

# What a run's row keeps of its best validation, beside the iteration.
BEST = ("metric", "mean", "ci95", "median", "quartiles", "diverged", "episodes")
PATIENCE = 300.0  # seconds for which a database that is locked or out of reach does not end a training


class Unfailing(io.TextIOBase):
    """A stream that loses what it cannot write: a log on a full disk must not end the training that waits for space."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self.stream.flush()


def patiently(call: Callable[[], T]) -> T:
    """What the store answers, asked again for PATIENCE seconds while it cannot for a reason that may pass."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except StoreError as error:
            if not error.passing or time.monotonic() > deadline:
                raise
            log.warning("%s Trying again.", error)
            time.sleep(1.0)


class StoreListener:
    """Puts what the trainer says into the run's row and passes on what is wanted of it."""

    def __init__(self, attempt: Attempt, slot: str, artifacts: Artifacts, system: System, team: Team | None = None):
        """team: the other processes that train this run."""
        self.attempt, self.slot, self.artifacts, self.system = attempt, slot, artifacts, system
        self.device, self.others = (team.devices[0], team.pids) if team else (slot, [])
        self.loading, self.paused = 0.0, False
        self.load = {}  # as it was at the last sign of life
        self.heard, self.pace = None, None  # when the last sign of life was given; the longest time between two

    def progress(self, progress: Progress) -> Desired:
        spent = {activity: round(seconds, 6) for activity, seconds in progress.spent.items()}
        self.load = hardware.load(self.slot, os.getpid(), *self.others)
        load = self.load | {"fraction": progress.fraction, "pace": self._paced(), "spent": spent}
        if torch.cuda.is_initialized():
            load["torch_memory"] = torch.cuda.max_memory_allocated(self.device)
        columns = {
            "phase": progress.phase, "iteration": progress.iteration, "seconds": progress.seconds, "rate": progress.rate,
            "remaining": progress.remaining, "load": load,
        }  # fmt: skip
        desired = patiently(lambda: self.attempt.heartbeat(**columns))
        if sigterm.asked():
            return "stop"
        paused = desired == "pause"
        if paused != self.paused:
            to, only_from = ("paused", {"running"}) if paused else ("running", {"paused"})
            patiently(lambda: self.attempt.move(to, only_from))
            self.paused = paused
        return desired

    def _paced(self) -> float | None:
        """Seconds, None before the first step is over: how long the scheduler has to wait for an answer."""
        now = time.monotonic()
        if self.heard is not None:
            self.pace = max(self.pace or 0.0, now - self.heard)
        self.heard = now
        return self.pace

    def loaded(self, fraction: float, _text: str) -> None:
        """Decoding a data set, before training."""
        if time.monotonic() - self.loading > 1.0:
            self.loading = time.monotonic()
            columns = {"phase": "loading", "load": {"fraction": fraction}}
            if patiently(lambda: self.attempt.heartbeat(**columns)) == "stop" or sigterm.asked():
                raise Stopped

    def metrics(self, rows: list[Row]) -> None:
        iteration, seconds, *_ = rows[-1]
        # The load is not asked for again: between two questions so close there is no processor time to count.
        rows = [*rows, *self.system.rows(iteration, seconds, self.load)]
        patiently(lambda: self.attempt.add_metrics(rows))

    def scored(self, result: EvaluationResult, iteration: int) -> None:
        self._add(result, iteration, result.as_json(self.attempt.run))

    def evaluated(self, result: EvaluationResult, iteration: int, best: bool) -> None:
        whole = result.as_json(self.attempt.run)
        if said := diverged.sentence(whole):
            log.warning("%s at %d: %s", SPLIT_TITLES[result.split], iteration, said)
        score = {"iteration": iteration} | {key: whole[key] for key in BEST}
        self._add(result, iteration, whole, score if best else None, whole if result.split == "test" else None)

    def _add(
        self,
        result: EvaluationResult,
        iteration: int,
        whole: dict[str, Any],
        best: dict[str, Any] | None = None,
        test: dict[str, Any] | None = None,
    ) -> None:
        patiently(
            lambda: self.attempt.add_evaluation(
                *(iteration, result.split, result.metric.name, result.mean, result.ci95),
                episodes=result.episodes,
                non_finite=result.non_finite,
                checkpoint=result.protocol["checkpoint"],
                result=whole,
                scores=result.scores,
                best=best,
                test=test,
            )
        )

    def shown(self, shown: Shown, best: int | None) -> None:
        self.check()
        try:
            views.keep(self.artifacts, shown, best)
        except StoreError as error:  # only there to be looked at: a full disk must not end the training for it
            log.warning("%s", error)

    def prepared(self, algorithm: Algorithm) -> None:
        processes = 1 + len(self.others)
        torch.set_num_threads(threads(algorithm, processes))
        forward = algorithm.forward_tasks.mode
        device = f"{processes} × {_device_name(self.device)}".removeprefix("1 × ")
        patiently(lambda: self.attempt.update(forward=forward, device=device))
        log.info("device: %s", device)
        hardware.load(self.slot, os.getpid(), *self.others)  # from here on processor time is counted

    def check(self) -> None:
        patiently(self.attempt.check)

    def resumed(self, iteration: int) -> None:
        patiently(lambda: self.attempt.truncate_after(iteration))
        views.drop_after(self.artifacts, iteration)


def work(home: Home, id: int, number: int | None = None, others: Mapping[int, int] | None = None) -> bool:
    """Train the run to its end; whether it finished. Ends quietly if the run is not ours to start.

    number: of the attempt this worker was started for; None for the run's present one. others: runs that are trained beside
    it, and their attempts: they differ in their seed alone, and take their meta-steps together.
    """
    sys.stdout, sys.stderr = Unfailing(sys.stdout), Unfailing(sys.stderr)
    sigterm.listen()
    with written():
        return _all_worked(home, {id: number, **others}) if others else _worked(home, id, number)


def _all_worked(home: Home, attempts: Mapping[int, int | None]) -> bool:
    """Several runs, each in a thread of its own; whether all finished. Which of them ends how is nothing to the others."""
    try:
        return _trained_together(home, attempts)
    finally:
        _make_way(RunStore(home.database, home.root), home)


def _trained_together(home: Home, attempts: Mapping[int, int | None]) -> bool:
    meeting = Together(len(attempts))
    with ThreadPoolExecutor(len(attempts)) as pool:
        members = zip(attempts.items(), meeting.members, strict=True)
        ends = [pool.submit(_member, home, id, number, list(attempts), one) for (id, number), one in members]
    return all(end.result() for end in ends)


def _member(home: Home, id: int, number: int | None, all_ids: list[int], member: Member) -> bool:
    """One of several runs. The first one's log is the process's output, each other has its own."""
    with ExitStack() as around:
        around.callback(member.leave)
        try:
            if id != all_ids[0]:
                run = RunStore(home.database, home.root).get(id)
                file = LocalArtifacts(home.root / run.folder).log_file
                file.parent.mkdir(parents=True, exist_ok=True)
                around.enter_context(apart(Unfailing(around.enter_context(file.open("a", buffering=1)))))
            with_whom = ", ".join(str(other) for other in all_ids if other != id)
            log.info("In one process with %s, of other seeds.", f"run{'s' if len(all_ids) > 2 else ''} {with_whom}")
            return _worked(home, id, number, member)
        except Exception as error:  # what would end a process of its own ends this thread alone
            log.exception("Run %d is given up.", id)
            _give_up(home, id, number, error)
            return False


def _give_up(home: Home, id: int, number: int | None, error: Exception) -> None:
    """Say in a run's row that nobody trains it any more: its process lives on for others, so that nobody would find out."""
    store = RunStore(home.database, home.root)
    with suppress(StoreError):  # it is another's by now, deleted, or the database is out of reach: the log has it
        attempt = Attempt(store, id, store.get(id).attempt if number is None else number)
        patiently(lambda: attempt.move("failed", error=_last_line(error), remedy=TRACEBACK))


def _make_way(store: RunStore, home: Home) -> None:
    release()  # the next one on this device may start before this process is gone
    reconcile(store, home)


def _worked(home: Home, id: int, number: int | None, company: Member | None = None) -> bool:
    """company: the run's place among others in this process; who comes after them is then not this run's concern."""
    store = RunStore(home.database, home.root)
    run = store.get(id)
    attempt = Attempt(store, id, run.attempt if number is None else number)
    handle = launcher_of(home).here()
    try:
        patiently(lambda: attempt.claim(handle, heartbeat=time.time(), phase="loading"))
    except Superseded:
        log.info("Run %d is %s, not waiting for this worker.", id, run.status)
        return False
    log.info("Run %d, attempt %d: %s", id, attempt.number, run.name)
    log.info(versions())
    mirror, status = mirrored(run, store, home.root / run.folder), ""
    try:
        ended, error, remedy = _train(home, run, attempt, company)
        patiently(lambda: attempt.move(ended, error=error, remedy=remedy))
        status = ended  # of which nobody is told before it is in the store
        log.info(f"Run {id} {status}. {error}".strip())
    except Superseded as error:  # given up while it lived: whoever has the run now must not be disturbed
        log.info("%s This worker ends without a trace.", error)
    finally:
        if company is None:
            _make_way(store, home)
        if mirror:
            mirror.end(status)
    return status == "finished"


def _train(home: Home, run: Run, attempt: Attempt, company: Member | None) -> tuple[str, str, str]:
    """Status, error and remedy with which the run ends. A traceback goes to the log, its last line to the page.

    Raises Superseded where the run is not this worker's any more.
    """
    try:
        if sigterm.asked():
            raise Stopped
        run = attempt.store.get(run.id)  # the slot came with the claim
        # The scheduler has given the device: the slot. How many processes there may be depends on its kind.
        config = parse({**run.config, "device": run.slot if run.slot in (hardware.CPU, hardware.ALL_GPUS) else "auto"})
        attempt.update(iterations=config.training.iterations)
        devices = hardware.members(run.slot, hardware.slots())
        devices = devices * config.training.processes if run.slot == hardware.CPU else devices
        with Team(devices) if len(devices) > 1 else nullcontext() as team:
            artifacts = home.artifacts(run)
            facts = Facts.of(run)
            system = System(facts.work, facts.work_per_iteration)
            listener = StoreListener(attempt, run.slot, artifacts, system, team)
            device = open_device(devices[0], config.precision)
            # A run stays with the data it was given.
            family = open_family(config, home.root / run.datasets, home.cache, device, listener.loaded)
            Trainer(config, family, artifacts.checkpoints(), listener, team=team, company=company).run()
    except Stopped:
        return "stopped", "", ""
    except Superseded:
        raise
    except InnerloopError as error:
        log.exception("The run fails.")
        return "failed", error.message, error.remedy
    except Exception as error:  # a bug, ours or in the person's own network: shown, kept in the log, and never lost
        log.exception("The run fails.")
        return "failed", *_crash(error)
    return "finished", "", ""


def _crash(error: Exception) -> tuple[str, str]:
    if out_of_memory(error):
        return f"The device's memory is full: {_last_line(error)}", REMEDY
    return _last_line(error), TRACEBACK


def _device_name(slot: str) -> str:
    if slot.startswith("cuda"):
        return torch.cuda.get_device_name(slot)
    if slot == "mps":
        return "Apple GPU"
    count = torch.get_num_threads()
    return f"CPU · {count} thread{'s' if count > 1 else ''}"


def _last_line(error: Exception) -> str:
    return traceback.format_exception_only(error)[-1].strip().splitlines()[-1]
