"""Worker processes: detached, told apart from others under the same pid, and ended for certain."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from core.errors import RunError
from core.runs.home import PROJECT, Home
from core.runs.launchers import Handle, LocalLauncher, identify, worker_command
from core.runs.schema import Run
from core.runs.store import RunStore
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


def running(code: str) -> LocalLauncher:
    return LocalLauncher(lambda *_: [sys.executable, "-c", code], grace=0.3)


def with_handle(run: Run, handle: Handle) -> Run:
    return replace(run, pid=handle.pid, pid_created=handle.created, boot_id=handle.boot_id, host=handle.host)


def log(home: Home, run: Run) -> str:
    return (home.run_folder(run.id) / "worker.log").read_text()


def test_a_worker_is_nobodys_child_and_in_a_session_of_its_own(home: Home, run: Run, started: list[int]) -> None:
    launcher = running("import signal; signal.pause()")
    handle = launcher.start(run.id, home, "cpu")
    started.append(handle.pid)
    assert launcher.alive(with_handle(run, handle))
    assert os.getsid(handle.pid) != os.getsid(0)
    assert wait_until(lambda: psutil.Process(handle.pid).ppid() != os.getpid())
    assert handle.pid not in {child.pid for child in psutil.Process().children(recursive=True)}


def test_a_worker_survives_the_kill_of_whoever_started_it(home: Home, run: Run, started: list[int]) -> None:
    code = (
        "import sys, signal; from core.runs.home import Home; from core.runs.launchers import LocalLauncher\n"
        "run = [sys.executable, '-c', 'import signal; signal.pause()']\n"
        f"print(LocalLauncher(lambda *_: run).start({run.id}, Home.find({str(home.root)!r}), 'cpu').pid, flush=True)\n"
        "signal.pause()"
    )
    server = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    pid = int(server.stdout.readline())
    started.append(pid)
    worker = with_handle(run, identify(pid))
    server.kill()
    server.wait()
    assert LocalLauncher().alive(worker)


def test_output_and_environment(home: Home, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code = (
        "import os, sys, core.runs.home; print(core.runs.home.Home.find().environment() == eval(sys.argv[1]), os.getcwd(),"
        "repr(os.environ['CUDA_VISIBLE_DEVICES'])); sys.exit('and an error')"
    )
    launcher = LocalLauncher(lambda *_: [sys.executable, "-c", code, repr(home.environment())])
    for attempt in (1, 2):
        launcher.start(run.id, home, "cpu")
        wait_until(lambda: log(home, run).count("and an error") == attempt)  # noqa: B023 (asked at once)
    assert log(home, run).splitlines()[0] == f"True {PROJECT} ''"


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is for glibc")
def test_a_worker_keeps_its_memory(home: Home, run: Run) -> None:
    running("import os; print(sorted(k for k in os.environ if k.startswith('MALLOC_')))").start(run.id, home, "cpu")
    names = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_TRIM_THRESHOLD_"]
    wait_until(lambda: log(home, run).strip() == str(names))


def test_stop_ends_the_worker_and_what_it_started(home: Home, run: Run, started: list[int]) -> None:
    launcher = running(SLEEPER + STUBBORN)
    handle = launcher.start(run.id, home, "cpu")
    started.append(handle.pid)
    worker = with_handle(run, handle)
    wait_until(lambda: "ready" in log(home, run))
    (child,) = psutil.Process(handle.pid).children()
    started.append(child.pid)
    launcher.stop(worker)
    wait_until(lambda: not launcher.alive(worker))
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    launcher.stop(worker)  # and once more does no harm


@pytest.mark.parametrize("wrong", [{"boot_id": "another"}, {"pid_created": 1.0}, {"pid_created": None}, {"pid": None}])
def test_another_process_under_the_same_pid_is_not_the_worker(run: Run, wrong: dict) -> None:
    launcher = LocalLauncher(grace=0.1)
    bystander = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        worker = with_handle(run, identify(bystander.pid))
        assert launcher.alive(worker) is True
        assert launcher.alive(replace(worker, **wrong)) is False
        launcher.stop(replace(worker, **wrong))
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_zombie_is_dead(run: Run) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    worker = with_handle(run, identify(process.pid))
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert LocalLauncher().alive(worker) is False
    process.wait()


def test_a_worker_on_another_host_is_unknown_and_left_alone(run: Run) -> None:
    here = with_handle(run, identify())
    there = replace(here, host="elsewhere")
    assert LocalLauncher().alive(there) is None
    LocalLauncher(grace=0.1).stop(there)  # would end this very process
    assert LocalLauncher().alive(here) is True


def test_a_worker_that_ends_at_once_is_found_gone(home: Home, run: Run) -> None:
    launcher = running("")
    worker = with_handle(run, launcher.start(run.id, home, "cpu"))
    wait_until(lambda: not launcher.alive(worker))


def test_a_command_that_cannot_be_run(home: Home, run: Run) -> None:
    with pytest.raises(RunError, match=rf"worker of run {run.id} cannot be started: .*no/such/program") as caught:
        LocalLauncher(lambda *_: ["/no/such/program"]).start(run.id, home, "cpu")
    assert caught.value.remedy


def test_the_command_names_home_and_run(home: Home) -> None:
    assert worker_command(7, home)[1:] == ["-m", "core", "--home", str(home.root), "worker", "7"]


def test_a_process_identifies_itself_as_others_see_it() -> None:
    code = (
        "from dataclasses import asdict; from core.runs.launchers import identify; print(asdict(identify())); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, text=True, **pipes) as process:
        assert eval(process.stdout.readline()) == asdict(identify(process.pid))
        process.communicate("done\n")
