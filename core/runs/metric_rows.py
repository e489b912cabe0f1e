"""What runs measure while they train: rows of (iteration, key, value), read as increments."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import and_, insert, or_, select

from core.runs import outline
from core.runs.database import Database
from core.runs.schema import metrics, runs, storable

MetricRow = tuple[int, int, str, float | None, float]
_COLUMNS = (metrics.c.id, metrics.c.iteration, metrics.c.key, metrics.c.value, metrics.c.seconds)


class MetricRows:
    """The part of the store that keeps metrics."""

    database: Database

    def add_metrics(self, id: int, rows: Iterable[tuple[int, float, str, float]]) -> None:
        """Append (iteration, seconds, key, value) rows; seconds of training, keys as ``train/query_loss``."""
        values = [
            {"run_id": id, "iteration": iteration, "seconds": seconds, "key": key, "value": storable(float(value))}
            for iteration, seconds, key, value in rows
        ]
        if values:
            with self.database.writing() as connection:
                connection.execute(insert(metrics), values)
                outline.extend(connection, id, ((row["key"], row["value"]) for row in values))

    def metric_rows(self, id: int, after: int = 0, limit: int | None = None) -> Sequence[MetricRow]:
        """A run's rows (row, iteration, key, value, seconds) beyond the row ``after``, oldest first, at most ``limit``.

        What is known is known of one run: on PostgreSQL ids become visible in their order within a run only.
        """
        query = (
            select(*_COLUMNS).where(metrics.c.run_id == id, metrics.c.id > after).order_by(metrics.c.id).limit(limit)
        )
        with self.database.reading() as connection:
            return connection.execute(query).tuples().all()

    def newer_metrics(self, lasts: Mapping[int, int], limit: int) -> Sequence[tuple[int, MetricRow]]:
        """The rows of several runs beyond the one that is known of each, by run and oldest first, at most ``limit``: in one
        query, for a chart of many live runs asks once a second. Each with its run; lasts: the known row by run.
        """
        columns = (metrics.c.run_id, *_COLUMNS)
        newer = or_(*(and_(metrics.c.run_id == run, metrics.c.id > last) for run, last in lasts.items()))
        query = select(*columns).where(newer).order_by(metrics.c.run_id, metrics.c.id).limit(limit)
        with self.database.reading() as connection:
            return [(run, tuple(row)) for run, *row in connection.execute(query).tuples()]

    def revisions(self, ids: Collection[int]) -> dict[int, int]:
        """How often the metrics of each existing run were cut back."""
        with self.database.reading() as connection:
            return dict(connection.execute(select(runs.c.id, runs.c.revision).where(runs.c.id.in_(ids))).tuples().all())
