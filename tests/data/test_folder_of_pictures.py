"""A family that has to look at its files: a folder of pictures a class, unequally many, sizes known after a scan."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from core.algorithms.pretrain import PretrainConfig
from core.algorithms.protonet import ProtoNetConfig
from core.config import contradictions
from core.config.contradictions import size_problems
from core.config.run import EvaluationConfig, TrainingConfig
from core.models.base import models
from core.training.build import check, parameter_count
from data.errors import DataError
from data.examples import Choice, choose
from data.family import SPLITS, ClassificationConfig, EpisodeShape, OnProgress, Split
from data.pictures import Pictures, Pool
from data.places import Folders
from data.sizes import Sizes
from data.spec import InputSpec

COUNTS = {"train": (9, 3, 30, 5, 9), "val": (6, 6, 4), "test": (12, 7)}


class FolderConfig(ClassificationConfig):
    name: Literal["folder"] = "folder"
    n_query: int = 2

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((1, 4, 4))


class Folder(Pictures):
    """split/class/*.png of 4×4 pixels below the data-set folder; a class's folder is listed again when it has changed."""

    Config = FolderConfig
    title, summary = "Folder", "Pictures of one's own."
    listed: list[str] = []  # noqa: RUF012 - what the tests look at

    @classmethod
    def sizes(cls, config: FolderConfig, folders: Folders | None) -> dict[Split, Sizes] | None:  # noqa: ARG003
        if folders is None:
            return None
        found = cls.index(folders)
        return {split: Sizes.of(found[split].values()) for split in SPLITS}

    @classmethod
    def index(cls, folders: Folders) -> dict[Split, dict[str, int]]:
        """Each class's number of pictures. Only folders whose time of change is another than in the cache are listed."""
        root, kept = folders.datasets / "folder", folders.cache / "folder.json"
        if not root.is_dir():
            raise DataError(f"{root} is missing.", "Put your pictures there.", "family.name")
        known = json.loads(kept.read_text()) if kept.exists() else {}
        fresh = {}
        for path in sorted(root.glob("*/*")):
            name, changed = str(path.relative_to(root)), path.stat().st_mtime_ns
            if known.get(name, [None])[0] != changed:
                cls.listed.append(name)
                known[name] = [changed, len(list(path.glob("*.png")))]
            fresh[name] = known[name]
        folders.cache.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(fresh))
        return {s: {n: c for n, (_, c) in fresh.items() if n.startswith(f"{s}/")} for s in SPLITS}

    def load(self, split: Split, progress: OnProgress) -> Pool:
        paths = sorted((self.datasets / "folder" / split).glob("*/*.png"))
        pictures = [torch.from_numpy(np.array(Image.open(path))) for path in paths]
        counts = self.index(Folders(self.datasets, self.cache))[split]
        return Pool(torch.stack(pictures).unsqueeze(1), torch.tensor(list(counts.values())))


def picture(path: Path, split: int, cls: int, example: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((4, 4), np.uint8)
    pixels[0, :3] = split, cls, example
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    for s, (split, counts) in enumerate(COUNTS.items()):
        for c, count in enumerate(counts):
            for e in range(count):
                picture(tmp_path / f"datasets/folder/{split}/class{c}/{e:03}.png", s, c, e)
    monkeypatch.setattr(Folder, "listed", [])
    return Folders(tmp_path / "datasets", tmp_path / "cache")


@pytest.fixture
def family(folders: Folders) -> Folder:
    return Folder(FolderConfig(), datasets=folders.datasets, cache=folders.cache)


def who(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Split, class and example of each picture of (..., 1, 4, 4)."""
    pixels = (images * 255).round().long()
    return tuple(pixels[..., 0, 0, i] for i in range(3))


# Sizes


def test_sizes_are_known_after_a_scan_and_quickly_the_second_time(folders: Folders) -> None:
    assert Folder.sizes(FolderConfig(), None) is None
    sizes = Folder.sizes(FolderConfig(), folders)
    assert {split: size.by_count for split, size in sizes.items()} == {
        "train": {9: 2, 3: 1, 30: 1, 5: 1}, "val": {6: 2, 4: 1}, "test": {12: 1, 7: 1},
    }  # fmt: skip
    assert len(Folder.listed) == 10
    Folder.sizes(FolderConfig(), folders)
    assert len(Folder.listed) == 10  # nothing was listed again


def test_a_folder_that_has_changed_is_listed_again_and_no_other(folders: Folders) -> None:
    Folder.sizes(FolderConfig(), folders)
    Folder.listed.clear()
    picture(folders.datasets / "folder/val/class2/900.png", 1, 2, 200)
    assert Folder.sizes(FolderConfig(), folders)["val"].by_count == {6: 2, 5: 1}
    (folders.datasets / "folder/test/class0/000.png").unlink()
    assert Folder.sizes(FolderConfig(), folders)["test"].by_count == {11: 1, 7: 1}
    assert Folder.listed == ["val/class2", "test/class0"]


# Drawing


def test_small_classes_are_never_drawn_and_that_is_said_once(family: Folder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for seed in range(3):
            episodes = family.sample("train", EpisodeShape(3, 4, 2), 200, torch.Generator().manual_seed(seed))
            assert set(who(episodes.support_x)[1].flatten().tolist()) == {0, 2, 4}
    assert caplog.messages == ["folder: 2 of 5 training classes have fewer than 6 examples and are never drawn."]


def test_classes_and_examples_are_distinct_and_each_class_keeps_its_label(family: Folder) -> None:
    shape, tasks = EpisodeShape(4, 2, 3), 500
    episodes = family.sample("train", shape, tasks, torch.Generator().manual_seed(0))
    split, cls, example = who(
        torch.cat([episodes.support_x.unflatten(1, (4, 2)), episodes.query_x.unflatten(1, (4, 3))], 2)
    )
    assert (split == 0).all()
    assert (cls == cls[:, :, :1]).all()
    assert all(len(set(task)) == 4 for task in cls[:, :, 0].tolist())
    assert all(len(set(row)) == 5 for row in example.flatten(0, 1).tolist())
    counts = torch.tensor(COUNTS["train"])
    assert (example < counts[cls]).all()


def test_large_and_small_classes_and_their_examples_are_drawn_uniformly(family: Folder) -> None:
    tasks = 6000
    episodes = family.sample("train", EpisodeShape(2, 1, 2), tasks, torch.Generator().manual_seed(1))
    _, cls, example = who(episodes.support_x)  # (tasks, 2)
    for place in range(2):
        expected = tasks / 5
        assert (cls[:, place].bincount(minlength=5) - expected).abs().max() < 5 * expected**0.5
    for c, count in enumerate(COUNTS["train"]):
        drawn = example[cls == c]
        expected = len(drawn) / count
        assert (drawn.bincount(minlength=count) - expected).abs().max() < 5 * expected**0.5


def test_flat_batches_take_every_picture_equally_often_with_its_class(family: Folder) -> None:
    x, y = family.sample_flat("train", 20_000, torch.Generator().manual_seed(2))
    _, cls, example = who(x)
    assert torch.equal(cls, y)
    counts = torch.tensor(COUNTS["train"])
    number = (counts.cumsum(0) - counts)[cls] + example
    expected = 20_000 / counts.sum()
    assert (number.bincount() - expected).abs().max() < 5 * expected**0.5


def test_a_whole_meta_batch_is_drawn_by_the_same_calls_as_one_task() -> None:
    """No loop over tasks or classes: how often torch is called does not depend on how many there are."""
    calls = []
    for classes, tasks in ((10, 1), (2000, 64)):
        counts = torch.arange(classes) % 40 + 20
        pool = Pool(torch.empty(0, 1, 1, 1, dtype=torch.uint8), counts)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            chosen = choose(pool, EpisodeShape(5, 1, 15), tasks, torch.Generator().manual_seed(0))
        assert chosen.shape == (tasks, 5, 16)
        calls.append(len([event for event in profile.events() if event.name.startswith("aten::")]))
    assert calls[0] == calls[1]


def test_drawn_tasks_are_the_same_sampled_drawn_or_in_parts(family: Folder) -> None:
    shape = EpisodeShape(2, 1, 2)
    sampled = family.sample("val", shape, 6, torch.Generator().manual_seed(3))
    drawn = family.draw("val", shape, 6, torch.Generator().manual_seed(3))
    assert isinstance(drawn, Choice) and drawn.tasks == 6
    parts = [family.episodes(drawn[i : i + 2]) for i in range(0, 6, 2)]
    assert torch.equal(torch.cat([part.query_x for part in parts]), sampled.query_x)
    assert torch.equal(torch.cat([part.support_y for part in parts]), sampled.support_y)


# Before launch


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimpleNamespace]:
    """As if the family lay in data/: a config of it, as far as the checks look."""
    monkeypatch.setattr(contradictions, "families", lambda: {"folder": Folder})
    monkeypatch.setattr("core.training.build.families", lambda: {"folder": Folder})

    def config(family: FolderConfig, **evaluation: int) -> SimpleNamespace:
        tested = EvaluationConfig(**evaluation)
        shape = EpisodeShape(tested.n_way or family.n_way, tested.k_shot or family.k_shot, tested.n_query)
        return SimpleNamespace(family=family, algorithm=ProtoNetConfig(), evaluation=tested, test_shape=shape)

    return config


def test_checks_before_launch_look_at_the_files(registered, folders: Folders) -> None:
    config = registered(FolderConfig(n_way=2), n_query=6)
    assert size_problems(config, None) == []  # nobody said where they are
    (problem,) = size_problems(config, folders)
    assert problem.path == "evaluation.n_query"
    assert "exceeds the 6 examples that 2 validation classes have in folder; lower n_query to 5" in problem.message
    assert size_problems(registered(FolderConfig(n_way=2), n_query=5), folders) == []


def test_a_folder_that_is_missing_is_a_problem_of_the_family(registered, tmp_path: Path) -> None:
    (problem,) = size_problems(registered(FolderConfig()), Folders(tmp_path / "nowhere", tmp_path))
    assert (problem.path, problem.remedy) == ("family.name", "Put your pictures there.")


def test_a_classifier_of_all_training_classes_is_built_for_as_many_as_there_are(registered, folders: Folders) -> None:
    config = registered(FolderConfig(n_way=2), n_query=5)
    config.model, config.algorithm = models()["mlp"].Config(widths=[3]), PretrainConfig()
    config.seed, config.batch_statistics, config.training, config.device = 0, "transductive", TrainingConfig(), "auto"
    body, head = 16 * 3 + 3, 3 * 5 + 5
    assert parameter_count(config, folders) == body + head
    assert check(config, folders).forward == "stacked"
