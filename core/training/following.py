"""A follower's own learner, which takes every step that the leader's takes."""

import logging
import threading
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from core.config.run import RunConfig
from core.training.build import build_learner, open_family
from core.training.device import open_device
from core.training.parallel import meet
from core.training.step import Stepper, optimizer_of
from core.training.streams import stream

log = logging.getLogger(__name__)


class Following:
    """One process of a team but the first (Partners)."""

    def __init__(self, folder: Path, orders: dict[str, Any]):
        """orders: as ``Team.join`` gives them. Brings the learner to where the leader's is."""
        self.folder, self.rank, self.processes = folder, orders["rank"], orders["processes"]
        self.devices = orders["devices"]
        config = RunConfig.model_validate(orders["config"])
        device = open_device(self.devices[self.rank], config.precision)
        torch.set_num_threads(orders["threads"])
        family = open_family(config, Path(orders["datasets"]), Path(orders["cache"]), device)
        algorithm = build_learner(config, family, orders["forward"]).train()
        family.read("train")  # before the leader, whose clock runs then, waits for the first step
        generator = torch.Generator(device)
        self.stepper = Stepper(config, algorithm, optimizer_of(config, algorithm), generator, self)
        state = torch.load(folder / "state.pt", weights_only=True, map_location="cpu")
        algorithm.load_state_dict(state["learner"])
        self.stepper.optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"])

    def meet(self) -> None:
        meet(self.folder, self.rank, self.devices)

    def step(self, iteration: int, rate: float, progress: float) -> None:
        # Noise of its own for its own tasks, by the step alone: so a resumed run draws what an uninterrupted one does.
        part = iteration * self.processes + self.rank
        torch.manual_seed(stream(self.stepper.config.seed, "noise", part))
        self.stepper.take(iteration, rate, progress)

    def begin(self, iteration: int, rate: float, progress: float) -> None:
        """The leader has begun already."""

    def add_up(self, tensor: Tensor) -> None:
        try:
            dist.all_reduce(tensor)
        except RuntimeError as error:  # another process is lost; the leader finds out by itself, and its end is ours
            log.error("Process %d has lost the others: %s", self.rank + 1, error)
            threading.Event().wait()
