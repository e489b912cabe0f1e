"""A trained run on examples of one's own: out of files, from the command line and from a program."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor, nn

from core.cli import app as cli
from core.handover import adapted
from core.library import load
from core.models.base import ModelError
from core.runs.home import PROJECT, Home
from data.errors import InputError
from data.extras import VERSIONS
from tests.core.tiny import finished
from tests.data.made_up_texts import made_up_texts, sentences
from tests.data.photographs import album, content

RUNS = {
    "maml": ("doodles",),
    "protonet": ("conv4", "algorithm=protonet"),
    "conv4": ("conv4", "algorithm=maml"),
    "diverging": ("sinusoid", "algorithm.inner_lr=100"),
    "sinusoid": ("sinusoid",),
    "names": ("names", "family.longest=12"),
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
    fewer = drawings(tmp_path / "fewer", 2)
    code, out, err = call(number["maml"], "--support", fewer, "--query", fewer / "strokes2/0.png")
    shares = [float(one.split()[1]) for one in out.removeprefix(f"{fewer / 'strokes2/0.png'}: ").split(", ")]
    assert code == 0 and len(shares) == 2 and sum(shares) == pytest.approx(1, abs=2e-3)
    assert "learned to tell 3 classes apart; those without examples are left out" in err


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


def test_names_in_a_language_of_ones_own(call: Call, number: dict[str, int], tmp_path: Path, home: Home) -> None:
    pairs, asked = tmp_path / "pairs.csv", tmp_path / "asked.txt"
    pairs.write_text("name,translation\nPoland,Polska\nMay,maj\nnothing,\n", encoding="utf-8")
    asked.write_text("Italy\nday\n")
    arguments = (number["names"], "--support", pairs, "--query", asked)
    code, out, err = call(*arguments)
    assert code == 0, err
    assert [line.split(" → ")[0] for line in out.splitlines()] == ["Italy", "day"]
    assert "adapted in 1 step to 2 examples" in err and "1 row without a name or its translation was left out" in err
    document = json.loads(call(*arguments, "--json")[1])
    assert document["probabilities"] is None and document["classes"] == []
    learner = load(number["names"], home=home)
    wanted = learner.translate(learner.adapt(["Poland", "May"], ["Polska", "maj"]), ["Italy", "day"])
    assert [one["translation"] for one in document["predictions"]] == wanted
    asked.write_text("a name that is far too long")
    code, _, err = call(*arguments)
    assert code == 1 and "takes 27 signs" in err and "1 to 12" in err


def test_an_adapted_learner_translates_without_innerloop(
    call: Call, number: dict[str, int], home: Home, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"name": "Poland", "translation": "Польша"}\n{"name": "May", "translation": "май"}\n')
    code, _, err = call(number["names"], "--support", pairs, "--save", tmp_path / "learner.zip")
    assert code == 0, err
    with zipfile.ZipFile(tmp_path / "learner.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    command = [sys.executable, tmp_path / "unpacked/answer.py", "Italy", "day"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    refused = subprocess.run([*command[:2], "a name that is far too long"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "1 to 12 signs" in refused.stderr and "Traceback" not in refused.stderr
    learner = load(number["names"], home=home)
    assert json.loads(said) == learner.translate(learner.adapt(["Poland", "May"], ["Польша", "май"]), ["Italy", "day"])


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
        ("diverging", ("--support", "points", "--save", "a.zip", "--steps", "30"), "not finite", "Take fewer steps"),
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


# The adapted learner, to take away


def answers_of(folder: Path, inputs: np.ndarray) -> dict:
    """What the script in an unpacked file says, in a process that knows nothing of Innerloop."""
    np.save(folder / "inputs.npy", inputs)
    command = [sys.executable, "-I", folder / "answer.py", folder / "inputs.npy"]
    return json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)


def test_the_adapted_learner_answers_without_innerloop(
    call: Call, number: dict[str, int], home: Home, tmp_path: Path
) -> None:
    support, file = drawings(tmp_path / "support", 3), tmp_path / "learner.zip"
    queries = sorted(support.glob("*/1.png"))
    arguments = (number["conv4"], "--support", support, "--steps", 2)
    code, out, err = call(*arguments, "--query", *queries, "--save", file, "--json")
    assert code == 0 and f"Written to {file}" in err
    document = json.loads(out)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "unpacked")
        assert all(str(PROJECT).encode() not in archive.read(name) for name in archive.namelist())
    asked = load(number["conv4"], home=home).family.given_queries([str(one) for one in queries]).inputs
    said = answers_of(tmp_path / "unpacked", asked.numpy())
    assert said["classes"] == document["classes"]
    np.testing.assert_allclose(said["answers"], document["probabilities"], atol=1e-4)
    task = json.loads((tmp_path / "unpacked/task.json").read_text())
    assert (task["run"], task["steps"], task["shape"]) == (number["conv4"], 2, [1, 28, 28])
    kept = safetensors.torch.load_file(tmp_path / "unpacked/weights.safetensors")
    assert {"block1.0.weight", "block1.1.running_mean", "head.weight"} <= kept.keys()
    assert json.loads((tmp_path / "unpacked/config.json").read_text())["algorithm"]["name"] == "maml"


def test_an_onnx_file_says_what_it_answers_and_needs_no_query(
    call: Call, number: dict[str, int], home: Home, tmp_path: Path
) -> None:
    (tmp_path / "points.csv").write_text("0,0\n1,0.8\n2,0.9\n")
    code, out, err = call(number["sinusoid"], "--support", tmp_path / "points.csv", "--onnx", tmp_path / "curve.onnx")
    assert (code, out) == (0, "") and "Written to" in err
    content = (tmp_path / "curve.onnx").read_bytes()
    assert str(PROJECT).encode() not in content
    session = onnxruntime.InferenceSession(content)
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["run"]) == number["sinusoid"] and json.loads(said["classes"]) == []
    task = load(number["sinusoid"], home=home).given(tmp_path / "points.csv")
    x = torch.linspace(-5, 5, 11).unsqueeze(1)
    (answers,) = session.run(["answers"], {"inputs": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(answers), task.learner.predict(task.state, x), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "says", "remedy"),
    [
        (("--save", "learner.pt"), "learner.pt is no .zip", "learner.zip"),
        (("--onnx", "learner"), "learner is no .onnx", "learner.onnx"),
        (("--save", "a.zip", "--batch-statistics", "transductive"), "normalises queries together", "`support`"),
        (("--save", "no/folder/a.zip"), "cannot be written", "folder that exists"),
    ],
)
def test_what_cannot_be_taken_away_is_said(
    arguments: tuple[str, ...], says: str, remedy: str, call: Call, number: dict[str, int], tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(number["conv4"], "--support", drawings(tmp_path / "support", 3, 1), *arguments)
    assert code == 2 and says in err and remedy in err
    assert not list(tmp_path.glob("*.zip"))


def test_without_the_package_it_says_how_to_get_it(
    call: Call, number: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    code, _, err = call(number["conv4"], "--support", "x", "--onnx", "a.onnx")
    assert code == 1 and f"pip install onnxscript=={VERSIONS['onnxscript']}" in err


class Deciding(nn.Module):
    """What it computes depends on the numbers it is given, which no graph can say."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.layer = nn.Linear(prod(input_shape), outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1)) * (2 if x.sum() > 1 else 1)


def test_a_network_that_no_graph_can_say_is_refused(home: Home, tmp_path: Path) -> None:
    run, _ = finished(home, "doodles", "model=module", f"model.path={__name__}:Deciding", "training.iterations=1")
    task = load(run.id, home=home).given(drawings(tmp_path / "support", 3, 1))
    with pytest.raises(ModelError, match=r"torch cannot make a graph of this network.* export RUN"):
        adapted.zipped(run, task, io.BytesIO())
