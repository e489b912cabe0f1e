"""What a run takes of its machine while it trains, as metrics beside its loss. They belong to the machine, not to the numbers
that a resumed run has to reproduce.
"""

from collections.abc import Mapping
from typing import Any

CPU, MEMORY = "system/cpu_percent", "system/memory_bytes"  # of the worker's processes; 100 is one core
GPU, GPU_MEMORY = "system/gpu_percent", "system/gpu_memory_bytes"  # of the whole GPU; of several the mean and the sum
KEYS = {CPU: "cpu_percent", MEMORY: "memory", GPU: "gpu_percent", GPU_MEMORY: "gpu_memory"}  # of ``hardware.load``
SHORTEST = 1.0  # seconds of training between two points at least
SHARE = 500  # of the training so far that lies between them at least: some thousand points however long it trains


def throughput(work: str) -> str:
    """The key of tasks, or examples, a second of training."""
    return f"system/{work}_per_second"


class System:
    """Measured at some of the windows of one attempt. work: as in ``Facts``, with what an iteration makes of it."""

    def __init__(self, work: str, work_per_iteration: int):
        self.work, self.work_per_iteration = work, work_per_iteration
        self.iteration = self.seconds = None  # of the point before

    def rows(self, iteration: int, seconds: float, load: Mapping[str, Any]) -> list[tuple[int, float, str, float]]:
        """Metrics at the end of a window, none where the ones before are too close. seconds: of training.
        load: see ``hardware.load``.
        """
        if self.seconds is None:  # what the first step takes is no measure of the others
            self.iteration, self.seconds = iteration, seconds
            return []
        passed, steps = seconds - self.seconds, iteration - self.iteration
        if passed < max(SHORTEST, seconds / SHARE):
            return []
        self.iteration, self.seconds = iteration, seconds
        values = {key: load.get(part) for key, part in KEYS.items()}
        values[throughput(self.work)] = steps * self.work_per_iteration / passed
        return [(iteration, seconds, key, float(value)) for key, value in values.items() if value is not None]
