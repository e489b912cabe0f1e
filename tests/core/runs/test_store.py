"""The run store: what is written comes back, what may not happen is refused, and faults have remedies."""

import math
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from core.errors import NoRunError, StoreError
from core.runs import scheduler
from core.runs.evaluation_rows import pack
from core.runs.home import PROJECT, Home
from core.runs.schema import Evaluation, Run, evaluations, runs
from core.runs.store import RunStore
from data.errors import InnerloopError
from tests.crowd import at_once


@pytest.fixture
def store(url: str, tmp_path: Path) -> RunStore:
    return RunStore(url, tmp_path)


def add(store: RunStore, tmp_path: Path, name: str = "a run", **more: object) -> Run:
    return store.create({"seed": 1}, name, folder_root=tmp_path / "runs", datasets=tmp_path, **more)


def test_tables_and_values_have_the_same_fields() -> None:
    assert [field.name for field in fields(Run)] == runs.c.keys()
    assert [*(field.name for field in fields(Evaluation)), "scores"] == evaluations.c.keys()


def test_a_new_run_is_queued_with_a_folder(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path, group="g", parent=7)
    assert (run.status, run.desired, run.attempt, run.config, run.group, run.parent) == (
        "queued",
        "run",
        1,
        {"seed": 1},
        "g",
        7,
    )
    assert Path(run.folder) == tmp_path / "runs" / str(run.id)
    assert Path(run.folder).is_dir()
    assert store.get(run.id) == run


def test_runs_are_listed_newest_first(store: RunStore, tmp_path: Path) -> None:
    first, second, third = (add(store, tmp_path, name) for name in "abc")
    assert store.runs() == [third, second, first]
    assert store.runs([first.id, third.id, 99]) == [third, first]
    assert store.runs([]) == []
    store.move(second.id, "starting", only_from={"queued"})
    assert [run.id for run in store.runs(status={"starting"})] == [second.id]


def test_a_new_run_does_not_inherit_the_files_of_another_database(store: RunStore, tmp_path: Path) -> None:
    old = tmp_path / "runs" / "1"
    old.mkdir(parents=True)
    (old / "last.safetensors").write_bytes(b"weights")
    run = add(store, tmp_path)
    assert run.id == 1
    assert not any(Path(run.folder).iterdir())
    assert [path.read_bytes() for path in tmp_path.rglob("*.safetensors")] == [b"weights"]


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 10**400])
def test_a_number_that_no_run_can_have_is_no_run(store: RunStore, tmp_path: Path, number: int) -> None:
    run = add(store, tmp_path)
    calls = [store.get, store.delete, store.heartbeat, lambda id: store.update(id, name="x")]
    for call in calls:
        with pytest.raises(NoRunError, match="does not exist"):
            call(number)
    assert not store.move(number, "stopped", only_from={"queued"})
    assert store.runs([number, run.id]) == [run]
    assert store.revisions([number, run.id]) == {run.id: 0}
    assert (store.evaluations(number), store.metric_rows(number), store.scores(number)) == ([], [], None)


def test_text_that_a_database_would_refuse_is_stored_readably(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path, "bell\x00\x07")
    store.update(run.id, error="cannot read caf\udce9.zip", best={"metric": "a\x00b"})
    read = store.get(run.id)
    assert (read.name, read.error, read.best) == (
        "bell\ufffd\x07",
        "cannot read caf\\udce9.zip",
        {"metric": "a\ufffdb"},
    )


@pytest.mark.parametrize(
    "call", [lambda s: s.get(9), lambda s: s.update(9, name="x"), lambda s: s.heartbeat(9), lambda s: s.delete(9)]
)
def test_a_run_that_does_not_exist(store: RunStore, call) -> None:
    with pytest.raises(StoreError, match="Run 9 does not exist") as caught:
        call(store)
    assert "core runs" in caught.value.remedy


def test_update_takes_known_columns_only(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path)
    store.update(run.id, best={"mean": math.nan, "curve": [1.0, math.inf]}, rate=math.inf, iteration=3)
    read = store.get(run.id)
    assert (read.best, read.rate, read.iteration) == ({"mean": None, "curve": [1.0, None]}, None, 3)
    store.update(run.id, best=None)
    assert store.get(run.id).best is None
    for columns in ({"colour": "red"}, {"status": "finished"}, {"revision": 3}):
        with pytest.raises(ValueError, match="not a column that can be set"):
            store.update(run.id, **columns)


def test_move_is_guarded(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path)
    assert store.move(run.id, "starting", only_from={"queued"}, slot="cpu")
    assert not store.move(run.id, "starting", only_from={"queued"}, slot="cuda:0")
    assert store.move(run.id, "failed", only_from={"starting", "running"}, error="boom")
    read = store.get(run.id)
    assert (read.status, read.slot, read.error) == ("failed", "cpu", "boom")
    assert read.ended >= read.created
    with pytest.raises(ValueError, match="unknown status"):
        store.move(run.id, "done", only_from={"failed"})


def test_heartbeat_notes_progress_and_returns_what_is_wanted(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path)
    assert store.heartbeat(run.id, iteration=5, rate=2.5) == "run"
    store.update(run.id, desired="stop")
    assert store.heartbeat(run.id, iteration=6) == "stop"
    read = store.get(run.id)
    assert (read.iteration, read.rate) == (6, 2.5)
    assert read.heartbeat >= read.created


def test_metrics_come_as_increments_and_not_a_number_as_none(store: RunStore, tmp_path: Path) -> None:
    a, b = add(store, tmp_path).id, add(store, tmp_path).id
    store.add_metrics(a, [(1, 0.1, "train/query_loss", 2.0), (2, 0.2, "train/query_loss", math.nan)])
    store.add_metrics(b, [(1, 0.1, "train/query_loss", math.inf)])
    first = store.metric_rows(a)
    assert [row[1:4] for row in first] == [(1, "train/query_loss", 2.0), (2, "train/query_loss", None)]
    assert [row[1:4] for row in store.metric_rows(b)] == [(1, "train/query_loss", None)]
    store.add_metrics(a, [(3, 0.3, "train/query_loss", 1.0)])
    assert [row[1:4] for row in store.metric_rows(a, after=first[-1][0])] == [(3, "train/query_loss", 1.0)]
    assert store.metric_rows(a, limit=2) == first


def test_truncation_drops_what_a_resumed_run_measures_again(store: RunStore, tmp_path: Path) -> None:
    run, other = add(store, tmp_path).id, add(store, tmp_path).id
    for id in (run, other):
        store.add_metrics(id, [(i, i / 10, "train/query_loss", 1.0) for i in range(1, 7)])
        for iteration in (2, 4, 6):
            store.add_evaluation(id, iteration, "val", "accuracy", 0.5, 0.1, episodes=10)
    newest = max(row[0] for id in (run, other) for row in store.metric_rows(id))
    store.truncate_after(run, 4)
    assert [row[1] for row in store.metric_rows(run)] == [1, 2, 3, 4]
    assert [one.iteration for one in store.evaluations(run)] == [2, 4]
    assert len(store.metric_rows(other)) == 6
    assert store.revisions([run, other, 99]) == {run: 1, other: 0}
    store.truncate_after(other, 0)
    store.add_metrics(run, [(5, 0.5, "train/query_loss", 1.0)])
    assert store.metric_rows(run, after=newest), "an id was used twice, so a reader would miss the row"


def test_evaluations_come_back(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path).id
    store.add_evaluation(run, 10, "val", "accuracy", 0.6, 0.02, episodes=100, checkpoint="last@10")
    store.add_evaluation(
        run, 10, "test", "accuracy", math.nan, 0.0, episodes=600, non_finite=600, result={"curve": [math.nan]}
    )
    (test,) = store.evaluations(run, split="test")
    assert (test.mean, test.non_finite, test.result) == (None, 600, {"curve": [None]})
    assert [one.split for one in store.evaluations(run)] == ["val", "test"]


def test_a_checkpoint_scored_again_has_its_newest_score_only(store: RunStore, tmp_path: Path) -> None:
    run, other = add(store, tmp_path).id, add(store, tmp_path).id
    for id, checkpoint, mean in (
        (run, "last@10", 0.5),
        (run, "best@10", 0.6),
        (other, "best@10", 0.7),
        (run, "best@10", 0.8),
    ):
        store.add_evaluation(id, 10, "val", "accuracy", mean, 0.02, episodes=100, checkpoint=checkpoint)
    assert [(one.checkpoint, one.mean) for one in store.evaluations(run)] == [("last@10", 0.5), ("best@10", 0.8)]
    assert [one.mean for one in store.evaluations(other)] == [0.7]


def test_delete_removes_rows_and_folder_but_no_active_run(store: RunStore, tmp_path: Path) -> None:
    run, home = add(store, tmp_path), Home(tmp_path, tmp_path, "")
    store.add_metrics(run.id, [(1, 0.1, "train/query_loss", 2.0)])
    (Path(run.folder) / "last.safetensors").write_bytes(b"weights")
    store.move(run.id, "starting", only_from={"queued"})
    with pytest.raises(StoreError, match="cannot be deleted"):
        scheduler.delete(store, home, run.id)
    store.move(run.id, "stopped", only_from={"starting"})
    scheduler.delete(store, home, run.id)
    assert store.runs() == []
    assert store.metric_rows(run.id) == []
    assert not Path(run.folder).exists()
    assert add(store, tmp_path).id > run.id, "the address of a deleted run must not come to mean another"


def test_exclusive_takes_all_back_when_it_fails(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path)
    with pytest.raises(RuntimeError), store.exclusive():
        store.rename(run.id, "half done")
        add(store, tmp_path)
        assert store.get(run.id).name == "half done"
        raise RuntimeError
    assert store.runs() == [run]


def test_a_second_store_waits_its_turn_and_then_says_so(store: RunStore, tmp_path: Path) -> None:
    impatient = RunStore(store.database.url, tmp_path, timeout=0.05)
    with store.exclusive():
        assert impatient.runs() == [], "readers never wait"
        with pytest.raises(StoreError, match="locked") as caught, impatient.exclusive():
            add(impatient, tmp_path)
    assert "try again" in caught.value.remedy
    assert add(impatient, tmp_path).id == 1


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_text("Dear diary, " * 1000)
    with pytest.raises(StoreError, match="is not a database") as caught:
        RunStore(f"sqlite:///{path}")
    assert caught.value.path == str(path)
    assert caught.value.remedy
    assert path.read_text().startswith("Dear diary")


def test_many_processes_may_create_the_database_at_once(url: str, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from core.runs.store import RunStore\n"
        "def fill(folder, url):\n"
        "    root = Path(folder); store = RunStore(url, root)\n"
        "    for _ in range(5): store.create({}, 'x', folder_root=root / 'runs', datasets=root)\n"
        "ready = lambda *where: lambda: fill(*where)"
    )
    at_once(6, code, tmp_path, url)
    assert len(RunStore(url, tmp_path).runs()) == 30


def test_the_store_and_what_it_imports_need_neither_torch_nor_streamlit() -> None:
    modules = "core.runs.store, core.runs.scheduler, core.runs.series, core.runs.hardware, core.runs.launchers, core.runs.home"
    code = f"import sys, {modules}; print(sorted({{'torch', 'streamlit'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def test_home_is_found_by_argument_then_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INNERLOOP_HOME", "INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    home = Home.find("here")
    assert (home.root, home.datasets) == (tmp_path / "here", tmp_path / "here" / "datasets")
    assert home.database == f"sqlite:///{tmp_path}/here/innerloop.db"
    assert home.root.is_dir()
    monkeypatch.setenv("INNERLOOP_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("INNERLOOP_DATASETS", str(tmp_path / "data"))
    monkeypatch.setenv("INNERLOOP_DATABASE", "sqlite:///mine.db")
    found = Home.find()
    assert (found.root, found.datasets) == (tmp_path / "other", tmp_path / "data")
    assert found.database == f"sqlite:///{tmp_path}/other/mine.db"
    assert found.runs_folder == tmp_path / "other" / "runs"
    for name, value in found.environment().items():
        monkeypatch.setenv(name, value)
    assert Home.find() == found


def test_home_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InnerloopError, match="cannot be created") as caught:
        Home.find(tmp_path / "file" / "home")
    assert "--home" in caught.value.remedy


def test_the_score_of_each_episode_is_kept_beside_the_row(store: RunStore, tmp_path: Path) -> None:
    run, generator = add(store, tmp_path).id, np.random.default_rng(0)
    scores = generator.integers(0, 76, 600) / 75
    scores[[3, 5]] = math.nan, math.inf
    store.add_evaluation(run, 10, "test", "accuracy", 0.6, 0.02, episodes=600, non_finite=2, scores=scores)
    store.add_evaluation(run, 10, "val", "accuracy", 0.6, 0.02, episodes=100)
    test, val = store.evaluations(run)
    kept = store.scores(test.id)
    assert (kept.dtype, kept.shape) == (np.float32, (600,))
    np.testing.assert_array_equal(kept, np.where(np.isinf(scores), math.nan, scores).astype(np.float32))
    assert store.scores(val.id) is None, "as of an evaluation of the first release"
    assert len(pack(scores)) < 1200


def test_scores_are_not_read_with_the_rows(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path).id
    store.add_evaluation(run, 10, "test", "accuracy", 0.6, 0.02, episodes=600, scores=np.zeros(600))
    asked = []
    event.listen(store.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    store.evaluations(run)
    store.page()
    assert asked
    assert not [statement for statement in asked if "scores" in statement]


def test_a_test_under_another_protocol_stays_beside_the_runs_own(store: RunStore, tmp_path: Path) -> None:
    run = add(store, tmp_path).id
    for n_way, mean in ((5, 0.6), (20, 0.3), (5, 0.7)):
        result = {"protocol": {"n_way": n_way}}
        store.add_evaluation(
            *(run, 10, "test", "accuracy", mean, 0.02), episodes=600, checkpoint="best@10", result=result
        )
    assert [(one.mean, one.result["protocol"]["n_way"]) for one in store.evaluations(run)] == [(0.3, 20), (0.7, 5)]
