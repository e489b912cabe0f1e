"""Omniglot: the real archives against the published lists, and archives that are missing, cut or not what they should be."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from data.archive import decode
from data.errors import DataError
from data.family import SPLITS, EpisodeShape
from data.omniglot import Omniglot, OmniglotConfig, decode_zip, shrink
from data.sizes import Sizes
from tests.data.hostile_zips import HOSTILE

PROJECT = Path(__file__).resolve().parents[2]
DATASETS = (PROJECT / "../shared/datasets").resolve()
real = pytest.mark.skipif(bool(Omniglot.missing(DATASETS)), reason=f"Omniglot's archives are not in {DATASETS}")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Decoding takes seconds: the test processes and other tests share one cache."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pictures" / "cache"


def make(cache: Path, datasets: Path = DATASETS, **settings: object) -> Omniglot:
    return Omniglot(OmniglotConfig(**settings), datasets=datasets, cache=cache)


def drawing(black: slice = slice(40, 60)) -> bytes:
    """A one-bit PNG as in the archives: 105×105, black ink in a square of these rows and columns."""
    pixels = np.full((105, 105), 255, np.uint8)
    pixels[black, black] = 0
    file = io.BytesIO()
    Image.fromarray(pixels).convert("1").save(file, "PNG")
    return file.getvalue()


def archive(path: Path, alphabets: int = 2, characters: int = 3, drawers: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for i in range(alphabets * characters * drawers):
            character, drawer = divmod(i, drawers)
            alphabet, character = divmod(character, characters)
            name = f"Alphabet{alphabet}/character{character + 1:02}/{character:04}_{drawer + 1:02}.png"
            file.writestr(f"{path.stem}/{name}", drawing(slice(character * 10, character * 10 + 20)))
        file.writestr(f"__MACOSX/{path.stem}/A/b/._0001_01.png", b"what an operating system adds")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data-set folder with archives of 6 characters each, and a project that expects just that."""
    monkeypatch.setattr("data.omniglot.CHARACTERS", {"images_background.zip": 6, "images_evaluation.zip": 6})
    monkeypatch.setattr("data.omniglot.ALPHABETS", {"images_background.zip": 2, "images_evaluation.zip": 2})
    monkeypatch.setattr("data.omniglot.BACKGROUND", 6)
    monkeypatch.setattr("data.omniglot.TOTAL", 12)
    for name in ("images_background.zip", "images_evaluation.zip"):
        archive(tmp_path / "datasets" / "omniglot" / name)
    return tmp_path / "datasets"


def drawings(family: Omniglot, split: str) -> Tensor:
    """A split's pictures by class, uint8 (classes, 20, 28, 28)."""
    return family.pool(split).images.view(-1, 20, 28, 28)


@real
@pytest.mark.parametrize("split", SPLITS)
def test_the_vinyals_split_is_the_published_one(cache: Path, split: str) -> None:
    published = (DATASETS / f"omniglot/splits_vinyals/{split}.txt").read_text().split()
    names = make(cache).names(split)
    assert set(names) == set(published)
    assert len(names) == len(published) == OmniglotConfig().classes(split)


@real
@pytest.mark.parametrize("rotations", [True, False])
@pytest.mark.parametrize("rule", ["vinyals", "finn", "official"])
def test_splits_are_disjoint_cover_everything_and_have_the_sizes_stated(
    cache: Path, rule: str, rotations: bool
) -> None:
    family = make(cache, split=rule, rotations=rotations)
    names = {split: family.names(split) for split in SPLITS}
    assert [len(names[split]) for split in SPLITS] == [family.config.classes(split) for split in SPLITS]
    everything = [name for part in names.values() for name in part]
    assert len(set(everything)) == len(everything) == 1623 * (4 if rotations else 1)
    # All rotations of a character lie in one split.
    assert sum(len({name.rsplit("/", 1)[0] for name in part}) for part in names.values()) == 1623


@real
def test_the_official_split_keeps_alphabets_apart(cache: Path) -> None:
    family = make(cache, split="official", rotations=False)
    alphabets = {split: {name.split("/")[0] for name in family.names(split)} for split in SPLITS}
    assert [len(alphabets[split]) for split in SPLITS] == [25, 5, 20]
    assert not alphabets["train"] & alphabets["val"]


@real
def test_the_finn_split_follows_its_seed(cache: Path) -> None:
    first, again, other = (make(cache, split="finn", split_seed=seed).names("test") for seed in (1, 1, 2))
    assert first == again
    assert set(first) != set(other)


@real
def test_pool_holds_each_character_at_four_angles(cache: Path) -> None:
    turned, plain = (drawings(make(cache, rotations=yes), "val") for yes in (True, False))
    assert turned.shape == (688, 20, 28, 28) and turned.dtype == torch.uint8
    for turns in range(4):
        assert torch.equal(turned[turns::4], plain.rot90(turns, (2, 3)))
    assert 0.05 < plain.float().mean() / 255 < 0.12  # white ink on black, not the reverse


@real
def test_images_are_where_their_names_say(cache: Path) -> None:
    family = make(cache, rotations=False)
    row = family.names("test").index("ULOG/character03/rot000")
    with zipfile.ZipFile(DATASETS / "omniglot/images_evaluation.zip") as file:
        (name,) = [name for name in file.namelist() if "/ULOG/character03/" in name and name.endswith("_07.png")]
        expected = shrink(decode(file.read(name)))
    assert np.array_equal(drawings(family, "test")[row, 6].numpy(), expected)


@real
def test_episodes_come_from_the_real_thing(cache: Path) -> None:
    family = make(cache)
    episodes = family.sample("test", EpisodeShape(20, 1, 5), 2, torch.Generator().manual_seed(0))
    assert episodes.support_x.shape == (2, 20, 1, 28, 28) and episodes.query_x.shape == (2, 100, 1, 28, 28)
    assert episodes.query_x.amin() == 0 and episodes.query_x.amax() == 1


def test_decoding_inverts_and_shrinks() -> None:
    image = shrink(decode(drawing(slice(0, 53))))
    assert image.shape == (28, 28) and image.dtype == np.uint8
    assert image[:13, :13].min() > 240 and image[15:, 15:].max() < 15
    assert len(np.unique(image)) > 2  # anti-aliased


def test_archives_are_decoded_once(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[float] = []
    config = OmniglotConfig(split="official", rotations=False)
    first = Omniglot(
        config, datasets=small, cache=tmp_path / "cache", progress=lambda fraction, _: heard.append(fraction)
    )
    assert first.names("test")[0] == "Alphabet0/character01/rot000" and len(first.names("test")) == 6
    assert heard == sorted(heard) and heard[-1] == 1.0
    monkeypatch.setattr("data.omniglot.decode_zip", refuse)
    second = make(tmp_path / "cache", small, split="official", rotations=False)
    assert torch.equal(drawings(second, "test"), drawings(first, "test"))
    assert second.names("test") == first.names("test")


def refuse(*_: object) -> None:
    raise AssertionError("decoded again")


def test_changed_archives_are_decoded_again(small: Path, tmp_path: Path) -> None:
    before = drawings(make(tmp_path / "cache", small, split="official", rotations=False), "test")
    path = small / "omniglot" / "images_evaluation.zip"
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    changed = "images_evaluation/Alphabet0/character01/0000_01.png"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            file.writestr(name, drawing(slice(0, 105)) if name == changed else content)
    after = drawings(make(tmp_path / "cache", small, split="official", rotations=False), "test")
    assert after[0, 0].min() == 255
    assert torch.equal(after[1:], before[1:])


def test_missing_archives_say_where_to_get_them(tmp_path: Path) -> None:
    family = make(tmp_path, tmp_path / "datasets")
    assert Omniglot.missing(tmp_path / "datasets") == [
        tmp_path / "datasets/omniglot/images_background.zip",
        tmp_path / "datasets/omniglot/images_evaluation.zip",
    ]
    with pytest.raises(DataError, match=r"images_background\.zip is missing") as caught:
        family.pool("train")
    assert "https://github.com/brendenlake/omniglot/raw/master/python/images_evaluation.zip" in caught.value.remedy
    assert str(tmp_path / "datasets/omniglot") in caught.value.remedy


def test_what_a_config_states_needs_no_files() -> None:
    assert [OmniglotConfig().classes(split) for split in SPLITS] == [4112, 688, 1692]
    assert [OmniglotConfig(split="finn", rotations=False).classes(split) for split in SPLITS] == [1100, 100, 423]
    assert [OmniglotConfig(split="official", rotations=False).classes(split) for split in SPLITS] == [792, 172, 659]
    assert Omniglot.sizes(OmniglotConfig(), None)["train"] == Sizes.even(
        4112, 20
    ) and OmniglotConfig().input_spec.shape == (1, 28, 28)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [("cut", "not a zip"), ("text", "not a zip"), ("empty", "not a zip"), ("flipped", "CRC-32|decompressing")],
)
def test_a_damaged_archive_is_named_with_a_remedy(small: Path, tmp_path: Path, damage: str, complaint: str) -> None:
    path = small / "omniglot" / "images_evaluation.zip"
    content = path.read_bytes()
    with zipfile.ZipFile(path) as file:
        entry = file.infolist()[70]
    middle = entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2  # of that drawing's data
    flipped = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
    half = content[: len(content) // 2]
    path.write_bytes({"cut": half, "text": b"<html>404</html>", "empty": b"", "flipped": flipped}[damage])
    with pytest.raises(DataError, match=complaint) as caught:
        make(tmp_path / "cache", small).pool("train")
    assert caught.value.path == str(path) and str(path) in caught.value.message
    assert "Delete it" in caught.value.remedy and "github.com/brendenlake" in caught.value.remedy
    assert not list((tmp_path / "cache").glob("*"))


def test_a_hostile_archive_is_named_with_a_remedy_and_not_unpacked(small: Path, tmp_path: Path) -> None:
    path = small / "omniglot" / "images_evaluation.zip"
    HOSTILE["3 GB"][0](path)
    with pytest.raises(DataError, match="unpacks to 3,072 MiB, and 1 MiB are the most") as caught:
        make(tmp_path / "cache", small).pool("train")
    assert "Delete it" in caught.value.remedy


def test_archives_with_other_content_are_refused(small: Path, tmp_path: Path) -> None:
    path = small / "omniglot" / "images_background.zip"
    for contents, complaint in (
        ({"alphabets": 1}, "1 alphabets and 3 characters instead of 2 and 6"),
        ({"characters": 2}, "2 alphabets and 4 characters instead of 2 and 6"),
        ({"drawers": 19}, "Alphabet0/character01 has 19 drawings instead of 20"),
    ):
        archive(path, **contents)
        with pytest.raises(DataError, match=complaint):
            make(tmp_path / "cache", small).pool("train")


def test_a_drawing_that_is_no_picture_is_refused(small: Path, tmp_path: Path) -> None:
    path = small / "omniglot" / "images_background.zip"
    with zipfile.ZipFile(path) as file:
        names = [name for name in file.namelist() if "__MACOSX" not in name]
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, b"GIF" if name == names[50] else drawing())
    with pytest.raises(DataError, match=r"\.png: this is no picture"):
        make(tmp_path / "cache", small).pool("train")


def test_characters_come_in_the_order_of_their_names(small: Path) -> None:
    decoded = decode_zip(small / "omniglot" / "images_background.zip", lambda _: None)
    assert decoded.names == tuple(f"Alphabet{a}/character{c:02}" for a in range(2) for c in (1, 2, 3))
    places = decoded.images[:, 0].float().mean(1).argmax(1)  # the first inked column of each
    assert places.tolist() == sorted(places[:3].tolist()) * 2
