"""What a run is about to take, asked before it is launched: measured in a process of its own, kept, and what would help."""

import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from core import about
from core.config.run import RunConfig
from core.costs import Costs, key_of
from core.elsewhere import Died, Question, Refused, Start, TookTooLong, spawned
from core.runs import hardware
from core.runs.launchers import ALLOCATOR
from core.training.estimate import Estimate, estimate
from core.training.probe import Cost, measure
from core.training.saving import SAVINGS, Changes, changed
from core.trial import own_code
from data.errors import InnerloopError
from data.language import mark, tr
from data.places import Folders

SECONDS = 60.0  # within which a run has to be measured; the start of a process is among them
LONG = 600.0  # seconds from which on a run is worth being told what would make it shorter
WORTH = 0.9  # of the time or memory: what leaves more than this is not worth telling
LEFT = 0.8  # of the free memory that the measuring process may take

Ask = Callable[[Question], Any]


class ProbeError(InnerloopError):
    """It cannot be found out what a run takes."""


@dataclass(frozen=True)
class Advice:
    """A change that helps. name: as in SAVINGS. words: what is changed. changes: the new value by path."""

    name: str
    words: str
    changes: Changes
    estimate: Estimate


@dataclass(frozen=True)
class Forecast:
    """room: bytes of memory that the device has. advice: the changes that help, the most helpful first.

    whole: False where the changes that may help are not all measured yet.
    """

    estimate: Estimate
    room: int
    advice: tuple[Advice, ...] = ()
    whole: bool = True

    @property
    def fits(self) -> bool:
        return self.estimate.memory < self.room

    @property
    def wanting(self) -> bool:
        """Whether it is too long or too large to be left without advice."""
        return self.estimate.seconds > LONG or not self.fits

    def helped_by(self, other: Estimate) -> bool:
        """Whether a change makes it so much cheaper, in what there is too much of, that it is worth telling."""
        mine = self.estimate
        shorter = mine.seconds > LONG and other.seconds < WORTH * mine.seconds
        return shorter or (not self.fits and other.memory < WORTH * mine.memory)

    def words(self, advice: Advice) -> str:
        """What a change makes of it: ``first order: 3 min instead of 6, 0.2 GB instead of 0.4``."""
        new, old = advice.estimate, self.estimate
        time = about.instead(new.seconds, old.seconds, about.duration)
        saved = filter(None, [time, about.instead(new.memory, old.memory, about.size)])
        return tr("{change}: {saved}", change=advice.words, saved=tr(", ").join(saved))

    def as_json(self) -> dict[str, Any]:
        advice = [{"name": a.name, "changes": a.changes, **a.estimate.as_json()} for a in self.advice]
        return {**self.estimate.as_json(), "memory_there": self.room, "fits": self.fits, "advice": advice}


class Forecaster:
    """Forecasts from measurements that are kept, and from new ones where there are none.

    folders: where the data are; for their sizes, not for themselves. ask: answers a question, by another process; may raise
    Cancelled. start: how that process is made.
    """

    def __init__(self, costs: Costs, folders: Folders, ask: Ask = Question.answer, start: Start = spawned):
        self.costs, self.folders, self.ask, self.start = costs, folders, ask, start

    def known(self, config: RunConfig, slot: str) -> Forecast | None:
        """What can be said without measuring; None if that is nothing. Raises ProbeError where measuring failed."""
        cost = self.costs.get(key_of(config, slot))
        if cost is None:
            return None
        if isinstance(cost, InnerloopError):
            raise cost
        found = Forecast(estimate(config, cost, slot), hardware.memory_of(slot))
        return self._advised(found, config, slot) if found.wanting else found

    def forecast(self, config: RunConfig, slot: str) -> Forecast:
        """What a run will take on a slot of this machine. Raises ProbeError."""
        found = self.known(config, slot)
        if found is None:
            self._measure([config], slot)
            found = self.known(config, slot)
            if found.estimate.busy:  # with what begins as a page is opened, perhaps, and has come to rest by now
                self._measure([config], slot)
                found = self.known(config, slot)
        if not found.whole:
            # The run itself again beside them: a machine that was slower or faster a minute ago would look like their doing.
            self._measure([config, *(other for _, _, other in variants(config))], slot)
            found = self.known(config, slot)
        return found

    def _advised(self, found: Forecast, config: RunConfig, slot: str) -> Forecast:
        advice, whole = [], True
        for name, changes, other in variants(config):
            cost = self.costs.get(key_of(other, slot))
            whole = whole and cost is not None
            if isinstance(cost, Cost) and found.helped_by(cheaper := estimate(other, cost, slot)):
                advice.append(Advice(name, SAVINGS[name].words(changes), changes, cheaper))
        by = (lambda one: one.estimate.memory) if not found.fits else (lambda one: one.estimate.seconds)
        return replace(found, advice=tuple(sorted(advice, key=by)), whole=whole)

    def _measure(self, configs: Sequence[RunConfig], slot: str) -> None:
        """Measure by another process and keep what it finds, or why it cannot. Raises Cancelled."""
        asked = {
            "configs": [config.model_dump(mode="json") for config in configs],
            "folders": [str(path) for path in self.folders],
            "slot": slot,
        }
        question = Question("core.forecast:measure_here", asked, SECONDS * len(configs), surroundings(), self.start)
        try:
            found = [self._cost(one) for one in self.ask(question)]
        except (Refused, TookTooLong, Died, OSError) as error:
            found = [_unmeasured(error)] * len(configs)
        for config, cost in zip(configs, found, strict=True):
            self.costs.put(key_of(config, slot), cost, lasting=not own_code(config))

    @staticmethod
    def _cost(said: dict[str, Any]) -> Cost | ProbeError:
        return ProbeError(**said["error"]) if "error" in said else Cost(**said["cost"])


def variants(config: RunConfig) -> list[tuple[str, Changes, RunConfig]]:
    """The changes that may help, and the run with each of them."""
    found = [(name, saving.changes(config)) for name, saving in SAVINGS.items()]
    return [(name, changes, changed(config, changes)) for name, changes in found if changes]


def surroundings() -> dict[str, str]:
    """The variables of a worker that change its speed or its memory, for the process that measures."""
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return order | (ALLOCATOR if sys.platform == "linux" else {})


def _unmeasured(error: Exception) -> ProbeError:
    remedy = tr("Choose first order, fewer inner steps or a smaller network.")
    if isinstance(error, TookTooLong):
        text = mark(
            "A few iterations of few tasks did not come to an end within {seconds:.0f} s; the machine may also be busy."
        )
        return ProbeError(tr(text, seconds=SECONDS), remedy)
    if isinstance(error, Died):
        return ProbeError(
            tr("The process that measured it ended {how}; it may have run out of memory.", how=error.how), remedy
        )
    if isinstance(error, OSError):
        text = tr("No process could be started to measure it: {why}.", why=error.strerror)
        return ProbeError(text, tr("Free some memory and disk."))
    return ProbeError(error.message, error.remedy, error.path)


def measure_here(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The cost of each config, or the parts of its error, in the process that was started for it."""
    folders, slot, found = Folders(*map(Path, asked["folders"])), asked["slot"], []
    if slot == "cpu":
        _keep_within(int(LEFT * psutil.virtual_memory().available))
    for values in asked["configs"]:
        try:
            found.append({"cost": asdict(measure(RunConfig.model_validate(values), folders, slot))})
        except InnerloopError as error:
            found.append({"error": {"message": error.message, "remedy": error.remedy, "path": error.path}})
    return found


def _keep_within(more: int) -> None:
    """Have the system refuse this process memory beyond so many bytes more, rather than end somebody's run for want of it."""
    if sys.platform == "linux":
        most = psutil.Process().memory_info().vms + more
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
