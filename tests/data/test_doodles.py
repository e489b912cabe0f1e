"""Doodles: pools that are the same everywhere, disjoint by split, kept in the cache, and characters worth learning."""

import hashlib
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from data.doodles import Doodles, DoodlesConfig, draw_pool, pool_generator
from data.family import SPLITS, EpisodeShape, Split
from data.sizes import Sizes

SMALL = {"train_classes": 60, "val_classes": 20, "test_classes": 30}


def make(folder: Path, **settings: int) -> Doodles:
    return Doodles(DoodlesConfig(**(SMALL | settings)), datasets=folder, cache=folder)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doodles")


def drawings(family: Doodles, split: Split) -> Tensor:
    """A split's pictures by character, uint8 (classes, examples, 28, 28)."""
    pool = family.pool(split)
    return pool.images.view(len(pool.counts), -1, 28, 28)


@pytest.fixture(scope="module")
def pools(cache: Path) -> dict[Split, Tensor]:
    family = make(cache)
    return {split: drawings(family, split) for split in SPLITS}


def test_pools_have_the_sizes_asked_for(pools: dict[Split, Tensor]) -> None:
    assert {split: tuple(pool.shape) for split, pool in pools.items()} == {
        "train": (60, 20, 28, 28),
        "val": (20, 20, 28, 28),
        "test": (30, 20, 28, 28),
    }
    config = DoodlesConfig()
    assert [config.classes(split) for split in SPLITS] == [1000, 200, 500]
    assert Doodles.sizes(config, None)["val"] == Sizes.even(200, 20)


def test_ink_is_white_on_black_and_anti_aliased(pools: dict[Split, Tensor]) -> None:
    pool = pools["train"].float() / 255
    assert pool.flatten(2).amax(2).min() > 0.5  # nothing is blank
    assert 0.04 < pool.mean() < 0.15  # Omniglot: 0.083
    grey = ((pool > 0.1) & (pool < 0.9)).sum() / (pool > 0.1).sum()
    assert 0.1 < grey < 0.8
    frame = torch.cat([pool[..., 0, :], pool[..., -1, :], pool[..., 0], pool[..., -1]], -1)
    assert frame.mean() < 0.02  # centred: hardly any ink at the edge


def test_no_drawing_appears_twice_in_any_split(pools: dict[Split, Tensor]) -> None:
    drawings = [bytes(row) for pool in pools.values() for row in pool.flatten(0, 1).flatten(1).numpy()]
    assert len(set(drawings)) == len(drawings) == 110 * 20


def test_a_split_does_not_depend_on_the_size_of_another(pools: dict[Split, Tensor], tmp_path: Path) -> None:
    family = make(tmp_path, train_classes=2, val_classes=3)
    assert torch.equal(drawings(family, "test"), pools["test"])


def test_a_larger_pool_begins_with_the_smaller(pools: dict[Split, Tensor], tmp_path: Path) -> None:
    assert torch.equal(drawings(make(tmp_path, train_classes=7), "train"), pools["train"][:7])


def test_another_seed_invents_other_characters(pools: dict[Split, Tensor], tmp_path: Path) -> None:
    assert not torch.equal(drawings(make(tmp_path, pool_seed=1, val_classes=20), "val"), pools["val"])


def test_drawing_does_not_depend_on_the_number_of_threads(pools: dict[Split, Tensor]) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2 if threads == 1 else 1)
    try:
        assert torch.equal(draw_pool(20, 20, pool_generator(0, "val")), pools["val"])
    finally:
        torch.set_num_threads(threads)


def test_the_second_time_a_pool_comes_from_the_cache(
    pools: dict[Split, Tensor], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.doodles.draw_pool", refuse)
    assert torch.equal(drawings(make(cache), "test"), pools["test"])


def refuse(*_: object) -> Tensor:
    raise AssertionError("drawn again")


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_cache_is_drawn_again(
    tmp_path: Path, pools: dict[Split, Tensor], damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings(make(tmp_path), "val")
    (file,) = tmp_path.glob("doodles-val-*.safetensors")
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[-200_000] ^= 0xFF
    file.write_bytes(
        {"cut": content[:100_000], "flipped": bytes(flipped), "empty": b"", "text": b"not tensors"}[damage]
    )
    assert torch.equal(drawings(make(tmp_path), "val"), pools["val"])
    assert list(tmp_path.iterdir()) == [file]  # nothing half-written stays
    monkeypatch.setattr("data.doodles.draw_pool", refuse)
    assert torch.equal(drawings(make(tmp_path), "val"), pools["val"])  # the file is whole again


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, pools: dict[Split, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    family = Doodles(DoodlesConfig(**SMALL), datasets=tmp_path, cache=tmp_path / "cache")
    assert torch.equal(drawings(family, "val"), pools["val"])
    assert "could not be kept in the cache" in caplog.text


def test_progress_is_told(tmp_path: Path) -> None:
    heard: list[float] = []
    config = DoodlesConfig(train_classes=120)
    family = Doodles(config, datasets=tmp_path, cache=tmp_path, progress=lambda fraction, _: heard.append(fraction))
    drawings(family, "train")
    assert heard == sorted(heard) and len(heard) > 1 and heard[-1] == 1.0


def test_examples_of_one_character_resemble_each_other_but_pixels_do_not_settle_it(cache: Path) -> None:
    """Nearest neighbour on raw pixels: far above chance (20 %), far below what a learner should reach."""
    episodes = make(cache).sample("train", EpisodeShape(5, 1, 15), 200, torch.Generator().manual_seed(0))
    distance = torch.cdist(episodes.query_x.flatten(2), episodes.support_x.flatten(2))  # (tasks, 75, 5)
    accuracy = (distance.argmin(-1) == episodes.query_y).float().mean()
    assert 0.35 < accuracy < 0.7


def test_settings_out_of_range_are_refused() -> None:
    for settings in ({"train_classes": 1}, {"examples_per_character": 0}, {"pool_seed": -1}):
        with pytest.raises(ValidationError):
            DoodlesConfig(**settings)


def test_the_pool_is_the_same_to_the_bit_as_ever() -> None:
    """Learners that come along, and everybody's caches, were made of it: whoever changes it raises VERSION."""
    drawn = hashlib.sha256(draw_pool(4, 3, pool_generator(0, "test")).numpy().tobytes()).hexdigest()
    assert drawn == "1714eb382a75876a63561d669a4d2059eb96c24822699231c0037b9c74c8197c"
