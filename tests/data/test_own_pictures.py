"""Tasks of a person's own pictures: the right ones, of the right classes, at the size and in the colours that are wanted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data import picture_set
from data.cache import mapped
from data.errors import DataError
from data.examples import choose
from data.family import SPLITS, EpisodeShape
from data.import_pictures import Wanted, import_pictures
from data.own_pictures import OwnPictures, OwnPicturesConfig
from data.photograph import as_grey
from data.picture_set import PictureSet
from data.pictures import Pool
from data.places import Folders
from tests.data.photographs import album

COUNTS = {f"{group}/{kind}": 4 + i for i, (group, kind) in enumerate((g, k) for g in "wxyz" for k in "abc")}  # 4 to 15
SHAPE = EpisodeShape(2, 1, 2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("pictures")
    found = Folders(root / "datasets", root / "home/cache")
    import_pictures("mine", album(root / "photos", COUNTS), found, Wanted(side=48))
    return found


@pytest.fixture
def one(folders: Folders) -> PictureSet:
    return picture_set.find("mine", folders)


def family(folders: Folders, **settings: object) -> OwnPictures:
    config = OwnPicturesConfig(**{"set": "mine", "side": 48, **settings})
    return OwnPictures(config, datasets=folders.datasets, cache=folders.cache)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_split_has_its_classes_and_no_other(folders: Folders, one: PictureSet) -> None:
    """Found by their pixels: every picture of a task is one of the class that the set says."""
    starts = dict(zip((each.name for each in one.classes), one.starts(), strict=True))
    by_pixels = {
        one.images()[i].tobytes(): each
        for each in one.classes
        for i in range(starts[each.name], starts[each.name] + each.count)
    }
    for split in SPLITS:
        opened = family(folders)
        drawn = opened.draw(split, SHAPE, 50, generator())
        images = opened.pool(split).images[drawn.examples.flatten()].numpy()
        met = {by_pixels[image.tobytes()] for image in images}
        assert met <= set(one.of(split))
        assert len(met) == len([each for each in one.of(split) if each.count >= 3])
        task = [by_pixels[image.tobytes()].name for image in opened.pool(split).images[drawn.examples[0, :, 0]].numpy()]
        assert opened.class_names(drawn) == task


def test_ordinary_batches_are_of_the_split_with_its_classes(folders: Folders, one: PictureSet) -> None:
    opened = family(folders)
    x, y = opened.sample_flat("test", 200, generator())
    for number, each in enumerate(one.of("test")):
        start = one.starts()[one.classes.index(each)]
        own = {one.images()[i].tobytes() for i in range(start, start + each.count)}
        met = {(image * 255).round().byte().numpy().tobytes() for image in x[y == number]}
        assert met <= own and met


def test_smaller_and_grey_are_made_once_and_kept(folders: Folders, one: PictureSet, monkeypatch) -> None:
    opened = family(folders, side=28, colour=False)
    images = opened.pool("train").images
    assert images.shape == (one.pictures, 1, 28, 28)
    grey = as_grey(np.asarray(one.images()[:1]))[0, 0]
    expected = np.asarray(Image.fromarray(grey).resize((28, 28), Image.Resampling.LANCZOS))
    assert np.array_equal(images[0, 0].numpy(), expected)
    monkeypatch.setattr("data.own_pictures.resized", None)
    assert torch.equal(family(folders, side=28, colour=False).pool("train").images, images)


def test_pictures_are_mapped_and_not_read_into_memory(folders: Folders) -> None:
    opened = family(folders)
    pools = [opened.pool(split) for split in SPLITS]
    assert {
        Path(line.split()[-1]).name for line in Path("/proc/self/maps").read_text().splitlines() if ".pixels" in line
    }
    assert all(pool.images.shape == pools[0].images.shape for pool in pools)


def test_on_a_device_there_are_only_the_pictures_of_the_split(folders: Folders) -> None:
    pool = family(folders).pool("val")
    there = pool.to(torch.device("meta"))
    assert len(there.images) == pool.total < len(pool.images)


def test_a_pool_with_gaps_gives_the_same_pictures_as_one_without() -> None:
    images = torch.arange(30, dtype=torch.uint8).view(30, 1, 1, 1)
    pool = Pool(images, torch.tensor([3, 4]), torch.tensor([5, 20]))
    compact = torch.cat([images[5:8], images[20:24]])
    whole = choose(Pool(compact, torch.tensor([3, 4])), SHAPE, 20, generator())
    gaps = choose(pool, SHAPE, 20, generator())
    assert torch.equal(images[gaps.flatten()], compact[whole.flatten()])


def test_the_same_seed_gives_the_same_task_and_another_seed_another(folders: Folders) -> None:
    def hashed(seed: int) -> list[torch.Tensor]:
        opened = family(folders)
        return list(opened.hashed(opened.draw("train", SHAPE, 2, generator(seed))))

    assert all(map(torch.equal, hashed(1), hashed(1)))
    assert not all(map(torch.equal, hashed(1), hashed(2)))


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"set": ""}, "family.set", "No data set of your own is chosen. There are mine."),
        ({"set": "nobody"}, "family.set", "There is no data set of your own called nobody. There are mine."),
        ({"set": "../mine"}, "family.set", "There is no data set of your own called ../mine. There are mine."),
        ({"side": 84}, "family.side", "side = 84 exceeds the 48 pixels that mine was imported with; lower it to 48."),
    ],
)
def test_what_cannot_be_had_is_said_at_its_setting(folders: Folders, settings, path: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        OwnPictures.sizes(OwnPicturesConfig(**{"set": "mine", "side": 48, **settings}), folders)
    assert raised.value.path == path
    assert str(raised.value).startswith(message)


def test_larger_tasks_than_the_classes_give_are_refused_with_a_way_out(folders: Folders) -> None:
    with pytest.raises(
        DataError, match=r"k_shot \+ n_query = 31 exceeds the .* training classes have in pictures; lower"
    ):
        family(folders).draw("train", EpisodeShape(2, 1, 30), 1, generator())


def test_a_mapped_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken(start: int) -> np.ndarray:
        if start:
            raise ValueError("no more")
        return np.zeros((2, 3), np.uint8)

    with pytest.raises(ValueError, match="no more"):
        mapped(tmp_path / "c/a.pixels", (4, 3), 2, broken)
    assert list((tmp_path / "c").iterdir()) == []
    found = mapped(tmp_path / "c/a.pixels", (4, 3), 2, lambda start: np.full((2, 3), start, np.uint8))
    assert found.tolist() == [[0] * 3, [0] * 3, [2] * 3, [2] * 3]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"could not be written .* Free some space in the home folder\."):
        mapped(tmp_path / "file/a.pixels", (4, 3), 2, broken)
