"""Sampling from a pool of images, on a pool whose images carry their own class and example number."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from data.batch import Episodes
from data.characters import Characters, CharactersConfig
from data.family import SPLITS, EpisodeShape, OnProgress, Split
from data.pictures import Pool
from data.places import Folders
from data.sizes import Sizes

CLASSES, EXAMPLES = 30, 12
SHAPE = EpisodeShape(7, 3, 4)


class NumberedConfig(CharactersConfig):
    name: str = "numbered"


class Numbered(Characters):
    """Pixel (0, 0) is the class, pixel (0, 1) the example; loads are counted."""

    title, summary = "Numbered", "Images that say which they are."
    loads = 0

    @classmethod
    def sizes(cls, config: NumberedConfig, folders: Folders | None) -> dict[Split, Sizes]:  # noqa: ARG003
        return dict.fromkeys(SPLITS, Sizes.even(CLASSES, EXAMPLES))

    def load(self, split: Split, progress: OnProgress) -> Pool:
        self.loads += 1
        pool = torch.zeros(CLASSES, EXAMPLES, 28, 28, dtype=torch.uint8)
        pool[:, :, 0, 0] = torch.arange(CLASSES)[:, None]
        pool[:, :, 0, 1] = torch.arange(EXAMPLES)
        return Pool.even(pool)


@pytest.fixture
def family(tmp_path: Path) -> Numbered:
    return Numbered(NumberedConfig(), datasets=tmp_path, cache=tmp_path)


def draw(family: Numbered, seed: int, tasks: int = 200) -> Episodes:
    return family.sample("train", SHAPE, tasks, torch.Generator().manual_seed(seed))


def numbers(images: Tensor) -> tuple[Tensor, Tensor]:
    """Which class and which example each image of (..., 1, 28, 28) is."""
    bytes = (images * 255).round().long()
    return bytes[..., 0, 0, 0], bytes[..., 0, 0, 1]


def test_shapes_and_labels(family: Numbered) -> None:
    episodes = draw(family, 0, tasks=5)
    assert episodes.support_x.shape == (5, 21, 1, 28, 28) and episodes.query_x.shape == (5, 28, 1, 28, 28)
    assert episodes.support_x.dtype == torch.float32 and episodes.support_y.dtype == torch.int64
    assert episodes.support_y.tolist() == [[i // 3 for i in range(21)]] * 5
    assert episodes.query_y.tolist() == [[i // 4 for i in range(28)]] * 5
    assert family.outputs(SHAPE) == 7


def test_a_label_means_one_class_in_support_and_query_and_classes_differ(family: Numbered) -> None:
    episodes = draw(family, 1)
    support = numbers(episodes.support_x)[0].view(200, 7, 3)
    query = numbers(episodes.query_x)[0].view(200, 7, 4)
    both = torch.cat([support, query], 2)
    assert (both == both[:, :, :1]).all()
    assert all(len(set(task)) == 7 for task in both[:, :, 0].tolist())


def test_support_and_query_share_no_example(family: Numbered) -> None:
    episodes = draw(family, 2)
    support = numbers(episodes.support_x)[1].view(200 * 7, 3)
    query = numbers(episodes.query_x)[1].view(200 * 7, 4)
    assert all(len(set(row)) == 7 for row in torch.cat([support, query], 1).tolist())


def test_classes_labels_and_examples_are_drawn_uniformly(family: Numbered) -> None:
    tasks = 3000
    episodes = family.sample("train", EpisodeShape(3, 2, 1), tasks, torch.Generator().manual_seed(3))
    classes, examples = numbers(episodes.support_x.view(tasks, 3, 2, 1, 28, 28))  # (tasks, 3, 2)
    for drawn, kinds in ((classes[:, 0, 0], CLASSES), (classes[:, 2, 0], CLASSES), (examples[:, 1, 1], EXAMPLES)):
        expected = tasks / kinds
        assert (drawn.bincount(minlength=kinds) - expected).abs().max() < 5 * expected**0.5


def test_one_seed_one_sample_also_from_another_instance(family: Numbered, tmp_path: Path) -> None:
    again = Numbered(NumberedConfig(), datasets=tmp_path, cache=tmp_path)
    assert torch.equal(draw(family, 4).query_x, draw(again, 4).query_x)
    assert not torch.equal(draw(family, 4).query_x, draw(family, 5).query_x)


def test_the_last_class_and_example_can_be_used_up(family: Numbered) -> None:
    episodes = family.sample("train", EpisodeShape(CLASSES, 1, EXAMPLES - 1), 2, torch.Generator().manual_seed(6))
    assert sorted(numbers(episodes.support_x)[0][0].tolist()) == list(range(CLASSES))


def test_flat_batches_cover_the_pool_and_are_labelled_by_class(family: Numbered) -> None:
    x, y = family.sample_flat("train", 12_000, torch.Generator().manual_seed(7))
    assert x.shape == (12_000, 1, 28, 28) and y.dtype == torch.int64
    classes, examples = numbers(x)
    assert torch.equal(classes, y)
    expected = 12_000 / (CLASSES * EXAMPLES)
    counts = (classes * EXAMPLES + examples).bincount(minlength=CLASSES * EXAMPLES)
    assert counts.min() > 0 and (counts - expected).abs().max() < 6 * expected**0.5


def test_a_split_is_loaded_once_and_only_when_asked_for(family: Numbered) -> None:
    assert family.loads == 0
    draw(family, 8)
    draw(family, 9)
    assert family.loads == 1
    family.pool("val")
    assert family.loads == 2
