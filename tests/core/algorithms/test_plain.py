"""What a learner knows of a task as an ordinary network answers as the learner does, each query by itself, also in ONNX."""

from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from core.algorithms.base import Algorithm, TaskState, algorithms
from core.config.checks import ConfigError
from core.handover.adapted import graph, in_onnx
from core.models.base import ModelError
from core.training.build import build_learner
from data.registry import families
from data.spec import InputSpec
from tests.core.tiny import tiny

TEXTS = ("doodles", "family=intents", "family.n_way=3", "family.k_shot=2", "family.n_query=2", "family.vocabulary=64")
BASES = {name: (name,) for name in ("doodles", "conv4", "sinusoid")} | {"gru": (*TEXTS, "model=gru", "model.width=4")}
SMALL = {"snail": ("algorithm.filters=4",), "baseline++": ("algorithm.finetune_steps=3",)}
NEAR = 1e-4


def cases() -> list[tuple[str, str]]:
    """Each learner on each of the bases that it fits."""
    found = []
    for base, assignments in BASES.items():
        for name in algorithms():
            try:
                tiny(*assignments, f"algorithm={name}")
                found.append((base, name))
            except ConfigError:
                continue
    return found


def adapted(base: str, *assignments: str) -> tuple[Algorithm, TaskState, Tensor, Tensor]:
    """A learner, what it knows of a task, seven queries, and its answers."""
    config = tiny(*BASES[base], "batch_statistics=support", *assignments)
    family = families()[config.family.name](config.family, datasets=Path(), cache=Path())
    learner = build_learner(config, family, "stacked").eval()
    generator = torch.Generator().manual_seed(0)
    state = learner.adapt(family.made_up(config.test_shape, 1, generator), 2 if learner.takes_steps else 0)
    queries = family.input_spec.noise(7, generator=generator)
    with torch.no_grad():
        return learner, state, queries, learner.predict(state, queries[None])[0]


@pytest.mark.parametrize(("base", "name"), cases())
def test_it_answers_as_the_learner_does(base: str, name: str) -> None:
    learner, state, queries, wanted = adapted(base, f"algorithm={name}", *SMALL.get(name, ()))
    before = {name: value.clone() for name, value in learner.named_parameters()}
    network = learner.plain(state)
    for n in (7, 1):
        torch.testing.assert_close(network(queries[:n]), wanted[:n], atol=NEAR, rtol=NEAR)
    assert all(torch.equal(value, before[name]) for name, value in learner.named_parameters())


@pytest.mark.parametrize(
    "assignments",
    [
        ("algorithm=maml++", "algorithm.running_statistics=true"),
        ("algorithm=pretrain", "algorithm.finetune=head", "algorithm.finetune_lr=0.1", "algorithm.finetune_steps=2"),
        ("algorithm=pretrain", "algorithm.finetune=all", "algorithm.finetune_lr=0.1", "algorithm.finetune_steps=2"),
        ("algorithm=protonet", "algorithm.distance=cosine"),
    ],
)
def test_whatever_its_settings(assignments: tuple[str, ...]) -> None:
    learner, state, queries, wanted = adapted("conv4", *assignments)
    torch.testing.assert_close(learner.plain(state)(queries), wanted, atol=NEAR, rtol=NEAR)


class Twice(nn.Module):
    """One BatchNorm layer at two places."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
        self.second, self.head = nn.Conv2d(2, 2, 3), nn.Linear(2, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.second(self.norm(self.first(x)))).mean((-2, -1)))


def test_a_layer_that_normalises_at_two_places_is_refused() -> None:
    learner, state, *_ = adapted("conv4", "model=module", f"model.path={__name__}:Twice")
    with pytest.raises(ModelError, match="norm normalises at several places"):
        learner.plain(state)


class Together(nn.Module):
    """Several networks on the same inputs: one graph takes torch little longer than one of each."""

    def __init__(self, networks: list[nn.Module]):
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([network(x) for network in self.networks])


def test_onnx_answers_as_learners_of_each_group_do() -> None:
    chosen = [(base, name) for base in ("doodles", "conv4") for name in ("maml", "protonet", "proto-maml", "pretrain")]
    assert {algorithms()[name].group for _, name in chosen} == {one.group for one in algorithms().values()}
    made = [adapted(base, f"algorithm={name}") for base, name in chosen]
    network, spec = Together([learner.plain(state) for learner, state, *_ in made]), InputSpec((1, 28, 28))
    program = in_onnx(graph(network, spec), spec)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (inputs,), queries = session.get_inputs(), made[0][2]
    assert (inputs.name, inputs.shape) == ("inputs", ["queries", 1, 28, 28])
    for n in (7, 1):
        (said,) = session.run(["answers"], {"inputs": queries[:n].numpy()})
        for case, answers, (learner, state, *_) in zip(chosen, said, made, strict=True):
            with torch.no_grad():
                wanted = learner.predict(state, queries[None, :n])[0]
            assert (torch.from_numpy(answers) - wanted).abs().max() < NEAR, case
