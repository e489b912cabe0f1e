"""What a worker may write: its own run's rows, and only for as long as the run is its own."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select

from core.errors import StoreError
from core.runs.schema import ACTIVE, runs
from core.runs.store import RunStore


class Superseded(StoreError):
    """The run is no longer this worker's: it was given up, resumed by another, or ended."""


class Attempt:
    """One attempt at a run, as a worker makes it. Every write is one transaction with the question whether it still counts.

    A worker that was taken for dead and lives on finds out at its next write, which does nothing and raises Superseded.
    """

    def __init__(self, store: RunStore, run: int, number: int):
        self.store, self.run, self.number = store, run, number

    @contextmanager
    def ours(self, only: Collection[str] = ACTIVE) -> Iterator[RunStore]:
        """The store, in a transaction during which this attempt is the run's."""
        query = select(runs.c.attempt, runs.c.status).where(runs.c.id == self.run).with_for_update()
        with self.store.database.together() as connection:
            row = connection.execute(query).one_or_none()
            if row is None or row.attempt != self.number or row.status not in only:
                now = "deleted" if row is None else f"{row.status}, attempt {row.attempt}"
                raise Superseded(f"Attempt {self.number} at run {self.run} is over: the run is {now}.")
            yield self.store

    def check(self) -> None:
        """Raises Superseded if this attempt is over."""
        with self.ours():
            return

    def claim(self, handle: dict[str, Any], **columns: Any) -> None:
        """Make the waiting run this worker's."""
        with self.ours({"starting"}) as store:
            store.move(self.run, "running", {"starting"}, handle=handle, **columns)

    def heartbeat(self, **progress: Any) -> str:
        with self.ours() as store:
            return store.heartbeat(self.run, **progress)

    def update(self, **columns: Any) -> None:
        with self.ours() as store:
            store.update(self.run, **columns)

    def move(self, to: str, only_from: Collection[str] = ACTIVE, **columns: Any) -> bool:
        with self.ours() as store:
            return store.move(self.run, to, only_from, **columns)

    def add_metrics(self, rows: list[tuple[int, float, str, float]]) -> None:
        with self.ours() as store:
            store.add_metrics(self.run, rows)

    def add_evaluation(
        self, *scored: Any, best: dict[str, Any] | None, test: dict[str, Any] | None, **more: Any
    ) -> None:
        """As RunStore.add_evaluation, and with it what the run's row says of its best validation and its test."""
        summary = {key: value for key, value in (("best", best), ("test", test)) if value is not None}
        with self.ours() as store:
            store.add_evaluation(self.run, *scored, **more)
            if summary:
                store.update(self.run, **summary)

    def truncate_after(self, iteration: int) -> None:
        with self.ours() as store:
            store.truncate_after(self.run, iteration)
