"""Numbers of shots as a person writes them, and the tests of one checkpoint with each of them."""

from pathlib import Path

import pytest

from core import retest, shots
from core.runs.home import Home
from core.runs.store import RunStore
from data.errors import InputError
from tests.core.tiny import finished
from tests.core.tournament.made_up import entered, score


def test_they_are_read_in_order_each_once() -> None:
    assert shots.read("10, 1,2,1") == (1, 2, 10)


@pytest.mark.parametrize("text", ["", "0", "-1", "1,,2", "a", "1.5", "1" * 5000, ",".join(map(str, range(1, 30)))])
def test_what_is_no_list_of_them_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no numbers of shots"):
        shots.read(text)


def test_only_tests_like_the_own_one_count(tmp_path: Path) -> None:
    store = RunStore(f"sqlite:///{tmp_path}/innerloop.db")
    run = entered(store, tmp_path, seeds=1).runs[0]
    assert shots.missing(run, [], (1, 2)) == ()  # there is no test of its own to be like
    score(store, run, 0.8)
    score(store, run, 0.6, k_shot=1)
    score(store, run, 0.9, k_shot=5, n_way=2)
    run, tests = store.get(run.id), store.evaluations(run.id, split="test")
    assert {k: test.mean for k, test in shots.by_shots(run, tests).items()} == {1: 0.6, 2: 0.8}
    assert shots.missing(run, tests) == (5, 10)


def test_the_checkpoint_is_tested_with_each_and_what_does_not_fit_is_left_out(home: Home) -> None:
    run, own = finished(home, "sinusoid")
    store = RunStore(home.database, home.root)
    store.update(run.id, test=own.as_json(run.id))
    progress: list[float] = []
    results, why = retest.with_shots(
        home, store, store.get(run.id), (1, 999), ("evaluation.episodes=5",), progress.append
    )
    assert [one.protocol["k_shot"] for one in results] == [1]
    assert list(why) == [999] and retest.left_out(why).startswith("Left out: 999 shots (")
    assert progress == sorted(progress) and progress[-1] == 1.0
    (kept,) = store.evaluations(run.id, split="test")
    assert (kept.episodes, kept.result["protocol"]["k_shot"]) == (5, 1)
    assert retest.left_out({}) == ""
