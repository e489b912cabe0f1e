"""What each training of a tournament is given: the same time, or the same number of tasks. Free of torch."""

from dataclasses import dataclass
from typing import Any

from core import about
from data.errors import InputError


@dataclass(frozen=True)
class Budget:
    """seconds: of training, without validations and the test. tasks: that are seen. One of the two is None."""

    seconds: float | None = None
    tasks: int | None = None

    @classmethod
    def of(cls, seconds: float | None, tasks: int | None) -> "Budget":
        """Raises InputError unless exactly one is given, and is more than nothing."""
        if (seconds is None) == (tasks is None):
            given = "Neither" if seconds is None else "Both"
            text = f"{given} of seconds and tasks {'is' if seconds is None else 'are'} given."
            raise InputError(text, "Say how many seconds, or how many tasks, each learner trains.", "seconds")
        if (seconds if tasks is None else tasks) <= 0:
            name = "seconds" if tasks is None else "tasks"
            raise InputError(f"{name} has to be greater than 0.", "Give each training some.", name)
        return cls(seconds, tasks)

    @property
    def text(self) -> str:
        """``20 s of training each``, ``32 000 tasks each``."""
        if self.tasks is not None:
            return f"{self.tasks:,} tasks each".replace(",", "\u202f")
        return f"{self.seconds:g} s of training each" if self.seconds < 120 else f"{about.duration(self.seconds)} each"

    def as_json(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "tasks": self.tasks}
