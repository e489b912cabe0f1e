"""All sides of a comparison compute the same, and one that does not is found out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.contenders import contenders, work
from benchmarks.peers import distance
from benchmarks.work import HIGHER, LEAN, OURS, PAPER, PYTHON, TEXTBOOK
from benchmarks.workloads import Opened, Workload, config_of, maml, opened, workloads
from data.places import Folders

NOWHERE = Folders(Path(), Path())
SMALL = {"n_way": 2, "k_shot": 1, "n_query": 1}


def small(name: str) -> Workload:
    """A workload as it is measured, but for its size."""
    whole = workloads(NOWHERE)[name]
    if whole.family is None:
        return replace(whole, tasks=2)
    model = {"name": "conv4", "filters": 4, "downsampling": whole.config["model"]["downsampling"]}
    return replace(whole, tasks=2, family=whole.family | SMALL, config=whole.config | {"model": model})


def test_every_workload_is_a_config_that_can_run() -> None:
    for workload in workloads(NOWHERE).values():
        assert config_of(workload).device == "auto"


def answer(contender: str, workload: Workload, dtype: torch.dtype = torch.float64) -> dict[str, np.ndarray]:
    ready: Opened = opened(workload, torch.device("cpu"), NOWHERE, dtype)
    side = work(contender, ready)
    side.do()
    return side.answer()


@pytest.mark.parametrize("contender", [TEXTBOOK, HIGHER])
@pytest.mark.parametrize("name", ["sinusoid-5", "conv4-max-pool", "conv4-stride-first-order", "anil"])
def test_peers_find_innerloops_meta_gradient(name: str, contender: str) -> None:
    assert distance(answer(contender, small(name)), answer(OURS, small(name))) < 1e-10


def test_fewer_tasks_at_once_give_the_same() -> None:
    workload = replace(small("conv4-max-pool"), tasks=3)
    assert distance(answer(LEAN, workload), answer(OURS, workload)) < 1e-10


def test_the_papers_protonet_finds_innerloops_gradient() -> None:
    assert distance(answer(PAPER, small("protonet")), answer(OURS, small("protonet"))) < 1e-10


def test_another_algorithm_is_not_taken_for_the_same() -> None:
    second = small("sinusoid-5")
    first = replace(second, config=second.config | {"algorithm": maml(5, first_order=True)})
    assert distance(answer(OURS, first), answer(TEXTBOOK, second)) > 1e-3


def test_answers_of_other_shapes_are_infinitely_far_apart() -> None:
    assert distance({"a": np.zeros(2)}, {"a": np.zeros(3)}) == np.inf
    assert distance({"a": np.zeros(2)}, {"b": np.zeros(2)}) == np.inf


@pytest.mark.parametrize("name", ["score-sinusoid", "score-conv4"])
def test_scoring_one_by_one_finds_innerloops_mean(name: str) -> None:
    scores = [answer(contender, small(name), torch.float32)["score"] for contender in contenders(small(name))]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


@pytest.mark.parametrize("name", ["sample-sinusoid", "sample-84"])
def test_a_python_sampler_gives_tasks_of_the_same_shapes(name: str) -> None:
    found = [answer(contender, workloads(NOWHERE)[name], torch.float32) for contender in (OURS, PYTHON)]
    assert distance(*found) == 0
