"""What all sessions of one server share: the home, the store, the series reader, the queue, and torch's import."""

import gc
import importlib
import math
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from core.runs import bin, scheduler, warm
from core.runs.home import PROJECT, Home
from core.runs.schema import LARGEST_RUN, Run
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from data.errors import InnerloopError
from pages.parts import say

TICK = 1.0  # seconds between two looks at the queue, however many pages are open
GRACE = 1.0  # seconds from the first page's script to the import of torch
LATER = 8.0  # seconds instead, once another process has it: those in which people look around and launch something
OLD = 3600.0  # seconds between two looks at what was deleted long enough ago to go for good
STAY = 60.0  # seconds between two times that the warm process is told that somebody is here
HEAVY = ("torch", "core.config.run", "core.launch")  # what the Train page needs; seconds on first import


def follow(key: str, value: object) -> None:
    """Let a field show a value, written only where it differs: whatever is written replaces what somebody is typing then.

    For text, and for pills. A menu or a slider has to be written each time, for only then the browser learns labels that have
    changed; until it does it answers with an old one.

    Whichever it is, the widget gets the value as its default too: what is written is told the browser once, and where the page is
    drawn again before the field is there, the field shows its default and sends that.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def home() -> Home:
    """The home that the environment names: looked at once, as a tick asks for it several times."""
    return _home(*(os.environ.get(name) for name in ("INNERLOOP_HOME", "INNERLOOP_DATASETS", "INNERLOOP_DATABASE")))


@lru_cache(maxsize=8)
def _home(*_settings: str | None) -> Home:
    return Home.find()


def missing_files(config: Mapping[str, Any]) -> list[Path]:
    """The files that the family of a config of plain values needs and the data-set folder lacks."""
    from data.registry import families  # which brings torch

    return families()[config["family"]["name"]].missing(home().datasets)


@st.cache_resource(show_spinner=False)
def _store(database: str, root: Path) -> RunStore:
    return RunStore(database, root)


def store() -> RunStore:
    found = home()
    return _store(found.database, found.root)


@st.cache_resource(show_spinner=False)
def _reader(database: str, root: Path) -> SeriesReader:
    return SeriesReader(_store(database, root))


def reader() -> SeriesReader:
    """The one reader of metric curves in this process."""
    found = home()
    return _reader(found.database, found.root)


class Queue:
    """Looks after the queue at most once a TICK, whichever session asks first."""

    def __init__(self) -> None:
        self._lock, self._last, self._emptied = threading.Lock(), 0.0, -math.inf

    def tick(self) -> None:
        if time.monotonic() - self._last < TICK or not self._lock.acquire(blocking=False):
            return
        try:
            self._last = time.monotonic()
            scheduler.reconcile(store(), home())
            if time.monotonic() - self._emptied > OLD:
                self._emptied = time.monotonic()
                bin.empty(store(), home(), bin.DAYS)
        finally:
            self._lock.release()


@st.cache_resource(show_spinner=False)
def _queue(database: str) -> Queue:  # noqa: ARG001 - one queue a database
    return Queue()


def tick() -> None:
    """Start what can start and notice workers that vanished. Cheap, so every page's refresh calls it."""
    _queue(home().database).tick()


def numbered(text: str) -> list[int]:
    """The number of a run in an address; nothing where it is none that a run can have."""
    return [int(text)] if re.fullmatch("[0-9]{1,10}", text) and int(text) <= LARGEST_RUN else []


def fetch(id: int) -> Run:
    return store().get(id)


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Import torch behind the reader's back, once a process: Train then opens at once.

    First by the process that forks workers, which launches for this one meanwhile, and only some time later here: two that
    import at once would both be late for the first launch, and the import leaves the interpreter little time for the first
    pages. The server gets one thread of torch's: it only draws tasks and tries networks out, and a second one would wait for
    the cores that a run is using.

    What was imported stays, and is set apart from what Python's collector looks through: a full collection comes after a
    quarter as many new objects as there are old ones, which with torch's would let an hour of ticks pile up 50 MB.
    """

    def prepare() -> None:
        warm.prepare(home())
        time.sleep(LATER if warm.awaited(home()) else GRACE)
        for name in HEAVY:
            module = importlib.import_module(name)
            if name == "torch":
                module.set_num_threads(1)
        gc.freeze()
        gc.collect()  # takes no time now, and counts anew how many old objects there are: none

    thread = threading.Thread(target=prepare, name="warm-up", daemon=True)
    thread.start()
    return thread


@st.cache_resource(show_spinner=False)
def _asked(root: Path) -> list[float]:  # noqa: ARG001 - one a home
    """When the home's warm process was last asked for; the first time by ``warm_up``."""
    return [time.monotonic()]


def keep_warm() -> None:
    """For as long as somebody opens pages, a process waits that forks the next worker."""
    asked = _asked(home().root)
    if time.monotonic() - asked[0] > STAY:
        asked[0] = time.monotonic()
        threading.Thread(target=warm.prepare, args=(home(),), daemon=True).start()


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show an error that is meant for the user in place of what failed. Any other is a bug and keeps its traceback."""
    try:
        yield
    except InnerloopError as error:
        say.problem(error)


def static_folder() -> Path:
    return PROJECT / "static"
