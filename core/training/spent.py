"""Where a run's time goes: seconds by what they were spent on."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Activity = Literal["data", "training", "validation", "writing"]
ACTIVITIES: tuple[Activity, ...] = ("data", "training", "validation", "writing")


class Spent:
    """Seconds of the processor's clock by activity, over all attempts; at each moment at most one activity is counted.

    data: reading the training split and drawing its tasks, see ``drawing``. training: meta-steps. validation: scores on frozen
    episodes, choosing a fine-tuning, the final test. writing: metrics, checkpoints, signs of life. Building the learner,
    pauses and waiting for other runs belong to none of them. Nothing waits for a GPU to be measured: there, work is counted
    where the processor next needs its result.
    """

    def __init__(self, before: Mapping[str, float] | None = None, clock: Callable[[], float] = time.perf_counter):
        """before: of earlier attempts."""
        self.clock = clock
        self.seconds = {activity: float((before or {}).get(activity, 0.0)) for activity in ACTIVITIES}
        self._doing: Activity | None = None
        self._since = clock()
        self._drawn = 0.0  # of what was counted as training

    @contextmanager
    def on(self, activity: Activity | None) -> Iterator[None]:
        """What is done inside counts for this activity (None: for none), and not for the one around it."""
        around = self._turn_to(activity)
        try:
            yield
        finally:
            self._turn_to(around)

    def _turn_to(self, activity: Activity | None) -> Activity | None:
        now, before = self.clock(), self._doing
        if before is not None:
            self.seconds[before] += now - self._since
        self._doing, self._since = activity, now
        return before

    def leave_out(self, seconds: float) -> None:
        """So many of the last ones went into nothing."""
        self._since += seconds

    def drawing(self, call: Callable[..., T]) -> Callable[..., T]:
        """The same call, which is a part of each meta-step; its time counts as data. It costs a third of a microsecond."""

        def timed(*arguments: Any) -> T:
            began = self.clock()
            drawn = call(*arguments)
            self._drawn += self.clock() - began
            return drawn

        return timed

    def so_far(self) -> dict[str, float]:
        """Seconds by activity up to now."""
        self._turn_to(self._doing)
        data, training = self.seconds["data"] + self._drawn, self.seconds["training"] - self._drawn
        return self.seconds | {"data": data, "training": max(0.0, training)}
