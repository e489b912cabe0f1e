"""What a score is: its name, unit and bounds, which way is better, and what guessing reaches. Free of torch."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data.language import mark, tr

DIVERGED = 100  # times as large as before adapting, and larger, is the error of a task that diverged
RULE = mark(  # with DIVERGED in it: what is kept has to be what is translated
    "error more than 100 times the task's own before adapting, and above the median task's before adapting"
)
PLAIN = 1e-4, 1e7  # sizes between which a number is written without an exponent


def written(value: float, digits: int = 3) -> str:
    """A number in at most ten signs: ``0.187``, ``12.4``, ``1240``, ``5.2e27``; "not finite" where it is none.

    digits: significant ones below a thousand; above there are all before the point, and beside an exponent always two.
    """
    if not math.isfinite(value):
        return tr("not finite")
    if value and not PLAIN[0] <= abs(value) < PLAIN[1]:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{float(f'{value:.{digits}g}') + 0.0:.10f}".rstrip("0").rstrip(".")  # + 0.0: there is no "-0"


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals, and with an exponent where it is too large for them; never ``-0.00``."""
    if abs(value) >= PLAIN[1]:
        return written(value)
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


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
        title = tr(self.title)
        return tr("{title}, {unit}", title=title, unit=self.unit) if self.unit else title

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
            return tr("not finite")
        shown = [mean] if ci95 is None or not math.isfinite(ci95) else [mean, ci95]
        if self.digits is None:
            numbers = [written(self.factor * number, digits) for number, digits in zip(shown, (4, 2), strict=False)]
        else:
            numbers = [fixed(self.factor * number, self.digits) for number in shown]
        return " ± ".join(numbers) + self.suffix

    def difference(self, value: float) -> str:
        """How far one score lies above another, in points where they are per cent: ``+1.20 points``."""
        value *= self.factor
        number = fixed(value, self.digits) if self.unit == "%" else written(value)
        number = ("" if number.startswith("-") else "+") + number
        return tr("{number} points", number=number) if self.unit == "%" else number + self.suffix

    def limits(self, before: np.ndarray) -> np.ndarray:
        """Above which score a task diverged, by RULE: (tasks,), from the scores before adapting (tasks,).

        DIVERGED times its own, so that adapting has made it worse by orders of magnitude; and at least the median task's, as
        a task that was all but solved at the start may get many times worse and still be well solved. Infinite where there is
        no such limit: of a task whose score was not finite to begin with, and of all metrics but errors without an upper
        bound. An accuracy cannot diverge, and of a reward nobody knows what is orders of magnitude worse.
        """
        known = np.isfinite(before)
        if not self.unbounded_error or not known.any():
            return np.full(before.shape, np.inf)
        return np.where(known, np.maximum(DIVERGED * before, np.median(before[known])), np.inf)

    @property
    def unbounded_error(self) -> bool:
        """Whether it counts from 0, where all is right, and without an end."""
        return not self.higher_is_better and self.low == 0 and self.high is None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Metric":
        """What ``as_json`` gave, also that of a later version: what it does not know it leaves out."""
        return cls(**{key: value for key, value in values.items() if key in cls.__dataclass_fields__})


def accuracy(n_way: int | None = None) -> Metric:
    """The share of queries answered rightly, in [0, 1], shown in per cent. n_way: classes of a task, for chance."""
    chance = 1 / n_way if n_way else None
    return Metric("accuracy", mark("accuracy"), True, "%", 100.0, 2, 0.0, 1.0, chance)


SQUARED_ERROR = Metric("mse", mark("mean squared error"), False, low=0.0)
RETURN = Metric("return", mark("mean return"), True, digits=2)
