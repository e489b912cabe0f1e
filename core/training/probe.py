"""What a run's work takes on a device: some of the trainer's own steps and scores, on made-up examples, in a second or two."""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.algorithms.base import StepReport
from core.algorithms.fine_tune import FineTuner, FineTuning
from core.algorithms.replicas import divided
from core.config.run import RunConfig
from core.training.build import threads, without_data
from core.training.device import open_device
from core.training.evaluation import curve_steps, score_all, tasks_at_once
from core.training.frozen import BLOCK, FrozenEpisodes
from core.training.listener import Desired, Progress
from core.training.memory import HighWater, Peak, out_of_memory
from core.training.recorded import Repeated, RepeatedByTask
from core.training.trainer import Trainer
from core.training.tuning import tuning_steps
from data.errors import InnerloopError
from data.family import EpisodeShape
from data.language import tr
from data.places import Folders

STEPS, SCORES = 0.8, 0.4  # seconds for which steps and each kind of score are repeated
MOST = 50  # readings of one thing
# Processor seconds a second, for the first thread and for each more, below which the cores were busy with something else. Not
# all threads have work all the time.
ALONE, MORE = 0.75, 0.375
SHARE = (
    0.6  # of the free memory that a probe may take: beyond it, fewer tasks are computed and the rest is in proportion
)

Clock = Callable[[], float]


@dataclass(frozen=True)
class Cost:
    """What the parts of a run take on one device. Times are seconds, medians where there was time for several.

    step: one iteration with all its tasks. score: adapting to one validation task, among others, and scoring it. tuned: one
    candidate of a baseline's fine-tuning on one task; so the final test takes as long. candidates: how many there are. tunes:
    whether one is chosen before each validation. memory: bytes at the peak, of the whole process, or on a GPU of its tensors.
    threads: of the processor. steps: iterations that were measured, each of ``tasks`` tasks; these are fewer than the config's
    where all of them would have taken too long or too much memory. share: processor time a second; as many as there are
    threads where another device computes.
    """

    step: float
    score: float
    tuned: float
    candidates: int
    tunes: bool
    memory: int
    threads: int
    steps: int
    tasks: int
    share: float

    @property
    def busy(self) -> bool:
        """Whether others were using the cores meanwhile, so that all of it may well be faster."""
        return self.share < ALONE + MORE * (self.threads - 1)


@dataclass(frozen=True)
class Pace:
    """seconds: for all tasks. readings: how often ``tasks`` of them were computed to find out."""

    seconds: float
    readings: int
    tasks: int


def paced(
    run: Callable[[int], object], most: int, budget: float, at_once: int, clock: Clock = time.perf_counter
) -> Pace:
    """How long ``run(most)`` takes, found out in about ``budget`` seconds; with fewer tasks and in proportion, if need be.

    run: computes so many tasks. at_once: how many there is memory for. A single task is computed to its end, however long it
    takes.
    """

    def timed(tasks: int) -> float:
        began = clock()
        run(tasks)
        return max(clock() - began, 1e-9)

    one = timed(1)
    if one >= budget:
        return Pace(one * most, 1, 1)
    tasks, readings = max(1, min(most, at_once, int(budget / one))), []
    while not readings or (len(readings) < MOST and sum(readings) + readings[-1] < budget):
        readings.append(timed(tasks))
    kept = readings[1:] or readings  # the first of its size asks for memory that the others find
    return Pace(statistics.median(kept) * most / tasks, len(kept), tasks)


class Unheard:
    """The listener of a training that nobody follows."""

    def progress(self, _: Progress) -> Desired:
        return "run"

    def prepared(self, algorithm: torch.nn.Module) -> None:
        torch.set_num_threads(threads(algorithm))

    def resumed(self, iteration: int) -> None:
        """Nothing was reported."""


class Probe(Trainer):
    """The trainer of a run that is never trained: its steps and scores, one at a time."""

    def __init__(self, config: RunConfig, folders: Folders, device: torch.device, folder: Path):
        """folder: empty. Raises ModelError where the network cannot learn these tasks."""
        family = without_data(config, folders, device)
        self.resident = family.stand_in()
        super().__init__(one_block(config), family, folder, Unheard())
        self._prepare()
        self.algorithm.train()
        self.tasks = config.training.meta_batch_size if self.algorithm.episodic else 1  # a step's, that can be fewer
        self.meta_step, self.algorithm.meta_step = self.algorithm.meta_step, self._meta_step
        # In the middle of the training: what MAML++ does at its beginning alone is not what most of it takes.
        self.iteration = config.training.iterations // 2

    def step(self, tasks: int) -> None:
        """One iteration with so many tasks."""
        self.taken = tasks
        self._step()
        self.window.reports.clear()
        self._settle()

    def _meta_step(self, shape: EpisodeShape, _: int, *rest: Any) -> StepReport:
        return self.meta_step(shape, self.taken, *rest)

    def score(self, tasks: int, wanted: list[int]) -> None:
        """Adapt to so many validation tasks and score them after each of the ``wanted`` inner steps."""
        block = FrozenEpisodes(self.family, [self.validation.blocks[0][:tasks]])
        score_all(self.algorithm, block, wanted, tasks)

    def _settle(self) -> None:
        if self.family.device.type == "cuda":
            torch.cuda.synchronize(self.family.device)
        elif self.family.device.type == "mps":
            torch.mps.synchronize()


def one_block(config: RunConfig) -> RunConfig:
    """The run with a single block of tasks to be scored on, and no end by the clock."""
    values = config.model_dump()
    values["training"]["minutes"] = None
    values["evaluation"] |= {"episodes": BLOCK, "val_episodes": BLOCK}
    return RunConfig.model_validate(values)


def together(probe: Probe, tasks: int) -> int:
    """How many of so many tasks a step computes at the same time."""
    at_once = min(tasks, probe.config.training.tasks_at_once or tasks)
    by_task = isinstance(probe.algorithm.learn, RepeatedByTask)
    return len(divided(at_once, torch.get_num_threads())) if by_task else at_once


def measure(config: RunConfig, folders: Folders, slot: str) -> Cost:
    """Measure a run on a slot of this machine. Raises ModelError, and InnerloopError where not even one task fits its memory.

    What is set here for the whole process (threads, the device) stays so.
    """
    device = open_device(slot, config.precision)
    try:
        with tempfile.TemporaryDirectory(prefix="innerloop-") as folder:
            return _measured(Probe(config, folders, device, Path(folder)), config)
    except Exception as error:
        if not out_of_memory(error):
            raise
        message = tr("A single task takes more memory than is free on {slot}.", slot=slot)
        raise InnerloopError(message, tr("Choose a smaller network, fewer inner steps, or smaller tasks.")) from None


def _measured(probe: Probe, config: RunConfig) -> Cost:
    learner, water = probe.algorithm, HighWater(probe.family.device)
    began, used, here = time.perf_counter(), time.process_time(), probe.family.device.type == "cpu"
    pace = _steps(probe, water) if learner.meta_trained else Pace(0.0, 0, 0)
    learner.eval()
    steps, tunes = config.evaluation.inner_steps, learner.tunes_to_validate
    score = _score(probe, water, curve_steps(learner.adaptation_steps if steps is None else steps))
    candidates = learner.candidates()
    first = {candidate.scope: candidate for candidate in reversed(candidates)}
    tuned = [_tuned(probe, water, candidate) for candidate in first.values()]
    return Cost(
        step=pace.seconds,
        score=score,
        tuned=statistics.mean(tuned) if tuned else 0.0,
        candidates=len(candidates),
        tunes=tunes,
        memory=water.highest + probe.resident,
        threads=torch.get_num_threads(),
        steps=pace.readings,
        tasks=pace.tasks,
        share=(time.process_time() - used) / (time.perf_counter() - began) if here else float(torch.get_num_threads()),
    )


def _steps(probe: Probe, water: HighWater) -> Pace:
    known = [*probe.algorithm.parameters(), *probe.algorithm.buffers()]
    began = time.perf_counter()
    with Peak(known) as peak:  # once before it counts: much is done only the first time in a process
        probe.step(1)
    brief = time.perf_counter() - began < STEPS
    at_once = max(1, int(SHARE * water.free() / max(1, peak.bytes)))
    all_fit = together(probe, probe.tasks) <= at_once
    repeated = probe.algorithm.learn
    repeats = isinstance(repeated, RepeatedByTask) or len(probe.stepper.portion.parts(probe.tasks)) == 1
    if isinstance(repeated, Repeated) and repeats and all_fit and brief:
        repeated.record_next()  # most of the run's steps are taken from a recording, which takes memory too
        probe.step(1 if isinstance(repeated, RepeatedByTask) else probe.tasks)
    with water.rising() as rise:
        pace = paced(probe.step, probe.tasks, STEPS, probe.tasks if all_fit else at_once)
        rise.times = together(probe, probe.tasks) / together(probe, pace.tasks)
    return pace


def _score(probe: Probe, water: HighWater, wanted: list[int]) -> float:
    """Seconds to adapt to a task and score it, in a block of them."""
    most = min(BLOCK, tasks_at_once(probe.algorithm, probe.validation, wanted[-1]))
    fit = max(1, int(most * SHARE * water.free() / 2**31))
    with water.rising() as rise:
        pace = paced(lambda tasks: probe.score(tasks, wanted), most, SCORES, min(most, fit))
        rise.times = most / pace.tasks
    return pace.seconds / most


def _tuned(probe: Probe, water: HighWater, candidate: FineTuning) -> float:
    learner, given = probe.algorithm, probe.config.evaluation.inner_steps
    assert isinstance(learner, FineTuner)
    learner.chosen = candidate
    steps = candidate.steps if given is None else given
    return _score(probe, water, tuning_steps(steps) if given is None and learner.steps_are_open else [steps])
