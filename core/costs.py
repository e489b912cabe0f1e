"""What runs of a kind were measured to take, kept by all that changes it, in memory and in a file of the home."""

import hashlib
import json
import logging
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from core.config.run import RunConfig
from core.runs import hardware
from core.runs.home import PROJECT
from core.training.probe import Cost
from data import language
from data.errors import InnerloopError

log = logging.getLogger(__name__)

MOST = 300  # measurements that are kept, the newest
DOUBTFUL = 600.0  # seconds for which one counts that failed, is for us alone, or was taken on a busy processor
# Settings that a measurement can be scaled by, or that change nothing of what is computed. All others count.
SCALES = {
    "training": {
        "iterations", "meta_lr", "minutes", "schedule", "decay_rate", "decay_every", "staircase", "final_lr",
        "evaluate_every", "early_validations", "keep_best",
    },
    "evaluation": {"episodes", "val_episodes", "seed"},
}  # fmt: skip


def key_of(config: RunConfig, slot: str) -> str:
    """The same for two runs whose iterations and scores take the same on a slot of this machine."""
    values = config.model_dump(mode="json", exclude={"seed", "device"})
    for section, names in SCALES.items():
        values[section] = {name: value for name, value in values[section].items() if name not in names}
    values["training"]["gradient_clip"] = config.training.gradient_clip is not None
    for name, value in values["algorithm"].items():
        if name.endswith("_lr"):  # whether it is open decides how many are tried, its value nothing
            values["algorithm"][name] = value is not None
    return hashlib.sha256(json.dumps([values, slot, *machine()], sort_keys=True).encode()).hexdigest()[:32]


@cache
def machine() -> tuple[Any, ...]:
    """What computes: the device's name, the threads it is given, and the versions of torch and of this code."""
    code = hashlib.sha256()
    for folder in ("core/algorithms", "core/models", "core/training", "data"):
        for file in sorted((PROJECT / folder).glob("*.py")):
            code.update(file.read_bytes())
    return hardware.describe(), platform.node(), os.environ.get("OMP_NUM_THREADS"), torch.__version__, code.hexdigest()


@dataclass(frozen=True)
class Entry:
    """found: the measurement, or why it failed. at: seconds since the epoch."""

    found: Cost | InnerloopError
    at: float


def _spoken(key: str) -> str:
    """The key of an error, which is in words."""
    return f"{key} {language.current()}"


def newest(entries: dict[str, Entry]) -> dict[str, Entry]:
    """The MOST newest of them."""
    return {key: entries[key] for key in sorted(entries, key=lambda one: entries[one].at)[-MOST:]}


class Costs:
    """Measurements by key. Any thread may ask; several processes may share the file, of which the last writer wins.

    clock: seconds since the epoch.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time):
        self.file, self.clock = file, clock
        self._lock, self._stamp = threading.Lock(), None
        self._lasting: dict[str, Entry] = {}  # as in the file
        self._own: dict[str, Entry] = {}  # for this process alone, and not for long

    def get(self, key: str) -> Cost | InnerloopError | None:
        """A measurement, or why there is none, in the reader's language; None if nobody has tried, or it has become doubtful."""
        with self._lock:
            self._refresh()
            there = self._own.get(key) or self._own.get(_spoken(key))
            own, found = there is not None, there or self._lasting.get(key)
        if found is None:
            return None
        doubtful = own or found.found.busy
        return None if doubtful and self.clock() - found.at > DOUBTFUL else found.found

    def put(self, key: str, found: Cost | InnerloopError, lasting: bool = True) -> None:
        """Keep it. lasting: for other processes too, which is not for what a file of one's own may change."""
        entry = Entry(found, self.clock())
        with self._lock:
            failed = isinstance(found, InnerloopError)
            self._own = {mine: one for mine, one in self._own.items() if not mine.startswith(key)}  # in all languages
            if not lasting or failed:
                self._own = newest({**self._own, _spoken(key) if failed else key: entry})
                return
            self._refresh()
            self._lasting = newest({**self._lasting, key: entry})
            self._write()

    def _refresh(self) -> None:
        """Take in what other processes have written. A file that cannot be read counts as empty."""
        try:
            stamp = self.file.stat().st_mtime_ns
            if stamp == self._stamp:
                return
            self._stamp = stamp
            whole = json.loads(self.file.read_text())
            self._lasting = {key: Entry(Cost(**one["cost"]), float(one["at"])) for key, one in whole.items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("%s cannot be read (%s): runs are measured anew.", self.file, error)

    def _write(self) -> None:
        """Beside and renamed, so that a reader sees the whole file. Where that fails the next process measures anew."""
        values = {key: {"cost": asdict(entry.found), "at": entry.at} for key, entry in self._lasting.items()}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.file.parent, prefix=".costs-", delete=False) as beside:
                json.dump(values, beside)
            Path(beside.name).replace(self.file)
            self._stamp = self.file.stat().st_mtime_ns
        except OSError as error:
            log.warning("%s cannot be written (%s): runs will be measured anew.", self.file, error)
