"""Lists of runs, filtered, counted and cut into pages by the database: only the rows of one page are read."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select

from core.runs.database import Database
from core.runs.lineage import flat
from core.runs.paths import read_run
from core.runs.schema import Run, runs
from core.runs.search import THERE, Search, search

_tournament = runs.c.facts[("tournament", "number")].as_integer()


@dataclass(frozen=True)
class RunFilter:
    """What a person looks for. text: as ``core.runs.search`` reads it; archived runs are among those found only if it asks for
    them. group: a group of runs, archived ones too; any if None.
    """

    text: str = ""
    group: str | None = None


EVERY = RunFilter()


class RunLists:
    """The part of the store that lists runs."""

    database: Database
    _settings: tuple[int | None, dict[str, object]] = (None, {})  # those of all runs up to this number

    def page(self, wanted: RunFilter = EVERY, *, limit: int | None = None, offset: int = 0) -> list[Run]:
        """The runs that match, newest first: at most ``limit`` of them, after the first ``offset``."""
        return self._runs(
            select(runs).where(*self._terms(wanted)).order_by(runs.c.id.desc()).limit(limit).offset(offset)
        )

    def count(self, wanted: RunFilter = EVERY) -> int:
        """How many runs match."""
        return self._number(select(func.count()).select_from(runs).where(*self._terms(wanted)))

    def search(self, text: str) -> Search:
        """What a text asks for, and what of it is not understood."""
        return search(text, self.settings)

    def _terms(self, wanted: RunFilter) -> tuple[ColumnElement[bool], ...]:
        return self.search(wanted.text).conditions if wanted.group is None else (THERE, runs.c.group == wanted.group)

    def settings(self) -> dict[str, object]:
        """The settings that runs have, by their paths, with the value that one has: of each learner, family and network one
        run is looked at, the newest.
        """
        newest = self._number(select(func.max(runs.c.id)))
        if newest != self._settings[0]:  # a run's settings never change
            self._settings = newest, self._read_settings()
        return self._settings[1]

    def _read_settings(self) -> dict[str, object]:
        model = runs.c.config["model"]["name"].as_string().label("model")
        newest = select(func.max(runs.c.id)).group_by(runs.c.family, runs.c.learner, model)
        with self.database.reading() as connection:
            configs = connection.execute(select(runs.c.config).where(runs.c.id.in_(newest))).scalars().all()
        return {path: value for config in configs for path, value in flat(config).items() if '"' not in path}

    def children(self, parent: int, limit: int) -> list[Run]:
        """The newest runs that were made from this one or go on from it, newest first."""
        return self._runs(select(runs).where(THERE, runs.c.parent == parent).order_by(runs.c.id.desc()).limit(limit))

    def finished_presets(self, limit: int) -> list[Run]:
        """The newest finished runs of presets as they are, newest first; see ``Facts.preset``."""
        preset = func.coalesce(runs.c.facts["preset"].as_string(), "")
        finished = (THERE, runs.c.status == "finished", preset != "")
        return self._runs(select(runs).where(*finished).order_by(runs.c.id.desc()).limit(limit))

    def tournaments(self, limit: int) -> list[int]:
        """The numbers of the newest tournaments, newest first."""
        numbers = select(_tournament).where(THERE, _tournament.is_not(None)).distinct().order_by(_tournament.desc())
        with self.database.reading() as connection:
            return list(connection.execute(numbers.limit(limit)).scalars())

    def of_tournament(self, number: int) -> list[Run]:
        """The runs that were entered into a tournament, oldest first."""
        return self._runs(select(runs).where(THERE, _tournament == number).order_by(runs.c.id))

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
            return sorted(connection.execute(select(column).distinct().where(THERE, column != "")).scalars())
