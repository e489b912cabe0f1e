"""The meta learning rate, worked out by hand."""

import math

import pytest

from core.config.run import TrainingConfig
from core.training.schedule import early_validations, learning_rate, validated_after


@pytest.mark.parametrize("iteration", [0, 999, 10**6])
def test_constant(iteration: int) -> None:
    assert learning_rate(TrainingConfig(meta_lr=0.003), iteration) == 0.003


@pytest.mark.parametrize(
    ("iteration", "staircase", "rate"),
    [
        (0, True, 1e-3),
        (999, True, 1e-3),
        (1000, True, 0.9e-3),
        (2999, True, 0.81e-3),
        (500, False, 1e-3 * math.sqrt(0.9)),
        (1000, False, 0.9e-3),
    ],
)
def test_exponential(iteration: int, staircase: bool, rate: float) -> None:
    config = TrainingConfig(schedule="exponential", meta_lr=1e-3, decay_rate=0.9, decay_every=1000, staircase=staircase)
    assert learning_rate(config, iteration) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("iteration", "rate"), [(0, 0.01), (25, 0.001 + 0.009 * (1 + math.sqrt(0.5)) / 2), (50, 0.0055), (100, 0.001)]
)
def test_cosine(iteration: int, rate: float) -> None:
    config = TrainingConfig(schedule="cosine", meta_lr=0.01, final_lr=0.001, iterations=100)
    assert learning_rate(config, iteration) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("every", "count", "expected"),
    [
        (200, 4, [12, 25, 50, 100, 200, 400]),
        (200, 0, [200, 400]),
        (200, 16, [1, 3, 6, 12, 25, 50, 100, 200, 400]),  # halving ends at 0
        (3, 4, [1, 3, 6, 9]),
        (1, 4, [1, 2, 3]),
    ],
)
def test_validations_come_early_at_growing_distances(every: int, count: int, expected: list[int]) -> None:
    config = TrainingConfig(evaluate_every=every, early_validations=count)
    early = early_validations(config)
    assert [i for i in range(expected[-1] + 1) if validated_after(config, i, early)] == expected
