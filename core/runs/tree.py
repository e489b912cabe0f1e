"""From which runs a run was made over the generations, and which were made from it: bounded, for chains may be long."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.runs import lineage
from core.runs.facts import Facts
from core.runs.schema import Run
from core.runs.store import RunStore

UP, DOWN = 5, 3  # generations before and after a run
ACROSS, MOST = 6, 24  # children of one run, and runs in all that come after it


@dataclass(frozen=True)
class Branch:
    """A run in its place. depth: generations from the first that is shown. run: None for one that was deleted. words: what it has
    otherwise than its parent; empty for the first.
    """

    depth: int
    number: int
    run: Run | None
    words: str = ""


@dataclass(frozen=True)
class Tree:
    """branches: parents before their children. earlier, later: whether there are more than are shown."""

    branches: list[Branch]
    earlier: bool = False
    later: bool = False


def tree(store: RunStore, run: Run) -> Tree:
    """The run with those before and after it; without any branch where it has no relatives."""
    before = _before(store, run)
    depth = len(before)
    chain = [*before, Branch(depth, run.id, run, _words(before[-1].run if before else None, run))]
    first = chain[0].run
    after = list(_after(store, run, depth + 1, DOWN, {branch.number for branch in chain}))
    if depth == 0 and not after:
        return Tree([])
    return Tree([*chain, *after[:MOST]], bool(depth == UP and first and first.parent), len(after) > MOST)


def _before(store: RunStore, run: Run) -> list[Branch]:
    """Oldest first; the last one known may be a number alone."""
    found: list[Run | int] = []
    while run.parent and len(found) < UP:
        known = store.runs([run.parent])
        found.append(known[0] if known else run.parent)
        if not known:
            break
        run = known[0]
    branches: list[Branch] = []
    for depth, one in enumerate(reversed(found)):
        if isinstance(one, int):
            branches.append(Branch(depth, one, None))
        else:
            branches.append(Branch(depth, one.id, one, _words(branches[-1].run if branches else None, one)))
    return branches


def _after(store: RunStore, parent: Run, depth: int, generations: int, seen: set[int]) -> Iterator[Branch]:
    if not generations:
        return
    for child in reversed(store.children(parent.id, ACROSS)):
        if child.id not in seen and len(seen) <= MOST + UP + 1:
            seen.add(child.id)
            yield Branch(depth, child.id, child, _words(parent, child))
            yield from _after(store, child, depth + 1, generations - 1, seen)


def _words(parent: Run | None, run: Run) -> str:
    """``from iteration 1200, meta_lr 0.02``."""
    begun = lineage.start(run.facts)
    parts = [f"from iteration {begun[1]}"] if begun else []
    if parent is not None:
        changed = lineage.changes(parent.config, run.config, [Facts.of(one).idle for one in (parent, run)])
        named = [f"{name} {value}" for name, value in changed.items()]
        parts += named[: lineage.MOST_SAID]
        parts += [f"{len(named) - lineage.MOST_SAID} more"] if len(named) > lineage.MOST_SAID else []
        parts = parts or ["the same settings"]
    return ", ".join(parts)
