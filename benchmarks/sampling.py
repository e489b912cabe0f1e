"""Drawing a meta-batch: Innerloop's families, and a sampler that loops in Python over tasks, classes and pictures."""

import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.work import OURS, NotHere, Work
from benchmarks.workloads import Opened
from data.pictures import Pictures, as_input
from data.sinusoid import AMPLITUDE, PHASE, X_RANGE


def sampling(contender: str, opened: Opened) -> Work:
    """Training tasks of the family's own shape; a peer's come from a Python loop over tasks, classes and pictures."""
    family, shape, tasks = opened.family, opened.config.family.shape, opened.workload.tasks
    drawn: dict[str, tuple[Tensor, ...]] = {}
    if contender == OURS:

        def draw() -> tuple[Tensor, ...]:
            return family.sample("train", shape, tasks, opened.generator).tensors

    elif isinstance(family, Pictures):
        draw = picture_loop(opened)
    elif opened.config.family.name == "sinusoid":
        draw = sinusoid_loop(opened)
    else:
        raise NotHere("there is no sampler to compare with")

    def do() -> None:
        drawn["last"] = draw()

    def answer() -> dict[str, np.ndarray]:
        return {str(i): np.array(part.shape) for i, part in enumerate(drawn["last"])}

    return Work(do, answer)


def picture_loop(opened: Opened) -> Callable[[], tuple[Tensor, ...]]:
    """As torchmeta's and learn2learn's data sets do: pictures by class, each transformed as it is taken."""
    pool, (n_way, k_shot, n_query) = opened.family.pool("train"), opened.config.family.shape
    places = zip(pool.starts.tolist(), pool.counts.tolist(), strict=True)
    by_class = [pool.images[start : start + count] for start, count in places]
    device, generator = opened.family.device, random.Random(0)

    def one() -> tuple[Tensor, ...]:
        parts = [[], [], [], []]
        for label, number in enumerate(generator.sample(range(len(by_class)), n_way)):
            chosen = generator.sample(range(len(by_class[number])), k_shot + n_query)
            for i, picture in enumerate(chosen):
                part = 0 if i < k_shot else 2
                parts[part].append(as_input(by_class[number][picture]))
                parts[part + 1].append(torch.tensor(label, device=device))
        return tuple(torch.stack(part) for part in parts)

    return lambda: tuple(map(torch.stack, zip(*(one() for _ in range(opened.workload.tasks)), strict=True)))


def sinusoid_loop(opened: Opened) -> Callable[[], tuple[Tensor, ...]]:
    """As Finn et al.'s code does: one curve after the other with numpy."""
    shape, device, generator = opened.config.family.shape, opened.family.device, np.random.default_rng(0)

    def one() -> tuple[Tensor, ...]:
        amplitude, phase = generator.uniform(*AMPLITUDE), generator.uniform(*PHASE)
        x = generator.uniform(*X_RANGE, (shape.k_shot + shape.n_query, 1)).astype(np.float32)
        y = (amplitude * np.sin(x - phase)).astype(np.float32)
        x, y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
        return x[: shape.k_shot], y[: shape.k_shot], x[shape.k_shot :], y[shape.k_shot :]

    return lambda: tuple(map(torch.stack, zip(*(one() for _ in range(opened.workload.tasks)), strict=True)))
