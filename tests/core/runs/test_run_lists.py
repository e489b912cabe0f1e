"""Lists of runs: the database filters, counts and cuts them into pages."""

import itertools
from pathlib import Path

import pytest

from core.runs.run_lists import RunFilter
from core.runs.schema import STATUSES, Run, runs
from core.runs.store import RunStore
from pages.parts.chips import status_word


@pytest.fixture
def store(url: str, tmp_path: Path) -> RunStore:
    return RunStore(url, tmp_path)


def add(store: RunStore, tmp_path: Path, name: str, family: str = "sinusoid", learner: str = "maml", **columns) -> Run:
    config = {"family": {"name": family}, "algorithm": {"name": learner}}
    run = store.create(config, name, columns.pop("group", None), folder_root=tmp_path / "runs", datasets=tmp_path)
    if columns:
        store.update(run.id, **columns)
    return run


def names(found: list[Run]) -> list[str]:
    return [run.name for run in found]


def test_pages_are_cut_from_the_newest_on(store: RunStore, tmp_path: Path) -> None:
    for name in "abcde":
        add(store, tmp_path, name)
    assert names(store.page(limit=2)) == ["e", "d"]
    assert names(store.page(limit=2, offset=4)) == ["a"]
    assert names(store.page(offset=3)) == ["b", "a"]
    assert store.page(limit=2, offset=5) == []
    assert store.page() == store.runs()
    assert store.count() == 5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("first", ["First try"]),
        ("TRY first", ["First try"]),
        ("#2", ["Größe"]),
        ("GRÖSSE", []),
        ("GRÖ", ["Größe"]),
        ("seeds", ["100%_sure"]),
        ("%", ["100%_sure"]),
        ("t_y", []),
        ("remarkable", ["Größe"]),
        ("'; --", []),
        ("", ["100%_sure", "Größe", "First try"]),
    ],
)
def test_every_word_is_looked_for_in_name_note_group_and_number(
    store: RunStore, tmp_path: Path, text: str, found: list[str]
) -> None:
    add(store, tmp_path, "First try")
    add(store, tmp_path, "Größe", note="Remarkable")
    add(store, tmp_path, "100%_sure", group="sure × 3 Seeds")
    assert names(store.page(RunFilter(text))) == found
    assert store.count(RunFilter(text)) == len(found)


def test_family_and_learner(store: RunStore, tmp_path: Path) -> None:
    add(store, tmp_path, "a")
    add(store, tmp_path, "b", family="doodles", learner="protonet")
    add(store, tmp_path, "c", family="doodles")
    assert store.families() == ["doodles", "sinusoid"]
    assert store.learners() == ["maml", "protonet"]
    assert names(store.page(RunFilter("family:doodles"))) == ["c", "b"]
    assert names(store.page(RunFilter("family:doodles learner:maml"))) == ["c"]


def test_a_state_is_the_word_that_people_see(store: RunStore, tmp_path: Path) -> None:
    for status, desired in itertools.product(sorted(STATUSES), ("run", "pause", "stop")):
        run = add(store, tmp_path, f"{status} {desired}", desired=desired)
        with store.database.writing() as connection:
            connection.execute(runs.update().where(runs.c.id == run.id).values(status=status))
    everything = store.runs()
    words = {status_word(run) for run in everything}
    assert {"stopping", "pausing", "running", "queued"} < words
    for word in words:
        assert store.page(RunFilter(f"status:{word}")) == [run for run in everything if status_word(run) == word]
    assert store.count(RunFilter("status:failed,lost")) == 6


def test_finished_runs_of_presets_are_found_by_their_facts(store: RunStore, tmp_path: Path) -> None:
    """Also beside runs without facts, and with those of a version that knew no presets."""
    for name, facts in (
        ("old", None),
        ("none", {"preset": ""}),
        ("first", {"preset": "a"}),
        ("second", {"preset": "b"}),
    ):
        run = add(store, tmp_path, name, facts=facts)
        store.move(run.id, "finished", {"queued"})
    add(store, tmp_path, "waits", facts={"preset": "a"})
    add(store, tmp_path, "without", facts={"learner": "maml"})
    assert names(store.finished_presets(limit=9)) == ["second", "first"]
    assert names(store.finished_presets(limit=1)) == ["second"]


def test_a_group_has_the_runs_that_were_launched_in_it(store: RunStore, tmp_path: Path) -> None:
    for name, group in (("a", "maml × 2"), ("b", "maml × 2"), ("c", "50%_sure"), ("d", None)):
        add(store, tmp_path, name, group=group)
    assert store.groups() == ["50%_sure", "maml × 2"]
    assert names(store.page(RunFilter(group="maml × 2"))) == ["b", "a"]
    assert names(store.page(RunFilter(group="maml"))) == []
