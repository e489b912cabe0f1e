"""What a person marks and names, and runs that were deleted and can be restored."""

from pathlib import Path

import pytest

from core.errors import NoRunError, StoreError
from core.runs import bin, scheduler
from core.runs.home import Home
from core.runs.run_lists import RunFilter
from core.runs.schema import Run
from core.runs.store import RunStore
from data.errors import InputError


@pytest.fixture
def home(tmp_path: Path, url: str) -> Home:
    return Home(tmp_path, tmp_path, url)


@pytest.fixture
def store(url: str, tmp_path: Path) -> RunStore:
    return RunStore(url, tmp_path)


def add(store: RunStore, home: Home, name: str = "r", status: str = "finished", **columns) -> Run:
    config = {"family": {"name": "sinusoid"}, "algorithm": {"name": "maml"}}
    group = columns.pop("group", None)
    run = store.create(config, name, group, folder_root=home.runs_folder, datasets=home.datasets, **columns)
    if status != "queued":
        store.move(run.id, status, {"queued"})
    return run


def test_tags_are_words_that_are_added_and_taken_away(store: RunStore, home: Home) -> None:
    first, second = add(store, home).id, add(store, home).id
    store.tag([first, second], ["Paper", "täg", "paper"])
    store.tag([second], ["new"], ["PAPER", "unknown"])
    assert (store.get(first).tags, store.get(second).tags) == (("paper", "täg"), ("new", "täg"))
    assert store.tags() == ["new", "paper", "täg"]


@pytest.mark.parametrize("word", ["", "two words", "a,b", 'a"', "x" * 41, "a\x00"])
def test_what_is_no_tag_is_refused(store: RunStore, home: Home, word: str) -> None:
    run = add(store, home).id
    with pytest.raises(InputError, match="cannot be a tag"):
        store.tag([run], ["good", word])
    with pytest.raises(InputError, match="21 tags"):
        store.tag([run], [f"t{number}" for number in range(21)])
    assert store.get(run).tags == ()


def test_an_archived_run_leaves_the_lists_and_comes_back(store: RunStore, home: Home) -> None:
    run = add(store, home, group="g").id
    store.archive([run])
    assert (store.page(), store.count()) == ([], 0)
    assert [one.id for one in store.page(RunFilter("is:archived"))] == [run]
    assert [one.id for one in store.page(RunFilter(group="g"))] == [run], "who asks for its group gets it"
    assert store.get(run).archived
    store.archive([run], on=False)
    assert store.count() == 1


def test_searches_and_choices_are_kept_by_name(store: RunStore) -> None:
    store.keep_search("good ones", "score>0.9")
    store.keep_search(" all ", "")
    store.keep_search("good ones", "score>0.95")
    assert store.searches() == {"all": "", "good ones": "score>0.95"}
    store.forget_search("all")
    assert list(store.searches()) == ["good ones"]
    with pytest.raises(InputError):
        store.keep_search(" ", "x")
    assert store.preference("columns") is None
    for value in (["Status"], ["Status", "Seed"]):
        store.prefer("columns", value)
        assert store.preference("columns") == value


def test_a_deleted_run_is_seen_nowhere_and_can_be_restored(store: RunStore, home: Home) -> None:
    parent = add(store, home, group="g")
    child = add(store, home, parent=parent.id, facts={"preset": "p"}, group="g")
    waiting = add(store, home, status="queued", host="elsewhere")
    store.tag([child.id], ["mine"])
    gone = [child.id, waiting.id]
    bin.set_aside(store, home, gone)
    assert [run.id for run in store.runs()] == [run.id for run in store.page()] == [parent.id]
    assert (store.runs(gone), store.children(parent.id, 9), store.finished_presets(9)) == ([], [], [])
    assert (store.count(), store.unfinished(), store.before(99), store.tags()) == (1, (0, 0), 0, [])
    assert store.next_in_line("elsewhere") == store.all_in_line("elsewhere", "auto") == []
    assert [run.id for run in store.page(RunFilter(group="g"))] == [parent.id]
    with pytest.raises(NoRunError, match=f"Run {child.id} was deleted") as caught:
        store.get(child.id)
    assert f"restore {child.id}" in caught.value.remedy
    assert {run.id for run in store.page(RunFilter("is:deleted"))} == set(gone)
    assert Path(child.folder).is_dir()
    restored = bin.restore(store, home, gone)
    assert (restored[0].tags, restored[0].deleted) == (("mine",), None)
    assert store.unfinished() == (0, 1), "one that waited waits again"


def test_no_run_at_work_can_be_deleted_nor_any_with_it(store: RunStore, home: Home) -> None:
    first, second = add(store, home), add(store, home, status="running")
    with pytest.raises(StoreError, match="is running and cannot be deleted"):
        bin.set_aside(store, home, [first.id, second.id])
    assert store.count() == 2


def test_what_is_restored_while_others_are_removed_stays(
    store: RunStore, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = add(store, home), add(store, home)
    bin.set_aside(store, home, [first.id, second.id])
    delete = scheduler.delete

    def restoring(store: RunStore, home: Home, id: int) -> None:
        delete(store, home, id)
        store.restore(first.id)

    monkeypatch.setattr(scheduler, "delete", restoring)
    assert bin.empty(store, home) == [second.id]  # the newest first
    assert store.get(first.id).deleted is None and Path(first.folder).exists()


def test_after_some_days_or_when_emptied_a_deleted_run_is_gone_for_good(store: RunStore, home: Home) -> None:
    old, new, others = add(store, home), add(store, home), add(store, home, host="another home's")
    bin.set_aside(store, home, [old.id, new.id, others.id])
    store.update(old.id, deleted=store.page(RunFilter(f"is:deleted run:{old.id}"))[0].deleted - 8 * bin.DAY)
    assert bin.empty(store, home, bin.DAYS) == [old.id]
    assert not Path(old.folder).exists() and Path(new.folder).exists()
    with pytest.raises(NoRunError, match="does not exist"):
        bin.restore(store, home, [old.id])
    assert bin.empty(store, home) == [new.id]
    assert store.count(RunFilter("is:deleted")) == 1, "another home has its files"
