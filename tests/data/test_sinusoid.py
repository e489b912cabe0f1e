"""Sinusoids are drawn as the paper says, and the points lie on the curves."""

import math
from pathlib import Path

import pytest
import torch

from data.family import EpisodeShape
from data.sinusoid import Sinusoid, SinusoidConfig

SHAPE = EpisodeShape(1, 5, 7)


@pytest.fixture
def family(tmp_path: Path) -> Sinusoid:
    return Sinusoid(SinusoidConfig(), datasets=tmp_path, cache=tmp_path)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_shapes(family: Sinusoid) -> None:
    episodes = family.sample("train", SHAPE, 3, seeded(0))
    assert episodes.support_x.shape == episodes.support_y.shape == (3, 5, 1)
    assert episodes.query_x.shape == episodes.query_y.shape == (3, 7, 1)
    assert family.input_spec.shape == (1,) and family.outputs(SHAPE) == 1


def test_the_config_states_the_training_shape() -> None:
    assert SinusoidConfig(k_shot=3, n_query=4).shape == EpisodeShape(1, 3, 4)
    assert Sinusoid.sizes(SinusoidConfig(), None) is None


def test_points_lie_on_the_curves(family: Sinusoid) -> None:
    episodes, curves = family.sample_curves("train", SHAPE, 4, seeded(1))
    for x, y in ((episodes.support_x, episodes.support_y), (episodes.query_x, episodes.query_y)):
        torch.testing.assert_close(y, curves.amplitude * (x - curves.phase).sin())
    line = torch.linspace(-5, 5, 11)[:, None]
    assert curves(line).shape == (4, 11, 1)
    assert torch.equal(episodes.query_y, family.sample("train", SHAPE, 4, seeded(1)).query_y)


def test_amplitude_phase_and_x_fill_the_papers_ranges(family: Sinusoid) -> None:
    episodes, curves = family.sample_curves("train", EpisodeShape(1, 1, 1), 20_000, seeded(2))
    for drawn, low, high in (
        (curves.amplitude, 0.1, 5.0),
        (curves.phase, 0.0, math.pi),
        (episodes.support_x, -5.0, 5.0),
        (episodes.query_x, -5.0, 5.0),
    ):
        assert low <= drawn.min() and drawn.max() <= high
        counts = torch.histc(drawn, 10, low, high)
        # Each bin expects 2000; five standard deviations are 212.
        assert (counts - 2000).abs().max() < 212


def test_one_seed_one_sample(family: Sinusoid) -> None:
    first, second, other = (family.sample("val", SHAPE, 2, seeded(seed)).query_y for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_flat_points_come_each_from_a_fresh_curve(family: Sinusoid) -> None:
    x, y = family.sample_flat("train", 50_000, seeded(5))
    assert x.shape == y.shape == (50_000, 1)
    # Near x = π/2 the phase alone spreads sin(x - phase) over [-1, 1] = cos(phase); one curve would give one value.
    near = y[(x - math.pi / 2).abs() < 0.1]
    assert near.min() < -4 and near.max() > 4
    # E[y | x] = E[A] * E[sin(x - phase)] = 2.55 * (-2/π) cos(x), which the pooled mean has to follow.
    slope = (y * x.cos()).mean() / x.cos().square().mean()
    assert slope == pytest.approx(-2.55 * 2 / math.pi, abs=0.08)
