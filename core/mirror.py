"""A run told to MLflow while it trains, where MLFLOW_TRACKING_URI names a place: settings, curves, scores and how it ended.

A thread of the worker's reads what is new in the store and passes it on, so that the training waits for nothing. What cannot be
passed on is tried again, with one warning; a resumed run goes on with the same run of MLflow's. Scores are in the metric's stored
unit, under the names that event files have too.
"""

import hashlib
import json
import logging
import math
import os
import re
import threading
from contextvars import copy_context
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.handover import again
from core.runs.lineage import flat, worded
from core.runs.schema import Run
from core.runs.store import RunStore
from data.errors import shortened
from data.extras import install

log = logging.getLogger(__name__)

ADDRESS, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"  # variables that MLflow itself knows
BOUNDS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}  # else a call may take many minutes
EVERY = 5.0  # seconds between two looks for what is new
PATIENCE = 30.0  # seconds that a worker which is done waits for the last of it to be passed on
MOST = 1000  # metrics in a call, as many as MLflow takes; settings a tenth of it
LONGEST = 500  # characters of a setting
ENDS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
ODD = re.compile(r"[^\w./ -]")  # what MLflow refuses in names


def mirrored(run: Run, store: RunStore, folder: Path) -> "Mirror | None":
    """The run's mirror, at work; None where nobody asks for one, or the package is not there. folder: the run's own."""
    address = os.environ.get(ADDRESS, "")
    if not address:
        return None
    if not find_spec("mlflow"):
        log.info(
            "%s is set, but MLflow is not installed: run `%s` to have runs told to it.",
            ADDRESS,
            install("mlflow-skinny"),
        )
        return None
    for name, value in BOUNDS.items():
        os.environ.setdefault(name, value)
    return Mirror(run.id, store, folder / "mlflow.json", address)


class Mirror:
    """One attempt at a run in MLflow's eyes. file: keeps which run of MLflow's it is, and what it has been told."""

    def __init__(self, run: int, store: RunStore, file: Path, address: str, every: float = EVERY):
        self.run, self.store, self.file, self.address, self.every = run, store, file, address, every
        self.over, self.status, self.warned = threading.Event(), "", False
        self.client: Any = None
        self.told: dict[str, Any] = {}  # as the file has it
        self.scored: tuple = ()  # what was told of the last evaluation
        self.thread = threading.Thread(target=copy_context().run, args=(self._work,), name="mlflow", daemon=True)
        self.thread.start()

    def end(self, status: str, patience: float = PATIENCE) -> None:
        """The run has ended so, or is another worker's ("", of which nothing is said). Waits for the rest, but not for ever."""
        self.status = status
        self.over.set()
        self.thread.join(patience)
        if self.thread.is_alive():
            log.warning("MLflow does not answer. What it lacks of this run stays in Innerloop.")

    def _work(self) -> None:
        over = False
        while not over:
            over = self.over.is_set()
            try:
                self._tell()
                if over:
                    self._close()
            # Whatever a server, a network, a database or a disk may raise, the training goes on.
            except Exception as error:
                self._warn(error)
            self.over.wait(self.every)

    def _warn(self, error: Exception) -> None:
        if not self.warned:
            self.warned = True
            text = shortened(" ".join(str(error).split()), 300)
            secret = urlsplit(self.address).password
            text = text.replace(secret, "***") if secret else text
            log.warning("MLflow cannot be told of this run; the training goes on. %s: %s", type(error).__name__, text)

    def _tell(self) -> None:
        """All that is new since the last time, as far as it is passed on."""
        if self.client is None:
            from mlflow import MlflowClient  # takes seconds

            client = MlflowClient(tracking_uri=self.address)
            self.told = self._opened(client)
            self.client = client
        run = self.store.get(self.run)
        while rows := self.store.metric_rows(self.run, self.told["metric"], MOST):
            self._log([(key, value, iteration, run.created + seconds) for _, iteration, key, value, seconds in rows])
            self._keep(metric=rows[-1][0])
        for one in self.store.evaluations(self.run, after=self.told["evaluation"]):
            name, scored = f"{one.split}/{one.metric}", (one.checkpoint, one.split, one.mean, one.ci95)
            if scored != self.scored:  # else it was told before its curve was complete
                self._log(
                    [
                        (name, one.mean, one.iteration, one.created),
                        (f"{name}_ci95", one.ci95, one.iteration, one.created),
                    ]
                )
            self.scored = scored
            self._keep(evaluation=one.id)

    def _log(self, points: list[tuple[str, float | None, int, float]]) -> None:
        """points: key, value, iteration, and seconds since the epoch."""
        from mlflow.entities import Metric

        found = [
            Metric(ODD.sub("_", key), math.nan if value is None else value, int(1000 * when), iteration)
            for key, value, iteration, when in points
        ]
        self.client.log_batch(self.told["run"], metrics=found)

    def _opened(self, client: Any) -> dict[str, Any]:
        """What MLflow has been told, with its run taken up again, or a new one begun."""
        from mlflow.exceptions import MlflowException

        told = self._kept()
        if told:
            try:
                client.update_run(told["run"], status="RUNNING")
                return told
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        run = self.store.get(self.run)
        begun = client.create_run(_experiment(client), int(1000 * run.created), _tags(run), run.name).info.run_id
        self.told = {"address": self._digest(), "run": begun, "metric": 0, "evaluation": 0}
        self._keep()
        _log_settings(client, begun, run)
        return self.told

    def _close(self) -> None:
        if self.status in ENDS:
            if error := self.store.get(self.run).error:
                self.client.set_tag(self.told["run"], "innerloop.error", shortened(error, LONGEST))
            self.client.set_terminated(self.told["run"], ENDS[self.status])

    def _kept(self) -> dict[str, Any]:
        """What the file says, where it is of this same MLflow."""
        try:
            told = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {}
        return told if told.get("address") == self._digest() else {}

    def _keep(self, **told: int) -> None:
        self.told |= told
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(self.told))
        part.replace(self.file)

    def _digest(self) -> str:
        return hashlib.sha256(self.address.encode()).hexdigest()  # it may hold a password


def _experiment(client: Any) -> str:
    name = os.environ.get(EXPERIMENT) or "Innerloop"
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found else client.create_experiment(name)


def _tags(run: Run) -> dict[str, str]:
    tags = {"innerloop.run": str(run.id), "innerloop.learner": run.learner, "innerloop.family": run.family}
    tags |= {"innerloop.group": run.group or "", "mlflow.note.content": run.note}
    return {name: shortened(value, LONGEST) for name, value in tags.items() if value}


def _log_settings(client: Any, begun: str, run: Run) -> None:
    from mlflow.entities import Param

    settings = [Param(ODD.sub("_", path), _plain(value)) for path, value in flat(again.config(run)).items()]
    for first in range(0, len(settings), MOST // 10):
        client.log_batch(begun, params=settings[first : first + MOST // 10])


def _plain(value: Any) -> str:
    return shortened(value if isinstance(value, str) else worded(value), LONGEST)
