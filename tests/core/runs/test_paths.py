"""A home may have any name and be moved: its runs, their checkpoints and logs go with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.home import PROJECT, Home
from core.runs.store import RunStore
from tests.core.runs.first_release import MAML

NAMES = ["plain", "what?", "50%41 off", "a#b", "a home & more; ü", "x?mode=memory&cache=shared", "at@host:1"]


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INNERLOOP_HOME", "INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_home_of_any_name_keeps_its_database_inside(name: str, tmp_path: Path) -> None:
    home = Home.find(tmp_path / name)
    store = RunStore(home.database, home.root)
    run = store.create({}, "a run", folder_root=home.runs_folder, datasets=home.datasets)
    assert (home.root / "innerloop.db").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {name}, "nothing is written beside it"
    for variable, value in home.environment().items():  # as a worker is given them
        os.environ[variable] = value
    try:
        found = Home.find()
    finally:
        for variable in home.environment():
            del os.environ[variable]
    assert found == home
    assert RunStore(found.database, found.root).runs() == [run]


def test_another_process_finds_a_home_with_a_difficult_name(tmp_path: Path) -> None:
    home = Home.find(tmp_path / "what? 50% #1")
    store = RunStore(home.database, home.root)
    run = store.create(MAML, "a run", folder_root=home.runs_folder, datasets=home.datasets)
    store.move(run.id, "stopped", only_from={"queued"})
    found = subprocess.run(
        [sys.executable, "-m", "core", "runs", "--json"],
        cwd=PROJECT,
        env=os.environ | home.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [row["run"] for row in json.loads(found.stdout)["runs"]] == [run.id]


def test_an_address_in_the_environment_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for address, file in (
        ("sqlite:///mine.db", tmp_path / "home/mine.db"),
        (f"sqlite:///{tmp_path}/50%25%3F.db", tmp_path / "50%?.db"),
    ):
        monkeypatch.setenv("INNERLOOP_DATABASE", address)
        home = Home.find(tmp_path / "home")
        RunStore(home.database, home.root)
        assert file.is_file()


def test_a_home_that_is_moved_keeps_its_runs(tmp_path: Path) -> None:
    home = Home.find(tmp_path / "first")
    elsewhere = tmp_path / "data"
    store = RunStore(home.database, home.root)
    for datasets in (home.datasets, elsewhere):
        run = store.create({}, "a run", folder_root=home.runs_folder, datasets=datasets)
        (Path(run.folder) / "checkpoints" / "best-000000009").mkdir(parents=True)
        (Path(run.folder) / "worker.log").write_text(f"INFO run {run.id}")
    store.database.engine.dispose()
    (tmp_path / "first").rename(tmp_path / "second")
    moved = Home.find(tmp_path / "second")
    runs = RunStore(moved.database, moved.root).runs()
    assert [run.datasets for run in runs] == [str(elsewhere), str(moved.datasets)]
    for run in runs:
        assert Path(run.folder) == moved.runs_folder / str(run.id)
        assert [path.name for path in (Path(run.folder) / "checkpoints").iterdir()] == ["best-000000009"]
        assert (Path(run.folder) / "worker.log").read_text() == f"INFO run {run.id}"
