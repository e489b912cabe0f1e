"""The tables of 0.1. Frozen: later versions start from exactly these."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

tables = sa.MetaData()


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _counts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def _optional(kind: type, *names: str) -> list[sa.Column]:
    return [sa.Column(name, kind) for name in names]


sa.Table(
    "runs",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    *_texts("name", "note"),
    sa.Column("group", sa.Text),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("status", sa.Text, nullable=False, index=True),
    *_texts("desired", "phase"),
    *_counts("iteration", "iterations"),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    *_optional(sa.Double, "started", "ended", "stop_requested"),
    sa.Column("host", sa.Text),
    sa.Column("pid", sa.Integer),
    sa.Column("pid_created", sa.Double),
    sa.Column("boot_id", sa.Text),
    sa.Column("heartbeat", sa.Double),
    *_texts("slot", "device"),
    sa.Column("load", sa.JSON),
    *_texts("forward", "error", "remedy", "folder", "datasets"),
    *_optional(sa.JSON, "best", "test"),
    sa.Column("parent", sa.Integer),
    *_optional(sa.Double, "rate", "remaining"),
    *_counts("attempt", "revision"),
    sqlite_autoincrement=True,
)
sa.Table(
    "metrics",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("iteration", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("value", sa.Double),
    sa.Index("metrics_of_run", "run_id", "id"),
    sqlite_autoincrement=True,
)
sa.Table(
    "evaluations",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("iteration", sa.Integer, nullable=False),
    *_texts("split", "metric"),
    *_optional(sa.Double, "mean", "ci95"),
    *_counts("episodes", "non_finite"),
    *_texts("checkpoint"),
    sa.Column("result", sa.JSON),
    sa.Column("created", sa.Double, nullable=False),
    sqlite_autoincrement=True,
)


def upgrade() -> None:
    tables.create_all(op.get_bind())
