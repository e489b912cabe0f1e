"""Versions of the store's schema: which one a database has, and how it becomes today's. Data are kept.

A version is one file in ``versions/``; alembic runs those that are missing, in one exclusive transaction, so that a migration
that is killed leaves the store as it was. Only then is alembic imported. An empty database gets today's tables at once.
"""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, false, insert, inspect, select
from sqlalchemy.exc import DatabaseError

from core.errors import StoreError
from core.runs.schema import metadata

if TYPE_CHECKING:
    from core.runs.database import Database

VERSION = "0003"  # the newest in versions/; the code reads and writes no other
UNNUMBERED = "0001"  # the schema of 0.1, which did not write its version down
_AWAY = "Move it away, or choose another home with INNERLOOP_HOME."
_stamp = Table(  # as alembic makes it
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
# Every column of each table, and no row; as text, because to compile them again for each store costs more than to ask.
_PROBES = [str(select(table).where(false())) for table in metadata.tables.values()]


def bring_up_to_date(database: "Database", root: Path) -> None:
    """Create the tables or migrate them, where that has not been done; StoreError where it cannot be done.

    root: the home folder, to which paths in the rows become relative. About a millisecond where nothing is to be done.
    """
    if _is_today(database):
        return
    with database.exclusive() as connection:  # several processes may find an old store at once: the first migrates it
        version = _version(connection, str(database.place))
        if version is None:
            metadata.create_all(connection)
            _stamp.create(connection)
            connection.execute(insert(_stamp).values(version_num=VERSION))
        elif version != VERSION:
            _migrate(connection, version, root, str(database.place))
        _check_columns(connection, metadata, str(database.place))


def _is_today(database: "Database") -> bool:
    """Whether the version is today's and each table has each of its columns: no row is read to find out."""
    try:
        with database.engine.connect() as connection:
            for probe in _PROBES:
                connection.exec_driver_sql(probe)
            version = connection.exec_driver_sql(f"SELECT version_num FROM {_stamp.name}").scalar_one_or_none()
            return version == VERSION
    except (DatabaseError, sqlite3.DatabaseError):  # a column is missing, or worse: asked again where it can be told
        return False


def _version(connection: Connection, place: str) -> str | None:
    """The version of what is there; None for an empty database. StoreError if it is not a store or a newer one."""
    present = set(inspect(connection).get_table_names())
    if _stamp.name in present:
        version = connection.execute(select(_stamp.c.version_num)).scalar_one_or_none() or UNNUMBERED
        if version > VERSION:
            message = (
                f"The database {place} was written by a newer Innerloop (schema {version}, this one knows {VERSION})."
            )
            raise StoreError(message, "Update Innerloop, or choose another home with INNERLOOP_HOME.", place)
        return version
    return UNNUMBERED if present & set(metadata.tables) else None


def _migrate(connection: Connection, version: str, root: Path, place: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "core.runs:migrations")
    config.attributes |= {"connection": connection, "root": root}
    if version == UNNUMBERED:
        tables = ScriptDirectory.from_config(config).get_revision(UNNUMBERED).module.tables
        _check_columns(connection, tables, place)
        command.stamp(config, UNNUMBERED)
    command.upgrade(config, "head")


def _check_columns(connection: Connection, expected: MetaData, place: str) -> None:
    """StoreError where a table or a column is missing, as runs.note or metrics."""
    inspector, missing = inspect(connection), []
    present = set(inspector.get_table_names())
    for name, table in expected.tables.items():
        columns = {column["name"] for column in inspector.get_columns(name)} if name in present else set()
        lacking = [f"{name}.{column.name}" for column in table.columns if column.name not in columns]
        missing += lacking if name in present else [name]
    if missing:
        raise StoreError(f"The database {place} is not whole: it lacks {', '.join(missing)}.", _AWAY, place)
