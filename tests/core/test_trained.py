"""A trained learner again: the same scores as in its run, and others only where the evaluation was changed."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from core.config.checks import ConfigError
from core.errors import RunError
from core.runs.home import Home
from core.runs.store import RunStore
from core.trained import evaluate_run, load_trained
from data.errors import DataError
from tests.core.tiny import finished, tiny
from tests.data.made_up_texts import made_up_texts


@pytest.mark.parametrize("learner", ["maml", "pretrain", "scratch"])
def test_the_runs_own_protocol_gives_the_runs_own_score(learner: str, home: Home) -> None:
    run, result = finished(home, "doodles", f"algorithm={learner}")
    again = replace(evaluate_run(home, run), seconds=result.seconds)
    assert repr(asdict(again)) == repr(asdict(result))


@pytest.mark.parametrize("learner", ["pretrain", "scratch"])
def test_a_baseline_can_be_tested_on_another_number_of_classes(learner: str, home: Home) -> None:
    run, _ = finished(home, "doodles", f"algorithm={learner}")
    result = evaluate_run(home, run, assignments=["evaluation.n_way=5", "evaluation.inner_steps=1"])
    assert result.protocol["n_way"] == 5
    assert [point["step"] for point in result.curve] == [0, 1]


def test_the_evaluation_can_be_changed(home: Home) -> None:
    run, _ = finished(home, "conv4")
    changes = ["evaluation.k_shot=1", "evaluation.inner_steps=4", "batch_statistics=support"]
    result = evaluate_run(home, run, "val", 7, changes)
    assert (result.split, result.episodes, len(result.curve)) == ("val", 7, 5)
    assert (result.protocol["k_shot"], result.protocol["batch_statistics"]) == (1, "support")


@pytest.mark.parametrize(
    "assignment", ["algorithm.inner_lr=1", "family.n_way=5", "seed=1", "training.meta_lr=1", "model=mlp"]
)
def test_what_was_trained_cannot(home: Home, assignment: str) -> None:
    run, _ = finished(home, "doodles")
    with pytest.raises(ConfigError, match="belongs to the training"):
        evaluate_run(home, run, assignments=[assignment])


def test_a_change_that_does_not_fit_is_refused(home: Home) -> None:
    run, _ = finished(home, "doodles")
    with pytest.raises(ConfigError, match="output layer for 3 classes"):
        evaluate_run(home, run, assignments=["evaluation.n_way=5"])


def test_the_device_of_the_training_may_be_gone(home: Home) -> None:
    run, result = finished(home, "doodles")
    elsewhere = replace(run, config={**run.config, "device": "cuda:7"})
    assert evaluate_run(home, elsewhere).mean == result.mean


def test_a_file_of_texts_that_was_edited_since_is_no_test_of_the_run(home: Home, tmp_path: Path) -> None:
    """Classes it has trained on may be in it."""
    file = made_up_texts(tmp_path / "mine.csv")
    family = ["family=own-texts", f"family.file={file}", "family.n_way=2", "family.n_query=4", "evaluation.n_query=4"]
    run, result = finished(home, "doodles", *family, "model=bag", "algorithm=protonet")
    assert evaluate_run(home, run).mean == result.mean
    file.write_text(file.read_text() + "".join(f"late {i},later class\n" for i in range(8)))
    with pytest.raises(DataError, match="Your own texts changed since this run was trained"):
        evaluate_run(home, run)
    assert load_trained(home, run).algorithm, "what it answers to other examples does not depend on the file"


def test_a_run_without_a_checkpoint(home: Home) -> None:
    config, store = tiny("doodles"), RunStore(home.database)
    run = store.create(config.model_dump(mode="json"), "new", folder_root=home.runs_folder, datasets=home.datasets)
    with pytest.raises(RunError, match="no checkpoint yet") as caught:
        load_trained(home, run)
    assert caught.value.remedy


def test_a_learner_that_learns_nothing_needs_no_checkpoint(home: Home) -> None:
    """Nearest centroid: there was never anything to save, and its run is evaluated and loaded all the same."""
    run, result = finished(home, "doodles", "algorithm=nearest-centroid")
    again = evaluate_run(home, run)
    assert (again.mean, again.protocol) == (result.mean, result.protocol)
    assert again.protocol["checkpoint"] == "best@0"


def test_a_baseline_whose_choice_is_gone_is_not_loaded(home: Home) -> None:
    run, _ = finished(home, "doodles", "algorithm=scratch")
    home.artifacts(run).delete()
    with pytest.raises(RunError, match="no checkpoint"):
        load_trained(home, run)
