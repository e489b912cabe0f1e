"""What a score is: its name, unit and bounds, which way is better, and what guessing reaches. Free of torch."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """How well a task is solved, as one number a task.

    name: the key in stores and JSON. title: in a sentence. unit: behind a number, "" if it has none. factor: what a stored
    value is multiplied by before it is shown (100 for shares in per cent). digits: decimals shown; None for three significant
    digits. low, high: bounds of a stored value, None where there is none. chance: the mean that guessing reaches, if known.
    """

    name: str
    title: str
    higher_is_better: bool
    unit: str = ""
    factor: float = 1.0
    digits: int | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None

    @property
    def axis(self) -> str:
        """The title of an axis that shows it: ``accuracy, %``."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def suffix(self) -> str:
        """Follows a number: a space and the unit, or nothing."""
        return f" {self.unit}" if self.unit else ""

    def gain(self, value: float) -> float:
        """The score as a number that is larger where it is better."""
        return value if self.higher_is_better else -value

    def text(self, mean: float | None, ci95: float | None = None) -> str:
        """A score as a person writes it, with the half-width of its interval if there is one: ``94.83 ± 0.41 %``."""
        if mean is None or not math.isfinite(mean):
            return "not finite"
        shown = [mean] if ci95 is None or not math.isfinite(ci95) else [mean, ci95]
        if self.digits is None:
            numbers = [f"{self.factor * shown[0]:.4g}", *(f"{self.factor * half:.2g}" for half in shown[1:])]
        else:
            numbers = [f"{self.factor * number:.{self.digits}f}" for number in shown]
        return " ± ".join(numbers) + self.suffix

    def difference(self, value: float) -> str:
        """How far one score lies above another, in points where they are per cent: ``+1.20 points``."""
        if self.unit == "%":
            return f"{self.factor * value:+.{self.digits}f} points"
        return f"{self.factor * value:+.3g}{self.suffix}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Metric":
        """What ``as_json`` gave, also that of a later version: what it does not know it leaves out."""
        return cls(**{key: value for key, value in values.items() if key in cls.__dataclass_fields__})


def accuracy(n_way: int | None = None) -> Metric:
    """The share of queries answered rightly, in [0, 1], shown in per cent. n_way: classes of a task, for chance."""
    chance = 1 / n_way if n_way else None
    return Metric("accuracy", "accuracy", True, "%", 100.0, 2, 0.0, 1.0, chance)


SQUARED_ERROR = Metric("mse", "mean squared error", False, low=0.0)
