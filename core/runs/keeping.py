"""What a person keeps in order: tags, stars and the archive of runs, named searches, and choices that are remembered."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Table, delete, insert, select, update

from core.runs.database import Database
from core.runs.names import checked_name
from core.runs.schema import preferences, runs, searches, storable
from core.runs.search import THERE
from data.errors import InputError

LONGEST_TAG = 40  # characters
MOST_TAGS = 20  # of a run


def checked_tags(words: Collection[str]) -> tuple[str, ...]:
    """The tags in small letters, in order and each once. Raises InputError for what is none."""
    found = tuple(sorted({word.strip().lower() for word in words}))
    for word in found:
        if not word or len(word) > LONGEST_TAG or not word.isprintable() or set(word) & set(' ,"'):
            text = f"“{word[:LONGEST_TAG]}” cannot be a tag."
            raise InputError(
                text, f"Use one word of 1 to {LONGEST_TAG} signs, without commas and quotation marks.", "tag"
            )
    return found


class Keeping:
    """The part of the store that keeps what a person marks and names."""

    database: Database

    def tag(self, ids: Collection[int], add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        """Add tags to runs and take others from them, all or none. Raises InputError for what is no tag, or for too many."""
        added, removed = checked_tags(add), {word.strip().lower() for word in remove}
        with self.database.exclusive() as connection:  # what is there is read and written again
            known = connection.execute(select(runs.c.id, runs.c.tags).where(THERE, runs.c.id.in_(ids))).tuples().all()
            for id, tags in known:
                wanted = {*tags, *added} - removed
                if len(wanted) > MOST_TAGS:
                    raise InputError(f"Run {id} would have {len(wanted)} tags.", f"Keep it to {MOST_TAGS}.", "tag")
                connection.execute(update(runs).where(runs.c.id == id).values(tags=wanted))

    def star(self, ids: Collection[int], on: bool = True) -> None:
        self._mark(ids, starred=on)

    def archive(self, ids: Collection[int], on: bool = True) -> None:
        """Take runs out of ordinary lists, or back into them."""
        self._mark(ids, archived=on)

    def _mark(self, ids: Collection[int], **marks: bool) -> None:
        with self.database.writing() as connection:
            connection.execute(update(runs).where(THERE, runs.c.id.in_(ids)).values(marks))

    def tags(self) -> list[str]:
        """The tags of all runs, in order."""
        with self.database.reading() as connection:
            kinds = connection.execute(select(runs.c.tags).where(THERE).distinct()).scalars()
            return sorted({word for words in kinds for word in words})

    def searches(self) -> dict[str, str]:
        """What was searched for and given a name, by that name in order."""
        return dict(sorted(self._kept(searches)))

    def keep_search(self, name: str, query: str) -> None:
        """Under a name, in place of another one of the same. Raises InputError for what is no name."""
        self._keep(searches, checked_name(name), query=storable(query))

    def forget_search(self, name: str) -> None:
        with self.database.writing() as connection:
            connection.execute(delete(searches).where(searches.c.name == name))

    def preference(self, name: str) -> Any:
        """What was chosen; None where nothing was."""
        return dict(self._kept(preferences)).get(name)

    def prefer(self, name: str, value: Any) -> None:
        """Remember a choice, a value that JSON knows."""
        self._keep(preferences, name, value=storable(value))

    def _kept(self, table: Table) -> list[tuple[str, Any]]:
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(select(table))]

    def _keep(self, table: Table, name: str, **column: Any) -> None:
        with self.database.exclusive() as connection:
            connection.execute(delete(table).where(table.c.name == name))
            connection.execute(insert(table).values(name=name, **column))
