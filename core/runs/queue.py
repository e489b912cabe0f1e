"""The queue as the database has it: which runs wait for a worker, and in which order. ``scheduler`` is who serves it."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, false, func, or_, select

from core.runs.database import Database
from core.runs.schema import ACTIVE, Run, runs
from core.runs.search import THERE

MOST = 100  # queued runs that are looked at for such as differ in their seed alone
_DEVICE = func.coalesce(runs.c.config["device"].as_string(), "auto").label("wish")
_CORES = runs.c.facts["cores"].as_integer().label("cores")
_TOGETHER = func.coalesce(runs.c.facts["together"].as_boolean(), false())
_WAITING = (THERE, runs.c.status == "queued", runs.c.desired == "run")


def _startable(host: str) -> tuple[ColumnElement[bool], ...]:
    return *_WAITING, or_(runs.c.host.is_(None), runs.c.host == host)


class Waiting(NamedTuple):
    """Those who ask for the same. cores: that each computes with, None for all there are. id: the oldest of them."""

    device: str
    cores: int | None
    id: int


class Queue:
    """The part of the store that knows the order of runs."""

    database: Database

    def unfinished(self) -> tuple[int, int]:
        """How many runs have a worker, and how many wait for one."""
        unfinished = (THERE, runs.c.status.in_({"queued"} | ACTIVE))
        query = select(runs.c.status, func.count()).where(*unfinished).group_by(runs.c.status)
        with self.database.reading() as connection:
            numbers = dict(connection.execute(query).tuples().all())
        queued = numbers.pop("queued", 0)
        return sum(numbers.values()), queued

    def before(self, id: int) -> int:
        """How many runs that may start were queued before this one."""
        query = select(func.count()).select_from(runs).where(*_WAITING, runs.c.id < id)
        with self.database.reading() as connection:
            return connection.execute(query).scalar_one()

    def next_in_line(self, host: str) -> list[Waiting]:
        """The oldest queued run that this host may start, for each device and number of cores that one asks for, oldest first."""
        oldest = func.min(runs.c.id)
        query = select(_DEVICE, _CORES, oldest).where(*_startable(host)).group_by("wish", "cores").order_by(oldest)
        with self.database.reading() as connection:
            return [Waiting(*row) for row in connection.execute(query).tuples()]

    def all_in_line(self, host: str, device: str) -> list[int]:
        """All queued runs that this host may start and that ask for this device, oldest first."""
        query = select(runs.c.id).where(*_startable(host), _DEVICE.element == device).order_by(runs.c.id)
        with self.database.reading() as connection:
            return list(connection.execute(query).scalars())

    def together_in_line(self, host: str, run: Run) -> list[int]:
        """Queued runs that this host may start and that may train in a process with others, of this one's learner and tasks."""
        alike = (runs.c.family == run.family, runs.c.learner == run.learner)
        query = select(runs.c.id).where(*_startable(host), *alike, _TOGETHER, runs.c.id != run.id).order_by(runs.c.id)
        with self.database.reading() as connection:
            return list(connection.execute(query.limit(MOST)).scalars())
