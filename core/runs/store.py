"""The run store: what the pages, the command line, the scheduler and the workers know of each other."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from core.errors import NoRunError, StoreError
from core.runs import outline
from core.runs.database import Database
from core.runs.evaluation_rows import EvaluationRows
from core.runs.keeping import Keeping
from core.runs.metric_rows import MetricRows
from core.runs.paths import read_run, relative
from core.runs.queue import Queue
from core.runs.run_lists import RunLists
from core.runs.schema import ACTIVE, ENDED, STATUSES, Run, evaluations, metrics, runs, storable
from core.runs.search import THERE

_LIST_REMEDY = "List the runs with `python -m core runs`."
_PROTECTED = frozenset({"id", "status", "revision"})  # status changes through move, which guards them


class RunStore(RunLists, Keeping, Queue, MetricRows, EvaluationRows):
    """Runs, their metrics and their evaluations in one database (SQLite in WAL mode, or PostgreSQL).

    Every method is one transaction and may be called from any thread or process; reads return plain values. Raises
    StoreError if the database is locked for longer than ``timeout`` seconds, damaged, or not a database.
    """

    def __init__(self, url: str, root: Path | None = None, timeout: float = 10.0):
        """root: the home folder, to which paths in the database are relative; by default the one of an SQLite file."""
        self.database = Database(url, root, timeout)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One holder at a time over all processes; the store's methods called inside take part in the transaction."""
        with self.database.exclusive():
            yield

    def create(
        self,
        config: dict[str, Any],
        name: str,
        group: str | None = None,
        *,
        folder_root: Path,
        datasets: Path,
        parent: int | None = None,
        host: str | None = None,
        facts: dict[str, Any] | None = None,
        owner: str | None = None,
    ) -> Run:
        """A new queued run, with its artifact folder ``folder_root/<id>``. facts: as ``Facts.as_json`` gives them."""
        root = self.database.root
        values = {"config": config, "name": name, "group": group, "parent": parent, "host": host, "owner": owner}
        values |= {"datasets": relative(datasets, root), "created": time.time(), "facts": facts}
        names = {part: config.get(part, {}).get("name", "") for part in ("family", "algorithm")}
        values |= {"family": names["family"], "learner": (facts or {}).get("learner") or names["algorithm"]}
        with self.database.writing() as connection:
            id = connection.execute(insert(runs).values(storable(values))).inserted_primary_key[0]
            folder = folder_root / str(id)
            _make_folder(folder)
            connection.execute(update(runs).where(runs.c.id == id).values(folder=relative(folder, root)))
            return self._read_run(connection, id)

    def get(self, id: int) -> Run:
        """The run; StoreError if there is none, or if it was deleted."""
        with self.database.reading() as connection:
            run = self._read_run(connection, id)
        if run.deleted is not None:
            raise NoRunError(f"Run {id} was deleted.", f"Bring it back with `python -m core restore {id}`.")
        return run

    def runs(self, ids: Collection[int] | None = None, *, status: Collection[str] | None = None) -> list[Run]:
        """All runs, or those asked for, newest first."""
        query = select(runs).where(THERE).order_by(runs.c.id.desc())
        if ids is not None:
            query = query.where(runs.c.id.in_(ids))
        if status is not None:
            query = query.where(runs.c.status.in_(status))
        with self.database.reading() as connection:
            return [read_run(row, self.database.root) for row in connection.execute(query).mappings()]

    def update(self, id: int, **columns: Any) -> None:
        """Set columns of a run; not its status, see ``move``. Not-a-number is stored as NULL."""
        with self.database.writing() as connection:
            found = connection.execute(update(runs).where(runs.c.id == id).values(_checked(columns)))
            if not found.rowcount:
                raise _no_run(id)

    def move(self, id: int, to: str, only_from: Collection[str], **columns: Any) -> bool:
        """Change the status, and columns with it, if it is one of ``only_from``; False if it is not.

        An ended run gets its end time, a phase of "" and no time left.
        """
        if not STATUSES.issuperset({to, *only_from}):
            raise ValueError(f"unknown status in {to!r}, {sorted(only_from)}")
        stamps = {"ended": time.time(), "phase": "", "remaining": None} if to in ENDED else {}
        values = {"status": to} | stamps | _checked(columns)
        query = update(runs).where(runs.c.id == id, runs.c.status.in_(only_from)).values(values)
        with self.database.writing() as connection:
            return connection.execute(query).rowcount == 1

    def heartbeat(self, id: int, **progress: Any) -> str:
        """Note that the worker is alive and how far it is; returns what is wanted of it: run, pause or stop."""
        values = {"heartbeat": time.time()} | _checked(progress)
        query = update(runs).where(runs.c.id == id).values(values).returning(runs.c.desired)
        with self.database.writing() as connection:
            desired = connection.execute(query).scalar_one_or_none()
        if desired is None:
            raise _no_run(id)
        return desired

    def rename(self, id: int, name: str) -> None:
        self.update(id, name=name)

    def annotate(self, id: int, note: str) -> None:
        self.update(id, note=note)

    def delete(self, id: int) -> Run:
        """Forget a run and what it measured; its files stay, see ``scheduler.delete``. StoreError if a worker is at it."""
        with self.database.exclusive() as connection:
            run = self._at_rest(connection, id)
            connection.execute(delete(runs).where(runs.c.id == id))  # its metrics and evaluations go with it
        return run

    def set_aside(self, id: int) -> None:
        """Delete a run so that it can be restored: it is seen nowhere any more. StoreError if a worker is at it."""
        with self.database.exclusive() as connection:
            self._at_rest(connection, id)
            connection.execute(update(runs).where(runs.c.id == id).values(deleted=time.time()))

    def restore(self, id: int) -> Run:
        """Bring back a run that was deleted, as it was; nothing to do where it is there. StoreError if it is gone for good."""
        self.update(id, deleted=None)
        return self.get(id)

    def _at_rest(self, connection: Connection, id: int) -> Run:
        run = self._read_run(connection, id)
        if run.status in ACTIVE:
            raise StoreError(f"Run {id} is {run.status} and cannot be deleted.", f"Stop it first: `stop {id}`.")
        return run

    def _read_run(self, connection: Connection, id: int) -> Run:
        row = connection.execute(select(runs).where(runs.c.id == id)).mappings().one_or_none()
        if row is None:
            raise _no_run(id)
        return read_run(row, self.database.root)

    def truncate_after(self, id: int, iteration: int) -> None:
        """Drop what was measured after ``iteration``: a run that resumes from there measures it again."""
        with self.database.writing() as connection:
            for table in (metrics, evaluations):
                connection.execute(delete(table).where(table.c.run_id == id, table.c.iteration > iteration))
            connection.execute(update(runs).where(runs.c.id == id).values(revision=runs.c.revision + 1))
            outline.rebuild(connection, id)


def _no_run(id: int) -> NoRunError:
    shown = id if abs(id) < 10**20 else "of that number"
    return NoRunError(f"Run {shown} does not exist.", _LIST_REMEDY)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):  # left by another database: its checkpoints must not be taken for this run's
            folder.rename(folder.with_name(f"{folder.name}.{time.time_ns()}"))
            folder.mkdir()
    except OSError as error:
        message = f"The run's folder {folder} cannot be created: {error.strerror}."
        raise StoreError(message, "Check that the home folder can be written to and has room.", str(folder)) from error


def _checked(columns: dict[str, Any]) -> dict[str, Any]:
    unknown = columns.keys() - (set(runs.c.keys()) - _PROTECTED)
    if unknown:
        raise ValueError(f"not a column that can be set: {', '.join(sorted(unknown))}")
    return storable(columns)
