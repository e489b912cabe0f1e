"""Deleted runs: for some days they can be restored, then they are gone with their files."""

import time
from collections.abc import Sequence

from core.runs import scheduler
from core.runs.home import Home
from core.runs.run_lists import RunFilter
from core.runs.schema import Run
from core.runs.store import RunStore

DAYS = 7  # that a deleted run is kept for
DAY = 86_400.0  # seconds


def set_aside(store: RunStore, home: Home, ids: Sequence[int]) -> None:
    """Delete runs so that they can be restored, all or none. StoreError if a worker is at one of them."""
    with store.exclusive():
        for id in ids:
            store.set_aside(id)
    empty(store, home, DAYS)


def restore(store: RunStore, home: Home, ids: Sequence[int]) -> list[Run]:
    """Bring deleted runs back as they were, all or none; one that waited in the queue waits again."""
    with store.exclusive():
        for id in ids:
            store.restore(id)
    scheduler.reconcile(store, home)
    return [store.get(id) for id in ids]


def empty(store: RunStore, home: Home, days: float = 0.0) -> list[int]:
    """Remove for good what was deleted so many days ago; returns which runs. Of several homes each removes its own, with their
    files. Raises StoreError where files cannot be removed.
    """
    before, ours = time.time() - days * DAY, (None, home.host)
    removed, due = (
        [],
        [run.id for run in store.page(RunFilter("is:deleted")) if run.deleted <= before and run.host in ours],
    )
    for id in due:
        with store.exclusive():
            if store.count(RunFilter(f"is:deleted run:{id}")):  # nobody has restored it meanwhile
                scheduler.delete(store, home, id)
                removed.append(id)
    return removed
