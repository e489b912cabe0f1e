"""Connections and transactions: the one place that knows what SQLite and PostgreSQL do differently."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from core.errors import StoreError
from core.runs.migrations import bring_up_to_date

ADVISORY_LOCK = 1229868876  # any constant that all users of one PostgreSQL database share

_REMEDIES = {  # what the driver says -> what that means, and what to do
    "locked": (
        "is locked by another process",
        "Close what else has it open (a database browser, a backup); try again.",
    ),
    "not a database": ("is not a database", "Move that file away, or name another one with INNERLOOP_DATABASE."),
    "malformed": ("is damaged", "Restore it from a copy, or move it away to start with an empty one."),
    "unable to open": ("cannot be opened", "Check that its folder exists and that you may write to it."),
    "readonly": (
        "cannot be written to",
        "Give yourself write permission to it and its folder, or choose another home.",
    ),
    "full": ("cannot grow: the disk is full", "Free some space; what was stored before is kept."),
}
_PASSING = ("locked", "unable to open", "full")  # signs of what may go by itself


class Database:
    """An engine with three kinds of transaction: reading, writing, and exclusive (one holder at a time, everywhere).

    On SQLite writers always take the write lock at BEGIN: a transaction that reads first and writes later fails
    instead of waiting when another one wrote in between. root: the home folder. timeout: seconds to wait for a lock.
    """

    def __init__(self, url: str, root: Path | None = None, timeout: float = 10.0):
        self.url, self._joined = url, threading.local()
        try:
            self.engine = _engine(url, timeout)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            remedy = "Use sqlite:////absolute/file.db, or postgresql+psycopg://… with psycopg installed."
            raise StoreError(f"The database address cannot be used: {error}.", remedy) from error
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.place = self.engine.url.database if self.sqlite else self.engine.url.render_as_string(hide_password=True)
        self.root = root or (Path(self.engine.url.database or "").parent if self.sqlite else Path())
        bring_up_to_date(self, self.root)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view of the data."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All or nothing."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """All or nothing, and no other exclusive transaction in any process at the same time.

        Reads and writes on the same thread inside it join it.
        """
        with self.together() as connection:
            if not self.sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
            yield connection

    @contextmanager
    def together(self) -> Iterator[Connection]:
        """Writing, all or nothing: reads and writes on the same thread inside it join it."""
        outer = getattr(self._joined, "connection", None)
        with self._transaction("BEGIN IMMEDIATE") as connection:
            self._joined.connection = connection
            try:
                yield connection
            finally:
                self._joined.connection = outer

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        outer = getattr(self._joined, "connection", None)
        if outer is not None:
            yield outer
            return
        try:
            with self.engine.connect() as connection, connection.execution_options(begin=begin).begin():
                yield connection
        except (DatabaseError, sqlite3.DatabaseError) as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> Exception:
        """The StoreError for what a user can do something about; anything else is a bug and stays as it is."""
        cause = str(getattr(error, "orig", error))
        for sign, (what, remedy) in _REMEDIES.items():
            if sign in cause:
                passing = sign in _PASSING
                return StoreError(f"The database {self.place} {what}.", remedy, str(self.place), passing=passing)
        if isinstance(error, OperationalError):
            remedy = "Check that the database can be reached and has room."
            message = f"The database {self.place} does not answer: {cause.strip()}."
            return StoreError(message, remedy, str(self.place), passing="no such" not in cause)
        return error


def _engine(url: str, timeout: float) -> Any:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": timeout}, max_overflow=64)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes late and never says IMMEDIATE
        _enter_wal(connection, timeout)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        # SQLite's own knows the letters of English only, and a search for "täsk" has to find "TÄSK".
        connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _enter_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch the file to write-ahead logging, once for its life: readers then never wait for the writer."""
    deadline = time.monotonic() + timeout
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:  # SQLite does not wait for this lock by itself
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
