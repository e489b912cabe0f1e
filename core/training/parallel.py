"""One run by several processes of a machine: the tasks of each meta-batch are divided, the gradients added up.

The process that has the run leads. It starts the others as its children, tells each over a pipe when to take a step, and does
all the rest alone: validation, checkpoints, the final test. Every process draws the same whole meta-batch, computes its
portion, learns the sum of all gradients and takes the same step of the optimizer; nothing else is exchanged. The pipe is also
how nobody outlives the leader: it closes when the leader ends, however that happens, and with it they end.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.distributed as dist
from torch import Tensor

from core.training.step import Stepper
from data.errors import InnerloopError
from data.family import TaskFamily

PROJECT = Path(__file__).resolve().parents[2]
EXCHANGE = timedelta(minutes=30)  # after which a partner that does not answer within a step counts as lost
GRACE = 10.0  # seconds for news of what has happened to a partner, and for it to end
_REMEDY = "Resume the run: it goes on from its last checkpoint. If it happens again, set training.processes to 1."


class TeamError(InnerloopError):
    """A process that shares the work is lost."""


class Team:
    """The processes of a run, as their leader sees them (Partners). Ends them when it is left as a context."""

    rank = 0

    def __init__(self, devices: Sequence[str]):
        """Start a process for each device but the first, which is the caller's own. They load torch meanwhile."""
        self.devices, self.processes = list(devices), len(devices)
        self.folder = Path(tempfile.mkdtemp(prefix="innerloop-team-"))
        self.news: queue.SimpleQueue[tuple[int, dict[str, Any]]] = queue.SimpleQueue()
        self.closing = False
        search = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))
        self.followers = [
            subprocess.Popen(
                [sys.executable, "-m", "core.training.follower", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,  # for news; what a network prints goes to the log
                env=os.environ | {"PYTHONPATH": search, "PYTHONUNBUFFERED": "1"},
            )
            for _ in self.devices[1:]
        ]
        for rank, follower in enumerate(self.followers, 1):
            threading.Thread(target=self._listen, args=(rank, follower), daemon=True).start()

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        return [follower.pid for follower in self.followers]

    def join(self, stepper: Stepper, family: TaskFamily, tick: Callable[[], None], beat: float = 1.0) -> None:
        """Bring all to where ``stepper`` is and wait until they are ready. Raises TeamError.

        tick: called about every ``beat`` seconds meanwhile.
        """
        torch.save(shared_state(stepper), self.folder / "state.pt")
        orders = {
            "config": stepper.config.model_dump(mode="json"),
            "datasets": str(family.datasets),
            "cache": str(family.cache),
            "forward": stepper.algorithm.forward_tasks.mode,
            "threads": torch.get_num_threads(),
            "processes": self.processes,
            "devices": self.devices,
        }
        for rank in range(1, self.processes):
            self._tell(rank, orders | {"rank": rank})
        waiting = set(range(1, self.processes))
        while waiting:
            with contextlib.suppress(queue.Empty):
                rank, said = self.news.get(timeout=beat)
                if "ready" not in said:
                    raise self._lost(rank, said)
                waiting.remove(rank)
            tick()
        meet(self.folder, 0, self.devices)

    def begin(self, iteration: int, rate: float, progress: float) -> None:
        for rank in range(1, self.processes):
            self._tell(rank, {"iteration": iteration, "rate": rate, "progress": progress})

    def add_up(self, tensor: Tensor) -> None:
        """Raises TeamError where a partner is lost."""
        try:
            dist.all_reduce(tensor)
            if tensor.is_cuda:  # the sum is only asked for there, and waiting would find out about a loss
                torch.cuda.current_stream().synchronize()
        except RuntimeError as error:
            raise self._lost(*self._latest()) from error
        if not self.news.empty():
            raise self._lost(*self.news.get())

    def close(self) -> None:
        """End the others: at once, for they have nothing to finish. What they had is in the leader too."""
        self.closing = True
        for follower in self.followers:
            with contextlib.suppress(BrokenPipeError):  # it has ended by itself
                follower.stdin.close()
        for follower in self.followers:
            try:
                follower.wait(GRACE)
            except subprocess.TimeoutExpired:
                follower.kill()
                follower.wait()
        if dist.is_initialized():
            dist.destroy_process_group()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _tell(self, rank: int, order: dict[str, Any]) -> None:
        pipe = self.followers[rank - 1].stdin
        try:
            pipe.write(json.dumps(order).encode() + b"\n")
            pipe.flush()
        except BrokenPipeError as error:
            raise self._lost(*self._latest(rank)) from error

    def _listen(self, rank: int, follower: subprocess.Popen) -> None:
        """What a follower says, and at last that it has ended."""
        for line in follower.stdout:
            self.news.put((rank, json.loads(line)))
        if self.closing:
            return
        self.news.put((rank, {"code": follower.wait()}))
        if self.devices[0].startswith("cuda") and dist.is_initialized():
            dist.distributed_c10d._abort_process_group()  # NCCL waits for ever for one that is gone

    def _latest(self, rank: int = 1) -> tuple[int, dict[str, Any]]:
        """News of the partner that is lost; of ``rank`` if there are none."""
        try:
            return self.news.get(timeout=GRACE)
        except queue.Empty:
            return rank, {}

    def _lost(self, rank: int, said: dict[str, Any]) -> TeamError:
        who = f"Process {rank + 1} of {self.processes}"
        if "error" in said:
            text = f"{who}, which shared the work, failed: {said['error']}"
            return TeamError(text, said["remedy"])
        code = said.get("code")
        if code is None:
            return TeamError(f"{who}, which shared the work, does not answer.", _REMEDY)
        how = f"with code {code}" if code >= 0 else f"by signal {-code} ({signal.Signals(-code).name})"
        return TeamError(f"{who}, which shared the work, was ended {how}.", _REMEDY)


def shared_state(stepper: Stepper) -> dict[str, Any]:
    """All that another process needs to take the same next step."""
    return {
        "learner": stepper.algorithm.state_dict(),
        "optimizer": stepper.optimizer.state_dict(),
        "generator": stepper.generator.get_state(),
    }


def meet(folder: Path, rank: int, devices: Sequence[str]) -> None:
    """Join the group that adds up, over this machine's loopback alone. Returns when all are there."""
    loopback = next(
        (name for name, found in psutil.net_if_addrs().items() if any(one.address == "127.0.0.1" for one in found)),
        "lo",
    )
    os.environ |= {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
    cuda = devices[rank].startswith("cuda")
    dist.init_process_group(
        "nccl" if cuda else "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=len(devices),
        timeout=EXCHANGE,
        device_id=torch.device(devices[rank]) if cuda else None,
    )
