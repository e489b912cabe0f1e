"""What takes time to make is made by one process, while the others that need it wait and hear how far it is."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from data import in_turn
from data.cache import Cached, cached

PROJECT = Path(__file__).parents[2]
SHAPE = (2, 1, 4, 4)
# Makes two pictures: says that it has begun, and half of it done; ends when it is told to.
MAKER = """
import sys, torch
from pathlib import Path
from data.cache import Cached, cached

def make(tell):
    tell(0.5, "Drawing")
    print("making", flush=True)
    if input() == "fail":
        raise RuntimeError("as told")
    return Cached(torch.full((2, 1, 4, 4), 7, dtype=torch.uint8))

cached(Path(sys.argv[1]), (2, 1, 4, 4), make)
"""


def own(_tell: object = None) -> Cached:
    return Cached(torch.ones(SHAPE, dtype=torch.uint8))


@contextmanager
def maker(file: Path) -> Iterator[subprocess.Popen]:
    """Another process that is making the file."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-c", MAKER, str(file)], cwd=PROJECT, text=True, **pipes)
    assert process.stdout.readline() == "making\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "pictures.safetensors"


def test_who_comes_second_waits_for_the_first_and_hears_how_far_it_is(file: Path) -> None:
    heard: list[tuple[float, str]] = []
    with maker(file) as first:

        def progress(fraction: float, text: str) -> None:
            if not heard:
                first.stdin.write("go on\n")
                first.stdin.flush()
            heard.append((fraction, text))

        found = cached(file, SHAPE, own, progress)
        assert first.wait(timeout=30) == 0
    assert found.images.eq(7).all(), "the other's, not one of its own"
    assert heard[0] == (0.5, "Drawing")
    assert list(file.parent.iterdir()) == [file], "nothing is left behind"


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_where_the_first_comes_to_nothing_the_second_makes_it(file: Path, how: str) -> None:
    with maker(file) as first:

        def progress(*_: object) -> None:
            if first.poll() is None and how == "killed":
                first.kill()
            elif first.poll() is None and not first.stdin.closed:
                first.stdin.write("fail\n")
                first.stdin.close()

        assert cached(file, SHAPE, own, progress).images.eq(1).all()
        assert first.wait(timeout=30) != 0
        first.stdin = None
    assert cached(file, SHAPE, lambda _: pytest.fail("it is there")).images.eq(1).all()


def test_one_that_hangs_is_not_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_turn, "PATIENCE", 0.0)
    with maker(file) as first:
        os.kill(first.pid, signal.SIGSTOP)
        assert cached(file, SHAPE, own).images.eq(1).all()
        assert first.poll() is None


def test_whoever_waits_can_be_told_to_stop(file: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    with maker(file) as first:
        with pytest.raises(Stopped):
            cached(file, SHAPE, own, stop)
        first.communicate("go on\n", timeout=30)
        assert first.returncode == 0
        first.stdin = None
    assert cached(file, SHAPE, own).images.eq(7).all()


def test_where_files_cannot_be_locked_it_is_made_all_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", unsupported)
    assert cached(file, SHAPE, own).images.eq(1).all()
    assert cached(file, SHAPE, lambda _: pytest.fail("it is kept")).images.eq(1).all()


def test_the_progress_is_heard_by_whoever_makes_it(file: Path) -> None:
    heard: list[tuple[float, str]] = []

    def make(tell: in_turn.OnProgress) -> Cached:
        tell(0.25, "Drawing")
        return own()

    cached(file, SHAPE, make, lambda *said: heard.append(said))
    assert heard == [(0.25, "Drawing")]
