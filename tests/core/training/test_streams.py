"""One seed, and streams that share nothing."""

from itertools import product

import pytest
import torch

from core.training.build import build_learner
from core.training.streams import stream
from tests.core.tiny import open_tiny, tiny

NAMES = ("network", "own layers", "tasks", "noise")


def test_no_two_streams_are_the_same() -> None:
    seeds = [stream(seed, name, part) for seed, name, part in product(range(30), NAMES[1:], range(3))]
    seeds += [stream(seed, "network") for seed in range(30)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= one < 2**63 for one in seeds)


def test_a_stream_is_the_same_tomorrow() -> None:
    assert [stream(7, name) for name in NAMES] == [7, 8650288405471485631, 6096787904953775946, 4851538890852673410]


@pytest.mark.parametrize("drawn", ["tasks", "noise"])
def test_the_networks_start_is_in_no_other_stream(drawn: str, pictures) -> None:
    """The first weights were once the first numbers of the tasks: a network that begins with what it is asked."""
    config = tiny("sinusoid", "seed=5")
    first = torch.rand(50, generator=torch.Generator().manual_seed(stream(5, "network")))
    other = torch.rand(50, generator=torch.Generator().manual_seed(stream(5, drawn)))
    assert not torch.isin(first, other).any()
    weights = build_learner(config, open_tiny(config, pictures), "stacked").model
    again = build_learner(config, open_tiny(config, pictures), "stacked").model
    assert all(torch.equal(a, b) for a, b in zip(weights.parameters(), again.parameters(), strict=True))
