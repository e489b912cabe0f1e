"""The queue: which runs may start, which workers have vanished, and what a user wants of them.

Nobody is in charge: the server, each page and each worker's end call ``reconcile``, and one exclusive transaction makes
sure that each run is started once. So the queue advances with no page open and no server up.
"""

import time
from collections.abc import Sequence
from typing import Any

from core.errors import RunError
from core.runs import hardware
from core.runs.home import Home
from core.runs.launchers import Launcher, LocalLauncher
from core.runs.schema import ACTIVE, ENDED, RESUMABLE, Run
from core.runs.store import RunStore

SILENCE = 15.0  # seconds without a heartbeat after which a worker that was asked to stop is killed
START = 30.0  # seconds within which a worker that was claimed gets its pid recorded
_VANISHED = "The worker process vanished; it may have been killed, or the machine ran out of memory or restarted."
_RESUME = "Resume the run to continue from its last checkpoint; worker.log in its folder may say more."


def reconcile(
    store: RunStore, home: Home, launcher: Launcher | None = None, slots: Sequence[str] | None = None
) -> list[int]:
    """Bring the store into line with reality and start what can start; returns the runs that were started.

    Idempotent, cheap when there is nothing to do, and safe to call from any number of threads and processes at once.
    slots: the places for one run each, by default those of this machine.
    """
    launcher = launcher or LocalLauncher()
    if not store.runs(status={"queued"} | ACTIVE):
        return []
    slots = hardware.slots() if slots is None else slots
    with store.exclusive():
        active = _still_active(store, launcher)
        claimed = _claim(store, launcher.host, slots, {run.slot for run in active})
    for run in active:  # outside the transaction: to end a process takes seconds
        if _hung(run):
            launcher.stop(run)
    return [run for run, slot in claimed if _spawn(store, home, launcher, run, slot)]


def submit(
    store: RunStore,
    home: Home,
    configs: Sequence[tuple[str, dict[str, Any]]],
    group: str | None = None,
    *,
    launcher: Launcher | None = None,
    parent: int | None = None,
) -> list[Run]:
    """Queue runs, given as (name, config), all or none, and start those for which there is room."""
    launcher = launcher or LocalLauncher()
    places = {"folder_root": home.runs_folder, "datasets": home.datasets}
    with store.exclusive():
        ids = [
            store.create(config, name, group, **places, parent=parent, host=launcher.host).id
            for name, config in configs
        ]
    reconcile(store, home, launcher)
    return [store.get(id) for id in ids]


def stop(store: RunStore, home: Home, id: int, launcher: Launcher | None = None) -> Run:
    """Ask a run to save a checkpoint and end; one that still waits in the queue ends at once."""
    with store.exclusive():
        run = _unfinished(store, id, "stopped")
        store.update(id, desired="stop", stop_requested=run.stop_requested or time.time())
        store.move(id, "stopped", only_from={"queued"})
    reconcile(store, home, launcher)
    return store.get(id)


def pause(store: RunStore, home: Home, id: int, launcher: Launcher | None = None) -> Run:
    """Ask a run to wait where it is, with its device kept; a queued one keeps its place and does not start."""
    with store.exclusive():
        run = _unfinished(store, id, "paused")
        if run.desired == "stop":
            raise RunError(f"Run {id} is being stopped and cannot be paused.", "Resume it once it has stopped.")
        store.update(id, desired="pause")
    reconcile(store, home, launcher)
    return store.get(id)


def resume(store: RunStore, home: Home, id: int, launcher: Launcher | None = None) -> Run:
    """Queue a stopped, failed or lost run again, from its last checkpoint; let a paused one go on."""
    launcher = launcher or LocalLauncher()
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
            nobody = {"host": launcher.host, "pid": None, "pid_created": None, "boot_id": None, "load": None}
            store.move(id, "queued", only_from=RESUMABLE, **fresh, **nobody, attempt=run.attempt + 1)
        elif run.desired == "pause" and run.status not in ENDED:
            store.update(id, desired="run")
        else:
            remedy = "Duplicate it to train again." if run.status == "finished" else "Stop it first, or let it go on."
            raise RunError(f"Run {id} is {run.status} and cannot be resumed.", remedy)
    reconcile(store, home, launcher)
    return store.get(id)


def _unfinished(store: RunStore, id: int, what: str) -> Run:
    run = store.get(id)
    if run.status in ENDED:
        raise RunError(f"Run {id} is {run.status} and cannot be {what}.", "Only a run that is queued or active can be.")
    return run


def _still_active(store: RunStore, launcher: Launcher) -> list[Run]:
    """This host's runs with a living worker, oldest first; those whose worker has vanished are given up."""
    active = []
    for run in reversed(store.runs(status=ACTIVE)):
        if not _vanished(run, launcher):
            active += [run] if run.host == launcher.host else []
        elif run.desired == "stop":
            store.move(run.id, "stopped", only_from=ACTIVE)
        else:
            store.move(run.id, "lost", only_from=ACTIVE, error=_VANISHED, remedy=_RESUME)
    return active


def _vanished(run: Run, launcher: Launcher) -> bool:
    alive = launcher.alive(run)
    if alive is None:  # on another host, which is asked to look after it; only a user's stop gives up on that
        return _hung(run, patience=4 * SILENCE)
    if run.pid is None:  # claimed, and perhaps being spawned by another process at this moment
        return time.time() - max(run.started or 0.0, run.heartbeat or 0.0) > START
    return not alive


def _hung(run: Run, patience: float = SILENCE) -> bool:
    """Asked to stop a while ago, and silent since. A late heartbeat alone kills nobody: a step may just be long."""
    asked = run.desired == "stop" and run.stop_requested is not None
    return asked and time.time() - max(run.stop_requested, run.heartbeat or 0.0) > patience


def _claim(store: RunStore, host: str, slots: Sequence[str], occupied: set[str]) -> list[tuple[int, str]]:
    """Give each free slot to the oldest queued run that fits it; returns (run, slot)."""
    claimed = []
    for run in reversed(store.runs(status={"queued"})):
        if run.host not in (None, host) or run.desired != "run":
            continue
        device = run.config.get("device", "auto")
        fitting = hardware.fitting(device, list(slots))
        free = [slot for slot in fitting if slot not in occupied]
        if not fitting:
            message = f"The device {device} does not exist here; there is {', '.join(slots)}."
            remedy = "Duplicate the run and choose another device, or auto."
            store.move(run.id, "failed", only_from={"queued"}, error=message, remedy=remedy)
        elif free:
            occupied.add(free[0])
            claimed.append((run.id, free[0]))
            fresh = {"started": time.time(), "slot": free[0], "host": host, "pid": None, "heartbeat": None}
            store.move(run.id, "starting", only_from={"queued"}, **fresh)
    return claimed


def _spawn(store: RunStore, home: Home, launcher: Launcher, run: int, slot: str) -> bool:
    try:
        handle = launcher.start(run, home, slot)
    except RunError as error:
        store.move(run, "failed", only_from={"starting"}, error=error.message, remedy=error.remedy)
        return False
    store.update(run, pid=handle.pid, pid_created=handle.created, boot_id=handle.boot_id, host=handle.host)
    return True
