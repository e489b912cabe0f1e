"""A run says itself what pages show of it, whose it is and how its worker is found; evaluations keep their scores.

Paths below the home become relative to it, so that the home can be moved.
"""

import platform
from pathlib import Path

import sqlalchemy as sa
from alembic import context, op

from core.runs.home import Home
from core.runs.migrations.facts_of_first_release import facts_of, learner_of
from core.runs.paths import relative

revision, down_revision = "0002", "0001"

runs = sa.table(
    "runs",
    *(sa.column(name, sa.Integer) for name in ("id", "pid")),
    *(sa.column(name, sa.Text) for name in ("boot_id", "family", "learner", "host")),
    sa.column("pid_created", sa.Double),
    *(sa.column(name, sa.JSON(none_as_null=True)) for name in ("config", "facts", "handle", "outline")),
)
places = sa.table("runs", sa.column("id", sa.Integer), sa.column("folder"), sa.column("datasets"))
metrics = sa.table("metrics", *(sa.column(name) for name in ("id", "run_id", "key", "value")))


def upgrade() -> None:
    _add_columns()
    connection, root = op.get_bind(), context.config.attributes["root"]
    known = (runs.c.id, runs.c.config, runs.c.pid, runs.c.pid_created, runs.c.boot_id)
    for row in connection.execute(sa.select(*known)).mappings().all():
        filled = _filled_in(row) | {"outline": _outline(connection, row["id"])}
        connection.execute(sa.update(runs).where(runs.c.id == row["id"]).values(filled))
    for name in ("pid", "pid_created", "boot_id"):  # part of the handle now
        op.drop_column("runs", name)
    here = sa.true() if connection.dialect.name == "sqlite" else runs.c.host == platform.node()
    hosted = sa.and_(here, runs.c.host.is_not(None))
    # A host was the machine's name, which changes; the home that is opened here is what it stood for.
    if connection.execute(sa.select(runs.c.id).where(hosted).limit(1)).first():
        connection.execute(sa.update(runs).where(hosted).values(host=Home(root, root, "").host))
    _place(connection, root)


def _place(connection: sa.Connection, root: Path) -> None:
    """Make paths relative to the home at ``root``, also of a home that was moved before and lost sight of its runs so."""
    for id, folder, datasets in connection.execute(sa.select(places)).tuples().all():
        home = Path(folder).parents[1] if folder.endswith(f"/runs/{id}") else root
        moved = not Path(folder).is_dir() and (root / "runs" / str(id)).is_dir()
        old = {name: Path(path) for name, path in (("folder", folder), ("datasets", datasets)) if path}
        new = {name: relative(path, home if moved else root) for name, path in old.items()}
        connection.execute(sa.update(places).where(places.c.id == id).values(new))


def _add_columns() -> None:
    for name in ("owner", "family", "learner"):
        filled = {} if name == "owner" else {"nullable": False, "server_default": sa.text("''")}
        op.add_column("runs", sa.Column(name, sa.Text, **filled))
    for name in ("facts", "handle", "outline"):
        op.add_column("runs", sa.Column(name, sa.JSON))
    for name in ("family", "learner"):
        op.create_index(f"ix_runs_{name}", "runs", [name])
    op.add_column("evaluations", sa.Column("scores", sa.LargeBinary))
    if op.get_bind().dialect.name == "postgresql":  # two thousand million rows are soon measured; SQLite has no bound
        op.alter_column("metrics", "id", type_=sa.BigInteger)
        op.execute("ALTER SEQUENCE metrics_id_seq AS bigint")


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


def _outline(connection: sa.Connection, run: int) -> dict[str, object] | None:
    """The run's query loss as means of 1, 2, 4, 8 … consecutive finite values, so many that there are fewer than 120."""
    losses = (metrics.c.run_id == run, metrics.c.key == "train/query_loss", metrics.c.value.is_not(None))
    number = connection.execute(sa.select(sa.func.count()).where(*losses)).scalar_one()
    every, means, portion = 1, [], []
    while number // every >= 120:
        every *= 2
    for value in connection.execute(sa.select(metrics.c.value).where(*losses).order_by(metrics.c.id)).scalars():
        portion.append(value)
        if len(portion) == every:
            means.append(sum(portion) / every)
            portion = []
    return {"every": every, "means": means, "total": sum(portion), "count": len(portion)} if number else None
