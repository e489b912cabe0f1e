"""What each training of a tournament is given: the same time, or the same number of tasks. Free of torch."""

from dataclasses import dataclass
from typing import Any

from core import about
from data.errors import InputError
from data.language import tr


@dataclass(frozen=True)
class Budget:
    """seconds: of training, without validations and the test. tasks: that are seen. One of the two is None."""

    seconds: float | None = None
    tasks: int | None = None

    @classmethod
    def of(cls, seconds: float | None, tasks: int | None) -> "Budget":
        """Raises InputError unless exactly one is given, and is more than nothing."""
        if (seconds is None) == (tasks is None):
            text = tr("Both of seconds and tasks are given.")
            if seconds is None:
                text = tr("Neither of seconds and tasks is given.")
            raise InputError(text, tr("Say how many seconds, or how many tasks, each learner trains."), "seconds")
        if (seconds if tasks is None else tasks) <= 0:
            name = "seconds" if tasks is None else "tasks"
            text = tr("seconds has to be greater than 0.") if tasks is None else tr("tasks has to be greater than 0.")
            raise InputError(text, tr("Give each training some."), name)
        return cls(seconds, tasks)

    @property
    def text(self) -> str:
        """``20 s of training each``, ``32 000 tasks each``."""
        if self.tasks is not None:
            return tr("{n} tasks each", n=about.count(self.tasks))
        if self.seconds < 120:
            return tr("{seconds:g} s of training each", seconds=self.seconds)
        return tr("{time} each", time=about.duration(self.seconds))

    def as_json(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "tasks": self.tasks}
