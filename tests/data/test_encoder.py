"""Texts through a frozen sentence encoder: of the same tasks, computed once; with a tiny one that is made on the fly."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from core.algorithms.base import algorithms
from core.config.checks import ConfigError, parse
from core.config.overrides import apply
from core.training.build import check, tried_out, without_data
from data import encoder as encoders
from data.encoder import Encoder
from data.errors import ModelError
from data.family import SPLITS, EpisodeShape
from data.own_texts import OwnTexts, OwnTextsConfig
from data.places import Folders
from tests.core.tiny import values
from tests.data.made_up_texts import made_up_texts

SHAPE = EpisodeShape(2, 2, 3)
OWN = {"type": "sentence_transformers.models.Transformer", "path": ""}
ENCODED = {"encoder": "tiny", "encoder_size": 4}


class Counting:
    """Stands for the package: a text's vector is made of its letters. calls: how many texts each call was given."""

    calls: list[int] = []  # noqa: RUF012 - what the tests look at
    opened: list[dict] = []  # noqa: RUF012

    def __init__(self, folder: str, **settings: object):
        self.opened.append(settings)
        self.weight = json.loads(Path(folder, "weight.json").read_text())

    def eval(self) -> "Counting":
        return self

    def requires_grad_(self, _: bool) -> "Counting":
        return self

    def encode(self, texts: list[str], **_: object) -> Tensor:
        self.calls.append(len(texts))
        rows = [[len(text), text.count("e"), text.count("o"), ord(text[0])] for text in texts]
        return torch.tensor(rows, dtype=torch.float32) * self.weight


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    found = Folders(tmp_path / "datasets", tmp_path / "cache")
    made_up_texts(found.datasets / "texts/mine.csv")
    folder = found.datasets / "encoders/tiny"
    folder.mkdir(parents=True)
    (folder / "modules.json").write_text(json.dumps([OWN]))
    (folder / "weight.json").write_text("1")
    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Counting))
    monkeypatch.setattr(encoders, "find_spec", lambda _: "there")
    Counting.calls.clear()
    Counting.opened.clear()
    return found


def family(folders: Folders, **settings: object) -> OwnTexts:
    config = OwnTextsConfig(file="mine.csv", **settings)
    return OwnTexts(config, datasets=folders.datasets, cache=folders.cache)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_tasks_are_of_the_vectors_of_the_very_texts_that_the_seed_draws(folders: Folders) -> None:
    words, ours = family(folders), family(folders, **ENCODED)
    for split in SPLITS:
        drawn, same = (one.draw(split, SHAPE, 3, generator()) for one in (words, ours))
        assert torch.equal(drawn.examples, same.examples)
        assert words.written(drawn) == ours.written(same)
        assert all(map(torch.equal, words.hashed(drawn), ours.hashed(same)))
        texts = words.looks(split, drawn.parts()[1][0].flatten())
        assert torch.equal(ours.episodes(same).query_x[0], Counting.encode(ours._encoder.model, texts))
    x, _ = ours.sample_flat("train", 9, generator())
    assert x.shape == (9, 4)
    assert torch.equal(ours.tokens(["open", "sesame"]), Counting.encode(ours._encoder.model, ["open", "sesame"]))


def test_each_text_goes_through_it_once_and_a_second_start_opens_nothing(folders: Folders) -> None:
    first = family(folders, **ENCODED)
    pools = {split: first.pool(split).vectors for split in SPLITS}
    assert sum(Counting.calls) == sum(len(vectors) for vectors in pools.values()) == 80
    assert all(one["local_files_only"] and not one["trust_remote_code"] for one in Counting.opened)
    Counting.calls.clear()
    again = family(folders, **ENCODED)
    assert all(torch.equal(again.pool(split).vectors, pools[split]) for split in SPLITS)
    assert Counting.calls == []
    (folders.datasets / "encoders/tiny/weight.json").write_text("2.5")
    changed = family(folders, **ENCODED)
    assert torch.equal(changed.pool("val").vectors, pools["val"] * 2.5)
    assert changed.made_with != first.made_with
    with pytest.raises(ModelError, match="changed while it was in use"):
        (folders.datasets / "encoders/tiny/weight.json").write_text("3")
        changed.pool("train")


def test_for_measuring_vectors_take_their_place_without_any_encoder(folders: Folders) -> None:
    ours = family(folders, **ENCODED)
    assert ours.stand_in() == 80 * 4 * 4
    assert ours.sample("train", SHAPE, 2, generator()).query_x.shape == (2, 6, 4)
    assert Counting.opened == []


# What is wrong


def refused(folders: Folders, **settings: object) -> ModelError:
    config = OwnTextsConfig(file="mine.csv", **ENCODED | settings)
    with pytest.raises(ModelError) as caught:
        Encoder(config, folders.datasets).try_out()
    return caught.value


def test_what_does_not_do_is_said_with_the_way_out(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = refused(folders, encoder="gone")
    assert "encoders/gone holds no modules.json." in gone.message
    assert "sentence-transformers in" in gone.remedy and gone.path == "family.encoder"
    small = refused(folders, encoder_size=384)
    assert (small.path, small.remedy) == ("family.encoder_size", "Set encoder_size to 4.")
    parts = folders.datasets / "encoders/tiny/modules.json"
    for content, message in (
        ('[{"type": "my_code.Part"}]', "wants to run my_code.Part"),
        ("{", "is no list of an encoder's parts"),
        ("[1]", "is no list of an encoder's parts"),
    ):
        parts.write_text(content)
        assert message in refused(folders).message
    parts.write_text(json.dumps([OWN]))
    (folders.datasets / "encoders/tiny/weight.json").write_text("Infinity")
    assert "no finite numbers" in refused(folders).message
    (folders.datasets / "encoders/tiny/weight.json").unlink()
    assert "cannot be opened: " in refused(folders).message
    monkeypatch.setattr(encoders, "find_spec", lambda _: None)
    without = refused(folders)
    assert "need the package sentence-transformers, which is not installed" in without.message
    assert "pip install sentence-transformers==" in without.remedy


def config(*assignments: str) -> dict:
    own = "family=own-texts", "family.file=mine.csv", "family.n_way=2", "family.n_query=2", "evaluation.n_query=2"
    frozen = "family.encoder=tiny", "family.encoder_size=4", "model=mlp"
    return apply(values("doodles"), [*own, *frozen, *assignments])


def test_what_is_wrong_is_known_before_the_launch(folders: Folders) -> None:
    assert check(parse(config(), folders), folders).forward == "stacked"
    assert Counting.calls == [2]
    for assignment, at in (("family.encoder=gone", "family.encoder"), ("model=bag", "model.name")):
        with pytest.raises(ConfigError) as caught:
            parse(config(assignment), folders)
        (problem,) = caught.value.problems
        assert problem.path == at
        ways = [[f"{path}={value}" for path, value in change.items()] for change in problem.changes]
        if at == "model.name":
            assert all(parse(config(assignment, *way), folders) for way in ways)
        else:
            assert ways == [["family.encoder="]]


@pytest.mark.parametrize("name", sorted(name for name, one in algorithms().items() if "classification" in one.kinds))
def test_every_learner_of_classes_learns_from_vectors(name: str, folders: Folders) -> None:
    """Those too that cannot read words."""
    ours = parse(config(f"algorithm={name}"), folders)
    assert tried_out(ours, without_data(ours, folders)).family.input_spec.shape == (4,)


# The package itself

needs_package = pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="needs sentence-transformers")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of one layer with the mean over its words, as the package writes it."""
    from sentence_transformers import SentenceTransformer, models
    from transformers import BertConfig, BertModel, BertTokenizerFast

    root = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "open", "close", "find", "door", "window", "book", "now"]
    (root / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(root / "bert")
    BertTokenizerFast(vocab_file=str(root / "vocab.txt")).save_pretrained(root / "bert")
    transformer = models.Transformer(str(root / "bert"), max_seq_length=16)
    pooling = models.Pooling(transformer.get_embedding_dimension())
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save_pretrained(str(root / "whole"))
    return root / "whole"


@needs_package
def test_a_real_folder_gives_what_the_package_gives(real: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    ours = Encoder(OwnTextsConfig(encoder=str(real), encoder_size=8), tmp_path)
    texts = ["open the door", "close now"]
    expected = SentenceTransformer(str(real), device="cpu").encode(texts, convert_to_tensor=True)
    torch.testing.assert_close(ours(texts), expected)
    assert len(ours.key()) == 64
    weight = torch.ones(8, requires_grad=True)
    (ours(texts) * weight).sum().backward()
    assert weight.grad is not None


@needs_package
def test_weights_that_are_no_safetensors_are_not_read(real: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(real, copy)
    (weights,) = copy.rglob("model.safetensors")
    torch.save({}, weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(ModelError, match="cannot be opened") as caught:
        Encoder(OwnTextsConfig(encoder=str(copy), encoder_size=8), tmp_path).try_out()
    assert "save_pretrained" in caught.value.remedy
