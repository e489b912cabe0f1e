"""The process that forks workers: what is forked, when there is none, and how it ends. Without torch: see ``light_warm``."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.runs import meeting, warm
from core.runs.detached import ALLOCATOR, environment, found, identify
from core.runs.fingerprint import fingerprint
from core.runs.home import PROJECT, Home
from core.runs.meeting import GO, line_to, noted, receive, send, taken
from core.warm import Warm
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home where forking is allowed; what it has left behind is ended with the test."""
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(warm.SWITCH, "on")
    monkeypatch.setattr(warm, "MODULE", "tests.core.runs.light_warm")
    home = Home.find(tmp_path / "home")
    yield home
    warm.end(home)


@pytest.fixture
def log(home: Home) -> Path:
    return home.root / "worker.log"


@pytest.fixture
def started() -> Iterator[list[int]]:
    """The pids of a test's forks, which are killed when it ends."""
    pids: list[int] = []
    yield pids
    for pid in filter(psutil.pid_exists, pids):
        psutil.Process(pid).kill()


def process(home: Home) -> psutil.Process | None:
    """The home's warm process, whether it listens yet or not."""
    lock = warm.place(home).open_lock()
    try:
        return found(noted(lock).get("handle") or {})
    finally:
        os.close(lock)


def ready(home: Home) -> psutil.Process:
    """The home's warm process, begun if there is none, once it listens."""
    warm.prepare(home)
    wait_until(lambda: warm.listens(home))
    return process(home)


def said(log: Path) -> list[dict[str, Any]]:
    """What each fork has said of itself in this log."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


def order(home: Home, words: list[str], log: Path) -> dict[str, Any]:
    surroundings = environment(home)
    return {"fingerprint": fingerprint(surroundings), "words": words, "environment": surroundings, "log": str(log)}


# What is forked


def test_a_fork_is_what_a_plain_process_would_be(home: Home, log: Path, monkeypatch, started: list[int]) -> None:
    waiting = ready(home)
    monkeypatch.setenv("INNERLOOP_PATH", str(home.root))
    monkeypatch.setenv("OF_THIS_LAUNCH", "yes")
    handle = warm.fork(home, ["worker", "wait"], log)
    started.append(handle["pid"])
    assert handle == identify(handle["pid"])
    (one,) = wait_until(lambda: said(log))
    assert (one["pid"], one["words"], one["cwd"]) == (handle["pid"], ["worker", "wait"], str(PROJECT))
    assert one["environment"].items() >= environment(home).items()
    assert one["environment"]["OF_THIS_LAUNCH"] == "yes"
    assert one["files"] == [0, 1, 2]
    assert one["ignored"] == [True, True]
    assert one["nice"] == os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getsid(handle["pid"]) == os.getpgid(handle["pid"]) == handle["pid"]
    assert wait_until(lambda: psutil.Process(handle["pid"]).ppid() not in (os.getpid(), waiting.pid))
    assert wait_until(lambda: waiting.children() == [])  # the one between them ends by itself
    shown = psutil.Process(handle["pid"]).cmdline()
    assert [sys.executable, "-m", "core", "worker", "wait"] == [word for word in shown if word]
    os.kill(handle["pid"], signal.SIGTERM)
    wait_until(lambda: "asked to end" in log.read_text())
    wait_until(lambda: not found(handle))


def test_the_allocators_settings_are_there_from_the_start(home: Home) -> None:
    assert ready(home).environ().items() >= ALLOCATOR.items()


def test_no_two_forks_share_their_random_numbers(home: Home, log: Path) -> None:
    ready(home)
    for number in "12":
        assert warm.fork(home, [number], log)
    first, second = wait_until(lambda: said(log) if len(said(log)) == 2 else None)
    assert not set(first["random"]) & set(second["random"])


def test_launches_at_once_start_one_each(home: Home, log: Path) -> None:
    ready(home)
    with ThreadPoolExecutor(6) as pool:
        handles = list(pool.map(lambda number: warm.fork(home, [str(number)], log), range(6)))
    pids = {handle["pid"] for handle in handles}
    assert len(pids) == 6
    wait_until(lambda: len(said(log)) == 6)
    assert {one["pid"] for one in said(log)} == pids
    assert sorted(one["words"] for one in said(log)) == [[str(number)] for number in range(6)]


def test_a_fork_survives_both_the_one_that_forked_it_and_the_one_that_asked(
    home: Home, log: Path, started: list[int]
) -> None:
    waiting = ready(home)
    code = (
        "import signal, sys; from pathlib import Path; from core.runs import warm; from core.runs.home import Home\n"
        "print(warm.fork(Home.find(sys.argv[1]), ['wait'], Path(sys.argv[2]))['pid'], flush=True); signal.pause()"
    )
    command = [sys.executable, "-c", code, str(home.root), str(log)]
    server = subprocess.Popen(command, cwd=PROJECT, env=environment(home), stdout=subprocess.PIPE, text=True)
    handle = identify(int(server.stdout.readline()))
    started.append(handle["pid"])
    for one in (waiting, server):
        one.kill()
    server.communicate()
    wait_until(lambda: not process(home))
    assert found(handle)
    assert wait_until(lambda: said(log))
    assert warm.prepare(home), "and it holds no lock"


# When it cannot be had


def test_without_one_nothing_is_forked(home: Home, log: Path) -> None:
    assert warm.fork(home, ["worker"], log) is None
    assert not log.exists()


def test_one_that_is_still_importing_is_not_waited_for(home: Home, log: Path) -> None:
    (home.root / "hold").touch()
    assert warm.prepare(home)
    wait_until(lambda: process(home))
    assert warm.fork(home, ["worker"], log) is None
    (home.root / "hold").unlink()
    wait_until(lambda: warm.listens(home))
    assert warm.fork(home, ["worker"], log)


def test_one_that_was_killed_is_replaced(home: Home, log: Path) -> None:
    ready(home).kill()
    wait_until(lambda: not process(home))
    assert warm.fork(home, ["worker"], log) is None
    assert (warm.place(home).folder / "socket").exists(), "what it has left there"
    ready(home)
    assert warm.fork(home, ["worker"], log)


def test_whoever_can_wait_for_it_gets_it(home: Home) -> None:
    assert not warm.awaited(home), "nobody has begun one"
    (home.root / "hold").touch()
    warm.prepare(home)
    wait_until(lambda: process(home))
    assert not warm.awaited(home, patience=0.1)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(warm.awaited, home)
        (home.root / "hold").unlink()
        assert waiting.result()


def test_one_that_hangs_is_given_up_and_nothing_is_started(home: Home, log: Path, monkeypatch) -> None:
    monkeypatch.setattr(meeting, "ANSWER", 0.5)
    waiting = ready(home)
    waiting.suspend()
    assert warm.fork(home, ["worker"], log) is None
    wait_until(lambda: not process(home))
    assert not log.exists()


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.003, 0.01, 0.02, 0.04])
def test_killed_at_any_moment_of_a_fork_it_has_started_what_it_said(home: Home, log: Path, delay: float) -> None:
    waiting = ready(home)
    killer = threading.Timer(delay, waiting.kill)
    killer.start()
    handle = warm.fork(home, ["worker"], log)
    killer.join()
    wait_until(lambda: not process(home))
    if handle is None:
        assert forks(home) == [] and said(log) == []
    else:
        assert [one["pid"] for one in wait_until(lambda: said(log))] == [handle["pid"]]


def forks(home: Home) -> list[psutil.Process]:
    """What the home's warm process has forked and is still there, begun or not."""
    there = []
    for one in psutil.process_iter():
        try:
            if str(home.root) in one.cmdline() and one.pid != os.getpid():
                there.append(one)
        except psutil.Error:
            continue
    wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in there), timeout=5)
    return [one for one in there if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_what_is_forked_for_somebody_who_has_gone_does_not_begin(home: Home, log: Path) -> None:
    ready(home)
    with line_to(warm.place(home)) as line:
        send(line, order(home, ["worker"], log))
        handle = receive(line)
    wait_until(lambda: not found(handle))
    assert said(log) == []


def test_what_waits_for_the_word_to_begin_needs_the_warm_process_no_more(home: Home, log: Path) -> None:
    waiting = ready(home)
    with line_to(warm.place(home)) as line:
        send(line, order(home, ["worker"], log))
        handle = receive(line)
        waiting.kill()
        wait_until(lambda: not process(home))
        line.sendall(GO)
        assert wait_until(lambda: said(log))[0]["pid"] == handle["pid"]


def test_a_log_that_cannot_be_written_leaves_it_to_the_plain_process_to_say_so(home: Home, log: Path) -> None:
    ready(home)
    assert warm.fork(home, ["worker"], log / "no" / "folder") is None
    assert warm.fork(home, ["worker"], log), "and the warm one goes on"


def test_whoever_keeps_silent_or_talks_nonsense_holds_nobody_up(home: Home, log: Path) -> None:
    ready(home)
    with line_to(warm.place(home)) as line:
        line.sendall(b"[1, 2]\n")
        with suppress(ConnectionResetError):
            assert line.recv(10) == b""
    with line_to(warm.place(home)):
        wait_until(lambda: warm.fork(home, ["worker"], log))


def test_it_can_be_switched_off(home: Home, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(home)
    monkeypatch.setenv(warm.SWITCH, "off")
    assert warm.fork(home, ["worker"], log) is None
    assert warm.end(home)
    assert not warm.prepare(home)
    assert process(home) is None


def test_elsewhere_than_on_linux_nothing_is_forked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not warm.prepare(home)
    assert warm.fork(home, ["worker"], home.root / "log") is None


def test_one_that_cannot_fork_safely_says_so_once(home: Home) -> None:
    (home.root / "thread").touch()
    assert warm.prepare(home)
    wait_until(lambda: "2 threads" in (warm.place(home).log.read_text() if warm.place(home).log.exists() else ""))
    wait_until(lambda: not process(home) and not taken_by_other(home))
    assert not warm.prepare(home)


def taken_by_other(home: Home) -> bool:
    lock = warm.place(home).open_lock()
    try:
        return not taken(lock)
    finally:
        os.close(lock)


# One a home, its user's alone


def test_many_that_start_one_at_once_start_one(home: Home) -> None:
    code = (
        "import sys; from core.runs import warm; from core.runs.home import Home\n"
        "warm.MODULE = 'tests.core.runs.light_warm'; home = Home.find(sys.argv[1]); print('', flush=True); input()\n"
        "print(warm.prepare(home))"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", code, str(home.root)]
    processes = [subprocess.Popen(command, cwd=PROJECT, env=environment(home), **pipes) for _ in range(6)]
    for one in processes:
        one.stdout.readline()
    answers = sorted(one.communicate("\n", timeout=60)[0].strip() for one in processes)
    assert answers == ["False"] * 5 + ["True"]
    wait_until(lambda: warm.listens(home))
    assert not warm.prepare(home)


@pytest.mark.usefixtures("home")
def test_a_home_that_lies_deep_has_one_too(tmp_path: Path, log: Path) -> None:
    deep = Home.find(tmp_path / ("d" * 60) / ("e" * 60) / "home")
    try:
        ready(deep)
        assert warm.fork(deep, ["worker"], log)
    finally:
        warm.end(deep)


def test_its_files_are_the_users_alone(home: Home) -> None:
    ready(home)
    folder = warm.place(home).folder
    modes = {file.name: file.stat().st_mode & 0o777 for file in (folder, folder / "socket", folder / "lock")}
    assert modes == {"warm": 0o700, "socket": 0o600, "lock": 0o600}


def test_another_users_process_is_not_asked(home: Home, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(home)
    with monkeypatch.context() as another:
        another.setattr(os, "geteuid", lambda: 12345)
        assert warm.fork(home, ["worker"], log) is None
    assert not log.exists()
    assert warm.fork(home, ["worker"], log)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_not_served(home: Home, log: Path) -> None:
    """Who has found a way into the folder all the same."""
    ready(home)
    code = (
        "import os, socket, sys; os.chdir(sys.argv[1]); line = socket.socket(socket.AF_UNIX); os.setuid(12345)\n"
        "line.connect('socket')\n"
        "try: line.sendall(sys.argv[2].encode()); print(line.recv(9))\n"
        "except ConnectionError: print(b'')"
    )
    folder = warm.place(home).folder
    folder.chmod(0o711)
    (folder / "socket").chmod(0o666)
    text = json.dumps(order(home, ["worker"], log)) + "\n"
    command = [sys.executable, "-c", code, str(folder), text]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.stdout == "b''\n", answer.stderr
    assert warm.fork(home, ["its user's"], log)
    assert [one["words"] for one in wait_until(lambda: said(log))] == [["its user's"]]


# How it ends


def test_it_ends_when_nobody_asks_for_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "IDLE", 0.5)
    warm.prepare(home)
    waiting = wait_until(lambda: process(home))
    wait_until(lambda: not waiting.is_running() or waiting.status() == psutil.STATUS_ZOMBIE)
    assert not taken_by_other(home)


def test_a_launch_from_other_surroundings_ends_it(home: Home, log: Path, monkeypatch) -> None:
    before = ready(home)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert warm.fork(home, ["worker"], log) is None
    assert warm.prepare(home), "at once"
    wait_until(lambda: warm.listens(home))
    assert process(home).pid != before.pid
    assert warm.fork(home, ["worker"], log)
    assert wait_until(lambda: said(log))[0]["environment"]["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    "name", ["OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "PYTHONPATH", "LD_PRELOAD", "MALLOC_ARENA_MAX"]
)
def test_what_is_read_as_a_process_begins_makes_other_surroundings(name: str) -> None:
    assert len({fingerprint({"EDITOR": "vi", **more}) for more in ({}, {name: ""}, {name: "3"})}) == 3
    assert fingerprint({name: "3", "EDITOR": "vi"}) == fingerprint({name: "3", "EDITOR": "ed"})


@pytest.mark.parametrize("launched", [True, False])
def test_edited_code_ends_it(tmp_path: Path, launched: bool) -> None:
    """In a copy of the project: at a launch, and by itself."""
    copy = tmp_path / "copy"
    for folder in ("core", "data", "tests/core/runs"):
        shutil.copytree(PROJECT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import sys; from pathlib import Path; from core.runs import warm; from core.runs.home import Home\n"
        "warm.MODULE = 'tests.core.runs.light_warm'; home = Home.find(sys.argv[1]); warm.prepare(home)\n"
        "print(home.root, flush=True); input(); print(warm.fork(home, ['worker'], Path(sys.argv[1], 'log')))"
    )
    home = Home.find(tmp_path / "home")
    surroundings = {**environment(home), "PYTHONPATH": str(copy), warm.SWITCH: "on"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", code, str(home.root)]
    with subprocess.Popen(command, cwd=copy, env=surroundings, **pipes) as client:
        client.stdout.readline()
        wait_until(lambda: warm.listens(home))
        with (copy / "data" / "metric.py").open("a") as file:
            file.write("# edited\n")
        if launched:
            assert client.communicate("\n", timeout=30)[0] == "None\n"
        wait_until(lambda: not process(home))
        client.kill()


def test_it_is_ended_while_it_imports_and_afterwards(home: Home) -> None:
    assert warm.end(home) is False
    (home.root / "hold").touch()
    warm.prepare(home)
    assert warm.end(home) is True
    assert process(home) is None
    assert warm.end(home) is False
    (home.root / "hold").unlink()
    ready(home)
    assert warm.end(home) is True
    assert not warm.listens(home)


@pytest.fixture
def ours(home: Home) -> Iterator[Callable[[float], Warm]]:
    """A warm process's own view of the home, in this process."""
    lock = warm.place(home).open_lock()
    taken(lock)
    yield lambda idle: Warm(warm.place(home), lock, idle)
    os.close(lock)


def test_a_word_that_it_is_wanted_lets_it_stay(ours: Callable[[float], Warm], home: Home, monkeypatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    one = ours(60.0)
    assert not one.over()
    now[0] += 59
    assert not one.over()
    assert not warm.prepare(home), "there is one, which is told"
    assert not one.over()
    now[0] += 59
    assert not one.over()
    now[0] += 2
    assert one.over()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_it_ends_with_its_home(ours: Callable[[float], Warm], home: Home, how: str) -> None:
    one = ours(60.0)
    assert not one.over()
    shutil.rmtree(home.root)
    if how == "replaced":
        os.close(warm.place(home).open_lock())
    assert one.over()
