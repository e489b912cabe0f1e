"""One run by two processes: the numbers of one, and nobody left behind whichever of them is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch
import torch.distributed as dist

from core.runs.home import PROJECT, Home
from core.training import checkpoint
from core.training.listener import Progress, Stopped
from core.training.parallel import Team, TeamError, meet
from core.training.trainer import Trainer
from tests.core.tiny import MemoryListener, open_tiny, tiny
from tests.core.training.partner import RATE, Partner, stepper
from tests.waiting import wait_until

STEPS = 3


LEARNERS = (
    "maml training.gradient_clip=0.01",
    "maml++ algorithm.running_statistics=true training.tasks_at_once=1",
    "meta-sgd",
    "reptile",
    "protonet",
)


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    """In float64, where the order of the sums is all that differs. The other process is the same for all learners."""
    learners = [f"{learner} training.meta_batch_size=5" for learner in LEARNERS]
    command = [sys.executable, "-m", "tests.core.training.partner", str(tmp_path), str(STEPS), *learners]
    other = subprocess.Popen(command, cwd=PROJECT)
    try:
        meet(tmp_path, 0, ["cpu", "cpu"])
        for learner in learners:
            steps_of_one(learner)
    finally:
        dist.destroy_process_group()
        assert other.wait(30) == 0


def steps_of_one(learner: str) -> None:
    shared, alone, before = (stepper(*learner.split(), partner=partner) for partner in (Partner(0), None, None))
    for i in range(STEPS):
        ours, theirs = (one.take(i, RATE, i / STEPS) for one in (shared, alone))
        assert float(ours.query_loss) == pytest.approx(float(theirs.query_loss), rel=1e-9), learner
        assert float(ours.query_score) == pytest.approx(float(theirs.query_score), rel=1e-6), learner
    moved, theirs = before.algorithm.state_dict(), alone.algorithm.state_dict()
    assert any(not torch.equal(value, moved[key]) for key, value in theirs.items()), learner
    for key, value in shared.algorithm.state_dict().items():
        torch.testing.assert_close(value, theirs[key], rtol=1e-9, atol=1e-9, msg=lambda m, k=key: f"{learner} {k}: {m}")


@pytest.fixture
def team() -> Iterator[Team]:
    with Team(["cpu", "cpu"]) as team:
        yield team
    assert not any(psutil.pid_exists(pid) for pid in team.pids)
    assert not team.folder.exists()


def trainer(home: Home, folder: Path, *assignments: str, team: Team | None = None, **settings) -> Trainer:
    config = tiny("conv4", *assignments)
    listener = settings.pop("listener", None) or MemoryListener()
    return Trainer(config, open_tiny(config, home), folder, listener, team=team, **settings)


def test_a_run_by_two_stops_and_goes_on_with_the_numbers_of_one(team: Team, home: Home, tmp_path: Path) -> None:
    """Stopped by the two, resumed alone; the numbers are those of a run that was always alone."""
    settings = ("training.iterations=6", "training.evaluate_every=3")
    alone = trainer(home, tmp_path / "alone", *settings)
    alone.run()

    def answer(progress: Progress) -> str:
        assert progress.phase in ("loading", "training"), "it was not stopped in time"
        return "stop" if progress.phase == "training" and progress.iteration == 4 else "run"

    first = trainer(home, tmp_path / "two", *settings, team=team, listener=MemoryListener(answer), beat=0.0)
    with pytest.raises(Stopped):
        first.run()
    assert checkpoint.newest(tmp_path / "two", "last").iteration == 4
    second = trainer(home, tmp_path / "two", *settings)
    second.run()
    told = {iteration: value for iteration, key, value in first.listener.curve if key == "train/query_loss"}
    assert list(told) == [1, 2, 3, 4]
    scores = {(iteration, split): score for iteration, split, score in alone.listener.scores}
    assert {(6, "val"), (second.best["iteration"], "test")} <= {one[:2] for one in second.listener.scores}
    for iteration, split, score in second.listener.scores:
        assert score == pytest.approx(scores[iteration, split], abs=0.05), (iteration, split)
    for (name, ours), theirs in zip(second.algorithm.named_parameters(), alone.algorithm.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-3, msg=lambda m, n=name: f"{n}: {m}")


def test_a_process_that_is_killed_fails_the_run_with_a_remedy(team: Team, home: Home, tmp_path: Path) -> None:
    def answer(progress: Progress) -> str:
        if progress.phase == "training" and progress.iteration == 2:
            os.kill(team.pids[0], signal.SIGKILL)
        return "run"

    endless = ("training.iterations=1000", "training.evaluate_every=1000")
    run = trainer(home, tmp_path, *endless, team=team, listener=MemoryListener(answer), beat=0.0)
    with pytest.raises(TeamError, match=r"Process 2 of 2, .* was ended by signal 9 \(SIGKILL\)") as caught:
        run.run()
    assert "Resume the run" in caught.value.remedy


CRASHING = """
import sys
from torch import nn

class Net(nn.Module):
    def __init__(self, input_shape, outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, outputs))

    def forward(self, x):
        if "follower" in sys.argv[0]:
            print("about to fail")
            {problem}
        return self.layers(x)
"""


@pytest.mark.parametrize(
    ("problem", "words", "remedy"),
    [
        ("raise ZeroDivisionError('not here')", "ZeroDivisionError: not here", "traceback is in the log"),
        ("raise MemoryError('all of it')", "MemoryError: all of it", "training.tasks_at_once"),
    ],
)
def test_what_fails_in_another_process_is_told(
    problem: str, words: str, remedy: str, write_module: Callable[[str], str], team: Team, home: Home, tmp_path: Path
) -> None:
    own = ("model=module", f"model.path={write_module(CRASHING.format(problem=problem))}:Net")
    with pytest.raises(TeamError, match=words) as caught:
        trainer(home, tmp_path, *own, team=team).run()
    assert "Process 2 of 2" in caught.value.message
    assert remedy in caught.value.remedy


def test_a_process_that_cannot_start_is_told(team: Team, home: Home, tmp_path: Path) -> None:
    run = trainer(home, tmp_path, team=team)
    os.kill(team.pids[0], signal.SIGKILL)
    with pytest.raises(TeamError, match="Process 2 of 2"):
        run.run()


def test_followers_end_with_whoever_leads_them() -> None:
    """A process that leads and is killed while the other still starts up."""
    code = (
        "import time; from core.training.parallel import Team\n"
        "team = Team(['cpu'] * 3); print(*team.pids, team.folder, flush=True); time.sleep(600)"
    )
    leader = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    *pids, folder = leader.stdout.readline().split()
    followers = [psutil.Process(int(pid)) for pid in pids]
    leader.kill()
    leader.wait()
    wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in followers))
    wait_until(lambda: not Path(folder).exists())
