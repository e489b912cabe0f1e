"""CLINC150: the real file where it is, and files that are missing, cut or not what they should be."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config.run import RunConfig
from core.training.frozen import frozen_episodes
from data import intents
from data.batch import Episodes
from data.errors import DataError
from data.family import SPLITS, EpisodeShape, Split
from data.intents import DOMAINS, INTENTS, Intents, IntentsConfig
from data.metric import accuracy
from data.sizes import Sizes
from data.spec import InputSpec
from data.words import PADDING, PIECES
from tests.data.made_up_texts import clinc150, write_clinc150

DATASETS = (Path(__file__).resolve().parents[2] / "../shared/datasets").resolve()
real = pytest.mark.skipif(bool(Intents.missing(DATASETS)), reason=f"CLINC150 is not in {DATASETS}")
SHAPE = EpisodeShape(5, 1, 3)


def make(datasets: Path, device: str = "cpu", **settings: Any) -> Intents:
    return Intents(IntentsConfig(**settings), datasets=datasets, cache=datasets / "cache", device=device)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data-set folder with a file laid out as the official one."""
    folder = tmp_path_factory.mktemp("datasets")
    write_clinc150(folder)
    return folder


# The real file


@real
def test_the_domains_are_the_published_ones() -> None:
    published = json.loads((DATASETS / "clinc150/domains.json").read_text())
    ours = {name: sorted(names.split()) for some in DOMAINS.values() for name, names in some.items()}
    assert ours == {name: sorted(names) for name, names in published.items()}


@real
def test_the_real_sentences_are_all_there_but_those_out_of_scope() -> None:
    pools = [make(DATASETS).pool(split) for split in SPLITS]
    assert [pool.total for pool in pools] == [13_500, 4_500, 4_500]
    assert [pool.most for pool in pools] == [150, 150, 150]
    row = pools[2].names.index("translate")
    assert (
        pools[2].texts[row * 150] == "in spanish, meet me tomorrow is said how"
        or "italian" in pools[2].texts[row * 150]
    )
    assert max(int(pool.lengths.max()) for pool in pools) <= 32  # nothing is cut off


@real
def test_the_real_test_tasks_are_these() -> None:
    config = RunConfig.model_validate(
        {"family": {"name": "intents"}, "model": {"name": "bag"}, "algorithm": {"name": "maml"}}
    )
    assert (
        frozen_episodes(config, make(DATASETS), "test", 30).sha256()
        == "bd6da36078e55a61d66568662866ad97668d55e5819cc9e9e599a47f15a5aece"
    )


# Splits and sizes


def test_splits_by_domain_hold_whole_domains() -> None:
    assert {split: len(some) for split, some in DOMAINS.items()} == {"train": 6, "val": 2, "test": 2}
    assert {split: len(names) for split, names in INTENTS.items()} == {"train": 90, "val": 30, "test": 30}
    assert len({name for names in INTENTS.values() for name in names}) == 150


def test_splits_within_domains_take_some_of_each_fixed_by_the_seed(datasets: Path) -> None:
    first, again, other = (make(datasets, split="intents", split_seed=seed) for seed in (0, 0, 1))
    names = {split: first.intents(split) for split in SPLITS}
    assert len({name for some in names.values() for name in some}) == 150
    for of_domain in (set(names.split()) for some in DOMAINS.values() for names in some.values()):
        assert [len(of_domain & set(names[split])) for split in SPLITS] == [9, 3, 3]
    assert names["test"] == again.intents("test") == first.pool("test").names
    assert names["test"] != other.intents("test")
    assert names["test"][:3] == ["min_payment", "transfer", "order_checks"]


def test_what_a_config_states_needs_no_file(tmp_path: Path) -> None:
    for split in ("domains", "intents"):
        assert Intents.sizes(IntentsConfig(split=split), None)["val"] == Sizes.even(30, 150)
    assert IntentsConfig().input_spec == InputSpec((32, PIECES), "integer", 4096, PADDING)
    assert Intents.metric(EpisodeShape(20, 1, 5)) == accuracy(20)
    assert make(tmp_path).classes("train") == 90
    with pytest.raises(DataError, match=r"k_shot \+ n_query = 151 exceeds the 150 examples per class of intents"):
        make(tmp_path).sample("test", EpisodeShape(5, 1, 150), 1, torch.Generator())


# Tasks


def test_a_task_has_texts_of_its_classes_each_once(datasets: Path) -> None:
    family = make(datasets)
    drawn = family.draw("test", EpisodeShape(5, 2, 4), 1, torch.Generator().manual_seed(3))
    rows = family.written(drawn)
    assert len({name for name, *_ in rows}) == 5
    for name, support, query in rows:
        assert (len(support), len(query)) == (2, 4) and len({*support, *query}) == 6
        assert all(text.rpartition(" ")[0] == name for text in (*support, *query))
    episodes = family.episodes(drawn)
    learnt = [text for _, support, _ in rows for text in support]
    assert torch.equal(cut(family.tokens(learnt), episodes), episodes.support_x[0])


def cut(tokens: torch.Tensor, like: Episodes) -> torch.Tensor:
    return tokens[:, : like.support_x.shape[2]]


def test_a_batch_is_as_long_as_its_longest_text(datasets: Path) -> None:
    family = make(datasets)
    pool = family.pool("train")
    drawn = family.draw("train", SHAPE, 8, torch.Generator().manual_seed(0))
    episodes = family.episodes(drawn)
    longest = int(pool.lengths[drawn.examples].max())
    assert episodes.support_x.shape == (8, 5, longest, PIECES) and episodes.query_x.shape == (8, 15, longest, PIECES)
    assert longest < family.config.longest
    assert (episodes.query_x[..., -1, :] != PADDING).any() or (episodes.support_x[..., -1, :] != PADDING).any()


def test_flat_batches_are_texts_with_their_class(datasets: Path) -> None:
    family = make(datasets)
    x, y = family.sample_flat("train", 64, torch.Generator().manual_seed(0))
    names = family.pool("train").names
    numbers = torch.randint(13_500, (64,), generator=torch.Generator().manual_seed(0))
    written = [family.pool("train").texts[number] for number in numbers]
    assert [names[label] for label in y] == [text.rpartition(" ")[0] for text in written]
    assert torch.equal(x, family.tokens(written)[:, : x.shape[1]])


def test_frozen_tasks_hash_alike_however_many_are_drawn_beside_them(datasets: Path) -> None:
    family = make(datasets)
    drawn = family.draw("val", SHAPE, 6, torch.Generator().manual_seed(1))
    whole = [piece for piece in family.hashed(drawn) if piece.ndim == 3]
    parts = [piece for i in range(6) for piece in family.hashed(drawn[i : i + 1]) if piece.ndim == 3]
    assert all(piece.shape[1] == family.config.longest for piece in whole)
    assert all(torch.equal(whole[i], parts[2 * i]) for i in range(6))  # support sets; then come the queries


@pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no GPU here.")
def test_frozen_tasks_hash_alike_on_every_device(datasets: Path) -> None:
    config = RunConfig.model_validate(
        {"family": {"name": "intents"}, "model": {"name": "bag"}, "algorithm": {"name": "maml"}}
    )
    hashes = {frozen_episodes(config, make(datasets, device), "test", 30).sha256() for device in ("cpu", "cuda")}
    assert len(hashes) == 1


def test_stand_ins_need_no_file_and_are_as_large(tmp_path: Path) -> None:
    family = make(tmp_path)
    taken = family.stand_in()
    episodes = family.sample("train", SHAPE, 2, torch.Generator())
    assert taken == 22_500 * 32 * 8
    assert episodes.support_x.shape == (2, 5, 32, PIECES) and episodes.support_x.min() >= 1


# Files


def test_a_file_that_is_missing_says_where_to_get_it(tmp_path: Path) -> None:
    assert Intents.missing(tmp_path) == [tmp_path / "clinc150/data_full.json"]
    with pytest.raises(DataError, match=r"data_full\.json is missing") as caught:
        make(tmp_path).pool("train")
    assert "https://github.com/clinc/oos-eval/raw/master/data/data_full.json" in caught.value.remedy
    assert str(tmp_path / "clinc150") in caught.value.remedy


def test_the_download_goes_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(intents, "fetch", lambda folder, address, files, _: asked.append((folder, address, files)))
    Intents.download(tmp_path, lambda *_: None)
    ((folder, address, files),) = asked
    assert [folder / name for name in files] == Intents.missing(tmp_path)
    assert address.endswith("/")


def changed(part: str, row: int, value: Any) -> bytes:
    content = clinc150()
    content[part][row] = value
    return json.dumps(content).encode()


HOSTILE = {
    "cut": (json.dumps(clinc150()).encode()[:1000], "Unterminated|Expecting"),
    "empty": (b"", "Expecting value"),
    "page": (b"<html>404</html>", "Expecting value"),
    "bytes": (b"\xff\xfe\x00", "codec can't decode"),
    "list": (b"[1, 2]", "not laid out as CLINC150"),
    "nested": (b"[" * 200_000, "recursion|too many nested"),
    "number": (changed("val", 3, ["a text", 7]), "not laid out as CLINC150"),
    "triple": (changed("test", 3, ["a", "text", "yes"]), "not laid out as CLINC150"),
    "other": (changed("train", 0, ["a text", "no_such_intent\n" * 30]), "no intent 'no_such_intent"),
    "moved": (changed("train", 0, ["a text", "yes"]), "149 sentences instead of 150|151 sentences instead of 150"),
}


@pytest.mark.parametrize("damage", HOSTILE)
def test_a_file_that_is_damaged_is_named_with_a_remedy(tmp_path: Path, damage: str) -> None:
    content, complaint = HOSTILE[damage]
    path = write_clinc150(tmp_path, {})
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint) as caught:
        make(tmp_path).pool("train")
    assert caught.value.path == str(path) and str(path) in caught.value.message
    assert "Delete it" in caught.value.remedy and "github.com/clinc" in caught.value.remedy


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clinc150(tmp_path)
    monkeypatch.setattr(intents, "MOST_BYTES", 1000)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(DataError, match="and 1,000 are the most"):
        make(tmp_path).pool("train")
    assert path.is_file()


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = write_clinc150(tmp_path)
    before = make(tmp_path).pool("val").texts[0]
    content = clinc150()
    content["train"] = [[f"new {text}", intent] for text, intent in content["train"]]
    write_clinc150(tmp_path, content)
    os.utime(path, ns=(1, 1))
    assert make(tmp_path).pool("val").texts[0] == f"new {before}"


@pytest.mark.parametrize("split", SPLITS)
def test_no_split_has_a_sentence_of_another(datasets: Path, split: Split) -> None:
    ours = set(make(datasets).pool(split).texts)
    assert all(not ours & set(make(datasets).pool(other).texts) for other in SPLITS if other != split)
