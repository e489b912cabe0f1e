"""Worker processes: detached, told apart from others under the same pid, and ended for certain."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.errors import RunError
from core.runs.home import PROJECT, Home
from core.runs.launchers import LocalLauncher, identify, worker_command
from core.runs.schema import Run
from core.runs.store import RunStore
from tests.crowd import at_once
from tests.waiting import wait_until

SLEEPER = "import signal, subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    return Home.find(tmp_path / "home")


@pytest.fixture
def run(home: Home) -> Run:
    return RunStore(home.database).create({}, "a run", folder_root=home.runs_folder, datasets=home.datasets)


@pytest.fixture
def started() -> Iterator[list[int]]:
    """The pids of a test's workers, which are killed when it ends."""
    pids: list[int] = []
    yield pids
    for pid in filter(psutil.pid_exists, pids):
        psutil.Process(pid).kill()


def running(home: Home, code: str) -> LocalLauncher:
    return LocalLauncher(home, lambda *_: [sys.executable, "-c", code], grace=0.3)


def log(home: Home, run: Run) -> str:
    return home.artifacts(run).log().decode()


def test_a_worker_is_nobodys_child_and_in_a_session_of_its_own(home: Home, run: Run, started: list[int]) -> None:
    launcher = running(home, "import signal; signal.pause()")
    handle = launcher.start(run, home, "cpu")
    started.append(handle["pid"])
    assert launcher.alive(handle)
    assert os.getsid(handle["pid"]) != os.getsid(0)
    assert wait_until(lambda: psutil.Process(handle["pid"]).ppid() != os.getpid())
    assert handle["pid"] not in {child.pid for child in psutil.Process().children(recursive=True)}


def test_a_worker_survives_the_kill_of_whoever_started_it(home: Home, run: Run, started: list[int]) -> None:
    code = (
        "import sys, signal; from core.runs.home import Home; from core.runs.launchers import LocalLauncher\n"
        "from core.runs.store import RunStore\n"
        "run = [sys.executable, '-c', 'import signal; signal.pause()']\n"
        f"home = Home.find({str(home.root)!r}); ours = RunStore(home.database).get({run.id})\n"
        "print(LocalLauncher(home, lambda *_: run).start(ours, home, 'cpu')['pid'], flush=True)\n"
        "signal.pause()"
    )
    server = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    pid = int(server.stdout.readline())
    started.append(pid)
    worker = identify(pid)
    server.kill()
    server.wait()
    assert LocalLauncher(home).alive(worker)


def test_output_and_environment(home: Home, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code = (
        "import os, sys, core.runs.home; print(core.runs.home.Home.find().environment() == eval(sys.argv[1]), os.getcwd(),"
        "repr(os.environ['CUDA_VISIBLE_DEVICES'])); sys.exit('and an error')"
    )
    launcher = LocalLauncher(home, lambda *_: [sys.executable, "-c", code, repr(home.environment())])
    for attempt in (1, 2):
        launcher.start(run, home, "cpu")
        wait_until(lambda: log(home, run).count("and an error") == attempt)  # noqa: B023 (asked at once)
    assert log(home, run).splitlines()[0] == f"True {PROJECT} ''"


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is for glibc")
def test_a_worker_keeps_its_memory(home: Home, run: Run) -> None:
    running(home, "import os; print(sorted(k for k in os.environ if k.startswith('MALLOC_')))").start(run, home, "cpu")
    names = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_TRIM_THRESHOLD_"]
    wait_until(lambda: log(home, run).strip() == str(names))


def test_stop_ends_the_worker_and_what_it_started(home: Home, run: Run, started: list[int]) -> None:
    launcher = running(home, SLEEPER + STUBBORN)
    handle = launcher.start(run, home, "cpu")
    started.append(handle["pid"])
    wait_until(lambda: "ready" in log(home, run))
    (child,) = psutil.Process(handle["pid"]).children()
    started.append(child.pid)
    launcher.stop(handle)
    wait_until(lambda: not launcher.alive(handle))
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    launcher.stop(handle)  # and once more does no harm


@pytest.mark.parametrize("wrong", [{"boot_id": "another"}, {"created": 1.0}, {"created": None}, {"pid": None}])
def test_another_process_under_the_same_pid_is_not_the_worker(home: Home, wrong: dict) -> None:
    launcher = LocalLauncher(home, grace=0.1)
    bystander = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        worker = identify(bystander.pid)
        assert launcher.alive(worker) is True
        assert launcher.alive(worker | wrong) is False
        launcher.stop(worker | wrong)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_zombie_is_dead(home: Home) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    worker = identify(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert LocalLauncher(home).alive(worker) is False
    process.wait()


def test_a_homes_host_is_its_own_whatever_the_machine_is_called(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = home.host
    monkeypatch.setattr("platform.node", lambda: "renamed")
    assert Home.find(home.root).host == LocalLauncher(home).host == before
    assert Home.find(tmp_path / "another").host != before
    moved = home.root.rename(tmp_path / "moved")
    assert Home.find(moved).host == before


def test_processes_that_open_a_new_home_at_once_agree_on_its_host(tmp_path: Path) -> None:
    code = "from core.runs.home import Home\nready = lambda root: lambda: Home.find(root).host"
    assert len(set(at_once(6, code, tmp_path / "new"))) == 1


def test_a_worker_that_ends_at_once_is_found_gone(home: Home, run: Run) -> None:
    launcher = running(home, "")
    worker = launcher.start(run, home, "cpu")
    wait_until(lambda: not launcher.alive(worker))


def test_a_command_that_cannot_be_run(home: Home, run: Run) -> None:
    with pytest.raises(RunError, match=rf"worker of run {run.id} cannot be started: .*no/such/program") as caught:
        LocalLauncher(home, lambda *_: ["/no/such/program"]).start(run, home, "cpu")
    assert caught.value.remedy


def test_the_command_names_home_run_and_attempt(home: Home, run: Run) -> None:
    words = ["-m", "core", "--home", str(home.root), "worker", str(run.id), "--attempt", "1"]
    assert worker_command(run, home)[1:] == words
    other = replace(run, id=9, attempt=3)
    assert worker_command(run, home, other)[1:] == [*words, "--with", "9:3"]


def test_a_process_identifies_itself_as_others_see_it() -> None:
    code = "from core.runs.launchers import identify; print(identify()); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, text=True, **pipes) as process:
        assert eval(process.stdout.readline()) == identify(process.pid)
        process.communicate("done\n")
