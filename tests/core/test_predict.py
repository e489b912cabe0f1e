"""A trained run on examples of one's own: out of files, from the command line and from a program."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.cli import app as cli
from core.library import load
from core.runs.home import Home
from data.errors import InputError
from tests.core.tiny import finished
from tests.data.made_up_texts import made_up_texts, sentences
from tests.data.photographs import album, content

RUNS = {
    "maml": ("doodles",),
    "protonet": ("conv4", "algorithm=protonet"),
    "conv4": ("conv4", "algorithm=maml"),
    "diverging": ("sinusoid", "algorithm.inner_lr=100"),
    "sinusoid": ("sinusoid",),
    "navigation": ("navigation", "evaluation.episodes=2", "evaluation.val_episodes=2", "training.iterations=1"),
}
TEXTS = ("family.n_way=2", "family.k_shot=1", "family.n_query=2", "evaluation.n_query=2", "family.vocabulary=64")
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(pictures: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, int]]:
    """A home with a run of each kind, and their numbers."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("trained")
    (root / "cache").symlink_to(pictures.cache)
    home = Home(root, pictures.datasets, f"sqlite:///{root}/innerloop.db")
    texts = ("doodles", "family=own-texts", f"family.file={made_up_texts(root / 'mine.csv')}", *TEXTS, "model=bag")
    made = {name: finished(home, *assignments)[0].id for name, assignments in {**RUNS, "texts": texts}.items()}
    return home, made


@pytest.fixture
def home(trained: tuple[Home, dict[str, int]]) -> Home:
    return trained[0]


@pytest.fixture
def number(trained: tuple[Home, dict[str, int]]) -> dict[str, int]:
    return trained[1]


@pytest.fixture
def call(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*arguments: object) -> tuple[int, str, str]:
        for name, value in home.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["core", "predict", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return run


def drawings(root: Path, classes: int, each: int = 2) -> Path:
    """A folder a class of strokes, the class's number of them."""
    for label in range(classes):
        for i in range(each):
            grey = np.full((60, 60), 255, np.uint8)
            grey[10 + i : 50, 5 : 5 + 14 * (label + 1) : 14] = 0
            (root / f"strokes{label + 1}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(grey).save(root / f"strokes{label + 1}" / f"{i}.png")
    return root


def test_pictures_are_answered_as_the_learner_itself_answers(
    call: Call, number: dict[str, int], home: Home, tmp_path: Path
) -> None:
    support = drawings(tmp_path / "support", 3)
    queries = [support / f"strokes{i}/0.png" for i in (3, 1)]
    code, out, _ = call(number["conv4"], "--support", support, "--query", *queries, "--steps", 3, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["classes"] == ["strokes1", "strokes2", "strokes3"]
    assert (document["run"], document["steps"], document["examples"]) == (number["conv4"], 3, 6)
    assert document["checkpoint"].startswith("best@")
    assert (document["batch_statistics"], document["normalised_by"]) == ("support", "support")
    assert document["tested_with"] == "transductive"
    learner = load(number["conv4"], home=home, batch_statistics="support")
    given = learner.family.given(support)
    state = learner.adapt(given.inputs, given.targets, steps=3)
    asked = learner.family.given_queries([str(file) for file in queries])
    wanted = learner.predict(state, asked.inputs)
    torch.testing.assert_close(torch.tensor(document["probabilities"]), wanted)
    for one, file, label, share in zip(document["predictions"], queries, wanted.argmax(1), wanted.amax(1), strict=True):
        assert one["query"] == str(file) and one["class"] == f"strokes{label + 1}"
        assert one["probability"] == pytest.approx(float(share))


def test_an_answer_does_not_depend_on_the_other_queries_unless_it_is_asked_so(
    call: Call, number: dict[str, int], tmp_path: Path
) -> None:
    support = drawings(tmp_path / "support", 3)
    files = sorted(support.glob("*/0.png"))

    def first(*arguments: object) -> list[float]:
        return json.loads(call(number["conv4"], "--support", support, "--json", *arguments)[1])["probabilities"][0]

    assert first("--query", *files) == pytest.approx(first("--query", files[0]), abs=1e-5)
    together = first("--query", *files, "--batch-statistics", "transductive")
    assert together != pytest.approx(first("--query", files[0]), abs=1e-5)
    code, _, err = call(
        number["conv4"], "--support", support, "--query", files[0], "--batch-statistics", "transductive"
    )
    assert code == 2 and "single query" in err and "support" in err


def test_any_number_of_classes_where_the_learner_is_not_tied_to_its_own(
    call: Call, number: dict[str, int], tmp_path: Path
) -> None:
    support = drawings(tmp_path / "support", 9, 1)  # more than the family itself could give
    code, out, err = call(number["protonet"], "--support", support, "--query", support / "strokes2/0.png")
    assert code == 0
    label, share = out.removeprefix(f"{support / 'strokes2/0.png'}: ").split(", ")[0].split()
    assert label == "strokes2" and 1 / 9 < float(share) <= 1 and out.count(",") == 4
    assert f"run {number['protonet']}" in err and "9 examples of 9 classes" in err
    assert "tested with transductive" in err
    code, _, err = call(number["maml"], "--support", support, "--query", support / "strokes2/0.png")
    assert code == 2
    assert "maml tells 3 classes apart, and 9 are given" in err and "protonet" in err


def test_texts_out_of_a_table(call: Call, number: dict[str, int], tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("text,label\n" + "".join(f"{text},{i}\n" for i in range(2) for text in sentences(i, 2)))
    (tmp_path / "asked.txt").write_text("\n".join(sentences(1, 3)))
    code, out, _ = call(number["texts"], "--support", table, "--query", tmp_path / "asked.txt")
    assert code == 0
    assert [line.split(": ")[0] for line in out.splitlines()] == sentences(1, 3)
    code, out, _ = call(number["texts"], "--support", table, "--query", tmp_path / "asked.txt", "--json")
    document = json.loads(out)
    assert document["normalised_by"] == "none"
    assert np.allclose(np.sum(document["probabilities"], 1), 1)


def test_a_curve_through_points(call: Call, number: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("x,y\n0,0\n1,0.8\n2,0.9\n")
    (tmp_path / "x.txt").write_text("0.5\n9\n")
    arguments = (number["sinusoid"], "--support", tmp_path / "points.csv", "--query", tmp_path / "x.txt")
    code, out, err = call(*arguments)
    assert code == 0
    assert [line.split(" → ")[0] for line in out.splitlines()] == ["0.5", "9"]
    assert "1 of 2 x lie outside" in err
    document = json.loads(call(*arguments, "--json")[1])
    assert document["classes"] == [] and document["probabilities"] is None
    assert [f"{one['value']:.6g}" for one in document["predictions"]] == [
        line.split(" → ")[1] for line in out.splitlines()
    ]


def test_another_checkpoint(call: Call, number: dict[str, int], tmp_path: Path) -> None:
    support = drawings(tmp_path / "support", 3, 1)
    arguments = (number["maml"], "--support", support, support / "strokes1/0.png", "--json", "--checkpoint")
    assert json.loads(call(*arguments, "last")[1])["checkpoint"] == "last@4"
    assert call(*arguments, "77")[0] == 1


@pytest.mark.parametrize(
    ("run", "arguments", "says", "remedy"),
    [
        ("maml", ("--query", "a.png"), "--support names no file", "--help"),
        ("maml", ("--support", "nowhere"), "--query names no file", "--help"),
        ("maml", ("--support", "nowhere", "--query", "a.png"), "nowhere does not exist", "Check the path"),
        (
            "maml",
            ("--support", "nowhere", "--query", "a.png", "--steps", "1001"),
            "less than or equal to 1000",
            "--help",
        ),
        (
            "protonet",
            ("--support", "x", "--query", "a.png", "--steps", "2"),
            "takes no inner steps",
            "Leave --steps out",
        ),
        ("navigation", ("--support", "x", "--query", "a"), "takes no examples out of files", "Choose a run on"),
        ("diverging", ("--support", "points", "--query", "x", "--steps", "30"), "not finite", "Take fewer steps"),
    ],
)
def test_what_cannot_be_asked_is_said(
    run: str,
    arguments: tuple[str, ...],
    says: str,
    remedy: str,
    call: Call,
    number: dict[str, int],
    tmp_path,
    monkeypatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("points").write_text("1,100\n2,200")
    Path("x").write_text("1")
    code, out, err = call(number[run], *arguments)
    assert code in (1, 2) and out == ""
    assert says in err and remedy in err and "Traceback" not in err


def test_a_task_of_ones_own_from_a_program(number: dict[str, int], home: Home, tmp_path: Path) -> None:
    task = load(number["protonet"], home=home).given(album(tmp_path / "birds", {"owl": 1, "crow": 2}))
    (tmp_path / "x.png").write_bytes(content(0))
    answers = task.answers(tmp_path / "x.png")
    assert answers.values.shape == (1, 2) and answers.said[0] in ("crow", "owl")
    assert str(answers).startswith(f"{tmp_path / 'x.png'}: {answers.said[0]} {answers.values.max():.3f}, ")
    with pytest.raises(InputError, match="nothing to answer"):
        task.answers()
