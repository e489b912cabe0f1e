"""A home may have any name and be moved: its runs, their checkpoints and logs go with it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
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


# Rights


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Files would be everybody's to read if nobody took care."""
    before = os.umask(0o000)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_a_home_and_its_database_are_their_owners_alone(tmp_path: Path) -> None:
    home = Home.find(tmp_path / "deep" / "home")
    store = RunStore(home.database, home.root)
    store.create({}, "a run", folder_root=home.runs_folder, datasets=home.datasets)
    assert rights(home.root) == 0o700
    files = {file.name: rights(file) for file in home.root.glob("innerloop.db*")}
    assert files.keys() >= {"innerloop.db", "innerloop.db-wal"}
    assert set(files.values()) == {0o600}


@pytest.mark.usefixtures("open_umask")
def test_what_an_earlier_version_left_open_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, usual = tmp_path / "chosen", tmp_path / ".innerloop"
    monkeypatch.setattr("core.runs.home.DEFAULT", usual)
    for folder in (chosen, usual):
        folder.mkdir(mode=0o750)
        folder.joinpath("innerloop.db").touch(mode=0o644)
    monkeypatch.setenv("INNERLOOP_HOME", str(chosen))
    for home in (Home.find(), Home.find(usual)):
        RunStore(home.database, home.root)
        assert rights(home.root / "innerloop.db") == 0o600
    assert (rights(chosen), rights(usual)) == (0o750, 0o700)  # the rights of a folder that somebody chose are his


LOCKED = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # where SQLite's readers have their locks
    except OSError:
        print("locked")
"""


def test_opening_a_database_again_gives_up_none_of_its_locks(tmp_path: Path) -> None:
    """Closing a file gives up all locks that a process has on it; without them, two processes write at once."""

    def held() -> str:
        asked = [sys.executable, "-c", LOCKED, str(tmp_path / "innerloop.db")]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()

    home = Home.find(tmp_path)
    first = RunStore(home.database, home.root)
    with first.database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM runs").scalar()
        assert held() == "locked"
        RunStore(home.database, home.root)
        assert held() == "locked"
