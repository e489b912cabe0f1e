"""Training pictures are mirrored, shifted and recoloured, each by itself; tests never are, and a seed gives the same ones."""

import math
from pathlib import Path

import pytest
import torch

from core.runs.protocols import OF_TRAINING
from data.augment import AugmentedConfig, augmented
from data.family import EpisodeShape
from data.import_pictures import Wanted, import_pictures
from data.own_pictures import OwnPictures, OwnPicturesConfig
from data.places import Folders
from tests.data.photographs import EIGHT, album

ALL = {"flip": True, "crop": 3, "jitter": 0.4}
SHAPE = EpisodeShape(2, 1, 2)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def config(**settings: object) -> AugmentedConfig:
    return AugmentedConfig(name="x", **settings)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(4, 50, 3, 8, 8, generator=generator(1))  # (tasks, n, channels, height, width)


def test_half_of_them_are_mirrored(images: torch.Tensor) -> None:
    found = augmented(images, config(flip=True), generator())
    same = (found == images).flatten(2).all(2)
    mirrored = (found == images.flip(-1)).flatten(2).all(2)
    assert (same ^ mirrored).all()
    assert abs(mirrored.float().mean() - 0.5) < 4 * 0.5 / math.sqrt(200)


def test_each_is_shifted_by_itself_and_its_edge_repeated(images: torch.Tensor) -> None:
    found = augmented(images, config(crop=2), generator())
    met = set()
    for before, after in zip(images.flatten(0, 1), found.flatten(0, 1), strict=True):
        padded = torch.nn.functional.pad(before[None], (2, 2, 2, 2), mode="replicate")[0]
        fits = [(r, c) for r in range(5) for c in range(5) if torch.equal(padded[:, r : r + 8, c : c + 8], after)]
        assert len(fits) == 1
        met |= set(fits)
    assert len(met) == 25


def test_colours_vary_within_bounds_and_grey_stays_grey(images: torch.Tensor) -> None:
    found = augmented(images, config(jitter=0.3), generator())
    assert found.min() >= 0 and found.max() <= 1
    assert not torch.equal(found, images)
    grey = images[:, :, :1].expand(-1, -1, 3, -1, -1)
    changed = augmented(grey, config(jitter=0.3), generator())
    torch.testing.assert_close(changed[:, :, 0], changed[:, :, 2])
    assert augmented(images[:, :, :1], config(jitter=0.3), generator()).shape == (4, 50, 1, 8, 8)


def test_brightness_of_an_even_picture_is_multiplied_by_hand() -> None:
    """A picture of one grey has its own mean and grey: contrast and saturation leave it alone."""
    found = augmented(torch.full((500, 3, 4, 4), 0.5), config(jitter=0.2), generator())
    levels = found[:, 0, 0, 0]
    torch.testing.assert_close(found, levels[:, None, None, None].expand_as(found))
    assert levels.min() >= 0.4 and levels.max() <= 0.6
    assert levels.max() - levels.min() > 0.19


def test_a_seed_gives_the_same_again_and_off_nothing_is_drawn(images: torch.Tensor) -> None:
    first, again = (augmented(images, config(**ALL), generator(5)) for _ in range(2))
    assert torch.equal(first, again)
    drawn = generator(5)
    assert torch.equal(augmented(images, config(), drawn), images)
    assert torch.equal(drawn.get_state(), generator(5).get_state())


def test_a_batch_takes_the_same_calls_as_one_picture() -> None:
    calls = []
    for n in (1, 300):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            augmented(torch.rand(n, 3, 8, 8), config(**ALL), generator())
        calls.append(len([event for event in profile.events() if event.name.startswith("aten::")]))
    assert calls[0] == calls[1]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root: Path = tmp_path_factory.mktemp("pictures")
    found = Folders(root / "datasets", root / "home/cache")
    import_pictures("mine", album(root / "photos", EIGHT), found, Wanted(side=32))
    return found


def family(folders: Folders, **settings: object) -> OwnPictures:
    return OwnPictures(
        OwnPicturesConfig(set="mine", side=32, **settings), datasets=folders.datasets, cache=folders.cache
    )


def test_training_tasks_are_changed_and_tests_are_not(folders: Folders) -> None:
    plain, various = family(folders), family(folders, **ALL)
    for split, same in (("train", False), ("val", True), ("test", True)):
        a, b = (each.sample(split, SHAPE, 3, generator()) for each in (plain, various))
        assert torch.equal(a.support_x, b.support_x) is torch.equal(a.query_x, b.query_x) is same
        assert torch.equal(a.query_y, b.query_y)
        a, b = (each.sample_flat(split, 6, generator())[0] for each in (plain, various))
        assert torch.equal(a, b) is same
    drawn = various.draw("train", SHAPE, 3, generator())
    frozen = plain.episodes(drawn)
    assert torch.equal(various.episodes(drawn).support_x, frozen.support_x), "tasks that are kept are never changed"


def test_off_a_run_draws_what_it_drew_before(folders: Folders) -> None:
    drawn, sampled = generator(3), generator(3)
    opened = family(folders)
    expected = opened.episodes(opened.draw("train", SHAPE, 3, drawn))
    assert torch.equal(opened.sample("train", SHAPE, 3, sampled).support_x, expected.support_x)
    assert torch.equal(drawn.get_state(), sampled.get_state())


def test_scores_compare_whatever_the_training_pictures_were_made_of() -> None:
    own = AugmentedConfig.model_fields.keys() - {"name"}
    assert own <= set(OF_TRAINING)
