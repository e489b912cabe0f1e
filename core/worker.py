"""The process that trains one run: claims its row, reports into the store, obeys it, and leaves the queue in order."""

import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

import torch

from core.config.run import parse
from core.errors import NoRunError, StoreError
from core.runs import hardware
from core.runs.artifacts import checkpoint_folder
from core.runs.home import Home
from core.runs.launchers import identify
from core.runs.scheduler import reconcile
from core.runs.store import RunStore
from core.training.build import open_family, threads
from core.training.device import open_device, out_of_memory
from core.training.evaluation import EvaluationResult
from core.training.trainer import Desired, Progress, Row, Stopped, Trainer
from data.errors import InnerloopError
from data.folders import Folders

T = TypeVar("T")

PATIENCE = 300.0  # seconds for which a database that is locked or out of reach does not end a training


def patiently(call: Callable[[], T]) -> T:
    """What the store answers, asked again for PATIENCE seconds while it cannot. A run that was deleted is not waited for."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except NoRunError:
            raise
        except StoreError as error:
            if time.monotonic() > deadline:
                raise
            print(f"{error} Trying again.", flush=True)
            time.sleep(1.0)


class StoreListener:
    """Puts what the trainer says into the run's row and passes on what is wanted of it."""

    def __init__(self, store: RunStore, run: int, slot: str):
        self.store, self.run, self.slot, self.terminated = store, run, slot, False
        self.loading, self.paused = 0.0, False

    def terminate(self, _signal: int, _frame: FrameType | None) -> None:
        """SIGTERM: the machine is shutting down or somebody ends us; stop with a checkpoint at the next beat."""
        self.terminated = True

    def progress(self, progress: Progress) -> Desired:
        load = hardware.load(self.slot, os.getpid())
        if torch.cuda.is_initialized():
            load["torch_memory"] = torch.cuda.max_memory_allocated(self.slot)
        columns = {
            "phase": progress.phase,
            "iteration": progress.iteration,
            "seconds": progress.seconds,
            "rate": progress.rate,
            "remaining": progress.remaining,
            "load": {**load, "fraction": progress.fraction},
        }
        desired = patiently(lambda: self.store.heartbeat(self.run, **columns))
        if self.terminated:
            return "stop"
        paused = desired == "pause"
        if paused != self.paused:
            to, only_from = ("paused", {"running"}) if paused else ("running", {"paused"})
            patiently(lambda: self.store.move(self.run, to, only_from))
            self.paused = paused
        return desired

    def loaded(self, fraction: float, _text: str) -> None:
        """Decoding a data set, before training."""
        if time.monotonic() - self.loading > 1.0:
            self.loading = time.monotonic()
            if (
                self.store.heartbeat(self.run, phase="loading", load={"fraction": fraction}) == "stop"
                or self.terminated
            ):
                raise Stopped

    def metrics(self, rows: list[Row]) -> None:
        patiently(lambda: self.store.add_metrics(self.run, rows))

    def evaluated(self, result: EvaluationResult, iteration: int, best: bool) -> None:
        patiently(lambda: self._evaluated(result, iteration, best))

    def _evaluated(self, result: EvaluationResult, iteration: int, best: bool) -> None:
        whole = result.as_json(self.run)
        self.store.add_evaluation(
            self.run,
            iteration,
            result.split,
            result.metric.name,
            result.mean,
            result.ci95,
            episodes=result.episodes,
            non_finite=result.non_finite,
            checkpoint=result.protocol["checkpoint"],
            result=whole,
            scores=result.scores,
        )
        if best:
            score = {"iteration": iteration, "metric": result.metric.name, "mean": result.mean, "ci95": result.ci95}
            self.store.update(self.run, best=score)
        if result.split == "test":
            self.store.update(self.run, test=whole)

    def prepared(self, forward: str) -> None:
        self.store.update(self.run, forward=forward)

    def check(self) -> None:
        """Nobody else can have this run."""

    def resumed(self, iteration: int) -> None:
        self.store.truncate_after(self.run, iteration)


def work(home: Home, id: int) -> bool:
    """Train the run to its end; whether it finished. Ends quietly if the run is not ours to start."""
    store = RunStore(home.database)
    run, own = store.get(id), identify()
    process = {"pid": own.pid, "pid_created": own.created, "boot_id": own.boot_id, "host": own.host}
    if not store.move(id, "running", {"starting"}, **process, heartbeat=time.time(), phase="loading"):
        print(f"Run {id} is {run.status}, not waiting for a worker.")
        return False
    listener = StoreListener(store, id, run.slot)
    signal.signal(signal.SIGTERM, listener.terminate)
    for ignored in (signal.SIGINT, signal.SIGHUP):  # the terminal that started us may go; the run stays
        signal.signal(ignored, signal.SIG_IGN)
    try:
        status, error, remedy = _train(home, store, id, listener)
        patiently(lambda: store.move(id, status, {"running", "paused", "starting"}, error=error, remedy=remedy))
        print(f"Run {id} {status}. {error}", flush=True)
    finally:
        reconcile(store, home)
    return status == "finished"


def _train(home: Home, store: RunStore, id: int, listener: StoreListener) -> tuple[str, str, str]:
    """Status, error and remedy with which the run ends. A traceback goes to the log, its last line to the page."""
    try:
        run = store.get(id)
        config = parse({**run.config, "device": "auto"})  # the scheduler has given the device: the slot
        folders = Folders(Path(run.datasets), home.cache)
        torch.set_num_threads(threads(config, folders))
        device = open_device(run.slot)
        store.update(id, iterations=config.training.iterations, device=_device_name(run.slot))
        # A run stays with the data it was given.
        family = open_family(config, Path(run.datasets), home.cache, device, listener.loaded)
        Trainer(config, family, checkpoint_folder(run), listener).run()
    except Stopped:
        return "stopped", "", ""
    except InnerloopError as error:
        traceback.print_exc()
        return "failed", error.message, error.remedy
    except Exception as error:  # a bug, ours or in the person's own network: shown, kept in the log, and never lost
        traceback.print_exc()
        if out_of_memory(error):
            return (
                "failed",
                f"The device's memory is full: {_last_line(error)}",
                (
                    "Lower training.meta_batch_size, family.n_query or algorithm.inner_steps, or set algorithm.first_order."
                ),
            )
        return "failed", _last_line(error), "The whole traceback is in the log below."
    return "finished", "", ""


def _device_name(slot: str) -> str:
    if slot.startswith("cuda"):
        return torch.cuda.get_device_name(slot)
    if slot == "mps":
        return "Apple GPU"
    count = torch.get_num_threads()
    return f"CPU · {count} thread{'s' if count > 1 else ''}"


def _last_line(error: Exception) -> str:
    return traceback.format_exception_only(error)[-1].strip().splitlines()[-1]
