"""What brings a verdict further: tests under one protocol, or more of them."""

import numpy as np
import pytest

from core.comparing import alike
from core.comparing.again import settings, way_on, wishes, with_newest_tests
from core.comparing.alike import badge
from core.comparing.groups import Group
from core.config.facts import facts_of
from core.runs.facts import Facts
from core.runs.store import RunStore
from core.training.evaluation import INTERVAL
from tests.core.comparing.made_up import on_each_pair
from tests.core.tiny import finished, tiny

USUAL = {"family": {"name": "doodles"}, "split": "test", "n_way": 5, "k_shot": 1, "n_query": 15, "inner_steps": 5}
USUAL |= {"batch_statistics": "none", "episodes": 100, "seed": 0, "interval": INTERVAL, "episodes_sha256": "ab"}


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path / 'runs.db'}")


@pytest.fixture
def make(store, tmp_path):
    """A group of one run, with a test of these scores."""

    def made(label: str, scores: np.ndarray, *assignments: str, **protocol):
        config = tiny("doodles", *assignments)
        places = {"folder_root": tmp_path, "datasets": tmp_path}
        run = store.create(config.model_dump(mode="json"), label, **places, facts=facts_of(config).as_json())
        add(store, run.id, scores, **protocol)
        return Group(label, (store.get(run.id),))

    return made


def add(store: RunStore, run: int, scores: np.ndarray, **protocol) -> None:
    mean = float(scores.mean())
    result = {"metric": "accuracy", "mean": mean, "protocol": USUAL | protocol}
    store.add_evaluation(
        *(run, 9, "test", "accuracy", mean, 0.01), episodes=100, checkpoint="best@9", result=result, scores=scores
    )


def drawn(mean: float, spread: float = 0.1) -> np.ndarray:
    return np.random.default_rng(int(1000 * mean)).normal(mean, spread, 100)


def asked(store, *groups):
    (verdict,) = on_each_pair(groups, store)
    label, found = way_on(verdict, *(alike.tested(group, store) for group in groups))
    return label, {wish.run: wish.assignments for wish in found}


def test_unlike_protocols_are_made_alike_by_testing_those_that_have_to_be(store, make):
    label, found = asked(store, make("a", drawn(0.5)), make("b", drawn(0.6), k_shot=3, inner_steps=10))
    assert label == "Evaluate both under one protocol"
    assert "evaluation.inner_steps=10" in found[1]
    assert "evaluation.k_shot=1" in found[2]
    assert "evaluation.n_query=15" in found[2], "what they share stays as it is"


def test_a_run_that_has_such_a_test_is_not_tested_again(store, make):
    _, found = asked(store, make("a", drawn(0.5)), make("b", drawn(0.6), k_shot=3))
    assert list(found) == [2]


def test_a_learner_that_takes_no_steps_is_not_asked_for_any(store, make):
    a, reader = make("a", drawn(0.5)), make("b", drawn(0.6), "algorithm=protonet", inner_steps=0, k_shot=3)
    _, found = asked(store, a, reader)
    assert not [one for one in found[2] if "inner_steps" in one]


def test_an_undecided_pair_is_offered_as_many_tasks_as_would_settle_it(store, make):
    a, b = make("a", drawn(0.5)), make("b", drawn(0.5) + np.random.default_rng(1).normal(0.01, 0.1, 100))
    (verdict,) = on_each_pair([a, b], store)
    label, found = asked(store, a, b)
    assert not verdict.decided
    assert label == f"Evaluate {verdict.needed_episodes - 100} more tasks"
    assert all(f"evaluation.episodes={verdict.needed_episodes}" in one for one in found.values())
    assert list(found) == [1, 2]


def test_where_tests_do_not_help_none_are_offered(store, make):
    decided = make("a", drawn(0.2)), make("b", drawn(0.8))
    other = make("a", drawn(0.2)), make("c", drawn(0.8), family={"name": "omniglot"})
    for pair in (decided, other):
        assert asked(store, *pair) == ("", {})


def test_a_group_is_shown_with_its_newest_test(store, make):
    group = make("a", drawn(0.5))
    add(store, 1, drawn(0.25), k_shot=3)
    (run,) = with_newest_tests(alike.tested(group, store)).runs
    assert run.test["protocol"]["k_shot"] == 3
    untested = Group("b", (store.create({}, "b", folder_root=group_folder(store), datasets=group_folder(store)),))
    assert with_newest_tests(alike.tested(untested, store)) == untested


def group_folder(store: RunStore):
    return store.database.root


def test_a_test_that_is_wished_for_is_like_the_one_it_is_to_be_like(home):
    """Assignments that evaluating takes, and that give the same protocol."""
    from core.trained import evaluate_run

    store = RunStore(home.database)
    (first, own), (second, _) = finished(home, "doodles", "evaluation.n_query=4"), finished(home, "doodles")
    wanted = own.as_json(first.id)
    first, second = store.get(first.id), store.get(second.id)
    assignments = [f"{path}={value}" for path, value in settings(second, wanted["protocol"]).items()]
    again = evaluate_run(home, second, assignments=assignments).as_json(second.id)
    assert badge(again, Facts.of(second)).alike(badge(wanted, Facts.of(first)))
    assert wishes([], assignments) == []
