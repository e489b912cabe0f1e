"""The data sets there are: what each family has on disk, what its classes give, and a task of it, for page and command line."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from core.config.checks import parse_family
from core.config.overrides import apply
from core.training.frozen import FrozenEpisodes
from data import kept_words
from data.batch import TaskBatch
from data.errors import DataError, InputError, shortened
from data.family import SPLITS, Drawn, EpisodeShape, FamilyConfig, Split, TaskFamily
from data.language import tr
from data.places import Folders
from data.registry import families
from data.sizes import Sizes


@dataclass(frozen=True)
class DataSet:
    """A family, or one of the sets that it offers. settings: what makes its config this set's. missing: files not here yet."""

    name: str
    family: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[Path, ...] = ()

    @property
    def kind(self) -> type[TaskFamily]:
        return families()[self.family]

    @property
    def config(self) -> FamilyConfig:
        """Raises ConfigError where one of the settings is none."""
        return parse_family({"name": self.family, **self.settings})

    @property
    def imported(self) -> bool:
        """Whether it is one of the sets of pictures that were imported here."""
        return self.kind.group == "imported"

    @property
    def lacking(self) -> bool:
        """Whether a person has to say first what of theirs it is made of."""
        return not all(getattr(self.config, name) for name in self.kind.asked)

    def bytes(self, folders: Folders) -> int:
        """On disk, all told."""
        places = self.kind.places(self.config, folders)
        return sum(file.stat().st_size for place in places for file in place.rglob("*") if file.is_file())


@dataclass(frozen=True)
class SplitFacts:
    """What the classes of a split give. examples: of all of them, None where they are drawn without end."""

    split: Split
    classes: int
    smallest: float
    largest: float
    examples: int | None

    @classmethod
    def of(cls, split: Split, sizes: Sizes) -> "SplitFacts":
        counts = sizes.by_count
        endless = math.inf in counts
        total = None if endless else int(sum(count * classes for count, classes in counts.items()))
        return cls(split, sizes.classes, min(counts, default=0), max(counts, default=0), total)


def all_of_them(folders: Folders) -> list[DataSet]:
    """Every family that is a data set by itself, then every set that the others offer."""
    found = []
    for name, family in sorted(families().items(), key=lambda item: item[1].chooser):
        if family.chooser:
            found += [DataSet(each, name, settings) for each, settings in family.offered(folders).items()]
        else:
            found.append(DataSet(name, name, missing=tuple(family.missing(folders.datasets))))
    return found


def find(name: str, folders: Folders, assignments: Sequence[str] = ()) -> DataSet:
    """assignments: as for ``--set``, such as ``family.file=mine.csv``. Raises InputError where there is none of this name,
    ConfigError for what is no setting of its family.
    """
    there = {one.name: one for one in all_of_them(folders)}
    if name not in there:
        raise InputError(
            tr("There is no data set called {name}.", name=shortened(name)),
            tr("There are {names}.", names=tr(", ").join(there)),
            "name",
        )
    one = there[name]
    if other := [each for each in assignments if not each.strip().startswith("family.")]:
        text = tr("{text} is no setting of a data set.", text=shortened(other[0]))
        raise InputError(text, tr("Set family.…, as for training."), "set")
    before = one.config.model_dump(mode="json")
    values = apply({"family": before}, list(assignments))["family"]
    return replace(one, settings={**one.settings, **{key: values[key] for key in values if values[key] != before[key]}})


def facts(one: DataSet, folders: Folders) -> list[SplitFacts]:
    """By split; none of a family without classes. Raises DataError where its files are missing."""
    sizes = one.kind.sizes(one.config, folders)
    return [] if sizes is None else [SplitFacts.of(split, sizes[split]) for split in SPLITS]


@dataclass(frozen=True)
class Inspected:
    """One task as a learner gets it. sha256: of what it is made of. classes: their names, where they have any."""

    drawn: Drawn
    batch: TaskBatch
    sha256: str
    classes: list[str]


def inspect(family: TaskFamily, split: Split, shape: EpisodeShape, seed: int) -> Inspected:
    """The task that this seed draws; the same one every time. Raises DataError where the split has none of this shape."""
    for short in family.shortages(family.config, shape, split, family.found):
        raise DataError(str(short), path=f"family.{short.field}")
    drawn = family.draw(split, shape, 1, torch.Generator().manual_seed(seed))
    batch = family.episodes(drawn)
    return Inspected(drawn, batch, FrozenEpisodes(family, [drawn]).sha256(), family.class_names(drawn))


def opened(one: DataSet, folders: Folders, settings: Mapping[str, Any] | None = None) -> TaskFamily:
    """Its family with these settings beside its own; files are read when they are needed."""
    config = replace(one, settings={**one.settings, **(settings or {})}).config
    return one.kind(config, datasets=folders.datasets, cache=folders.cache)


def guessing(one: DataSet) -> str:
    """What guessing reaches on its tasks, in a sentence; empty where nobody knows."""
    metric = one.kind.metric(one.config.shape)
    if metric.chance is None:
        return ""
    said = {
        "score": metric.text(metric.chance),
        "metric": tr(metric.title),
        "task": kept_words.said(one.kind.task(one.config.shape)),
    }
    return tr("Guessing reaches {score} {metric} on {task} tasks.", **said)
