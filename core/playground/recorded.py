"""The recorded runs that come with Innerloop, so that there is something real to compare before anybody has trained anything.

``tour.npz`` holds what ``python -m core.playground.record`` trained and kept. It is read into a store of its own, which lasts as
long as this process: all that compares, draws and judges runs of a home works on these as well. Free of torch.
"""

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.runs.schema import Run
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from data.language import mark

FILE = Path(__file__).parent / "recordings" / "tour.npz"
ABOUT = "about"  # the array that is text: what is known of all runs, as JSON
COLUMNS = (
    "iteration",
    "iterations",
    "seconds",
    "created",
    "started",
    "ended",
    "best",
    "test",
    "rate",
    "device",
    "slot",
)
TITLES = (mark("MAML"), mark("ProtoNet"), mark("Pretraining"))  # of the groups


@dataclass(frozen=True)
class Recording:
    """Runs that were recorded. store, reader: theirs. runs: in the order in which they were trained. made: when, seconds since
    the epoch. machine, versions: on and with what, in words.
    """

    store: RunStore
    reader: SeriesReader
    runs: tuple[Run, ...]
    made: float
    machine: str
    versions: str
    folder: tempfile.TemporaryDirectory  # goes with it

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the groups, see ``grouped``."""
        return tuple(dict.fromkeys(run.group for run in self.runs))


@cache
def recorded() -> Recording:
    """Those that come along."""
    return read(FILE)


def read(path: Path) -> Recording:
    folder = tempfile.TemporaryDirectory(prefix="innerloop-recorded-")
    root = Path(folder.name)
    store = RunStore(f"sqlite:///{root / 'recorded.db'}", root)
    about = enter(path, store, root)
    runs = store.runs()[::-1]
    reader = SeriesReader(store)
    reader.poll([run.id for run in runs])
    return Recording(store, reader, tuple(runs), about["made"], about["machine"], about["versions"], folder)


def enter(path: Path, store: RunStore, root: Path) -> dict[str, Any]:
    """Put the recorded runs into a store, whose home folder is ``root``. What is known of all of them, with ``made``, ``machine``
    and ``versions``.
    """
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(arrays.pop(ABOUT).tobytes())
    for place, values in enumerate(about["runs"]):
        _enter(store, root, values, _of(arrays, place))
    return about


def write(path: Path, store: RunStore, runs: Mapping[int, str], machine: str, versions: str) -> None:
    """Keep these runs of a store. runs: the title of the group of each, by its number."""
    arrays, rows = {}, []
    for place, (number, title) in enumerate(runs.items()):
        run = store.get(number)
        tests = store.evaluations(number)
        kept = {"iteration", "split", "metric", "mean", "ci95", "episodes", "non_finite", "checkpoint", "result"}
        evaluations = [{name: getattr(one, name) for name in kept} for one in tests]
        columns = {name: getattr(run, name) for name in COLUMNS}
        rows.append({"name": run.name, "title": title, "config": run.config, "facts": run.facts, "columns": columns})
        rows[-1]["evaluations"] = evaluations
        measured = store.metric_rows(number)
        for key in dict.fromkeys(row[2] for row in measured if row[2].startswith("train/")):
            points = [(row[1], row[4], row[3]) for row in measured if row[2] == key]
            arrays[f"{place}/{key}"] = np.array(points, np.float32)  # (points, 3)
        for i, one in enumerate(tests):
            if one.split == "test":
                arrays[f"{place}/scores/{i}"] = store.scores(one.id)
    about = {"made": time.time(), "machine": machine, "versions": versions, "runs": rows}
    arrays[ABOUT] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)


def _of(arrays: Mapping[str, np.ndarray], place: int) -> dict[str, np.ndarray]:
    """What is of one run, by the rest of its name."""
    start = f"{place}/"
    return {name.removeprefix(start): values for name, values in arrays.items() if name.startswith(start)}


def _enter(store: RunStore, root: Path, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """A run as it was, in the store."""
    places = {"folder_root": root / "runs", "datasets": root}
    run = store.create(values["config"], values["name"], values["title"], facts=values["facts"], **places)
    for key, points in arrays.items():
        if not key.startswith("scores/"):
            store.add_metrics(run.id, ((int(at), float(s), key, float(value)) for at, s, value in points))
    for i, one in enumerate(values["evaluations"]):
        store.add_evaluation(run.id, **one, scores=arrays.get(f"scores/{i}"))
    store.move(run.id, "finished", {"queued"})
    store.update(run.id, **values["columns"])
