"""A step that is repeated in memory of its own. On a processor a stand-in for the CUDA graph runs it again in that memory."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from core.config.checks import parse
from core.training import recording
from core.training.build import build_learner, without_data
from core.training.graphed import Graphed
from core.training.recorded import Repeated
from core.training.step import Stepper, may_be_recorded
from tests.core.training.graph import again

MAML = {"name": "maml", "inner_lr": 0.05, "inner_steps": 2}
PICTURES = {"name": "doodles", "n_way": 3, "k_shot": 1, "n_query": 2}
SINUSOID = {"family": {"name": "sinusoid", "k_shot": 5, "n_query": 7}, "model": {"name": "mlp", "widths": [8, 8]}}
CONFIGS = {
    "sinusoid": SINUSOID | {"algorithm": MAML},
    "strides": {"family": PICTURES, "model": {"name": "conv4", "filters": 4}, "algorithm": MAML},
    "max-pooling": {
        "family": PICTURES,
        "model": {"name": "conv4", "filters": 4, "downsampling": "max-pool"},
        "algorithm": MAML | {"first_order": True},
    },
    "resnet": {
        "family": PICTURES,
        "model": {"name": "resnet12", "widths": [2, 2, 2, 2]},
        "algorithm": MAML | {"name": "anil"},
    },
    "protonet": {"family": PICTURES, "model": {"name": "conv4", "filters": 4}, "algorithm": {"name": "protonet"}},
    "matchingnet": {"family": PICTURES, "model": {"name": "conv4", "filters": 4}, "algorithm": {"name": "matchingnet"}},
    "relationnet": {
        "family": PICTURES,
        "model": {"name": "conv4", "filters": 4, "halvings": 2},
        "algorithm": {"name": "relationnet", "filters": 4},
        "batch_statistics": "support",
    },
    "snail": {
        "family": PICTURES,
        "model": {"name": "conv4", "filters": 4},
        "algorithm": {"name": "snail", "filters": 4},
    },
    "proto-maml": {
        "family": PICTURES,
        "model": {"name": "conv4", "filters": 4},
        "algorithm": MAML | {"name": "proto-maml"},
    },
}


def trained(values: dict[str, Any], after: int | None, steps: int = 6) -> list[list[Tensor]]:
    """What each step reports and the weights at the end. after: steps before one is recorded; None for never."""
    config = parse({**values, "training": {"meta_batch_size": 3}})
    family = without_data(config)
    family.sample = lambda _, shape, tasks, generator: family.made_up(shape, tasks, generator)
    learner = build_learner(config, family, "stacked")
    stepper = Stepper(config, learner, learner.optimizer(1e-2), torch.Generator().manual_seed(3))
    del learner.learn  # the stepper's choice for a processor
    if after is not None:
        learner.learn = Repeated(learner, after)
    reports = [stepper.take(i, 1e-2, i / steps) for i in range(steps)]
    assert after is None or isinstance(learner.learn.recording.run, Graphed)
    said = [[value for value in vars(report).values() if value is not None] for report in reports]
    return [*said, list(learner.parameters())]


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("values", CONFIGS.values(), ids=CONFIGS)
def test_a_training_by_a_graph_equals_one_as_written_to_the_last_bit(values: dict[str, Any]) -> None:
    """Also what the first steps reported, read after the last one has been taken in the same memory."""
    for one, other in zip(trained(values, None), trained(values, 2), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_each_call_reads_its_own_arguments() -> None:
    graphed = Graphed(lambda a, b: (a * b, a.t()), [torch.zeros(2, 3), torch.zeros(2, 3)], again)
    for _ in range(2):
        a, b = torch.randn(2, 3), torch.randn(2, 3)
        product, turned = graphed(a, b)
        assert torch.equal(product, a * b) and torch.equal(turned, a.t())


def test_arguments_keep_their_strides() -> None:
    seen = []
    argument = torch.randn(3, 2).t()
    Graphed(lambda a: (seen.append(a.stride()), a.clone())[1:], [argument], again)
    assert set(seen) == {argument.stride()}


@pytest.mark.parametrize(("device", "recorded"), [("cpu", False), ("cuda", True), ("mps", False)])
def test_a_gpu_repeats_large_networks_too(monkeypatch: pytest.MonkeyPatch, device: str, recorded: bool) -> None:
    config = parse({**CONFIGS["strides"], "model": {"name": "mlp", "widths": [1000, 1000]}})
    learner = build_learner(config, without_data(config), "stacked")
    monkeypatch.setattr(learner.family, "device", torch.device(device))
    assert may_be_recorded(learner) is recorded


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("values", CONFIGS.values(), ids=CONFIGS)
def test_on_a_gpu(values: dict[str, Any]) -> None:
    config = parse(values)
    family = without_data(config, device="cuda")
    draw = partial(family.made_up, config.family.shape, 3)
    learner = build_learner(config, family, "stacked")
    batches = [draw(torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    taken = recording.Recording(learner, batches[0])
    learner.learn(batches[1])
    gradients, _ = taken(batches[1])
    assert all(torch.equal(p.grad, found) for p, found in zip(taken.learned, gradients, strict=True))
