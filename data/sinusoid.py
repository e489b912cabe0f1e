"""Sinusoid regression, the first experiment of Finn et al. 2017 (section 5.1, https://arxiv.org/abs/1703.03400)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from data.batch import Adapted, Episodes
from data.config import setting
from data.errors import DataError
from data.family import EpisodeShape, FamilyConfig, Split, TaskFamily
from data.given import MOST_EXAMPLES, Given, Queries, check_queries, numbers_of, readable
from data.language import mark, tr
from data.spec import InputSpec
from data.view import TaskView, plain

AMPLITUDE = (0.1, 5.0)
PHASE = (0.0, math.pi)  # radians
X_RANGE = (-5.0, 5.0)
LOOKED_AT = 121  # points of a curve that is looked at, and support points at most


class SinusoidConfig(FamilyConfig):
    """K points of one sinusoid to learn from, and how many to be judged on."""

    name: Literal["sinusoid"] = "sinusoid"
    k_shot: int = setting(10, "Points to learn from (k_shot)", ge=1, le=1000, telling=4)
    """Points of a sinusoid a task may learn from."""
    n_query: int = setting(10, "Query points (n_query)", ge=1, le=1000)
    """Points of the same sinusoid the adapted network is judged on."""

    @property
    def shape(self) -> EpisodeShape:
        return EpisodeShape(1, self.k_shot, self.n_query)

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((1,))


@dataclass(frozen=True)
class Curves:
    """y = amplitude * sin(x - phase); both (tasks, 1, 1), the phase in radians."""

    amplitude: Tensor
    phase: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """The curves' values at x: (tasks, n, 1) or (n, 1) → (tasks, n, 1)."""
        return (x - self.phase).sin_().mul_(self.amplitude)


class Sinusoid(TaskFamily):
    """A ~ U[0.1, 5], phase ~ U[0, π], x ~ U[-5, 5], y = A sin(x - phase), without noise.

    The tasks of all three splits come from this one distribution, as in the paper: a task is a pair of real numbers,
    so that two splits share none even so. The splits differ by the generator that is passed in and by nothing else.
    """

    Config = SinusoidConfig
    config: SinusoidConfig
    title = mark("Sinusoid regression")
    summary = mark("Fit a sine wave of unknown amplitude and phase from a few points.")
    kind = "regression"

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Episodes:
        del split  # one distribution
        return self._points(draw_curves(tasks, generator), shape, generator)

    def sample_curves(
        self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator
    ) -> tuple[Episodes, Curves]:
        """The episodes that ``sample`` draws, and the curves they were taken from, for drawing. ``n_way`` is not used."""
        del split  # one distribution
        curves = draw_curves(tasks, generator)
        episodes = self._points(curves, shape, generator)
        return episodes, Curves(curves.amplitude.to(self.device), curves.phase.to(self.device))

    def _points(self, curves: Curves, shape: EpisodeShape, generator: torch.Generator) -> Episodes:
        """Support and query points of each curve."""
        x = uniform((len(curves.amplitude), shape.k_shot + shape.n_query, 1), X_RANGE, generator)
        y = curves(x)  # (tasks, k_shot + n_query, 1)
        k = shape.k_shot
        return Episodes(x[:, :k], y[:, :k], x[:, k:], y[:, k:], self.objective(shape)).to(self.device)

    def views(self, drawn: Episodes, batch: Episodes, learner: Sequence[Adapted]) -> list[TaskView]:
        """The curve that the points lie on, and the learner's fit to it over the whole range."""
        x = torch.linspace(*X_RANGE, LOOKED_AT, device=self.device).unsqueeze(1)  # (points, 1)
        truth = through(batch, x)
        said = {one.step: one.answer(x.expand(batch.tasks, -1, -1)) for one in learner}
        return [
            TaskView(
                "curve",
                {
                    "x": plain(x[:, 0]),
                    "truth": plain(truth[task, :, 0]),
                    "support_x": plain(batch.support_x[task, :LOOKED_AT, 0]),
                    "support_y": plain(batch.support_y[task, :LOOKED_AT, 0]),
                },
                {step: {"y": plain(y[task, :, 0])} for step, y in said.items()},
            )
            for task in range(batch.tasks)
        ]

    def given(self, source: Path) -> Given:
        """Of a table with a line x,y a point."""
        with readable(source, tr("Give a CSV file with x,y in each line."), "support"):
            rows = numbers_of(source, ("x", "y"))
        if len(rows) > MOST_EXAMPLES:
            text = tr(
                "{source} has {n:,} points, and a task takes {most:,} at most.",
                source=source,
                n=len(rows),
                most=MOST_EXAMPLES,
            )
            raise DataError(text, tr("Give fewer of them."), "support")
        points = torch.tensor(rows, device=self.device)  # (n, 2)
        return Given(points[:, :1], points[:, 1:], remarks=_far(points[:, 0]))

    def given_queries(self, files: Sequence[str]) -> Queries:
        """Each file holds an x a line."""
        xs: list[float] = []
        for file in files:
            with readable(file, tr("Give a file with an x in each line."), "query"):
                xs += [x for (x,) in numbers_of(file, ("x",))]
        check_queries(len(xs))
        points = torch.tensor(xs, device=self.device)
        return Queries(points.unsqueeze(1), tuple(f"{x:g}" for x in xs), _far(points))

    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Points of all sinusoids pooled, each from a fresh one: x (batch, 1), y (batch, 1)."""
        del split
        curves = draw_curves(batch_size, generator)
        x = uniform((batch_size, 1, 1), X_RANGE, generator)
        return x.flatten(1).to(self.device), curves(x).flatten(1).to(self.device)


def _far(x: Tensor) -> tuple[str, ...]:
    """A remark on points where no sinusoid was ever seen."""
    low, high = X_RANGE
    far = int(((x < low) | (x > high)).sum())
    if not far:
        return ()
    text = tr(
        "{far} of {n} x lie outside of [{low:g}, {high:g}], where it never learned.",
        far=far,
        n=len(x),
        low=low,
        high=high,
    )
    return (text,)


def through(batch: Episodes, x: Tensor) -> Tensor:
    """The curves that the tasks' points lie on, at x (points, 1) → (tasks, points, 1) on the CPU.

    Episodes do not keep them, and any two points say them: A sin(x - phase) is a sin x + b cos x, without noise a linear
    system that least squares solve exactly.
    """
    points = batch.joined()
    x, known, y = (
        part.cpu().double() for part in (x, points.support_x, points.support_y)
    )  # the last two (tasks, n, 1)
    weights = torch.linalg.lstsq(waves(known), y).solution  # (tasks, 2, 1)
    return waves(x) @ weights


def waves(x: Tensor) -> Tensor:
    return torch.cat([x.sin(), x.cos()], -1)


def draw_curves(tasks: int, generator: torch.Generator) -> Curves:
    return Curves(uniform((tasks, 1, 1), AMPLITUDE, generator), uniform((tasks, 1, 1), PHASE, generator))


def uniform(shape: tuple[int, ...], bounds: tuple[float, float], generator: torch.Generator) -> Tensor:
    low, high = bounds
    return torch.rand(shape, generator=generator, device=generator.device).mul_(high - low).add_(low)
