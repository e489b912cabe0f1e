"""Scores drawn from the model that ``core.comparing.paired`` is built on, with the truth known, and runs tested by hand."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from core.comparing.alike import tested
from core.comparing.groups import Group
from core.comparing.verdict import Verdict, verdicts
from core.runs.schema import Run
from core.runs.store import RunStore

QUERIES, TASKS = 75, 600
BETWEEN_TASKS, OWN = (
    1.0,
    0.3,
)  # standard deviations, in log-odds: of what all groups share of a task, and of what each makes of it
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)


def tasks(generator: np.random.Generator, number: int = TASKS) -> np.ndarray:
    """How much easier than the average each task is, (tasks,) in log-odds."""
    return generator.normal(0, BETWEEN_TASKS, number)


def accuracies(
    generator: np.random.Generator, level: float, easier: np.ndarray, seeds: int = 1, between_seeds: float = 0.0
) -> np.ndarray:
    """Scores of a group, (seeds, tasks): shares of QUERIES that are answered rightly with log-odds of ``level`` on average."""
    seed = generator.normal(0, between_seeds, (seeds, 1))
    own = generator.normal(0, OWN, easier.size)
    return (generator.binomial(QUERIES, expit(level + seed + easier + own)) / QUERIES).astype(np.float32)


def expected(level: float, between_seeds: float = 0.0) -> float:
    """The mean over all tasks and seeds that there might be."""
    deviation = np.sqrt(between_seeds**2 + BETWEEN_TASKS**2 + OWN**2)
    return float((WEIGHTS * expit(level + deviation * NODES)).sum() / WEIGHTS.sum())


def trained(store: RunStore, folder: Path, *assignments: str, base: str = "conv4", group: str | None = None) -> Run:
    """A run of a tiny config that was never tested."""
    from core.config.facts import facts_of
    from tests.core.tiny import tiny

    config = tiny(base, *assignments)
    places = {"folder_root": folder, "datasets": folder, "facts": facts_of(config).as_json()}
    return store.create(config.model_dump(mode="json"), "a run", group=group, **places)


def protocol(run: Run, **changes: Any) -> dict[str, Any]:
    """What is written beside a test's scores, see ``core.training.evaluation``; the tasks follow from all that draws them."""
    asked, family = run.config["evaluation"], run.config["family"]
    shape = {name: asked[name] or family.get(name, 1) for name in ("n_way", "k_shot", "n_query")}
    said = {"family": family, "split": "test", **shape, "inner_steps": asked["inner_steps"] or 1}
    said |= {
        "batch_statistics": "none",
        "episodes": asked["episodes"],
        "seed": asked["seed"],
        "interval": "1.96",
    } | changes
    drawn = [said[name] for name in (*shape, "split", "episodes", "seed")]
    return {"episodes_sha256": hashlib.sha256(json.dumps(drawn).encode()).hexdigest(), "checkpoint": "best@2"} | said


def add_test(
    store: RunStore, run: Run, scores: np.ndarray | None = None, checkpoint: str = "best", **changes: Any
) -> None:
    """Put a test into the store as the newest of its run. scores: (episodes,). ``changes`` are those of its protocol."""
    episodes = {} if scores is None else {"episodes": len(scores)}
    result = {"metric": "accuracy", "protocol": protocol(run, **(episodes | changes))}
    known = {"episodes": result["protocol"]["episodes"], "checkpoint": checkpoint}
    store.add_evaluation(run.id, 2, "test", "accuracy", 0.5, 0.1, result=result, scores=scores, **known)


def on_each_pair(groups: Sequence[Group], store: RunStore) -> list[Verdict]:
    """The verdicts on these groups by the tests that are in the store."""
    return verdicts([tested(group, store) for group in groups], store)
