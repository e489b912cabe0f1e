"""The lineage of a run over several generations."""

from pathlib import Path

import pytest

from core.runs.store import RunStore
from core.runs.tree import DOWN, MOST, UP, tree


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path / 'innerloop.db'}")


def add(store: RunStore, tmp_path: Path, parent: int | None = None, rate: float = 0.1, start: int | None = None) -> int:
    config = {"algorithm": {"name": "maml", "inner_lr": rate}}
    facts = {"start": {"run": parent, "checkpoint": f"last@{start}", "iteration": start}} if start else None
    places = {"folder_root": tmp_path / "runs", "datasets": tmp_path}
    return store.create(config, "r", **places, parent=parent, facts=facts).id


def told(store: RunStore, id: int) -> list[tuple[int, int, str]]:
    return [(branch.depth, branch.number, branch.words) for branch in tree(store, store.get(id)).branches]


def test_parents_and_children_are_in_their_places_with_what_differs(store: RunStore, tmp_path: Path) -> None:
    first = add(store, tmp_path)
    second, third = add(store, tmp_path, first, 0.2), add(store, tmp_path, first)
    fourth = add(store, tmp_path, second, 0.4, start=100)
    below = [
        (1, second, "inner_lr 0.2"),
        (2, fourth, "from iteration 100, inner_lr 0.4"),
        (1, third, "the same settings"),
    ]
    assert told(store, first) == [(0, first, ""), *below]
    assert told(store, fourth) == [(0, first, ""), *below[:2]]
    store.set_aside(first)
    assert told(store, fourth)[:2] == [(0, first, ""), (1, second, "")]
    assert tree(store, store.get(fourth)).branches[0].run is None
    assert told(store, add(store, tmp_path)) == [], "one without relatives has no lineage"


def test_a_long_chain_and_a_broad_one_are_cut(store: RunStore, tmp_path: Path) -> None:
    chain = [add(store, tmp_path)]
    for _ in range(12):
        chain.append(add(store, tmp_path, chain[-1]))
    found = tree(store, store.get(chain[7]))
    assert [branch.number for branch in found.branches] == chain[7 - UP : 8 + DOWN]
    assert found.earlier
    wide = add(store, tmp_path)
    for child in [add(store, tmp_path, wide) for _ in range(6)]:
        for _ in range(6):
            add(store, tmp_path, child)
    found = tree(store, store.get(wide))
    assert len(found.branches) == MOST + 1 and found.later


def test_a_run_that_names_itself_its_parent_ends_the_search(store: RunStore, tmp_path: Path) -> None:
    one = add(store, tmp_path)
    store.update(one, parent=one)
    assert len(told(store, one)) <= UP + 1
