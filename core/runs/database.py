"""Connections and transactions: the one place that knows what SQLite and PostgreSQL do differently."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError, SQLAlchemyError

from core.errors import StoreError
from core.runs.address import REMEDY, masked, parse, without_secrets
from core.runs.migrations import bring_up_to_date

ADVISORY_LOCK = 1229868876  # any constant that all users of one PostgreSQL database share

_REMEDIES = {  # what the driver says -> what that means, and what to do
    "locked": (
        "is locked by another process",
        "Close what else has it open (a database browser, a backup); try again.",
    ),
    "lock timeout": ("is locked by another process", "Wait until it is done; try again."),
    "not a database": ("is not a database", "Move that file away, or name another one with INNERLOOP_DATABASE."),
    "malformed": ("is damaged", "Restore it from a copy, or move it away to start with an empty one."),
    "unable to open": ("cannot be opened", "Check that its folder exists and that you may write to it."),
    "readonly": (
        "cannot be written to",
        "Give yourself write permission to it and its folder, or choose another home.",
    ),
    "full": ("cannot grow: the disk is full", "Free some space; what was stored before is kept."),
}
_PASSING = ("locked", "lock timeout", "unable to open", "full")  # signs of what may go by itself


class Database:
    """An engine with three kinds of transaction: reading, writing, and exclusive (one holder at a time, everywhere).

    On SQLite writers always take the write lock at BEGIN: a transaction that reads first and writes later fails
    instead of waiting when another one wrote in between. root: the home folder; left out, it is the one that SQLite's
    file lies in, and a ValueError where no file says it. timeout: seconds to wait for a lock.
    """

    def __init__(self, url: str, root: Path | None = None, timeout: float = 10.0):
        self.url, self._joined = url, threading.local()
        address = parse(url)
        self.sqlite = address.get_backend_name() == "sqlite"
        self.place = address.database if self.sqlite else masked(address)
        try:
            self.engine = _engine(address, timeout)
            self.engine.connect().close()
        except (DBAPIError, sqlite3.Error) as error:
            raise self._explained(error, connecting=True) from None
        except (SQLAlchemyError, ImportError, ValueError, TypeError) as error:
            reason = without_secrets(str(error).partition("(Background")[0], address)
            raise StoreError(f"The database address cannot be used: {reason}.", REMEDY) from None
        if not (root or self.sqlite):
            raise ValueError(f"A store in {self.place} needs to be told its home folder")
        self.root = root or Path(address.database).parent
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
            explained = self._explained(error)
            if explained is None:
                raise
            raise explained from None  # the driver's own words may hold a password

    def _explained(self, error: Exception, *, connecting: bool = False) -> StoreError | None:
        """What a user can do something about; None for anything else, which is a bug."""
        cause = without_secrets(str(getattr(error, "orig", error)), self.engine.url)
        for sign, (what, remedy) in _REMEDIES.items():
            if sign in cause:
                passing = sign in _PASSING
                return StoreError(f"The database {self.place} {what}.", remedy, str(self.place), passing=passing)
        answering = isinstance(error, OperationalError)
        if connecting or answering:
            message = f"The database {self.place} does not answer: {cause}."
            remedy = "Check that the database can be reached and has room."
            return StoreError(message, remedy, str(self.place), passing=answering and "no such" not in cause)
        return None


def _engine(url: URL, timeout: float) -> Engine:
    return _sqlite(url, timeout) if url.get_backend_name() == "sqlite" else _postgresql(url, timeout)


def _postgresql(url: URL, timeout: float) -> Engine:
    if url.get_driver_name().startswith("psycopg") and "connect_timeout" not in url.query:
        url = url.update_query_dict(
            {"connect_timeout": str(max(2, round(timeout)))}
        )  # without one it waits for minutes
    engine = create_engine(url, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{round(1000 * timeout)}ms'")
        connection.commit()

    return engine


def _keep_private(path: Path) -> None:
    """The file of a database, and with it those that SQLite puts beside it, is its owner's alone.

    A file that exists is never opened here: closing it again would give up the locks of all connections that this process
    has to it, whoever made them (POSIX), and two processes would then write at once.
    """
    with suppress(OSError):  # no such folder, or another's file: SQLite says so, or it is for its owner to decide
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            if file.exists() and file.stat().st_mode & 0o077:
                file.chmod(0o600)


def _sqlite(url: URL, timeout: float) -> Engine:
    if url.database and url.database != ":memory:" and "uri" not in url.query:
        _keep_private(Path(url.database))
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
