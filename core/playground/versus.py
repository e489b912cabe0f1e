"""One-shot recognition as a game: a person and learners answer the same questions, each from one example of a class.

The classic of it is Omniglot within one alphabet, 20-way (Lake, Salakhutdinov and Tenenbaum 2015; people erred in 4.5 % of the
questions): one drawer gives an example of 20 characters of an alphabet each, and one of them by another drawer is asked for.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor

from core.algorithms.base import Algorithm
from core.config.checks import parse_family
from data.batch import Episodes
from data.errors import DataError
from data.examples import Choice
from data.family import FamilyConfig
from data.language import mark, tr
from data.pictures import Pictures

ROUNDS = 20
SPLIT = "test"  # classes that no training has seen


@dataclass(frozen=True)
class Arena:
    """Where a game is played. family: whose test classes are asked for, under these settings. ways: classes of a question at
    first.
    """

    title: str
    family: str
    ways: int
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> FamilyConfig:
        return parse_family({"name": self.family, **self.settings})


ARENAS = {
    "invented": Arena(mark("Invented signs"), "doodles", 5),
    "alphabets": Arena(mark("Real alphabets (Omniglot)"), "omniglot", 20, {"rotations": False}),
}


@dataclass(frozen=True)
class Game:
    """Questions that a seed draws. tasks: support_x (rounds, n_way, *input), one example of each class; query_x
    (rounds, 1, *input), what is asked for; query_y (rounds, 1), its class. groups: of each round, what its classes are part of.
    """

    tasks: Episodes
    groups: tuple[str, ...]

    @property
    def rounds(self) -> int:
        return self.tasks.tasks

    @property
    def n_way(self) -> int:
        return self.tasks.support_y.shape[1]

    @cached_property
    def right(self) -> list[int]:
        """The class that each round asks for, in [0, n_way)."""
        return self.tasks.query_y[:, 0].tolist()

    def pictures(self, round_: int) -> tuple[np.ndarray, np.ndarray]:
        """Of a round its examples, uint8 (n_way, channels, height, width), and what it asks for, (channels, height, width)."""
        seen = torch.cat([self.tasks.support_x[round_], self.tasks.query_x[round_]])
        shown = (seen * 255).round().byte().cpu().numpy()
        return shown[:-1], shown[-1]


@dataclass(frozen=True)
class Answers:
    """What somebody said: the class of each round that is answered, and the seconds that it took."""

    said: tuple[int, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Score:
    """right: of so many answered. low, high: the 95 % interval of the share, Wilson's. seconds: the median of an answer's."""

    right: int
    of: int
    low: float
    high: float
    seconds: float

    @property
    def share(self) -> float:
        return self.right / self.of


def drawn(family: Pictures, n_way: int, seed: int, rounds: int = ROUNDS) -> Game:
    """The game that a seed draws of a family's test classes.

    All classes of a question are from one alphabet, where classes have any; the examples are by one drawer and what is asked for
    by another, where each class has been drawn by the same people in order. Raises DataError where the classes are too few.
    """
    generator = torch.Generator().manual_seed(seed)
    pool = family.pool(SPLIT)
    counts, starts = pool.counts.cpu(), pool.starts.cpu()
    alphabets = {name: classes for name, classes in _alphabets(family, counts).items() if len(classes) >= n_way}
    if not alphabets:
        text = mark("{title} has no {n} test classes of one kind with two examples each.")
        text = tr(text, title=tr(family.title), n=n_way)
        raise DataError(text, tr("Play with fewer classes."), "n_way")
    names, chosen = list(alphabets), []
    weights = torch.tensor([float(len(alphabets[name])) for name in names])
    groups = [names[i] for i in torch.multinomial(weights, rounds, replacement=True, generator=generator).tolist()]
    for group in groups:
        there = torch.tensor(alphabets[group])
        classes = there[torch.randperm(len(there), generator=generator)[:n_way]]
        drawers = torch.randperm(int(counts[classes].min()), generator=generator)[:2]
        chosen.append(starts[classes].unsqueeze(1) + drawers)  # (n_way, 2)
    right = torch.randint(n_way, (rounds, 1), generator=generator)
    return Game(_asked(family, torch.stack(chosen), right), tuple(groups))


def _alphabets(family: Pictures, counts: Tensor) -> dict[str, list[int]]:
    """Classes with two examples or more by what comes before the first slash of their names, upright ones alone."""
    found: dict[str, list[int]] = {}
    for number, name in enumerate(family.names(SPLIT)):
        alphabet, _, rest = name.partition("/")
        turned = rest.rpartition("/rot")[2]
        if counts[number] >= 2 and not (turned.isdecimal() and int(turned)):
            found.setdefault(alphabet if rest else "", []).append(number)
    return found


def _asked(family: Pictures, examples: Tensor, right: Tensor) -> Episodes:
    """examples: numbers in the pool (rounds, n_way, 2), of which the second of class ``right`` (rounds, 1) is asked for."""
    tasks = family.episodes(Choice(SPLIT, 1, examples.to(family.device)))
    rounds = torch.arange(len(right))
    query_x = tasks.query_x[rounds, right[:, 0]].unsqueeze(1)  # (rounds, 1, *input)
    return replace(tasks, query_x=query_x, query_y=right.to(family.device))


def played(algorithm: Algorithm, game: Game, steps: int) -> Answers:
    """A learner's answers, question after question as a person gets them: nothing of one is known at the next."""
    said, seconds = [], []
    for round_ in range(game.rounds):
        began = time.perf_counter()
        task = game.tasks[round_ : round_ + 1]
        alone = replace(task, query_x=task.query_x[:, :0], query_y=task.query_y[:, :0])
        with algorithm.forward_tasks.twice_differentiable():
            state = algorithm.adapt(alone, steps)
        with torch.no_grad():
            said.append(int(algorithm.predict(state, task.query_x)[0, 0].argmax()))
        seconds.append(time.perf_counter() - began)
    return Answers(tuple(said), tuple(seconds))


def score(game: Game, answers: Answers) -> Score | None:
    """Of the questions that are answered; None of none."""
    given = len(answers.said)
    if not given:
        return None
    right = sum(one == truth for one, truth in zip(answers.said, game.right, strict=False))
    interval = binomtest(right, given).proportion_ci(method="wilson")
    return Score(right, given, float(interval.low), float(interval.high), median(answers.seconds))


def checked(given: object, game: Game) -> Answers:
    """What a browser sent as a person's answers, [[class, seconds], …], one of each question from the first on.

    What is none is left out with all that follows.
    """
    said: list[int] = []
    seconds: list[float] = []
    for one in given[: game.rounds] if isinstance(given, Sequence) and not isinstance(given, str) else []:
        if not isinstance(one, Sequence) or len(one) != 2:
            break
        choice, took = one
        if (
            type(choice) is not int
            or not 0 <= choice < game.n_way
            or type(took) not in (int, float)
            or not 0 <= took < 1e6
        ):
            break
        said.append(choice)
        seconds.append(float(took))
    return Answers(tuple(said), tuple(seconds))
