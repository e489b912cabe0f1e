"""Data sets from the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from core import datasets
from core.cli import app as cli
from core.runs.home import Home
from data.family import EpisodeShape
from tests.data.made_up_texts import made_up_texts
from tests.data.photographs import EIGHT, album


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("INNERLOOP_HOME", str(tmp_path / "home"))
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    return Home.find()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return album(tmp_path / "photos", EIGHT)


@pytest.fixture
def call(home: Home, monkeypatch: pytest.MonkeyPatch, capsys) -> Callable[..., tuple[int, str]]:
    del home  # found by the environment

    def called(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["core", "datasets", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out if ended.value.code == 0 else said.err

    return called


def test_a_folder_is_imported_listed_shown_split_and_removed(call, photos: Path, home: Home) -> None:
    (photos / "class0/broken.jpg").write_bytes(b"no picture")
    status, said = call("add", "mine", str(photos), "--side", "32")
    assert status == 0
    assert f"mine is in {home.datasets / 'pictures/mine'}." in said
    assert "52 pictures of 8 classes, 32 × 32 pixels, in colour" in said
    assert "class0/broken.jpg: it is no picture" in said
    assert "smallest class, class0, has 3" in said
    listed = json.loads(call("list", "--json")[1])["datasets"]
    assert {"sinusoid", "doodles", "omniglot", "mine"} <= {row["name"] for row in listed}
    shown = json.loads(call("show", "mine", "--json")[1])
    assert [(row["split"], row["classes"]) for row in shown["splits"]] == [("train", 4), ("val", 2), ("test", 2)]
    assert (shown["skipped"], shown["side"], shown["channels"]) == (1, 32, 3)
    rows = call("show", "mine", "--splits")[1].split()
    assert len(rows) == 8
    changed = photos.parent / "splits.csv"
    changed.write_text(
        "\n".join(row.replace(",train", ",x").replace(",val", ",train").replace(",x", ",val") for row in rows)
    )
    assert call("split", "mine", "--splits", str(changed)) == (0, "mine: 2 train, 4 val, 2 test.\n")
    assert call("remove", "mine", "--yes")[0] == 0
    status, said = call("show", "mine")
    assert status == 2 and "There is no data set called mine" in said
    assert len(list(photos.rglob("*.png"))) == 52, "the pictures stay where they are"


def test_a_seed_gives_the_same_task_each_time_and_its_pictures(call, photos: Path, tmp_path: Path) -> None:
    call("add", "mine", str(photos), "--side", "84")
    arguments = ("sample", "mine", "--n-way", "3", "--k-shot", "1", "--n-query", "2", "--json")
    first, again, other = (json.loads(call(*arguments, "--seed", seed)[1]) for seed in ("4", "4", "5"))
    assert first == again
    assert first["sha256"] != other["sha256"]
    assert len(set(first["classes"])) == 3
    sheet = tmp_path / "task.png"
    call(*arguments, "--output", str(sheet))
    assert Image.open(sheet).size == (3 * 86 + 12, 3 * 86)
    status, said = call("sample", "mine", "--n-query", "50")
    assert status == 1 and "lower" in said
    status, said = call("sample", "sinusoid", "--output", str(sheet))
    assert status == 2 and "not made of pictures" in said
    assert call("sample", "sinusoid")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "doodles", "."), "doodles is the name of a family."),
        (("add", "a/b", "."), "cannot be the name of a data set"),
        (("add", "mine", "nowhere"), "nowhere does not exist."),
        (("add", "mine", ".", "--side", "300"), "Choose 28 to 224"),
        (("add", "mine", ".", "--splits", "nowhere.csv"), "cannot be read as CSV in UTF-8"),
        (("add", "mine", "x" * 5000), "cannot be looked at: File name too long."),
        (("show", "mine"), "There is no data set called mine"),
        (("remove", "mine"), "There is no data set of your own called mine. Import one with"),
        (("split", "mine"), "There is no data set of your own called mine."),
        (("sample", "mine"), "There is no data set called mine"),
        (("download", "mine"), "There is no family named mine."),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    call, arguments, message: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = call(*arguments)
    assert status in (1, 2)
    assert message in said and "Traceback" not in said


def test_a_set_says_what_its_classes_give(photos: Path, home: Home, call) -> None:
    call("add", "mine", str(photos), "--side", "84")
    one = datasets.find("mine", home.folders)
    train, *_ = datasets.facts(one, home.folders)
    lines = call("show", "mine", "--splits")[1].splitlines()
    counts = [EIGHT[line.removesuffix(",train")] for line in lines if line.endswith(",train")]
    assert (train.classes, train.smallest, train.largest, train.examples) == (4, min(counts), max(counts), sum(counts))
    assert one.bytes(home.folders) > 52 * 3 * 84 * 84
    task = datasets.inspect(datasets.opened(one, home.folders), "train", EpisodeShape(2, 1, 1), 0)
    assert task.batch.support_x.shape == (1, 2, 3, 84, 84)


def test_what_is_not_here_is_said_to_be_missing(home: Home) -> None:
    omniglot = datasets.find("omniglot", home.folders)
    assert len(omniglot.missing) == 2
    assert omniglot.bytes(home.folders) == 0


def test_the_same_pictures_again_with_other_splits_are_divided_so(call, photos: Path) -> None:
    call("add", "mine", str(photos), "--side", "84")
    before = call("show", "mine", "--splits")[1]
    swapped = photos.parent / "splits.csv"
    swapped.write_text(before.replace(",train", ",x").replace(",val", ",train").replace(",x", ",val"))
    assert call("add", "mine", str(photos), "--side", "84", "--splits", str(swapped))[0] == 0
    assert call("show", "mine", "--splits")[1].split() == swapped.read_text().split()
    assert call("add", "mine", str(photos), "--side", "84")[0] == 0
    assert call("show", "mine", "--splits")[1].split() == swapped.read_text().split(), (
        "without a list they stay as they are"
    )


def test_texts_of_ones_own_are_shown_and_drawn_once_their_file_is_named(call, home: Home) -> None:
    made_up_texts(home.datasets / "texts" / "a.csv")
    assert "Say what it is made of: --set family.file=" in call("show", "own-texts")[1]
    shown = json.loads(call("show", "own-texts", "--set", "family.file=a.csv", "--json")[1])
    assert sum(row["classes"] for row in shown["splits"]) == 10
    sampled = ("sample", "own-texts", "--set", "family.file=a.csv", "--n-way", "2", "--json")
    assert len(json.loads(call(*sampled)[1])["classes"]) == 2
    status, said = call("show", "own-texts", "--set", "family.fil=a.csv")
    assert status != 0 and "family.file" in said
    status, said = call("show", "own-texts", "--set", "training.iterations=3")
    assert status != 0 and "is no setting of a data set" in said
