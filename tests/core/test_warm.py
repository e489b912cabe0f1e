"""Real workers, forked by a real warm process: it imports torch once for all tests of this module."""

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from core import elsewhere, forecast
from core.costs import Costs
from core.elsewhere import Cancelled, Died, Question, Refused, Start, forked
from core.forecast import Forecaster
from core.runs import detached, hardware, scheduler, warm
from core.runs.home import Home
from core.runs.launchers import LocalLauncher
from core.runs.scheduler import Launch
from core.runs.schema import ENDED, Run
from core.runs.store import RunStore
from tests.core.tiny import own_modules, tiny, values
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone"),
    pytest.mark.xdist_group("warm"),
]
ENDLESS = ("training.iterations=10000000", "training.evaluate_every=10000000")
MARK = "FORKED_BY_THE_WARM_PROCESS"  # in the environment that it was started with, which its forks show as their first


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose warm process waits."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
            patch.delenv(name, raising=False)
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv(warm.SWITCH, "on")
        patch.setattr(hardware, "slots", lambda: ["cpu"])
        home = Home.find(tmp_path_factory.mktemp("warm") / "home")
        patch.setenv(MARK, "yes")
        assert warm.prepare(home)
        patch.delenv(MARK)
        wait_until(lambda: warm.listens(home), timeout=180)
        yield home
        warm.end(home)


@pytest.fixture
def store(home: Home) -> Iterator[RunStore]:
    """The home's store; workers left over are killed at the end."""
    store = RunStore(home.database)
    yield store
    for id in scheduler.stop_all(store, home):
        LocalLauncher(home, grace=0.1).stop(store.get(id).handle or {})


def queue(store: RunStore, home: Home, *configs: dict[str, Any]) -> list[int]:
    return [run.id for run in scheduler.submit(store, home, [Launch("a run", config) for config in configs])]


def ended(store: RunStore, id: int) -> Run:
    def look() -> Run | None:
        run = store.get(id)
        return run if run.status in ENDED else None

    return wait_until(look, timeout=180)


def training(store: RunStore, id: int, beyond: int = 0) -> Run:
    """The run once its worker has reported more than ``beyond`` iterations."""

    def look() -> Run | None:
        run = store.get(id)
        assert run.status not in ENDED, run.error
        return run if run.status == "running" and run.iteration > beyond else None

    return wait_until(look, timeout=180)


def was_forked(run: Run) -> bool:
    return psutil.Process(run.handle["pid"]).environ().get(MARK) == "yes"


def test_a_run_has_the_same_numbers_forked_and_as_a_plain_process(store: RunStore, home: Home, monkeypatch) -> None:
    config = values("conv4", "training.iterations=6")
    with monkeypatch.context() as forking:
        forking.setattr(detached, "spawn", lambda *_: pytest.fail("it is to be forked"))
        (first,) = queue(store, home, config)
    forked = ended(store, first)
    monkeypatch.setenv(warm.SWITCH, "off")
    (second,) = queue(store, home, config)
    plain = ended(store, second)
    assert (forked.status, plain.status) == ("finished", "finished"), forked.error
    curves = [[row[1:4] for row in store.metric_rows(id)] for id in (first, second)]
    assert curves[0]
    assert curves[0] == curves[1]
    of_each = {"run": 0, "seconds": 0.0}
    assert forked.test | of_each == plain.test | of_each
    assert (forked.forward, forked.device) == (plain.forward, plain.device)


def test_a_network_that_was_edited_counts_at_once(store: RunStore, home: Home, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("INNERLOOP_PATH", str(tmp_path))
    config = values("sinusoid", "model=module", "model.path=edited_nets:Plain")
    for version in ("first", "second version"):
        (tmp_path / "edited_nets.py").write_text(f"print('imported: {version}', flush=True)\n{own_modules()}")
        (id,) = queue(store, home, config)
        run = ended(store, id)
        log = home.artifacts(run).log().decode()
        assert run.status == "finished", log
        assert [line for line in log.splitlines() if line.startswith("imported")] == [f"imported: {version}"]


@pytest.fixture
def asking(store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts what is asked as a fork, and as nothing else. One is waited for: a test before may have ended it."""
    del store  # its workers first
    monkeypatch.setattr(elsewhere, "spawned", lambda *_: pytest.fail("it is to be forked"))
    warm.prepare(home)
    wait_until(lambda: warm.listens(home), timeout=180)
    return forked(home)


def test_a_forecast_is_measured_by_a_fork(home: Home, asking: Start, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(forecast, "SECONDS", 600.0)
    found = Forecaster(Costs(tmp_path / "costs.json"), home.folders, start=asking).forecast(tiny("sinusoid"), "cpu")
    assert found.fits
    assert 50e6 < found.estimate.memory < 5e9
    assert found.estimate.training > 0


def test_what_a_fork_was_asked_is_answered_refused_or_told_to_have_ended(asking: Start, capfd) -> None:
    errands = "tests.core.errands"
    assert Question(f"{errands}:double", 21, 300.0, start=asking).answer() == 42
    with pytest.raises(Refused, match="Too much"):
        Question(f"{errands}:refuse", "Too much.", 300.0, start=asking).answer()
    with pytest.raises(Died, match="early"):
        Question(f"{errands}:end", 3, 300.0, start=asking).answer()
    with pytest.raises(Died, match="early"):
        Question(f"{errands}:double", None, 300.0, start=asking).answer()
    assert "TypeError: unsupported operand" in capfd.readouterr().err


def test_a_fork_that_is_cancelled_ends_with_all_that_it_started(asking: Start, tmp_path: Path) -> None:
    question = Question("tests.core.errands:hang", str(tmp_path / "begun"), 300.0, start=asking)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(question.answer)
        wait_until((tmp_path / "begun").exists, timeout=180)
        child = psutil.Process(int((tmp_path / "begun").read_text()))
        question.cancel()
        with pytest.raises(Cancelled):
            answer.result(timeout=180)
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_worker_that_ends_starts_the_next_one_in_the_same_way(store: RunStore, home: Home) -> None:
    """And that one outlives the warm process, and is stopped as any other."""
    first, second = queue(store, home, values("sinusoid"), values("sinusoid", *ENDLESS))
    assert ended(store, first).status == "finished"
    run = training(store, second)
    assert was_forked(run)
    assert warm.end(home)
    assert training(store, second, beyond=run.iteration).handle == run.handle
    os.kill(run.handle["pid"], signal.SIGTERM)
    stopped = ended(store, second)
    assert (stopped.status, stopped.error) == ("stopped", "")


def test_it_launches_for_a_process_without_torch(store: RunStore, home: Home, monkeypatch) -> None:
    with monkeypatch.context() as marking:
        marking.setenv(MARK, "yes")
        warm.prepare(home)  # other surroundings have ended the one before
    assert warm.awaited(home, patience=180)
    asked = {"values": values("sinusoid"), "name": "a run", "seeds": 2, "parent": None}
    first, second = Question("core.launch:launch_here", asked, 60.0, home.environment(), forked(home)).answer()
    for id, name in ((first, "a run seed 0"), (second, "a run seed 1")):
        run = ended(store, id)
        assert (run.name, run.group, run.status) == (name, "a run × 2", "finished"), run.error
        assert was_forked(run)
    with pytest.raises(Refused) as caught:
        Question(
            "core.launch:launch_here", asked | {"seeds": 2**31 + 1}, 60.0, home.environment(), forked(home)
        ).answer()
    assert "Start at" in caught.value.remedy


def test_without_one_a_launch_starts_a_plain_worker_and_the_next_one_is_forked(store: RunStore, home: Home) -> None:
    warm.end(home)
    (id,) = queue(store, home, values("sinusoid"))
    assert ended(store, id).status == "finished"
    wait_until(lambda: warm.listens(home), timeout=180)
    with pytest.MonkeyPatch.context() as forking:
        forking.setattr(detached, "spawn", lambda *_: pytest.fail("it is to be forked"))
        (id,) = queue(store, home, values("sinusoid", *ENDLESS))
    os.kill(store.get(id).handle["pid"], signal.SIGTERM)  # at once: it is listening from its first moment on
    assert ended(store, id).status == "stopped"
