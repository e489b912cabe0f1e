"""What tests of the engine share: one processor thread, and modules of one's own."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.runs import warm
from core.runs.home import Home
from core.runs.meeting import Place
from tests.core.tiny import own_modules
from tests.waiting import wait_until


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny networks are slower on several threads, and several test processes share the cores."""
    import torch  # here, so that tests that need no torch do not wait for it

    torch.set_num_threads(1)


@pytest.fixture
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    """So many threads for torch, two unless a test says otherwise."""
    import torch

    torch.set_num_threads(count := getattr(request, "param", 2))
    yield count
    torch.set_num_threads(1)


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Puts a module of one's own into a folder named by INNERLOOP_PATH; returns the name to import it by."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("INNERLOOP_PATH", str(folder))
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"nets_{abs(hash(tmp_path)):x}"
    monkeypatch.delitem(sys.modules, name, raising=False)

    def write(code: str = own_modules()) -> str:
        (folder / f"{name}.py").write_text(code)
        return name

    yield write
    sys.modules.pop(name, None)


@pytest.fixture
def home(pictures: Home, tmp_path: Path) -> Home:
    """A home of its own that shares the drawn pictures."""
    (tmp_path / "cache").symlink_to(pictures.cache)
    return Home(tmp_path, pictures.datasets, f"sqlite:///{tmp_path}/innerloop.db")


@pytest.fixture
def nursery(common: Path) -> Place:
    """Where a warm process waits, for all tests that start workers and are not about how. It ends with the last of them."""
    home = Home.find(common / "nursery")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warm, "possible", lambda: True)
        patch.setenv("OMP_NUM_THREADS", "1")
        warm.prepare(home)
        wait_until(lambda: warm.listens(home), timeout=180)
    return warm.place(home)


@pytest.fixture
def forking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of whatever home are forked by the nursery's, which saves each the import of torch. Linux only."""
    if sys.platform != "linux":
        return
    place = request.getfixturevalue("nursery")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(warm, "possible", lambda: True)
    monkeypatch.setattr(warm, "place", lambda _: place)
    monkeypatch.setattr(warm, "prepare", lambda _: False)
