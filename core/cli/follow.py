"""Watching a run from the command line: progress on stderr, Ctrl-C as a stop."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from core import diverged
from core.runs import scheduler
from core.runs.facts import Facts
from core.runs.home import Home
from core.runs.scheduler import Launch
from core.runs.schema import ENDED, Run
from core.runs.store import RunStore

POLL = 0.5  # seconds between two looks
LONG = 3.0  # seconds that a command takes before progress is worth showing


def all_to_end(store: RunStore, home: Home, ids: list[int]) -> list[Run]:
    """Follow runs one after the other. Ctrl-C asks them all to stop, and waits for their checkpoints."""
    with collected_interrupts() as interrupts:
        return [to_end(store, home, id, interrupts) for id in ids]


def one_by_one(store: RunStore, home: Home, launches: Sequence[Launch], group: str) -> Iterator[Run]:
    """Queue each once the run before it has ended. Ctrl-C stops the current one, and queues no more."""
    with collected_interrupts() as interrupts:
        for launch in launches:
            (run,) = scheduler.submit(store, home, [launch], group)
            yield to_end(store, home, run.id, interrupts)
            if interrupts:
                return


def to_end(store: RunStore, home: Home, id: int, interrupts: list[int]) -> Run:
    """Follow a run with a progress bar until it has ended, asking it to stop once there is an interrupt."""
    run, seen, told = store.get(id), 0, None
    training = run.config["training"]
    total = None if training.get("minutes") else training["iterations"]  # a time budget ends at no known iteration
    asked = False
    with tqdm(
        total=total, initial=run.iteration, desc=f"run {id} {run.name}", unit="it", file=sys.stderr, dynamic_ncols=True
    ) as line:
        while run.status not in ENDED:
            if not interrupts:
                time.sleep(POLL)
            elif not asked:
                asked = True
                line.write(
                    f"Stopping run {id} with a checkpoint; `python -m core resume {id}` goes on.", file=sys.stderr
                )
                scheduler.stop(store, home, id)
            else:
                time.sleep(POLL / 5)
            scheduler.reconcile(store, home)
            run = store.get(id)
            line.update(run.iteration - line.n)
            left = f", {tqdm.format_interval(run.remaining)} left" if run.remaining is not None else ""
            line.set_postfix_str(f"{run.phase or run.status}{left}")
            for result in store.evaluations(id, after=seen):
                seen, before, told = result.id, told, (result.checkpoint, result.split, result.mean)
                if told == before:  # which was told before its curve was complete
                    continue
                text = scored(run, result.result or {"mean": result.mean, "ci95": result.ci95})
                line.write(f"iteration {result.iteration}: {result.split} {text}", file=sys.stderr)
    return run


def until_ended(store: RunStore, home: Home, id: int) -> Run:
    """Wait for a run that was asked to stop."""
    while (run := store.get(id)).status not in ENDED:
        time.sleep(POLL / 5)
        scheduler.reconcile(store, home)
    return run


@contextmanager
def collected_interrupts() -> Iterator[list[int]]:
    """Ctrl-C as an entry in a list: as an exception it could come between claiming a run and starting its worker."""
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def bar(title: str, delay: float = 0.0) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr that is told the fraction done. delay: seconds before it is shown."""
    with tqdm(total=100, desc=title, unit="%", file=sys.stderr, leave=False, delay=delay) as line:
        yield lambda fraction: line.update(round(100 * fraction) - line.n)


def scored(run: Run, result: dict[str, Any]) -> str:
    """A score of a run with what it is and its interval, ``accuracy 94.83 ± 0.41 %``, and how many tasks diverged."""
    metric = Facts.of(run).metric
    return f"{metric.title} {metric.text(result['mean'], result['ci95'])}{diverged.remark(metric, result)}"
