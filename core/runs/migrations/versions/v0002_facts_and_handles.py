"""A run says itself what pages show of it, whose it is and how its worker is found; evaluations keep their scores.

Paths below the home become relative to it, so that the home can be moved.
"""

import sqlalchemy as sa
from alembic import op

from core.runs.migrations.facts_of_first_release import facts_of, learner_of

revision, down_revision = "0002", "0001"

runs = sa.table(
    "runs",
    *(sa.column(name, sa.Integer) for name in ("id", "pid")),
    *(sa.column(name, sa.Text) for name in ("boot_id", "family", "learner")),
    sa.column("pid_created", sa.Double),
    *(sa.column(name, sa.JSON(none_as_null=True)) for name in ("config", "facts", "handle")),
)


def upgrade() -> None:
    _add_columns()
    connection = op.get_bind()
    known = (runs.c.id, runs.c.config, runs.c.pid, runs.c.pid_created, runs.c.boot_id)
    for row in connection.execute(sa.select(*known)).mappings().all():
        connection.execute(sa.update(runs).where(runs.c.id == row["id"]).values(_filled_in(row)))


def _add_columns() -> None:
    for name in ("owner", "family", "learner"):
        filled = {} if name == "owner" else {"nullable": False, "server_default": sa.text("''")}
        op.add_column("runs", sa.Column(name, sa.Text, **filled))
    for name in ("facts", "handle", "outline"):
        op.add_column("runs", sa.Column(name, sa.JSON))
    for name in ("family", "learner"):
        op.create_index(f"ix_runs_{name}", "runs", [name])
    op.add_column("evaluations", sa.Column("scores", sa.LargeBinary))


def _filled_in(row: sa.RowMapping) -> dict[str, object]:
    """The new columns of a run as far as the old ones tell them."""
    config = row["config"]
    handle = {"pid": row["pid"], "created": row["pid_created"], "boot_id": row["boot_id"]}
    return {
        "facts": facts_of(config),
        "family": config.get("family", {}).get("name", ""),
        "learner": learner_of(config),
        "handle": None if row["pid"] is None else handle,
    }
