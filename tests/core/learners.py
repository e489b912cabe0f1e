"""Learners in float64 on made-up tasks, and the textbook's loop to compare them with."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from core.algorithms.base import Algorithm
from core.algorithms.forward import ForwardMode
from core.algorithms.maml import MAML
from core.config.run import RunConfig
from core.training.build import build_learner
from data.batch import Episodes
from data.family import EpisodeShape, TaskFamily
from data.objective import Classification, Objective
from data.registry import families
from tests.core.tiny import tiny

SHAPE = EpisodeShape(3, 2, 3)


def blank(config: RunConfig, device: str = "cpu") -> TaskFamily:
    """The family's loss, score and shapes; its data are never asked for."""
    return families()[config.family.name](config.family, datasets=Path(), cache=Path(), device=device)


def maml(
    build: Callable[[], nn.Module],
    base: str = "doodles",
    mode: ForwardMode = "stacked",
    statistics: str = "transductive",
    kind: type[Algorithm] = MAML,
    **settings,
) -> MAML:
    """MAML, or one of its kind, around ``build()``, whose start is the same at every call."""

    def network(_: int | None) -> nn.Module:
        torch.manual_seed(3)
        return build()

    return kind(kind.Config(**settings), network, blank(tiny(base)), SHAPE, statistics, mode).double()


def of(name: str, *assignments: str, base: str = "conv4", mode: ForwardMode = "stacked") -> Algorithm:
    """The learner of this name on a tiny run's network, in float64 and without data."""
    config = tiny(base, f"algorithm={name}", *assignments)
    return build_learner(config, blank(config), mode).double()


def on_made_up_tasks(name: str, *assignments: str) -> Algorithm:
    """The learner of this name in float64, which draws its family's made-up tasks; the same at every call."""
    # Reptile's Adam makes steps of rounding errors where a gradient is 0, as that of a bias before BatchNorm.
    found = of(name, *assignments, base={"reptile": "doodles", "cnp": "sinusoid"}.get(name, "conv4"))
    family_made_up = found.family.made_up

    def sample(_split: str, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        episodes = family_made_up(shape, tasks, generator)
        return Episodes(*(x.double() if x.is_floating_point() else x for x in episodes.tensors), episodes.objective)

    found.family.sample = sample
    return found


def made_up(
    tasks: int = 2, input_shape: tuple[int, ...] = (1, 28, 28), shape: EpisodeShape = SHAPE, seed: int = 11
) -> Episodes:
    """Noise, labelled as classification tasks, in float64."""
    generator = torch.Generator().manual_seed(seed)

    def part(per_class: int) -> tuple[Tensor, Tensor]:
        n = shape.n_way * per_class
        x = torch.randn(tasks, n, *input_shape, generator=generator, dtype=torch.float64)
        return x, torch.arange(shape.n_way).repeat_interleave(per_class).expand(tasks, n)

    return Episodes(*part(shape.k_shot), *part(shape.n_query), Classification(shape.n_way))


def to_learn(x: Tensor, y: Tensor, objective: Objective) -> Episodes:
    """Tasks with a support set alone."""
    return Episodes(x, y, x[:, :0], y[:, :0], objective)


def meta_gradient(learner: MAML, episodes: Episodes) -> dict[str, Tensor]:
    """The gradient of the meta-loss by parameter name; zero where the network does not use the parameter."""
    learner.zero_grad()
    with learner.forward_tasks.twice_differentiable():
        learner.meta_loss(episodes)[0].backward()
    return gradients(learner.model)


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in model.named_parameters()}


def textbook(
    model: nn.Module, episodes: Episodes, *, inner_lr: float, inner_steps: int, first_order: bool = False
) -> dict[str, Tensor]:
    """The meta-gradient as a textbook writes it: a loop over tasks, and within it over the inner steps."""
    model.zero_grad()
    outer = torch.zeros((), dtype=torch.float64)
    for task in range(episodes.tasks):
        weights = dict(model.named_parameters())
        for _ in range(inner_steps):
            prediction = functional_call(model, weights, (episodes.support_x[task],))
            loss = F.cross_entropy(prediction, episodes.support_y[task])
            inner = torch.autograd.grad(loss, list(weights.values()), create_graph=not first_order, allow_unused=True)
            weights = {
                name: w if g is None else w - inner_lr * g for (name, w), g in zip(weights.items(), inner, strict=True)
            }
        outer = outer + F.cross_entropy(
            functional_call(model, weights, (episodes.query_x[task],)), episodes.query_y[task]
        )
    (outer / episodes.tasks).backward()
    return gradients(model)


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], rtol: float = 1e-8) -> None:
    assert ours.keys() == theirs.keys()
    assert any(g.abs().max() > 1e-6 for g in ours.values())  # two zeros would be equal too
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=rtol, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")
