"""What MLflow is told of a run: with the real package, into its store of files."""

import json
import logging
import socket
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core import mirror
from core.config.facts import facts_of
from core.mirror import Mirror, mirrored
from core.runs.home import Home
from core.runs.schema import Run
from core.runs.store import RunStore
from core.worker import work
from data.extras import VERSIONS
from tests.core.test_worker import here, queue  # noqa: F401 - a fixture
from tests.core.tiny import tiny, values
from tests.waiting import wait_until


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home.database)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # by itself it wants a database, which takes seconds to make
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    for name in mirror.BOUNDS:
        monkeypatch.setenv(name, "1")
    return (tmp_path / "mlruns").as_uri()


@pytest.fixture
def run(store: RunStore, home: Home) -> Run:
    config = tiny("doodles")
    places = {"folder_root": home.runs_folder, "datasets": home.datasets, "facts": facts_of(config).as_json()}
    made = store.create(config.model_dump(mode="json"), "mine", "a group", **places)
    store.add_metrics(made.id, [(1, 0.5, "train/query_loss", 2.0), (2, 1.0, "train/query_loss", 1.0)])
    store.add_evaluation(made.id, 2, "test", "accuracy", 0.75, 0.125, episodes=8)
    return store.get(made.id)


def told(address: str) -> list:
    """The runs that MLflow knows."""
    client = MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name("Innerloop")
    return client.search_runs([experiment.experiment_id]) if experiment else []


def value(address: str, key: str) -> float | None:
    """What was told last. None before that, also while MLflow is at it: a file that it has only begun is damaged to it."""
    try:
        return told(address)[0].data.metrics.get(key) if told(address) else None
    except ValueError as error:
        assert "No data found" in str(error)
        return None


def history(address: str, run: str, key: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in MlflowClient(tracking_uri=address).get_metric_history(run, key)]


def mirror_of(run: Run, store: RunStore, address: str) -> Mirror:
    return Mirror(run.id, store, Path(run.folder) / "mlflow.json", address, every=0.05)


def test_settings_curves_scores_tags_and_the_end_are_told(run, store, address) -> None:
    mirror_of(run, store, address).end("finished")
    (found,) = told(address)
    assert (found.info.run_name, found.info.status) == ("mine", "FINISHED")
    assert found.data.params["algorithm.name"] == "maml" and found.data.params["training.iterations"] == "4"
    assert history(address, found.info.run_id, "train/query_loss") == [(1, 2), (2, 1)]
    assert (found.data.metrics["test/accuracy"], found.data.metrics["test/accuracy_ci95"]) == (0.75, 0.125)
    assert found.data.tags["innerloop.run"] == str(run.id) and found.data.tags["innerloop.group"] == "a group"


def test_what_comes_later_is_told_while_it_trains(run, store, address) -> None:
    living = mirror_of(run, store, address)
    wait_until(lambda: value(address, "test/accuracy"))
    store.add_metrics(run.id, [(3, 1.5, "train/query_loss", 0.5)])
    wait_until(lambda: value(address, "train/query_loss") == 0.5)
    assert told(address)[0].info.status == "RUNNING"
    living.end("stopped")
    assert told(address)[0].info.status == "KILLED"


def test_a_score_that_is_told_again_with_more_of_its_curve_is_one_point(run, store, address) -> None:
    living = mirror_of(run, store, address)
    wait_until(lambda: value(address, "test/accuracy"))
    store.add_evaluation(run.id, 2, "test", "accuracy", 0.75, 0.125, episodes=8, result={"curve": []})
    store.add_evaluation(run.id, 3, "val", "accuracy", 0.5, 0.125, episodes=8)
    living.end("finished")
    (found,) = told(address)
    assert history(address, found.info.run_id, "test/accuracy") == [(2, 0.75)]
    assert history(address, found.info.run_id, "val/accuracy") == [(3, 0.5)]


def test_a_resumed_run_goes_on_with_the_same_one_and_tells_nothing_twice(run, store, address) -> None:
    mirror_of(run, store, address).end("failed")
    store.update(run.id, error="It broke.")
    store.add_metrics(run.id, [(3, 1.5, "train/query_loss", 0.5)])
    mirror_of(run, store, address).end("failed")
    (found,) = told(address)
    assert found.info.status == "FAILED" and found.data.tags["innerloop.error"] == "It broke."
    assert history(address, found.info.run_id, "train/query_loss") == [(1, 2), (2, 1), (3, 0.5)]


def test_one_that_was_deleted_there_is_begun_anew_and_so_is_one_elsewhere(run, store, address, tmp_path) -> None:
    mirror_of(run, store, address).end("finished")
    (Path(run.folder) / "mlflow.json").write_text(
        json.dumps(json.loads((Path(run.folder) / "mlflow.json").read_text()) | {"run": "0" * 32})
    )
    mirror_of(run, store, address).end("finished")
    assert len(told(address)) == 2
    elsewhere = (tmp_path / "others").as_uri()
    mirror_of(run, store, elsewhere).end("")
    assert [one.info.status for one in told(elsewhere)] == ["RUNNING"], "another worker has it by now"


@pytest.mark.usefixtures("address")
def test_a_server_that_is_away_is_one_warning_without_its_password(run, store, caplog) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        away = mirror_of(run, store, f"http://me:hush-hush@127.0.0.1:{nobody.getsockname()[1]}")
        wait_until(lambda: away.warned)
        away.end("finished")
    warnings = [one.getMessage() for one in caplog.records if one.name == mirror.__name__]
    assert len(warnings) == 1 and "the training goes on" in warnings[0] and "hush-hush" not in warnings[0]


@pytest.mark.usefixtures("address")
def test_one_that_never_answers_is_not_waited_for(run, store, caplog, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stuck = mirror_of(run, store, f"http://127.0.0.1:{silent.getsockname()[1]}")
        stuck.end("finished", patience=0.1)
        assert "MLflow does not answer" in caplog.text
    stuck.thread.join(30)


def test_nobody_is_told_unless_it_is_asked_for_and_there(run, store, monkeypatch, caplog) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert mirrored(run, store, Path(run.folder)) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(mirror, "find_spec", lambda _: None)
    with caplog.at_level(logging.INFO):
        assert mirrored(run, store, Path(run.folder)) is None
    (line,) = (one.getMessage() for one in caplog.records if one.name == mirror.__name__)
    assert f"pip install mlflow-skinny=={VERSIONS['mlflow-skinny']}" in line


@pytest.mark.usefixtures("here")
def test_a_worker_tells_its_run_and_how_it_ended(home, store, address, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    good, bad = queue(store, home, values("sinusoid"), values("sinusoid", "algorithm.inner_lr=1e30"))
    assert work(home, good)
    assert not work(home, bad)
    by_run = {one.data.tags["innerloop.run"]: one for one in told(address)}
    assert [by_run[str(id)].info.status for id in (good, bad)] == ["FINISHED", "FAILED"]
    assert by_run[str(good)].data.metrics["test/mse"] == pytest.approx(store.get(good).test["mean"])
    assert "innerloop.error" in by_run[str(bad)].data.tags
