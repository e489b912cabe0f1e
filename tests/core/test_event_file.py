"""A run as TensorBoard reads it, with TensorBoard itself."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from core.cli import app as cli
from core.config.facts import facts_of
from core.handover import event_file
from core.runs.home import PROJECT, Home
from core.runs.schema import Run
from core.runs.store import RunStore
from data import extras
from tests.core.tiny import tiny


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home.database)


@pytest.fixture
def run(store: RunStore, home: Home) -> Run:
    """With a loss of which one point is not finite, two validations and a test of which only the result was kept."""
    config = tiny("doodles")
    places = {"folder_root": home.runs_folder, "datasets": home.datasets, "facts": facts_of(config).as_json()}
    made = store.create(config.model_dump(mode="json"), "it's <mine>", **places)
    store.add_metrics(made.id, [(1, 0.5, "train/query_loss", 2.0), (2, 1.0, "train/query_loss", np.nan)])
    for iteration, mean in ((0, 0.25), (2, 0.75)):
        store.add_evaluation(made.id, iteration, "val", "accuracy", mean, 0.125, episodes=8)
    store.update(made.id, iteration=2, test={"metric": "accuracy", "mean": 0.5, "ci95": 0.0625})
    return store.get(made.id)


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


@pytest.fixture
def board(run: Run, store: RunStore, tmp_path: Path) -> EventAccumulator:
    """What TensorBoard finds in the unpacked archive."""
    content = io.BytesIO()
    event_file.zipped(run, store, content)
    with zipfile.ZipFile(content) as archive:
        archive.extractall(tmp_path / "unpacked")
    return read(tmp_path / "unpacked" / f"innerloop-run-{run.id}")


def test_curves_and_scores_are_those_of_the_run(board: EventAccumulator, run: Run) -> None:
    losses = board.Scalars("train/query_loss")
    assert [(one.step, one.wall_time) for one in losses] == [(1, run.created + 0.5), (2, run.created + 1)]
    assert losses[0].value == 2 and np.isnan(losses[1].value)
    assert [(one.step, one.value) for one in board.Scalars("val/accuracy")] == [(0, 0.25), (2, 0.75)]
    assert [one.value for one in board.Scalars("val/accuracy_ci95")] == [0.125, 0.125]
    assert [(one.step, one.value) for one in board.Scalars("test/accuracy")] == [(2, 0.5)]


def test_settings_are_hyperparameters_and_the_config_a_text(board: EventAccumulator, run: Run) -> None:
    data = board.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    session = HParamsPluginData.FromString(data).session_start_info
    assert session.hparams["algorithm.name"].string_value == run.config["algorithm"]["name"]
    assert session.hparams["training.meta_lr"].number_value == run.config["training"]["meta_lr"]
    (text,) = (board.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in ["config"])
    assert json.loads(text.removeprefix("```json\n").removesuffix("```")) | {"device": "auto"} == run.config | {
        "device": "auto"
    }
    assert set(board.PluginTagToContent("text")) == {"config", "command"}


def called(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["core", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_the_command_line_writes_it_into_a_folder_or_an_archive(run, home, tmp_path, monkeypatch, capsys) -> None:
    export = ("export", run.id, "--what", "tensorboard", "--home", home.root, "--output")
    assert called(monkeypatch, *export, tmp_path) == 0
    assert read(tmp_path / f"innerloop-run-{run.id}").Scalars("val/accuracy")[0].value == 0.25
    assert called(monkeypatch, *export, tmp_path / "run.zip") == 0
    assert zipfile.is_zipfile(tmp_path / "run.zip")
    assert called(monkeypatch, *export, "-") == 2
    assert "neither a folder nor a .zip" in capsys.readouterr().err


def test_without_the_package_it_says_how_to_get_it(run, store, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.record_writer", None)
    with pytest.raises(extras.MissingExtra, match=f"pip install tensorboard=={extras.VERSIONS['tensorboard']}"):
        event_file.zipped(run, store, io.BytesIO())


@pytest.mark.parametrize("package", extras.VERSIONS)
def test_the_versions_that_are_named_are_those_that_are_tested_with(package: str) -> None:
    pinned = (PROJECT / "requirements-dev.txt").read_text().splitlines()
    assert f"{package}=={extras.VERSIONS[package]}" in pinned
    assert not any(package in line for line in (PROJECT / "requirements.txt").read_text().splitlines())


def test_writing_it_brings_no_torch() -> None:
    code = "import sys, core.handover.event_file as file; file._text('a', 'b'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
