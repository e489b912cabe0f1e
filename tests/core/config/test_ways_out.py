"""Advice works when it is followed: the problem is gone, and no other has come at the same settings."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.algorithms.base import algorithms
from core.config.contradictions import Problem, contradictions
from core.config.overrides import apply
from core.config.run import RunConfig
from core.models.base import models
from core.runs import hardware
from tests.core.tiny import values

NUMBERS = st.one_of(st.integers(1, 12), st.sampled_from([15, 19, 20, 21, 30, 100]))
OPEN = st.none() | NUMBERS
MACHINES = [["cpu"], ["cuda:0", "cpu"], ["cuda:0", "cuda:1", "cuda:2", "cpu"]]
DRAWN = {
    "family.n_way": NUMBERS.filter(lambda n: n > 1),
    "family.k_shot": NUMBERS,
    "family.n_query": NUMBERS,
    "evaluation.n_way": OPEN.filter(lambda n: n != 1),
    "evaluation.k_shot": OPEN,
    "evaluation.n_query": NUMBERS,
    "evaluation.inner_steps": st.sampled_from([None, 0, 3]),
    "training.schedule": st.sampled_from(["constant", "cosine"]),
    "training.final_lr": st.sampled_from([0.0, 0.5]),
    "training.processes": st.integers(1, 5),
    "training.meta_batch_size": st.integers(1, 5),
    "device": st.sampled_from(["auto", "cpu", "cuda", "cuda:all", "cuda:1", "gpu"]),
}


def found(config: dict[str, Any]) -> dict[str, Problem] | None:
    """What is wrong by path; None where a field by itself is."""
    try:
        return {problem.path: problem for problem in contradictions(RunConfig.model_validate(config))}
    except ValidationError:
        return None


def assigned(change: Mapping[str, Any]) -> list[str]:
    return [f"{path}={json.dumps(value)}" for path, value in change.items()]


def follow(config: dict[str, Any]) -> None:
    """Each way out that is told, by itself, and then one of them, until nothing is wrong."""
    problems = found(config) or {}
    for path, problem in problems.items():
        assert problem.changes, problem
        for change in problem.changes:
            left = found(apply(config, assigned(change)))
            assert left is not None, (config, problem)
            assert path not in left, (config, problem, left[path])
            assert left.keys() <= problems.keys(), (config, problem, left)
    if problems:
        follow(apply(config, assigned(next(iter(problems.values())).changes[0])))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    base=st.sampled_from(["doodles", "conv4", "sinusoid"]),
    learner=st.sampled_from(sorted(algorithms())),
    network=st.sampled_from(sorted(set(models()) - {"module"})),
    drawn=st.fixed_dictionaries(DRAWN),
    machine=st.sampled_from(MACHINES),
)
def test_each_way_out_leads_out(
    base: str, learner: str, network: str, drawn: dict[str, Any], machine: list[str]
) -> None:
    known = {path: value for path, value in drawn.items() if not (base == "sinusoid" and path == "family.n_way")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hardware, "slots", lambda: machine)
        follow(values(base, f"algorithm={learner}", f"model={network}", *assigned(known)))


@pytest.mark.parametrize("shots", [6, 10, 15, 16, 19, 20, 30, 100])
def test_a_number_that_is_told_is_the_largest_that_will_do(shots: int) -> None:
    """With 15 queries, tasks of classes of 20 examples have 5 shots; it is the larger of the two that is lowered."""
    (problem,) = found(values("doodles", f"evaluation.k_shot={shots}", "evaluation.n_query=15")).values()
    (change,) = problem.changes
    ((path, most),) = change.items()
    assert problem.path == path
    assert path == ("evaluation.k_shot" if shots > 15 else "evaluation.n_query")
    assert most == 20 - min(shots, 15)
    assert f"lower {path.partition('.')[2]} to {most} or less" in problem.message
