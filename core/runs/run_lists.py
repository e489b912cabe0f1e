"""Lists of runs, filtered, counted and cut into pages by the database: only the rows of one page are read."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, select

from core.runs.database import Database
from core.runs.paths import read_run
from core.runs.schema import ACTIVE, Run, runs

# The status as people see it: between a wish and the worker's answer it is a present participle. See chips.status_word.
STATE = case(
    (and_(runs.c.status.in_(ACTIVE), runs.c.desired == "stop"), "stopping"),
    (and_(runs.c.status.in_({"starting", "running"}), runs.c.desired == "pause"), "pausing"),
    else_=runs.c.status,
)
_group, _number = func.coalesce(runs.c.group, ""), cast(runs.c.id, Text)
_WORDS = func.lower(runs.c.name + " " + runs.c.note + " " + _group + " #" + _number)


@dataclass(frozen=True)
class RunFilter:
    """What a person looks for. text: words that are all in a run's name, note, group or ``#number``, in any case. states:
    one of them as people see it, any if empty. family, learner, group: any if None.
    """

    text: str = ""
    states: Sequence[str] = ()
    family: str | None = None
    learner: str | None = None
    group: str | None = None

    def terms(self) -> list[ColumnElement[bool]]:
        """The conditions, of which there are as many as the person gave, and never one a run."""
        terms = [_WORDS.contains(word, autoescape=True) for word in self.text.lower().split()]
        terms += [STATE.in_(self.states)] if self.states else []
        terms += [runs.c.family == self.family] if self.family is not None else []
        terms += [runs.c.group == self.group] if self.group is not None else []
        return terms + ([runs.c.learner == self.learner] if self.learner is not None else [])


EVERY = RunFilter()


class RunLists:
    """The part of the store that lists runs."""

    database: Database

    def page(self, wanted: RunFilter = EVERY, *, limit: int | None = None, offset: int = 0) -> list[Run]:
        """The runs that match, newest first: at most ``limit`` of them, after the first ``offset``."""
        return self._runs(select(runs).where(*wanted.terms()).order_by(runs.c.id.desc()).limit(limit).offset(offset))

    def count(self, wanted: RunFilter = EVERY) -> int:
        """How many runs match."""
        return self._number(select(func.count()).select_from(runs).where(*wanted.terms()))

    def children(self, parent: int, limit: int) -> list[Run]:
        """The newest runs that were made from this one or go on from it, newest first."""
        return self._runs(select(runs).where(runs.c.parent == parent).order_by(runs.c.id.desc()).limit(limit))

    def finished_presets(self, limit: int) -> list[Run]:
        """The newest finished runs of presets as they are, newest first; see ``Facts.preset``."""
        preset = func.coalesce(runs.c.facts["preset"].as_string(), "")
        finished = (runs.c.status == "finished", preset != "")
        return self._runs(select(runs).where(*finished).order_by(runs.c.id.desc()).limit(limit))

    def families(self) -> list[str]:
        """The names of the task families of all runs, in order."""
        return self._names(runs.c.family)

    def learners(self) -> list[str]:
        """The names of the learners of all runs, in order."""
        return self._names(runs.c.learner)

    def groups(self) -> list[str]:
        """The names of the groups that runs were launched in, in order."""
        return self._names(runs.c.group)

    def _runs(self, query: Select) -> list[Run]:
        with self.database.reading() as connection:
            return [read_run(row, self.database.root) for row in connection.execute(query).mappings()]

    def _number(self, query: Select) -> int:
        with self.database.reading() as connection:
            return connection.execute(query).scalar_one()

    def _names(self, column: ColumnElement[str]) -> list[str]:
        with self.database.reading() as connection:
            return sorted(connection.execute(select(column).distinct().where(column != "")).scalars())
