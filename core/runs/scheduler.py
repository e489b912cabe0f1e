"""The queue: which runs may start, which workers have vanished, and what a user wants of them.

Nobody is in charge: the server, each page and each worker's end call ``reconcile``, and one exclusive transaction makes
sure that each run is started once. So the queue advances with no page open and no server up.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from core.errors import RunError
from core.runs import hardware
from core.runs.attempt import Attempt, Superseded
from core.runs.facts import cores_of
from core.runs.home import Home
from core.runs.launchers import Launcher, launcher_of
from core.runs.room import Room
from core.runs.schema import ACTIVE, ENDED, RESUMABLE, Run
from core.runs.store import RunStore
from data.language import mark, tr

SILENCE = 15.0  # seconds without a heartbeat that a worker is given at least when it was asked to stop
UNKNOWN_PACE = 300.0  # the same before it has taken its first step
TOGETHER = 8  # runs in one process at most
START = 30.0  # seconds within which a worker that was claimed gets its handle recorded
_VANISHED = mark("The worker process vanished; it may have been killed, or the machine ran out of memory or restarted.")
_RESUME = mark("Resume the run to continue from its last checkpoint; worker.log in its folder may say more.")


def reconcile(store: RunStore, home: Home, launcher: Launcher | None = None) -> list[int]:
    """Bring the store into line with reality and start what can start; returns the runs that were started.

    Idempotent, cheap when there is nothing to do, and safe to call from any number of threads and processes at once. What
    takes time, to ask for a worker, to end and to start one, happens outside the exclusive transaction; inside it counts
    only for rows that are still as they were.
    """
    launcher = launcher or launcher_of(home)
    if not any(store.unfinished()):
        return []
    active = store.runs(status=ACTIVE)
    vanished = [run for run in active if _vanished(run, launcher)]
    ours = [run for run in active if run.host == launcher.host and run.handle and run not in vanished]
    # A worker may train several runs: it is ended where nobody else's training ends with it.
    hung = [run for run in ours if all(_hung(one) for one in ours if one.handle == run.handle)]
    machine = launcher.slots(), launcher.cores()
    with store.exclusive():
        for run in vanished:
            _give_up(store, run)
        claimed = _claim(store, launcher.host, *machine)
    for run in hung:
        launcher.stop(run.handle)
    return [run.id for runs, slot in claimed if _spawn(store, home, launcher, runs, slot) for run in runs]


class Launch(NamedTuple):
    """A run to be. config: whole, as plain values. facts: as ``Facts.as_json`` gives them, for the pages."""

    name: str
    config: dict[str, Any]
    facts: dict[str, Any] | None = None


def submit(
    store: RunStore,
    home: Home,
    launches: Sequence[Launch],
    group: str | None = None,
    *,
    launcher: Launcher | None = None,
    parent: int | None = None,
    ready: Callable[[Run], None] = lambda _: None,
) -> list[Run]:
    """Queue runs, all or none, and start those for which there is room.

    ready: called with each before any can start; if it raises, nothing is queued.
    """
    launcher = launcher or launcher_of(home)
    places = {"folder_root": home.runs_folder, "datasets": home.datasets}
    with store.exclusive():
        made = [
            store.create(one.config, one.name, group, **places, parent=parent, host=launcher.host, facts=one.facts)
            for one in launches
        ]
        for run in made:
            ready(run)
    reconcile(store, home, launcher)
    return [store.get(run.id) for run in made]


def stop(store: RunStore, home: Home, id: int, launcher: Launcher | None = None) -> Run:
    """Ask a run to save a checkpoint and end; one that still waits in the queue ends at once."""
    with store.exclusive():
        run = _unfinished(store, id, mark("Run {id} is {status} and cannot be stopped."))
        store.update(id, desired="stop", stop_requested=run.stop_requested or time.time())
        store.move(id, "stopped", only_from={"queued"})
    reconcile(store, home, launcher)
    return store.get(id)


def stop_all(
    store: RunStore, home: Home, launcher: Launcher | None = None, *, only: Collection[int] | None = None
) -> list[int]:
    """Ask all runs of this home to end, as ``stop`` does; returns which were asked. only: of these, by number."""
    launcher = launcher or launcher_of(home)
    with store.exclusive():  # at once, or the end of one would start the next
        unfinished = store.runs(only, status={"queued"} | ACTIVE)
        ours = [run for run in unfinished if run.host in (launcher.host, None)]
        for run in ours:
            store.update(run.id, desired="stop", stop_requested=run.stop_requested or time.time())
            store.move(run.id, "stopped", only_from={"queued"})
    reconcile(store, home, launcher)
    return [run.id for run in ours]


def pause(store: RunStore, home: Home, id: int, launcher: Launcher | None = None) -> Run:
    """Ask a run to wait where it is, with its device kept; a queued one keeps its place and does not start."""
    with store.exclusive():
        run = _unfinished(store, id, mark("Run {id} is {status} and cannot be paused."))
        if run.desired == "stop":
            raise RunError(
                tr("Run {id} is being stopped and cannot be paused.", id=id), tr("Resume it once it has stopped.")
            )
        store.update(id, desired="pause")
    reconcile(store, home, launcher)
    return store.get(id)


def resume(store: RunStore, home: Home, id: int, launcher: Launcher | None = None) -> Run:
    """Queue a stopped, failed or lost run again, from its last checkpoint; let a paused one go on."""
    launcher = launcher or launcher_of(home)
    with store.exclusive():
        run = store.get(id)
        if run.status in RESUMABLE:
            fresh = {
                "desired": "run",
                "stop_requested": None,
                "error": "",
                "remedy": "",
                "ended": None,
                "heartbeat": None,
            }
            nobody = {"host": launcher.host, "handle": None, "load": None}
            store.move(id, "queued", only_from=RESUMABLE, **fresh, **nobody, attempt=run.attempt + 1)
        elif run.desired == "pause" and run.status not in ENDED:
            store.update(id, desired="run")
        else:
            remedy = (
                tr("Duplicate it to train again.")
                if run.status == "finished"
                else tr("Stop it first, or let it go on.")
            )
            raise RunError(tr("Run {id} is {status} and cannot be resumed.", id=id, status=tr(run.status)), remedy)
    reconcile(store, home, launcher)
    return store.get(id)


def _unfinished(store: RunStore, id: int, otherwise: str) -> Run:
    run = store.get(id)
    if run.status in ENDED:
        raise RunError(tr(otherwise, id=id, status=tr(run.status)), tr("Only a run that is queued or active can be."))
    return run


def delete(store: RunStore, home: Home, id: int) -> None:
    """Remove a run, what it measured, its checkpoints and its log. StoreError if a worker is at it."""
    home.artifacts(store.delete(id)).delete()


def waits_for(run: Run, home: Home) -> str:
    """Why a queued run of this store does not start here however long one waits; empty if it will."""
    if run.status != "queued" or run.host in (None, launcher_of(home).host):
        return ""
    return tr("It waits for another home, whose machine has to start it. Stop and resume it to train it here.")


def _vanished(run: Run, launcher: Launcher) -> bool:
    if run.host != launcher.host:  # whose host is asked to look after it; only a user's stop gives up on that
        return _hung(run, times=4)
    if run.handle is None:  # claimed, and perhaps being spawned by another process at this moment
        return time.time() - max(run.started or 0.0, run.heartbeat or 0.0) > START
    return not launcher.alive(run.handle)


def _give_up(store: RunStore, seen: Run) -> None:
    """End a run whose worker has vanished, if nothing has become of it since it was ``seen``."""
    run = store.get(seen.id)
    if (run.attempt, run.handle, run.host) != (seen.attempt, seen.handle, seen.host):
        return
    if run.desired == "stop":
        store.move(run.id, "stopped", only_from=ACTIVE)
    else:
        store.move(run.id, "lost", only_from=ACTIVE, error=_VANISHED, remedy=_RESUME)


def _hung(run: Run, times: float = 1.0) -> bool:
    """Asked to stop a while ago, and silent since. A late heartbeat alone kills nobody: a step may just be long."""
    asked = run.desired == "stop" and run.stop_requested is not None
    return asked and time.time() - max(run.stop_requested, run.heartbeat or 0.0) > times * patience(run)


def patience(run: Run) -> float:
    """Seconds of silence after which a worker that was asked to stop counts as hung: by the run's own pace, as far as known.

    A worker answers between two steps. Before its first one is over nobody knows how long it takes.
    """
    pace = (run.load or {}).get("pace")
    return UNKNOWN_PACE if pace is None else max(SILENCE, 4 * pace)


def _claim(store: RunStore, host: str, slots: Sequence[str], cores: int) -> list[tuple[list[Run], str]]:
    """Give what is free to the oldest queued runs that fit it; returns (runs of one worker, slot).

    Of a long queue it reads a row a start.
    """
    room, claimed = Room(slots, cores, training_on(store, host)), []
    while (found := _first_that_fits(store, host, room)) is not None:
        id, slot = found
        run = store.get(id)
        room.take(slot, cores_of(run))
        claimed.append(([run, *_companions(store, host, run, slot, room)], slot))
        fresh = {"started": time.time(), "slot": slot, "host": host, "handle": None, "heartbeat": None}
        for one in claimed[-1][0]:
            store.move(one.id, "starting", only_from={"queued"}, **fresh)
    return claimed


def _companions(store: RunStore, host: str, run: Run, slot: str, room: Room) -> list[Run]:
    """Queued runs that differ from this one in their seed alone and are to be trained by its worker, oldest first.

    Where several slots are free, each gets as many of them. room: without the slot that the run has taken.
    """
    if not (hardware.stacks(slot) and (run.facts or {}).get("together")):
        return []
    like = [one for one in map(store.get, store.together_in_line(host, run)) if _kind(one) == _kind(run)]
    free = 1 + sum(room.fits(one, None) for one in hardware.fitting(run.config.get("device", "auto"), room.slots))
    return like[: min(math.ceil((1 + len(like)) / free), TOGETHER) - 1]


def _kind(run: Run) -> tuple[str, dict[str, Any]]:
    """All but the seed."""
    return run.datasets, {name: value for name, value in run.config.items() if name != "seed"}


def training_on(store: RunStore, host: str) -> list[Run]:
    """The runs that have a place on this host, paused ones included, oldest first."""
    return [run for run in reversed(store.runs(status=ACTIVE)) if run.host == host and run.slot]


def _first_that_fits(store: RunStore, host: str, room: Room) -> tuple[int, str] | None:
    """The oldest queued run for which there is room, and its slot. Runs whose device does not exist here fail.

    One that waits keeps younger ones from where it might start: small ones would else never leave it all GPUs, or the whole
    processor.
    """
    kept: set[str] = set()
    for waiting in store.next_in_line(host):
        fitting = hardware.fitting(waiting.device, room.slots)
        for slot in fitting:
            if kept.isdisjoint(room.members(slot)) and room.fits(slot, waiting.cores):
                return waiting.id, slot
        kept.update(member for slot in fitting for member in room.members(slot))
        if not fitting:
            message = f"The device {waiting.device} does not exist here; there is {', '.join(room.slots)}."
            remedy = mark("Duplicate the run and choose another device, or auto.")
            for hopeless in store.all_in_line(host, waiting.device):
                store.move(hopeless, "failed", only_from={"queued"}, error=message, remedy=remedy)
    return None


def _spawn(store: RunStore, home: Home, launcher: Launcher, runs: Sequence[Run], slot: str) -> bool:
    """runs: of one worker."""
    first, *others = runs
    attempts = [Attempt(store, run.id, run.attempt) for run in runs]
    try:
        handle = launcher.start(first, home, slot, *others)
    except RunError as error:
        for ours in attempts:
            with suppress(Superseded):  # stopped meanwhile
                ours.move("failed", {"starting"}, error=error.message, remedy=error.remedy)
        return False
    for ours in attempts:
        with suppress(Superseded):  # a worker may have come to its end before we say who it is
            ours.update(handle=handle)
    return True
