"""Pictures through a frozen network: its own answers, of the same tasks, computed once, and what is wrong said in a sentence."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from data import extractor as extractors
from data import frozen as frozen_parts
from data import pictures
from data.doodles import Doodles, DoodlesConfig
from data.errors import ModelError
from data.extractor import Extractor
from data.family import SPLITS, EpisodeShape
from data.import_pictures import Wanted, import_pictures
from data.own_pictures import OwnPictures, OwnPicturesConfig
from data.pictures import Pool
from data.places import Folders
from tests.data.frozen_nets import CALLS, Drawn, Small, Together
from tests.data.photographs import album

COUNTS = {f"{group}/{kind}": 4 + i for i, (group, kind) in enumerate((g, k) for g in "wxyz" for k in "abc")}  # 4 to 15
SHAPE = EpisodeShape(2, 1, 2)
FROZEN = {"extractor": "tests.data.frozen_nets:Small", "extractor_weights": "small.safetensors", "extractor_size": 6}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photographs")
    import_pictures("mine", album(root / "photos", COUNTS), Folders(root, root / "home/cache"), Wanted(side=32))
    return root / "pictures"


@pytest.fixture
def folders(photographs: Path, tmp_path: Path) -> Iterator[Folders]:
    """With the weights of a network that has seen a few pictures, so that its BatchNorm is not the identity."""
    found = Folders(tmp_path / "datasets", tmp_path / "cache")
    found.datasets.mkdir()
    (found.datasets / "pictures").symlink_to(photographs)
    write(found, network())
    CALLS.clear()
    yield found


def network(made: type[nn.Module] = Small, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = made()
        found(torch.rand(8, 3, 16, 16))
    return found.eval()


def write(folders: Folders, made: nn.Module) -> Path:
    path = folders.datasets / "weights/small.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file(made.state_dict(), path)
    return path


def family(folders: Folders, **settings: object) -> OwnPictures:
    config = OwnPicturesConfig(**{"set": "mine", "side": 32, **settings})
    return OwnPictures(config, datasets=folders.datasets, cache=folders.cache)


def frozen(folders: Folders, **settings: object) -> OwnPictures:
    return family(folders, **FROZEN, **settings)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def expected(images: Tensor) -> Tensor:
    """What the network gives, by ImageNet's mean and deviation as everybody writes them."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        return network()((images - mean[:, None, None]) / std[:, None, None])


def test_tasks_are_of_the_features_of_the_very_pictures_that_the_seed_draws(folders: Folders) -> None:
    for split in SPLITS:
        plain, ours = (one.sample(split, SHAPE, 5, generator(3)) for one in (family(folders), frozen(folders)))
        for x, features in ((plain.support_x, ours.support_x), (plain.query_x, ours.query_x)):
            assert features.shape == (*x.shape[:2], 6)
            assert features.dtype == torch.float32
            torch.testing.assert_close(features, expected(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
        assert torch.equal(plain.query_y, ours.query_y)


def test_a_chunk_of_pictures_has_the_features_that_the_network_gives_bit_by_bit(folders: Folders) -> None:
    whole, opened = family(folders).pool("test"), frozen(folders)
    images = pictures.as_input(whole.of(whole.places[: frozen_parts.CHUNK]))
    assert torch.equal(opened.pool("test").images[: frozen_parts.CHUNK], expected(images))


def test_ordinary_batches_are_of_features_too(folders: Folders) -> None:
    (x, y), (features, classes) = (
        one.sample_flat("train", 20, generator(1)) for one in (family(folders), frozen(folders))
    )
    assert torch.equal(y, classes)
    torch.testing.assert_close(features, expected(x))


def test_the_hash_of_tasks_their_looks_and_their_classes_are_those_of_the_pictures(folders: Folders) -> None:
    plain, ours = family(folders), frozen(folders)
    drawn = [one.draw("val", SHAPE, 3, generator(2)) for one in (plain, ours)]
    hashes = [list(one.hashed(each)) for one, each in zip((plain, ours), drawn, strict=True)]
    assert all(map(torch.equal, *hashes))
    looks = [one.looks("val", each.examples[0].flatten()) for one, each in zip((plain, ours), drawn, strict=True)]
    assert (looks[0] == looks[1]).all()
    assert plain.class_names(drawn[0]) == ours.class_names(drawn[1])
    assert (plain.pictured("val", [1, 0]) == ours.pictured("val", [1, 0])).all()
    (_, _, first), (_, _, second) = plain.examples("val", 0, 1, 2)[0], ours.examples("val", 0, 1, 2)[0]
    assert (first == second).all()


def test_features_are_computed_once_and_a_second_start_imports_nothing(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    first = frozen(folders)
    first.progress = lambda *said: told.append(said)
    pools = {split: first.pool(split) for split in SPLITS}
    assert sum(CALLS) == sum(COUNTS.values()), "each picture goes through the network once"
    assert (0.0, "Preparing features") in told
    monkeypatch.setattr(extractors.Named, "found", None)
    again = frozen(folders)
    assert all(torch.equal(again.pool(split).images, pools[split].images) for split in SPLITS)
    assert frozen(folders, flip=False).made_with == first.made_with


def test_other_weights_other_code_or_another_size_are_other_features(folders: Folders, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("INNERLOOP_PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    code = tmp_path / "frozen_of_mine.py"
    code.write_text("from tests.data.frozen_nets import Small as make")
    settings = {"extractor": "frozen_of_mine:make"}
    seen = []

    def opened(**more: object) -> int:
        """Of how many pictures the features are computed, when the features have to be others than all before."""
        CALLS.clear()
        one = family(folders, **FROZEN | settings | more)
        seen.append((one.made_with, one.pool("val").images.clone()))
        return sum(CALLS)

    pictures_there = opened()
    assert pictures_there == family(folders).pool("val").total
    assert opened() == 0
    write(folders, network(seed=1))
    assert opened() == pictures_there
    assert opened(extractor_side=20) == pictures_there
    assert opened(extractor_mean=[0.5, 0.5, 0.5]) == pictures_there
    assert opened(side=28) == pictures_there
    code.write_text("from tests.data.frozen_nets import Small as make  # edited")
    assert opened() == pictures_there
    write(folders, network())
    code.write_text("from tests.data.frozen_nets import Small as make")
    assert opened() == 0, "those of before are still there"
    assert torch.equal(seen[0][1], seen[-1][1])
    assert not torch.equal(seen[0][1], seen[2][1])
    sys.modules.pop("frozen_of_mine", None)


def test_another_split_of_the_same_pictures_has_features_of_its_own(folders: Folders) -> None:
    keys = {frozen(folders).fingerprint(split) for split in SPLITS}
    assert len(keys) == len(SPLITS)


def test_whoever_is_killed_in_the_middle_leaves_nothing_that_is_taken_for_features(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_parts, "CHUNK", 8)

    def stopped(fraction: float, _: str) -> None:
        if fraction > 0:
            raise KeyboardInterrupt

    opened = frozen(folders)
    opened.progress = stopped
    with pytest.raises(KeyboardInterrupt):
        opened.pool("train")
    assert not list(folders.cache.glob("*"))
    torch.testing.assert_close(frozen(folders).pool("train").images, frozen(folders).pool("train").images)
    (kept,) = folders.cache.glob("*")
    kept.write_bytes(kept.read_bytes()[:-4])
    CALLS.clear()
    assert frozen(folders).pool("train").total == sum(CALLS), "a file that is cut off is made again"


def test_weights_that_change_while_a_run_is_open_are_not_mixed_with_those_of_before(folders: Folders) -> None:
    opened = frozen(folders)
    opened.pool("train")
    write(folders, network(seed=1))
    with pytest.raises(ModelError, match="changed while it was in use"):
        opened.pool("val")


def test_features_are_mapped_and_on_another_device_they_are_all_there(folders: Folders) -> None:
    pool = frozen(folders).pool("val")
    assert any(".floats" in line for line in Path("/proc/self/maps").read_text().splitlines())
    assert pool.to(torch.device("meta")).images.shape == (pool.total, 6)


# How pictures are made ready


def test_pictures_are_brought_to_the_side_and_the_channels_that_the_network_reads(folders: Folders) -> None:
    images = torch.rand(2, 1, 28, 28)
    config = DoodlesConfig(**FROZEN, extractor_side=56)
    wide = interpolate(images.expand(2, 3, 28, 28), (56, 56), mode="bilinear", antialias=True)
    torch.testing.assert_close(Extractor(config, folders.datasets)(images), expected(wide))
    grey = DoodlesConfig(**FROZEN, extractor_mean=[0.25], extractor_std=[0.5])
    torch.testing.assert_close(extractors.ready(images, grey), (images - 0.25) / 0.5)


def test_drawn_pictures_go_through_it_as_well(folders: Folders) -> None:
    small = {"train_classes": 3, "val_classes": 3, "test_classes": 3, "examples_per_character": 4}
    plain, ours = (
        Doodles(DoodlesConfig(**small, **more), datasets=folders.datasets, cache=folders.cache) for more in ({}, FROZEN)
    )
    a, b = (one.sample("test", SHAPE, 2, generator()) for one in (plain, ours))
    torch.testing.assert_close(b.query_x[0], expected(a.query_x[0].expand(-1, 3, -1, -1)))
    assert ours.fingerprint("val") != ours.fingerprint("test")


def test_for_measuring_features_of_noise_take_their_place_without_any_file(tmp_path: Path) -> None:
    ours = Doodles(DoodlesConfig(**FROZEN, train_classes=50), datasets=tmp_path, cache=tmp_path)
    ours.found = Doodles.sizes(ours.config, None)
    assert ours.stand_in() == (50 + 200 + 500) * 20 * 6 * 4
    assert ours.sample("train", SHAPE, 2, generator()).query_x.shape == (2, 4, 6)


# What is wrong


@pytest.mark.parametrize(
    ("settings", "message", "remedy", "at"),
    [
        ({"extractor": "no_such_nets:make"}, "No module 'no_such_nets' was found", "INNERLOOP_PATH", "extractor"),
        ({"extractor": "nets"}, "'nets' is not an import path", "my_nets:make", "extractor"),
        ({"extractor": "tests.data.frozen_nets:broken"}, "failed: ValueError('no such file')", "nn.Module", "extractor"),
        ({"extractor": "tests.data.frozen_nets:nothing"}, "gives a NoneType and no", "the network", "extractor"),
        ({"extractor": "tests.data.frozen_nets:Maps"}, "gives the shape (4, 6, 30, 30), not (n, size)", "pool", "extractor"),
        ({"extractor": "tests.data.frozen_nets:Several"}, "gives a tuple, not", "one vector a picture", "extractor"),
        ({"extractor": "tests.data.frozen_nets:Endless"}, "no finite numbers", "whole", "extractor_weights"),
        ({"extractor_size": 512}, "gives 6 features of a picture, not 512", "Set extractor_size to 6", "extractor_size"),
        ({"extractor_mean": [0.5], "extractor_std": [0.5], "colour": False}, "cannot read pictures", "channels", "extractor"),
        ({"extractor_weights": ""}, "is given no file", "in {datasets}/weights", "extractor_weights"),
        ({"extractor_weights": "gone.safetensors"}, "gone.safetensors is missing", "whole path", "extractor_weights"),
        ({"extractor": "tests.data.frozen_nets:deep"}, "lacks the weights 0.layers.0.weight and 8", "very", "extractor_weights"),
        ({"extractor": "tests.data.frozen_nets:wide"}, "weight is (6, 3, 3, 3) and not (7, ", "very", "extractor_weights"),
    ],
)  # fmt: skip
def test_what_does_not_do_is_said_with_the_way_out(
    folders: Folders, settings: dict[str, object], message: str, remedy: str, at: str
) -> None:
    config = OwnPicturesConfig(**{"set": "mine", "side": 32, **FROZEN, **settings})
    with pytest.raises(ModelError) as caught:
        Extractor(config, folders.datasets).try_out()
    assert message in caught.value.message
    assert remedy.format(datasets=folders.datasets) in caught.value.remedy
    assert caught.value.path == f"family.{at}"


@pytest.mark.parametrize("made", [Together, Drawn])
def test_features_that_depend_on_what_is_beside_them_or_on_luck_are_refused(
    folders: Folders, made: type[nn.Module]
) -> None:
    write(folders, network(made))
    settings = FROZEN | {"extractor": f"tests.data.frozen_nets:{made.__name__}"}
    with pytest.raises(ModelError, match="other features beside other pictures"):
        Extractor(OwnPicturesConfig(set="mine", side=32, **settings), folders.datasets).try_out()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 a pickle of torch's, perhaps", "holds no weights as safetensors"),
        (b"", "holds no weights as safetensors"),
        ({"layers.0.bias": torch.zeros(6)}, "lacks the weights layers.0.weight and 5 others of the frozen network"),
        ({"fc.weight": torch.zeros(6)}, "has the weights fc.weight that the frozen network does not have"),
        ({"layers.0.bias": torch.full((6,), torch.nan)}, "numbers that are not finite in the weights layers.0.bias"),
    ],
)
def test_a_file_of_other_weights_is_refused(folders: Folders, content, message: str) -> None:
    path = folders.datasets / "weights/small.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        whole = {} if message.startswith("lacks") else network().state_dict()
        save_file(whole | content, path)
    with pytest.raises(ModelError) as caught:
        frozen(folders).pool("val")
    assert message in caught.value.message
    assert caught.value.path == "family.extractor_weights"
    assert not list(folders.cache.glob("*"))


def test_the_network_is_frozen_whatever_its_code_says(folders: Folders) -> None:
    found = Extractor(frozen(folders).config, folders.datasets).network
    assert not found.training
    assert not any(one.requires_grad for one in found.parameters())
    before = {name: value.clone() for name, value in found.state_dict().items()}
    frozen(folders).pool("val")
    assert all(torch.equal(before[name], value) for name, value in found.state_dict().items())


def test_weights_are_found_by_name_or_by_their_whole_path(folders: Folders) -> None:
    inside = folders.datasets / "weights/small.safetensors"
    for named in ("small.safetensors", f" {inside} "):
        config = OwnPicturesConfig(**FROZEN | {"extractor_weights": named})
        assert extractors.weights_file(config, folders.datasets).samefile(inside)


def test_the_places_of_a_pool_with_gaps_are_those_of_its_classes() -> None:
    pool = Pool(torch.zeros(30, 1, 1, 1, dtype=torch.uint8), torch.tensor([3, 2]), torch.tensor([5, 20]))
    assert pool.places.tolist() == [5, 6, 7, 20, 21]
