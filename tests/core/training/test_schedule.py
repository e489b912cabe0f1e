"""The meta learning rate, worked out by hand."""

import math

import pytest

from core.config.run import TrainingConfig
from core.training.schedule import learning_rate


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
