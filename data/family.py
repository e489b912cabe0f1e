"""TaskFamily, a distribution p(T) over tasks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from data.batch import Adapted, Episodes, TaskBatch
from data.config import Config, setting
from data.errors import DataError
from data.given import Given, Queries, nothing_to_give
from data.language import mark, plural, tr
from data.metric import Metric
from data.objective import Classification, Objective, Regression
from data.own_code import Named
from data.places import Folders, OnProgress
from data.shortages import Shortage, shortages
from data.sizes import Sizes
from data.spec import InputSpec
from data.view import TaskView

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
SPLIT_TITLES: dict[Split, str] = {"train": mark("training"), "val": mark("validation"), "test": mark("test")}
# classification and regression are Episodes; the tasks of the others judge themselves, see TaskBatch.
TaskKind = Literal["classification", "regression", "sequence", "control"]
NO_CLASSES: dict[TaskKind, str] = {
    "regression": mark("a regression"),
    "sequence": mark("where a task is one language"),
    "control": mark("where a task has no classes"),
}


class EpisodeShape(NamedTuple):
    """How large one task is. ``n_way`` is 1 for regression; ``k_shot`` and ``n_query`` count examples per class."""

    n_way: int
    k_shot: int
    n_query: int


class Drawn(Protocol):
    """Tasks that were drawn, as little as says which they are: what is kept where many are kept."""

    @property
    def tasks(self) -> int: ...

    def __getitem__(self, tasks: slice) -> Self: ...


class FamilyConfig(Config):
    """What every family's config has: a ``name`` (a Literal, the union's tag) and the shape of a training task."""

    name: str
    frozen: ClassVar[str] = ""  # the setting that puts a frozen network before the learners, where there may be one

    @property
    def frozen_network(self) -> str:
        """What that setting names; empty where learners read the inputs themselves."""
        return getattr(self, self.frozen) if self.frozen else ""

    @property
    def shape(self) -> EpisodeShape:
        """The shape of a training task."""
        raise NotImplementedError

    @property
    def input_spec(self) -> InputSpec:
        """What one input looks like. Known without the data."""
        raise NotImplementedError


class ClassificationConfig(FamilyConfig):
    """The shape of an N-way K-shot training task (Vinyals et al. 2016)."""

    n_way: int = setting(5, "Classes per task (n_way)", ge=2, le=200, telling=5)
    """How many classes a training task tells apart."""
    k_shot: int = setting(1, "Shots (k_shot)", unit="per class", ge=1, le=100, telling=4)
    """Labelled examples of each class that a task may learn from."""
    n_query: int = setting(15, "Queries (n_query)", unit="per class", ge=1, le=100)
    """Examples of each class that the adapted network is asked about."""

    @property
    def shape(self) -> EpisodeShape:
        return EpisodeShape(self.n_way, self.k_shot, self.n_query)


class TaskFamily(ABC):
    """A distribution over tasks in three disjoint splits.

    Everything random is drawn on ``generator.device`` and moved to ``self.device`` afterwards, so that a CPU generator
    gives the same tasks on every device.
    """

    Config: ClassVar[type[FamilyConfig]]
    title: ClassVar[str]
    summary: ClassVar[str]  # one sentence for the form
    kind: ClassVar[TaskKind]
    # "embedded": works at once. "downloaded": needs files in the data-set folder. "imported": those of a person's own that were
    # imported. "your own": needs a file that its config names.
    group: ClassVar[str] = "embedded"
    licence: ClassVar[str] = mark("made up from a seed; none to mind")
    citation: ClassVar[str] = ""  # what to cite who uses it
    chooser: ClassVar[str] = ""  # the setting that names one of the data sets, where a family has several
    asked: ClassVar[tuple[str, ...]] = ()  # the settings that a person has to fill in before there is a data set
    by_hand: ClassVar[str] = ""  # how a person comes by the files, where they cannot be fetched for them
    # Beside ``metric``; its batches then have ``scored``, which gives all of them by the metrics' names.
    further: ClassVar[tuple[Metric, ...]] = ()
    repeats: ClassVar[bool] = True  # False: its tasks are more than tensors, so that no step on them is recorded

    def __init__(
        self,
        config: FamilyConfig,
        *,
        datasets: Path,
        cache: Path,
        device: torch.device | str = "cpu",
        progress: OnProgress | None = None,
    ):
        """datasets: where data sets are looked for (may be read-only). cache: where decoded ones are kept.

        progress: told how far the drawing or decoding of images is, the first time they are needed.
        """
        self.config, self.device = config, torch.device(device)
        self.datasets, self.cache = datasets, cache
        self.progress: OnProgress = progress or (lambda *_: None)

    @classmethod
    def missing(cls, datasets: Path) -> list[Path]:  # noqa: ARG003 - for families that need files
        """The files this family needs and does not find in ``datasets``; empty when it can be used at once."""
        return []

    @classmethod
    def needs(cls, missing: Sequence[Path]) -> str:
        """In a sentence that some files are missing."""
        return plural(
            "{title} needs {n} file that is not here yet.", "{title} needs {n} files that are not here yet.", len(missing),
            title=tr(cls.title),
        )  # fmt: skip

    @classmethod
    def download(cls, datasets: Path, progress: OnProgress) -> None:  # noqa: ARG003
        """Fetch what is missing. Raises DataError with a remedy."""
        raise DataError(tr("{title} has nothing to download.", title=tr(cls.title)))

    @classmethod
    def offered(cls, folders: Folders) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG003
        """The data sets that a family has several of, by name: of each the settings that a config of it starts from."""
        return {}

    @classmethod
    def own_code(cls, config: FamilyConfig) -> list[Named]:  # noqa: ARG003
        """Code of a person's own that its tasks are made by, which no server runs."""
        return []

    @classmethod
    def places(cls, config: FamilyConfig, folders: Folders) -> list[Path]:
        """The folders that hold its files and no other family's."""
        return [folders.datasets / config.name]

    @classmethod
    def version(cls, config: FamilyConfig, folders: Folders) -> int:
        """Another number once the files of a config have changed, so that an open family is out of date. Raises DataError."""
        places = cls.places(config, folders)
        return max((place.stat().st_mtime_ns for place in places if place.exists()), default=0)

    def read(self, split: Split) -> None:  # noqa: B027 - families that draw from nothing have nothing to read
        """Have a split in memory, so that its first task is drawn as fast as the others. Raises DataError, and ModelError where a
        frozen network does not work.
        """

    def sorts(self, batch: TaskBatch) -> list[str]:
        """What sort each task is of, where scores are told apart by it, as languages by their script; else nothing."""
        return []

    def content(self) -> str:
        """A digest of the examples and of the classes of each split, where a person may change them under the same config; empty
        for a family that is what its config says.
        """
        return ""

    def expect(self, content: str) -> None:
        """Raises DataError where there was a ``content`` when a learner was trained and it is another one now."""
        if content and content != self.content():
            raise DataError(
                tr(
                    "{title} changed since this run was trained: its examples, or which classes are for the test.",
                    title=tr(self.title),
                ),
                tr(
                    "Put them back as they were, or train a new run: this one may have seen the classes of the new test."
                ),
                "family",
            )

    @classmethod
    def sizes(cls, config: FamilyConfig, folders: Folders | None) -> Mapping[Split, Sizes] | None:  # noqa: ARG003
        """How many examples the classes of each split have. None for a regression, and where it takes files to know and
        ``folders`` does not say where they are.

        Asked before every launch and as one types in the form: a family that has to look at its files keeps what it found in
        the cache folder and looks again only where something changed. Raises DataError where files are missing.
        """
        return None

    @classmethod
    def shortages(
        cls, config: FamilyConfig, shape: EpisodeShape, split: Split, sizes: Mapping[Split, Sizes] | None
    ) -> list[Shortage]:
        """Why tasks of this shape cannot be drawn from a split, by what ``sizes`` said; none if they can."""
        if cls.kind in NO_CLASSES and shape.n_way != 1:
            message = tr(
                "n_way = {n_way} does not apply to {name}, {reason}",
                n_way=shape.n_way,
                name=config.name,
                reason=tr(NO_CLASSES[cls.kind]),
            )
            return [Shortage("n_way", message, remedy=tr("leave it empty"), leave_empty=True)]
        if sizes is None:
            return []
        return shortages(config.name, SPLIT_TITLES[split], sizes[split], *shape)

    def classes(self, split: Split) -> int | None:
        """Number of classes in a split; None where tasks have none. Where files would tell and nobody said where they are, as
        many as a task has.
        """
        if self.kind != "classification":
            return None
        return self.found[split].classes if self.found else self.config.shape.n_way

    @cached_property
    def found(self) -> Mapping[Split, Sizes] | None:
        """The sizes of the family's splits, looked for once."""
        return self.sizes(self.config, Folders(self.datasets, self.cache))

    @property
    def input_spec(self) -> InputSpec:
        return self.config.input_spec

    @property
    def made_with(self) -> str:
        """Another one once inputs are made otherwise than from the same config before, by a file beside the data; else empty."""
        return ""

    @abstractmethod
    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> TaskBatch:
        """Draw ``tasks`` tasks of a split at once. The result lies on ``self.device``."""

    def draw(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Drawn:
        """The same choice of tasks as ``sample`` makes, for ``episodes`` to fill in: of images, their numbers."""
        return self.sample(split, shape, tasks, generator)

    def episodes(self, drawn: Drawn) -> TaskBatch:
        """The tasks that ``draw`` chose, on ``self.device``."""
        return drawn

    def class_names(self, drawn: Drawn) -> list[str]:
        """What the classes of the first of these tasks are called; empty where they have no names."""
        return []

    def made_up(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> TaskBatch:
        """Noise in the shape of these tasks, for a trial that needs no data.

        No more than an example or two of a class: tasks of few examples are those that vmap has to take.
        """
        few, objective = 2 if shape.n_way == 1 else 1, self.objective(shape)

        def part(per_class: int) -> tuple[Tensor, Tensor]:
            n = shape.n_way * min(per_class, few)
            x = self.input_spec.noise(tasks, n, generator=generator)
            if self.kind == "regression":
                return x, torch.rand(tasks, n, objective.outputs, generator=generator)
            return x, torch.arange(shape.n_way).repeat_interleave(n // shape.n_way).expand(tasks, n)

        return Episodes(*part(shape.k_shot), *part(shape.n_query), objective).to(self.device)

    def stand_in(self) -> int:
        """Put made-up examples in the place of those that files hold, as many and as large, for measuring without them.

        Returns the bytes that the real ones take on the device. Nothing to do for a family whose tasks come from no files.
        """
        return 0

    def hashed(self, drawn: Drawn) -> Iterator[Tensor]:
        """What a hash of these tasks is taken over, piece by piece and the same on every device: the processor's own
        float32 (int64 for class indices), a block's support_x, support_y, query_x and query_y, one after another.
        """
        yield from self.episodes(drawn).to("cpu").tensors

    def views(self, drawn: Drawn, batch: TaskBatch, learner: Sequence[Adapted]) -> list[TaskView]:
        """Each of a few tasks as people look at it, with what a learner makes of it: one view a task, or none at all where
        this family's tasks have no look.

        batch: what ``episodes`` made of ``drawn``. learner: after ascending inner steps. Draws no random number, except by the
        network, whose stream is put back; called without gradients.
        """
        return []

    def classes_of(self, drawn: Drawn) -> Tensor | None:
        """Which class of its split each label of these tasks stands for: int64 (tasks, n_way), in [0, classes(split)). None
        where classes are not known beyond a task.
        """
        return None

    def names(self, split: Split) -> list[str]:
        """What a split's classes are called, in their order."""
        return [f"class {number}" for number in range(1, (self.classes(split) or 0) + 1)]

    def pictured(self, split: Split, classes: Sequence[int]) -> np.ndarray | None:
        """An example of each of these classes, uint8 (classes, channels, height, width); None where they are no pictures."""
        return None

    def given(self, source: Path) -> Given:
        """A support set of a person's own, out of files. Raises InputError and DataError, with what to do."""
        raise nothing_to_give(self.title)

    def given_queries(self, files: Sequence[str]) -> Queries:
        """What a person asks with files. Raises as ``given`` does."""
        raise nothing_to_give(self.title)

    @abstractmethod
    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """An ordinary batch for learners that do not work in episodes.

        x (batch, *input); y (batch,) class index in [0, classes(split)), or (batch, 1) targets pooled over all tasks.
        """

    def pooled(self, split: Split, batch_size: int, generator: torch.Generator) -> TaskBatch:
        """The same where tasks are no Episodes: one task, whose query loss is on ``batch_size`` trajectories or texts, each of a
        task of its own.
        """
        raise NotImplementedError(f"{self.title} has no examples of all tasks in one.")

    @classmethod
    def objective(cls, shape: EpisodeShape) -> Objective:
        """Loss and score of tasks of this shape where they are Episodes, and of ordinary batches."""
        return Classification(shape.n_way) if cls.kind == "classification" else Regression()

    @classmethod
    def metric(cls, shape: EpisodeShape) -> Metric:
        """What the scores of tasks of this shape are."""
        return cls.objective(shape).metric

    @classmethod
    def loss_title(cls, shape: EpisodeShape) -> str:
        """What its losses are, with their unit, for the axis of a curve."""
        return cls.objective(shape).loss_title

    @classmethod
    def task(cls, shape: EpisodeShape) -> str:
        """A task of this shape in a few words."""
        return f"{shape.n_way}-way {shape.k_shot}-shot" if cls.kind == "classification" else f"{shape.k_shot}-shot"

    def outputs(self, shape: EpisodeShape) -> int:
        """Size of the network's output for tasks of this shape."""
        return self.objective(shape).outputs
