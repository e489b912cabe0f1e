"""Meta-steps per second: Innerloop against a textbook loop over tasks, and ways of its own against each other.

Those are Conv4's two layouts of its weights in memory, its convolutions as groups or as products, and seeds in turn or as one.

The two sides of a row take turns in one process.

    python -m benchmarks.meta_step [--device cpu] [--rounds 7]

All run under the allocator settings that the launcher gives every worker, so that only the algorithm differs.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import torch
import typer
from torch import Tensor
from torch.func import functional_call

from core.algorithms import forward
from core.algorithms.anil import ANIL
from core.algorithms.base import Algorithm
from core.config.checks import parse
from core.config.run import RunConfig
from core.models import convolution
from core.runs.hardware import describe
from core.runs.launchers import ALLOCATOR
from core.training.build import build_learner, threads
from core.training.device import open_device
from core.training.recording import Recording, StackedRecordings
from core.training.step import hasten
from data.batch import Episodes
from data.family import TaskFamily
from data.registry import families

SINUSOID = {"family": {"name": "sinusoid", "k_shot": 10, "n_query": 10}, "model": {"name": "mlp", "widths": [40, 40]}}
CHARACTERS = {
    "family": {
        "name": "doodles",
        "n_way": 5,
        "k_shot": 1,
        "n_query": 15,
        "train_classes": 50,
        "val_classes": 5,
        "test_classes": 5,
    },
    "model": {"name": "conv4", "downsampling": "max-pool"},
}


@dataclass(frozen=True)
class Case:
    """One row: a config, how many tasks a meta-step has, and how many steps a round times."""

    title: str
    config: dict[str, Any]
    tasks: int
    steps: int


def maml(base: dict[str, Any], inner_steps: int, *, first_order: bool = False) -> dict[str, Any]:
    return {
        **base,
        "algorithm": {"name": "maml", "inner_lr": 0.01, "inner_steps": inner_steps, "first_order": first_order},
    }


CASES = [
    Case("sinusoid, MLP 40-40, 25 tasks, 1 step", maml(SINUSOID, 1), 25, 100),
    Case("sinusoid, MLP 40-40, 25 tasks, 5 steps", maml(SINUSOID, 5), 25, 30),
    Case("28×28, Conv4-64 max-pool, 8 tasks, 5 steps", maml(CHARACTERS, 5), 8, 1),
    Case("28×28, Conv4-64 max-pool, 8 tasks, 5 steps, first order", maml(CHARACTERS, 5, first_order=True), 8, 1),
    Case(
        "28×28, Conv4-64 max-pool, 8 tasks, 5 steps, ANIL",
        {**CHARACTERS, "algorithm": {"name": "anil", "inner_lr": 0.01, "inner_steps": 5}},
        8,
        1,
    ),
]
COMPARING = CHARACTERS["family"] | {"n_way": 50, "n_query": 5}
LAYOUTS = [
    Case(
        "50-way 1-shot ProtoNet, Conv4-64 max-pool",
        {**CHARACTERS, "family": COMPARING, "algorithm": {"name": "protonet"}, "evaluation": {"n_way": 5}},
        1,
        1,
    ),
    Case(
        "pretraining, Conv4-64 max-pool, 64 pictures",
        {**CHARACTERS, "algorithm": {"name": "pretrain", "batch_size": 64}},
        1,
        3,
    ),
    Case("MAML, Conv4-64 max-pool, 8 tasks, 1 step", maml(CHARACTERS, 1), 8, 1),
]


SEEDS = 3
STACKED = [*CASES[:2], Case("sinusoid, MLP 40-40, 4 tasks, 1 step", maml(SINUSOID, 1), 4, 100)]
CONVOLUTIONS = [
    Case("28×28, Conv4-64 stride, 8 tasks, 5 steps", maml(CHARACTERS | {"model": {"name": "conv4"}}, 5), 8, 1),
    CASES[2],
    CASES[3],
]


def textbook_loop(learner: Algorithm, family: TaskFamily, config: RunConfig) -> Callable[[Episodes], None]:
    """The meta-gradient as papers' code writes it: one task after the other, ``autograd.grad`` on the weights that adapt."""
    algorithm, model = config.algorithm, learner.model
    adapted = learner.head if isinstance(learner, ANIL) else dict(model.named_parameters())
    loss_of = family.objective(family.config.shape).loss

    def one(support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor) -> Tensor:
        weights = dict(model.named_parameters())
        for _ in range(algorithm.inner_steps):
            loss = loss_of(functional_call(model, weights, (support_x,))[None], support_y[None]).mean()
            inner = {n: weights[n] for n in adapted}
            gradients = torch.autograd.grad(loss, list(inner.values()), create_graph=not algorithm.first_order)
            weights |= {n: w - algorithm.inner_lr * g for (n, w), g in zip(inner.items(), gradients, strict=True)}
        return loss_of(functional_call(model, weights, (query_x,))[None], query_y[None]).mean()

    def step(episodes: Episodes) -> None:
        tasks = zip(episodes.support_x, episodes.support_y, episodes.query_x, episodes.query_y, strict=True)
        torch.stack([one(*task) for task in tasks]).mean().backward()

    return step


def opened(case: Case, device: torch.device) -> tuple[RunConfig, TaskFamily, Algorithm]:
    config = parse({**case.config, "device": "auto"})
    family = families()[config.family.name](
        config.family, datasets=Path(), cache=Path(".innerloop/cache"), device=device
    )
    learner = build_learner(config, family, "stacked")
    torch.set_num_threads(threads(learner) if device.type == "cpu" else torch.get_num_threads())
    return config, family, learner


def against_the_textbook(case: Case, device: torch.device, rounds: int) -> list[float]:
    """Median seconds of a meta-step, [textbook loop, Innerloop]."""
    config, family, learner = opened(case, device)
    generator = torch.Generator(device).manual_seed(0)
    loop = textbook_loop(learner, family, config)

    def theirs() -> None:
        learner.zero_grad(set_to_none=True)
        loop(family.sample("train", config.family.shape, case.tasks, generator))

    ours = meta_step(learner, config, case, generator)
    return medians([theirs, ours], case.steps, device, rounds)


def layouts(case: Case, device: torch.device, rounds: int) -> list[float]:
    """Median seconds of a meta-step, [weights by channel, weights by pixel]."""
    sides = []
    for layout in (torch.contiguous_format, torch.channels_last):
        config, _, learner = opened(case, device)
        sides.append(meta_step(learner.to(memory_format=layout), config, case, torch.Generator(device).manual_seed(0)))
    return medians(sides, case.steps, device, rounds)


def convolutions(case: Case, device: torch.device, rounds: int) -> list[float]:
    """Median seconds of a recorded meta-step where a recording pays, [convolutions of many groups, products of matrices].

    Layers are run one by one, as on a GPU: on a processor a block is otherwise run as one.
    """
    sides = []
    for products in ((), (device.type,)):
        config, _, learner = opened(case, device)
        hasten(learner, 1)
        step = meta_step(learner, config, case, torch.Generator(device).manual_seed(0))
        sides.append(partial(layer_by_layer, step, products))
    return medians(sides, case.steps, device, rounds)


def layer_by_layer(step: Callable[[], None], products: tuple[str, ...]) -> None:
    with patch.multiple(forward, AS_ONE=(), ONE_BY_ONE=()), patch.object(convolution, "AS_PRODUCTS", products):
        step()


def seeds(case: Case, device: torch.device, rounds: int) -> list[float]:
    """Median seconds of recorded meta-steps of three seeds, [one after the other, as one]."""
    alone, batches = [], []
    for seed in range(SEEDS):
        config, family, learner = opened(replace(case, config={**case.config, "seed": seed}), device)
        generator = torch.Generator(device).manual_seed(seed)
        batches.append(family.sample("train", config.family.shape, case.tasks, generator))
        alone.append(Recording(learner, batches[-1]))
    stacked = StackedRecordings(alone, batches)
    in_turn = lambda: [one(batch) for one, batch in zip(alone, batches, strict=True)]  # noqa: E731
    return medians([in_turn, lambda: stacked(batches)], case.steps, device, rounds)


def meta_step(learner: Algorithm, config: RunConfig, case: Case, generator: torch.Generator) -> Callable[[], None]:
    def step() -> None:
        learner.zero_grad(set_to_none=True)
        learner.meta_step(config.family.shape, case.tasks, generator)

    return step


def medians(sides: list[Callable[[], None]], steps: int, device: torch.device, rounds: int) -> list[float]:
    """Median seconds of a step of each side; they take turns, and the first round warms up."""
    times = [[timed(side, steps, device) for side in sides] for _ in range(rounds + 1)]
    return [statistics.median(found) for found in zip(*times[1:], strict=True)]


def timed(side: Callable[[], None], steps: int, device: torch.device) -> float:
    """Seconds per step."""
    began = time.perf_counter()
    for _ in range(steps):
        side()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - began) / steps


def main(device: Annotated[str, typer.Option()] = "cpu", rounds: Annotated[int, typer.Option(min=1)] = 7) -> None:
    if sys.platform == "linux" and any(os.environ.get(key) != value for key, value in ALLOCATOR.items()):
        # The allocator reads its settings when a process starts.
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.meta_step", *sys.argv[1:]], os.environ | ALLOCATOR)
    all_threads = torch.get_num_threads()
    print(f"{describe()}, torch {torch.__version__}, device {device}, medians of {rounds} rounds\n")
    tables = (
        ("textbook loop | Innerloop", CASES, against_the_textbook),
        ("weights by channel | by pixel, as built", LAYOUTS, layouts),
        ("convolutions of many groups | products of matrices", CONVOLUTIONS, convolutions),
        (f"{SEEDS} seeds in turn | as one", STACKED + CONVOLUTIONS * (device != "cpu"), seeds),
    )
    for head, cases, compare in tables:
        print(f"| one meta-step | {head} | times as fast |\n|---|---|---|---|")
        for case in cases:
            torch.set_num_threads(all_threads)
            before, ours = compare(case, open_device(device), rounds)
            print(f"| {case.title} | {1000 * before:.1f} ms | {1000 * ours:.1f} ms | {before / ours:.1f} |", flush=True)
        print()


if __name__ == "__main__":
    typer.run(main)
