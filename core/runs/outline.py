"""A run's query loss in few values, kept in its row: the list of runs draws it without reading a single metric."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from core.runs.schema import metrics, runs

MOST = 120  # values of an outline; even, as pairs of them are joined
QUERY_LOSS = "train/query_loss"


@dataclass(frozen=True)
class Outline:
    """means: of ``every`` consecutive finite values each, over the whole run. total, count: of those that came since, too
    few for another mean. Once there are MOST means each two become one, so that the line stays as long as the run.
    """

    every: int = 1
    means: tuple[float, ...] = ()
    total: float = 0.0
    count: int = 0

    def extended(self, values: Iterable[float | None]) -> "Outline":
        """With further values; those that are not finite, stored as None, are left out."""
        every, means, total, count = self.every, list(self.means), self.total, self.count
        for value in values:
            if value is None:
                continue
            total, count = total + value, count + 1
            if count == every:
                means.append(float(f"{total / count:.6g}"))
                total, count = 0.0, 0
            if len(means) == MOST:
                means = [float(f"{(a + b) / 2:.6g}") for a, b in zip(means[::2], means[1::2], strict=True)]
                every *= 2
        return Outline(every, tuple(means), total, count)

    @property
    def line(self) -> list[float]:
        """What is drawn: at most MOST values, oldest first."""
        return [*self.means, *([self.total / self.count] if self.count else [])]

    @classmethod
    def from_json(cls, values: dict[str, Any] | None) -> "Outline":
        return cls(**values | {"means": tuple(values["means"])}) if values else cls()


def extend(connection: Connection, run: int, rows: Iterable[tuple[str, float | None]]) -> None:
    """Add (key, value) metrics to the run's outline, in the transaction that stores them."""
    losses = [value for key, value in rows if key == QUERY_LOSS]
    if losses:
        kept = connection.execute(select(runs.c.outline).where(runs.c.id == run)).scalar_one_or_none()
        _store(connection, run, Outline.from_json(kept).extended(losses))


def rebuild(connection: Connection, run: int) -> None:
    """Make the run's outline from the metrics that it has, after some were dropped."""
    losses = select(metrics.c.value).where(metrics.c.run_id == run, metrics.c.key == QUERY_LOSS).order_by(metrics.c.id)
    _store(connection, run, Outline().extended(connection.execute(losses).scalars()))


def _store(connection: Connection, run: int, outline: Outline) -> None:
    connection.execute(update(runs).where(runs.c.id == run).values(outline=asdict(outline)))
