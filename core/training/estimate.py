"""From what the parts of a run take to what the whole of it takes."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from core.config.run import RunConfig
from core.training.frozen import BLOCK
from core.training.probe import Cost
from core.training.schedule import early_validations
from core.training.tuning import SHORTLIST


@dataclass(frozen=True)
class Estimate:
    """What a run is about to take, from its first iteration on. Times are seconds.

    iterations: that it will come to; fewer than its config says where its time budget ends before. memory: bytes at the peak,
    see ``Cost``. slot: where it was measured, cpu or cuda:0. steps, tasks: from how many iterations of how many tasks.
    busy: the processor was used by others meanwhile, so that the run may well be faster.
    """

    iterations: int
    training: float
    validation: float
    tuning: float
    test: float
    memory: int
    slot: str
    threads: int
    steps: int
    tasks: int
    busy: bool

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.training + self.validation + self.tuning + self.test

    def as_json(self) -> dict[str, Any]:
        return {"seconds": self.seconds, **asdict(self)}


def estimate(config: RunConfig, cost: Cost, slot: str) -> Estimate:
    evaluation, first = config.evaluation, min(BLOCK, config.evaluation.val_episodes)
    iterations, training = trained(config, cost.step) if cost.steps else (0, 0.0)
    one = evaluation.val_episodes * cost.score + cost.tunes * cost.candidates * first * cost.tuned
    return Estimate(
        iterations=iterations,
        training=training,
        validation=validations(config, iterations) * one,
        tuning=cost.tuned * tuning_tasks(cost.candidates, evaluation.val_episodes),
        test=evaluation.episodes * (cost.tuned or cost.score),
        memory=cost.memory,
        slot=slot,
        threads=cost.threads,
        steps=cost.steps,
        tasks=cost.tasks,
        busy=slot == "cpu" and cost.busy,
    )


def trained(config: RunConfig, step: float) -> tuple[int, float]:
    """The iterations that a training comes to, and its seconds without the validations."""
    wanted, minutes = config.training.iterations, config.training.minutes
    if minutes is None or wanted * step <= 60 * minutes:
        return wanted, wanted * step
    return math.ceil(60 * minutes / step), 60 * minutes


def validations(config: RunConfig, iterations: int) -> int:
    """How many there are in so many iterations: of the start, the early ones, and as many as come by turns; the last iteration
    has one in any case.
    """
    if not iterations:
        return 0
    early = sum(place < iterations for place in early_validations(config.training))
    return 1 + early + math.ceil(iterations / config.training.evaluate_every)


def tuning_tasks(candidates: int, episodes: int) -> int:
    """How many times the choice before the test adapts a candidate to a task, the score of the one chosen included."""
    if not candidates:
        return 0
    again = min(SHORTLIST, candidates) * episodes if episodes > BLOCK else 0
    return candidates * min(BLOCK, episodes) + again + episodes
