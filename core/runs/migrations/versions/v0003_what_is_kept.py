"""Runs have tags, stars, an archive, and are deleted for a while before they are gone; searches and choices are kept."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("tags", sa.Text, nullable=False, server_default=sa.text("''")))
    for name in ("starred", "archived"):
        op.add_column("runs", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("deleted", sa.Double))
    op.create_table(
        "searches", sa.Column("name", sa.Text, primary_key=True), sa.Column("query", sa.Text, nullable=False)
    )
    op.create_table(
        "preferences", sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.JSON, nullable=False)
    )
