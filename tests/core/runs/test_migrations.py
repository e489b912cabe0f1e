"""A store of an older version is opened with everything in it; one that cannot be is said to be so in a sentence."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from core.errors import StoreError
from core.runs.facts import Facts
from core.runs.home import PROJECT
from core.runs.migrations import VERSION
from core.runs.outline import Outline
from core.runs.schema import metadata
from core.runs.store import RunStore
from tests.core.runs import first_release
from tests.crowd import at_once


@pytest.fixture
def old(url: str, tmp_path: Path) -> str:
    """The address of a store that 0.1 wrote."""
    engine = create_engine(url)
    with engine.begin() as connection:
        first_release.write(connection, tmp_path)
    engine.dispose()
    return url


def test_a_store_of_the_first_release_is_opened_with_everything_in_it(old: str, tmp_path: Path) -> None:
    store = RunStore(old, tmp_path)
    runs = {run.status: run for run in store.runs()}
    assert list(reversed(runs)) == list(first_release.STATUSES)
    run = runs["finished"]
    assert (run.id, run.name, run.note, run.group) == (1, "täsk 1", "a 'note'\nof two lines", "g")
    assert (run.config, run.test, run.best["mean"]) == (first_release.MAML, first_release.TEST, 0.95)
    assert (run.tags, run.starred, run.archived, run.deleted) == ((), False, False, None)
    assert (run.created, run.ended, run.iteration, run.load, run.slot) == (
        1.7e9 + 1,
        1.7e9 + 99,
        100,
        {"cpu": 0.5},
        "cpu",
    )
    assert (runs["paused"].attempt, runs["paused"].revision, runs["paused"].parent) == (2, 1, 1)
    assert (runs["failed"].error, runs["failed"].remedy) == ("It failed.", "Mend it.")
    rows = store.metric_rows(1)
    assert [row[1:4] for row in rows[:2]] == [(1, "train/query_loss", 2.0), (1, "train/support_loss", None)]
    assert len(rows) == 1000
    outline = Outline.from_json(run.outline)
    again = Outline().extended([value for _, _, key, value, _ in rows if key == "train/query_loss"])
    assert (outline.every, outline.count) == (again.every, again.count) == (8, 500 % 8)
    assert outline.line == pytest.approx(again.line, rel=1e-5)
    assert runs["queued"].outline is None
    val, test = store.evaluations(1)
    assert (val.checkpoint, val.mean, test.result, test.created) == ("last@250", 0.9483, first_release.TEST, 1.7e9 + 50)
    new = store.create({"seed": 1}, "new", folder_root=tmp_path / "runs", datasets=tmp_path)
    assert new.id == 9, "a number is never used twice"


def test_what_a_run_is_and_where_its_worker_is_are_filled_in(old: str, tmp_path: Path) -> None:
    runs = {run.status: run for run in RunStore(old, tmp_path).runs()}
    facts = {status: Facts.from_json(run.facts) for status, run in runs.items() if run.facts}
    assert facts.keys() == runs.keys() - {"failed"}, "nobody knows what a learner was that is not ours"
    finished = facts["finished"]
    assert (finished.learner, finished.learner_title, finished.group) == ("maml, first order", "MAML", "model-agnostic")
    assert (finished.family_title, finished.task, finished.loss) == ("Omniglot", "5-way 1-shot", "cross-entropy, nats")
    assert finished.metric.text(0.9483, 0.0041) == "94.83 ± 0.41 %"
    assert (finished.metric.chance, finished.work, finished.work_per_iteration) == (0.2, "tasks", 16)
    assert (facts["running"].task, facts["running"].metric.name) == ("10-shot", "mse")
    assert facts["running"].query_curve == "task, after training on it"
    assert (facts["paused"].work, facts["paused"].work_per_iteration) == ("examples", 64)
    assert (facts["stopped"].takes_steps, facts["stopped"].query_curve) == (False, "query")
    assert facts["lost"].loss == "squared error of relation scores"
    assert [facts[status].trains for status in ("queued", "starting", "running")] == [False, False, True]
    assert (runs["failed"].learner, runs["failed"].family) == ("my-own", "omniglot")
    assert (runs["finished"].learner, runs["running"].family) == ("maml, first order", "sinusoid")
    assert runs["running"].handle == {"pid": 4002, "created": 1234.5, "boot_id": "boot"}
    assert (runs["queued"].handle, runs["queued"].owner) == (None, None)


def test_a_migrated_store_has_the_very_schema_of_a_new_one(
    old: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    RunStore(old, tmp_path)
    other = f"sqlite:///{tmp_path / 'new.db'}" if "sqlite" in old else request.getfixturevalue("second_postgres_url")
    RunStore(other, tmp_path)
    for address in (old, other):
        with create_engine(address).connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            assert compare_metadata(context, metadata) == []
            assert context.get_current_revision() == VERSION


def test_a_new_store_writes_nothing_beside_its_file(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home is known by its host; a store that is only looked at must not name the folder it was looked at from."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    RunStore(url, tmp_path)
    assert list(elsewhere.iterdir()) == []
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} <= {"elsewhere", "innerloop.db"}


def test_a_store_that_no_folder_goes_with_asks_for_one(postgres_url: str) -> None:
    with pytest.raises(ValueError, match="its home folder"):
        RunStore(postgres_url)


def test_the_version_of_the_code_is_the_newest_there_is() -> None:
    assert ScriptDirectory(str(PROJECT / "core/runs/migrations")).get_current_head() == VERSION


def test_ten_processes_that_open_an_old_store_at_once_migrate_it_once(old: str, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; import alembic.command; from core.runs.store import RunStore\n"
        "ready = lambda address, folder: lambda: len(RunStore(address, Path(folder)).runs())"
    )
    assert at_once(10, code, old, tmp_path) == [8] * 10


# Migrates copies of the store in argv[1]; copy n is killed as it is about to send its statement number n.
KILLED = """
import os, shutil, signal, sys
from sqlalchemy import Engine, event
import alembic.command, alembic.config, alembic.script
from core.runs.store import RunStore

count = 0

def killed(*_):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", killed)
for last in range(1, 1000):
    copy = f"{sys.argv[1]}.{last}"
    shutil.copy(sys.argv[1], copy)
    child = os.fork()
    if not child:
        RunStore(f"sqlite:///{copy}")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(last)
"""


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("old")
def test_a_migration_that_is_killed_anywhere_leaves_the_old_store(tmp_path: Path) -> None:
    path = tmp_path / "innerloop.db"
    before = dump(path)
    arguments = [sys.executable, "-c", KILLED, str(path)]
    survivor = int(subprocess.run(arguments, cwd=PROJECT, check=True, capture_output=True, text=True).stdout)
    assert survivor > 20
    for last in range(1, survivor):
        assert dump(Path(f"{path}.{last}")) == before
    assert len(RunStore(f"sqlite:///{path}.1", tmp_path).runs()) == 8, "and it can be migrated later"
    assert dump(Path(f"{path}.{survivor}")) != before


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def test_a_store_that_a_newer_innerloop_wrote_is_left_alone(url: str, tmp_path: Path) -> None:
    RunStore(url, tmp_path)
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(StoreError, match=r"newer Innerloop \(schema 0999, this one knows \d+\)") as caught:
        RunStore(url, tmp_path)
    assert "Update Innerloop" in caught.value.remedy


@pytest.mark.parametrize("table", ["runs.note", "metrics.seconds", "evaluations.split"])
def test_a_store_without_one_of_its_columns_is_told_so(url: str, tmp_path: Path, table: str) -> None:
    RunStore(url, tmp_path)
    name, column = table.split(".")
    with create_engine(url).begin() as connection:
        connection.execute(text(f"ALTER TABLE {name} DROP COLUMN {column}"))
    with pytest.raises(StoreError, match=rf"it lacks {table}\.") as caught:
        RunStore(url, tmp_path)
    assert "INNERLOOP_HOME" in caught.value.remedy


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_an_old_store_without_one_of_its_columns_is_left_as_it_is(old: str, tmp_path: Path) -> None:
    with create_engine(old).begin() as connection:
        connection.execute(text("ALTER TABLE runs DROP COLUMN config"))
    before = dump(tmp_path / "innerloop.db")
    with pytest.raises(StoreError, match=r"it lacks runs\.config"):
        RunStore(old, tmp_path)
    assert dump(tmp_path / "innerloop.db") == before


def test_somebody_elses_tables_are_left_alone(url: str, tmp_path: Path) -> None:
    with create_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE runs (kilometres INTEGER)"))
    with pytest.raises(StoreError, match=r"it lacks runs\.id.*metrics"):
        RunStore(url, tmp_path)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_alembic_is_imported_only_to_migrate(url: str, tmp_path: Path) -> None:
    RunStore(url, tmp_path)
    code = "import sys; from core.runs.store import RunStore; RunStore(sys.argv[1]); print('alembic' in sys.modules)"
    for address in (url, f"sqlite:///{tmp_path / 'new.db'}"):
        arguments = [sys.executable, "-c", code, address]
        found = subprocess.run(arguments, cwd=PROJECT, check=True, capture_output=True, text=True)
        assert found.stdout.strip() == "False"


def test_old_paths_become_relative_to_the_home_they_lie_in(old: str, tmp_path: Path) -> None:
    store = RunStore(old, tmp_path)
    assert {(run.folder, run.datasets) for run in store.runs([1])} == {(f"{tmp_path}/runs/1", f"{tmp_path}/datasets")}
    with store.database.reading() as connection:
        stored = connection.exec_driver_sql("SELECT folder, datasets FROM runs ORDER BY id").all()
    assert stored[:2] == [("runs/1", "datasets"), ("runs/2", "datasets")]


def test_a_home_that_was_moved_before_it_was_migrated_has_its_runs_again(old: str, tmp_path: Path) -> None:
    here = tmp_path / "moved"
    for id in (1, 2):  # the others' folders were lost on the way
        (here / "runs" / str(id)).mkdir(parents=True)
    first, second, third = (RunStore(old, here).get(id) for id in (1, 2, 3))
    assert (first.folder, first.datasets) == (f"{here}/runs/1", f"{here}/datasets")
    assert second.folder == f"{here}/runs/2"
    assert third.folder == f"{tmp_path}/runs/3"
