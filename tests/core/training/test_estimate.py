"""From the cost of a part to the cost of the whole: by hand."""

from dataclasses import replace

import pytest

from core.training.estimate import estimate, trained, tuning_tasks, validations
from core.training.probe import Cost
from tests.core.tiny import tiny

COST = Cost(
    step=0.5, score=0.1, tuned=0.0, candidates=0, tunes=False, memory=10**9, threads=2, steps=7, tasks=3, share=1.9
)


def test_each_part_by_hand() -> None:
    config = tiny("sinusoid", "training.iterations=100", "training.evaluate_every=30", "evaluation.val_episodes=40")
    found = estimate(config, COST, "cpu")
    assert (found.iterations, found.training) == (100, 50.0)
    assert found.validation == pytest.approx(validations(config, 100) * 40 * 0.1)
    assert found.test == pytest.approx(30 * 0.1)  # tiny's episodes
    assert found.tuning == 0
    assert found.seconds == pytest.approx(found.training + found.validation + found.test)
    assert found.as_json()["seconds"] == found.seconds
    assert (found.memory, found.slot, found.threads, found.steps, found.tasks) == (10**9, "cpu", 2, 7, 3)


def test_validations_count_the_last_iteration() -> None:
    config = tiny("sinusoid", "training.evaluate_every=30")
    assert validations(config, 90) + 1 == validations(config, 91) == validations(config, 120)


def test_a_time_budget_gives_the_iterations() -> None:
    config = tiny("sinusoid", "training.iterations=1000", "training.minutes=2", "training.evaluate_every=50")
    assert trained(config, 0.5) == (240, 120.0)
    assert trained(config, 0.01) == (1000, pytest.approx(10.0))  # over before the budget is
    assert estimate(config, COST, "cpu").iterations == 240


def test_a_baseline_that_chooses_before_each_validation_and_before_the_test() -> None:
    config = tiny("sinusoid", "algorithm=pretrain", "evaluation.val_episodes=100")
    cost = replace(COST, tuned=0.2, candidates=10, tunes=True)
    one = estimate(config, cost, "cpu").validation / validations(config, config.training.iterations)
    assert one == pytest.approx(100 * 0.1 + 10 * 25 * 0.2)
    assert tuning_tasks(10, 100) == 10 * 25 + 4 * 100 + 100
    assert tuning_tasks(10, 20) == 10 * 20 + 20  # one block: nothing is looked at again
    assert tuning_tasks(1, 100) == 25 + 100 + 100
    assert tuning_tasks(0, 100) == 0
    assert estimate(config, cost, "cpu").tuning == pytest.approx(0.2 * 750)
    assert estimate(config, cost, "cpu").test == pytest.approx(30 * 0.2)


def test_a_learner_that_is_not_trained_takes_only_its_test() -> None:
    found = estimate(tiny("doodles", "algorithm=nearest-centroid"), replace(COST, step=0.0, steps=0), "cpu")
    assert (found.iterations, found.training, found.validation) == (0, 0, 0)
    assert found.seconds == found.test > 0


def test_a_processor_that_others_used_is_said() -> None:
    config = tiny("sinusoid")
    assert estimate(config, replace(COST, share=0.4), "cpu").busy
    assert estimate(config, replace(COST, share=1.0), "cpu").busy, "of two threads"
    assert not estimate(config, replace(COST, share=1.2), "cpu").busy
    assert not estimate(config, replace(COST, share=0.9, threads=1), "cpu").busy
    assert not estimate(config, replace(COST, share=0.4), "cuda:0").busy  # there it waits for the GPU
