"""torch's random numbers, where several threads build networks at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from core.models import chance
from core.models.base import build_model
from core.models.chance import aside
from core.models.mlp import MLP, MLPConfig
from data.spec import InputSpec


def held_elsewhere() -> bool:
    """Whether another thread would have to wait."""
    with ThreadPoolExecutor(1) as pool:
        if not pool.submit(chance._TURN.acquire, False).result():
            return True
        pool.submit(chance._TURN.release).result()
    return False


def test_a_network_is_built_while_nobody_else_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    real, held = MLP.build, []

    def build(*given: object) -> torch.nn.Module:
        held.append(held_elsewhere())
        return real(*given)

    monkeypatch.setattr(MLP, "build", staticmethod(build))
    assert not held_elsewhere()
    build_model(MLPConfig(), InputSpec((1,)), 1, 0)
    assert held == [True]
    assert not held_elsewhere()


def test_threads_that_build_at_once_build_what_one_does_alone() -> None:
    config, spec = MLPConfig(widths=[8]), InputSpec((1,))
    alone = [build_model(config, spec, 1, seed) for seed in range(4)]
    begin = threading.Barrier(4)

    def many(seed: int) -> list[torch.nn.Module]:
        begin.wait(60)
        return [build_model(config, spec, 1, seed) for _ in range(40)]

    with ThreadPoolExecutor(4) as pool:
        for one, others in zip(alone, pool.map(many, range(4)), strict=True):
            for other in others:
                assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_what_is_drawn_aside_is_as_if_it_had_not_been() -> None:
    chance.begin(3)
    wanted = torch.rand(2)
    chance.begin(3)
    with aside(seed=4):
        first = torch.rand(2)
        with aside():
            torch.rand(2)
        second = torch.rand(2)
    assert torch.equal(torch.rand(2), wanted)
    assert torch.equal(torch.cat([first, second]), torch.rand(4, generator=torch.Generator().manual_seed(4)))
