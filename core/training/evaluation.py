"""Scores on frozen episodes, with their 95 % interval, the adaptation curve and the protocol they were taken under."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch

from core.algorithms.base import Algorithm
from core.algorithms.fine_tune import FineTuner, FineTuning
from core.config.run import RunConfig
from data.family import Episodes, Split, TaskFamily
from data.metric import Metric

BLOCK = 25  # tasks drawn at a time; fixed, because how a generator is read is part of what it yields
DENSE = 10  # adaptation curves have every step up to here, then about ten to a decade
Tick = Callable[[float], None]  # fraction done in [0, 1]; raises to interrupt


@dataclass(frozen=True)
class EvaluationResult:
    """The score of a learner on frozen episodes of one split.

    mean: of the scores after the last inner step, in the metric's own unit (accuracy in [0, 1], squared error), over the
    episodes whose adaptation stayed finite. ci95: half-width of the 95 % interval, 1.96 standard errors over episodes
    (normal approximation, as the papers print it). curve: the same after each inner step. non_finite: episodes left out
    because their predictions or scores were not. scores: (episodes,) of the last inner step, in the order of the frozen
    episodes, NaN where left out, so that two results on the same episodes can be compared in pairs.
    """

    family: str
    split: str
    metric: Metric
    mean: float
    ci95: float
    episodes: int
    non_finite: int
    curve: list[dict[str, float]]
    protocol: dict[str, Any]
    scores: np.ndarray = field(compare=False, repr=False)

    def as_json(self, run: int | None) -> dict[str, Any]:
        """Plain values, without the single scores; the metric by its name."""
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "scores"}
        return {"run": run, **plain, "metric": self.metric.name}


def frozen_episodes(config: RunConfig, family: TaskFamily, split: Split, episodes: int) -> Iterator[Episodes]:
    """Blocks of tasks that depend on the evaluation's seed, its shape, the split and the family's config alone.

    Drawn by a CPU generator, so that every run on every device is asked the same questions; the first ``n`` tasks of a
    longer evaluation are those of a shorter one.
    """
    generator = torch.Generator().manual_seed(episode_seed(config.evaluation.seed, split))
    for start in range(0, episodes, BLOCK):
        block = family.sample(split, config.test_shape, BLOCK, generator)
        yield block[: episodes - start]


def episode_seed(seed: int, split: Split) -> int:
    """A seed apart from those of training and of the other splits.

    Numbers counted up from 0 would meet: a family whose splits differ by their generator alone would then test on the very
    tasks that a run with that seed trains on.
    """
    return int.from_bytes(hashlib.sha256(f"episodes/{split}/{seed}".encode()).digest()[:4], "big")


def curve_steps(steps: int) -> list[int]:
    """The inner steps at which a curve of ``steps`` steps is scored; always 0 and the last."""
    if steps <= DENSE:
        return list(range(steps + 1))
    sparse = {round(DENSE * 10 ** (i / 10)) for i in range(1, 40)}
    return [*range(DENSE + 1), *sorted(s for s in sparse if s < steps), steps]


def score_block(algorithm: Algorithm, family: TaskFamily, block: Episodes, wanted: list[int]) -> np.ndarray:
    """Scores of each task after each of the ``wanted`` inner steps, which ascend → (len(wanted), tasks).

    NaN where a task's predictions or score are not finite.
    """
    rows = []
    # The same kernels as in training, cuDNN's recurrent ones refuse a backward pass outside it.
    with algorithm.forward_tasks.twice_differentiable():
        with torch.no_grad():
            read = algorithm.read_queries(block.support_x, block.query_x)
        states = algorithm.trajectory(block.support_x, block.support_y, wanted[-1], differentiable=False)
        for step, state in enumerate(states):
            if step not in wanted:
                continue
            with torch.no_grad():
                prediction = algorithm.answer(state, read)
                score = family.score(prediction, block.query_y)
                # Both: an argmax over not-a-number is a class, and the square of a large finite prediction overflows.
                finite = prediction.isfinite().flatten(1).all(1) & score.isfinite()  # (tasks,)
                rows.append(torch.where(finite, score, torch.nan))
    return torch.stack(rows).cpu().double().numpy()


def interval(scores: np.ndarray) -> tuple[float, float]:
    """Mean and 95 % half-width of finite scores; NaN where there are too few."""
    finite = scores[np.isfinite(scores)]
    if not len(finite):
        return math.nan, math.nan
    half = 1.96 * float(finite.std(ddof=1)) / math.sqrt(len(finite)) if len(finite) > 1 else math.nan
    return float(finite.mean()), half


def evaluate(
    algorithm: Algorithm,
    config: RunConfig,
    family: TaskFamily,
    split: Split,
    *,
    episodes: int,
    checkpoint: str = "",
    blocks: Iterable[Episodes] | None = None,
    tick: Tick = lambda _: None,
) -> EvaluationResult:
    """Adapt to each frozen task and score it. ``blocks``: the frozen episodes, if the caller keeps them."""
    steps = config.evaluation.inner_steps
    steps = algorithm.adaptation_steps if steps is None else steps
    digest, parts, done = hashlib.sha256(), [], 0
    was_training = algorithm.training
    algorithm.eval()
    try:
        for block in blocks if blocks is not None else frozen_episodes(config, family, split, episodes):
            for tensor in (block.support_x, block.support_y, block.query_x, block.query_y):
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
            parts.append(score_block(algorithm, family, block, curve_steps(steps)))
            done += block.tasks
            tick(done / episodes)
    finally:
        algorithm.train(was_training)
    scores = np.concatenate(parts, axis=1)  # (curve points, episodes)
    means = [interval(row) for row in scores]
    return EvaluationResult(
        family=config.family.name,
        split=split,
        metric=family.metric(config.test_shape),
        mean=means[-1][0],
        ci95=means[-1][1],
        episodes=episodes,
        non_finite=int(np.isnan(scores[-1]).sum()),
        curve=[
            {"step": step, "mean": mean, "ci95": ci95}
            for step, (mean, ci95) in zip(curve_steps(steps), means, strict=True)
        ],
        protocol=protocol(algorithm, config, split, steps, episodes, digest.hexdigest(), checkpoint),
        scores=scores[-1],
    )


def protocol(
    algorithm: Algorithm, config: RunConfig, split: str, steps: int, episodes: int, sha256: str, checkpoint: str
) -> dict[str, Any]:
    """All that has to be equal for two scores to compare."""
    chosen = asdict(algorithm.chosen) if isinstance(algorithm, FineTuner) else None
    return {
        "family": config.family.model_dump(),
        "split": split,
        **config.test_shape._asdict(),
        "inner_steps": steps,
        "batch_statistics": algorithm.normalises_by,
        "episodes": episodes,
        "seed": config.evaluation.seed,
        "episodes_sha256": sha256,
        "interval": "1.96 standard errors over episodes",
        "checkpoint": checkpoint,
        "chosen": chosen,
    }


LENGTHS = 8  # factors between the least and the most inner steps that tuning looks at
SHORTLIST = 4  # candidates that get all validation episodes, after all had the first block of them


def tune(
    algorithm: FineTuner, config: RunConfig, family: TaskFamily, blocks: list[Episodes], tick: Tick = lambda _: None
) -> None:
    """Give a baseline the fine-tuning that does best on validation episodes, among its candidates and ``tuning_steps``.

    Every candidate is tried on the first block of episodes and the SHORTLIST best on all of them. Fewer episodes that are
    not finite come first, then the mean: a candidate must not win by losing the hard tasks.
    """
    candidates = algorithm.candidates()
    again = len(blocks) > 1
    work = len(candidates) + again * len(blocks) * min(SHORTLIST, len(candidates))
    done = 0

    def ranked(some: list[FineTuning], on: list[Episodes]) -> list[FineTuning]:
        nonlocal done
        found = []
        for candidate in some:
            found.append(best_length(algorithm, candidate, config, family, on))
            done += len(on)
            tick(min(1.0, done / work))
        return [choice for _, choice in sorted(found, key=lambda pair: pair[0])]

    order = ranked(candidates, blocks[:1])
    if again:
        shortlist = {(c.scope, c.lr) for c in order[:SHORTLIST]}
        order = ranked([c for c in candidates if (c.scope, c.lr) in shortlist], blocks)
    algorithm.chosen = order[0]


def tuning_steps(steps: int) -> list[int]:
    """The numbers of inner steps that tuning chooses from: at most nine, from 1 to ``steps``, by equal factors."""
    return sorted({round(steps ** (i / LENGTHS)) for i in range(LENGTHS + 1)})


def best_length(
    algorithm: FineTuner, candidate: FineTuning, config: RunConfig, family: TaskFamily, blocks: list[Episodes]
) -> tuple[tuple[int, float], FineTuning]:
    """The candidate with its best number of steps, after its rank: episodes not finite, then the score, less being better."""
    algorithm.chosen = candidate
    steps = candidate.steps if config.evaluation.inner_steps is None else config.evaluation.inner_steps
    algorithm.eval()
    fixed = config.evaluation.inner_steps is not None or not algorithm.steps_are_open
    lengths = [steps] if fixed else tuning_steps(steps)
    scores = np.concatenate([score_block(algorithm, family, block, lengths) for block in blocks], axis=1)
    ranks, metric = [], family.metric(config.test_shape)
    for step, row in zip(lengths, scores, strict=True):
        lost, (mean, _) = int(np.isnan(row).sum()), interval(row)
        cost = math.inf if math.isnan(mean) else (-mean if metric.higher_is_better else mean)
        ranks.append(((lost, cost), replace(candidate, steps=step)))
    return min(ranks, key=lambda pair: pair[0])
