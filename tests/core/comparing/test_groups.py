"""Which runs are seeds of one recipe, and what a group of them is called."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest

from core.comparing.groups import MOST, MOST_RUNS, MOST_TOLD, Group, group_key, grouped, shown, told_apart
from core.runs.facts import Facts
from core.runs.schema import Run
from core.runs.store import RunStore
from tests.core.comparing.made_up import trained
from tests.core.tiny import values


@pytest.mark.parametrize(
    ("assignments", "same"),
    [
        (("seed=3",), True),
        (("device=cuda", "training.processes=2", "training.tasks_at_once=1"), True),
        (("precision=tf32",), False),  # it changes the meta-gradient
        (("algorithm.inner_lr=0.2",), False),
        (("evaluation.episodes=40",), False),
    ],
)
def test_what_makes_another_recipe(assignments: tuple[str, ...], same: bool) -> None:
    assert (group_key(values("conv4", *assignments)) == group_key(values("conv4"))) == same


def test_with_a_time_budget_the_place_counts() -> None:
    here, there = (values("conv4", "training.minutes=1", f"device={device}") for device in ("cpu", "cuda"))
    assert group_key(here) != group_key(there)
    assert group_key(here) == group_key(here | {"seed": 4})


def test_the_order_in_which_settings_are_stored_does_not_count() -> None:
    config = values("conv4")
    assert group_key(dict(reversed(config.items()))) == group_key(config)


def test_seeds_are_together_and_learners_apart(store: RunStore, tmp_path: Path) -> None:
    runs = [trained(store, tmp_path, f"seed={seed}") for seed in range(2)]
    runs.insert(1, trained(store, tmp_path, "algorithm=protonet"))
    found = grouped(runs)
    assert [group.label for group in found] == ["maml", "protonet"]
    assert [[run.id for run in group.runs] for group in found] == [[1, 2], [3]]
    assert [group.mixed for group in found] == [[], []]


def test_a_run_that_goes_on_from_another_one_is_no_seed(store: RunStore, tmp_path: Path) -> None:
    runs = [trained(store, tmp_path, f"seed={seed}") for seed in range(3)]
    runs[1] = replace(runs[1], facts=runs[1].facts | {"start": {"run": 9, "checkpoint": "last@3", "iteration": 3}})
    assert [[run.id for run in group.runs] for group in grouped(runs)] == [[1, 3], [2]]


def test_a_group_that_a_person_named_stays_together_where_it_is_asked_for(store: RunStore, tmp_path: Path) -> None:
    other = ("algorithm.inner_lr=0.3", "seed=1")
    runs = [trained(store, tmp_path, group="mine"), trained(store, tmp_path, *other, group="mine")]
    runs.append(trained(store, tmp_path, "seed=2"))
    found = grouped(runs, named=["mine"])
    assert [(group.label, len(group.runs)) for group in found] == [("mine", 2), ("maml", 1)]
    assert found[0].mixed == ["inner_lr"]
    assert len(grouped(runs)) == 2  # by recipe: the first and the last are seeds


def test_the_family_is_said_where_there_are_several(store: RunStore, tmp_path: Path) -> None:
    runs = [trained(store, tmp_path), trained(store, tmp_path, base="sinusoid")]
    assert [group.label for group in grouped(runs)] == ["maml on doodles", "maml on sinusoid"]


def label(runs: list[Run]) -> list[str]:
    return [group.label for group in grouped(runs)]


def test_equal_labels_say_what_differs(store: RunStore, tmp_path: Path) -> None:
    runs = [trained(store, tmp_path, f"algorithm.inner_lr={rate}", "seed=1") for rate in (0.1, 0.2)]
    runs.append(trained(store, tmp_path, "algorithm=protonet"))
    assert label(runs) == ["maml · inner_lr 0.1", "maml · inner_lr 0.2", "protonet"]


MANY = (
    "training.iterations=9", "training.meta_batch_size=7", "training.meta_lr=0.5", "evaluation.episodes=90",
    "algorithm.inner_lr=0.3", "algorithm.inner_steps=2", "family.n_query=4",
)  # fmt: skip


def test_a_label_says_the_most_telling_settings_and_no_more(store: RunStore, tmp_path: Path) -> None:
    runs = [trained(store, tmp_path), trained(store, tmp_path, *MANY)]
    assert label(runs) == [
        "maml · inner_lr 0.1 · inner_steps 1 · meta_lr 0.001",
        "maml · inner_lr 0.3 · inner_steps 2 · meta_lr 0.5",
    ]
    assert all(text.count(" · ") == MOST_TOLD for text in label(runs))


def test_another_network_is_said_first(store: RunStore, tmp_path: Path) -> None:
    runs = [trained(store, tmp_path), trained(store, tmp_path, *MANY, "model=mlp")]
    assert label(runs)[1] == "maml · model mlp · inner_lr 0.3 · inner_steps 2"


def test_where_the_most_telling_settings_leave_equal_ones_numbers_follow(store: RunStore, tmp_path: Path) -> None:
    runs = [
        trained(store, tmp_path),
        trained(store, tmp_path, *MANY),
        trained(store, tmp_path, *MANY, "precision=tf32"),
    ]
    assert label(runs)[1:] == [f"maml · inner_lr 0.3 · inner_steps 2 · meta_lr 0.5 #{run.id}" for run in runs[1:]]
    same = [Group("maml", (run,)) for run in runs[:1] * 2]
    numbered = told_apart([group.label for group in same], [runs[0], replace(runs[0], id=9)])
    assert numbered == ["maml #1", "maml #9"]


def test_runs_of_earlier_versions_say_them_in_the_configs_order(store: RunStore, tmp_path: Path) -> None:
    runs = [trained(store, tmp_path), trained(store, tmp_path, *MANY)]
    older = [replace(run, facts=copy.deepcopy(run.facts)) for run in runs]
    for run in older:
        del run.facts["telling"]
    assert Facts.of(older[0]).telling == ()
    assert label(older)[1] == "maml · n_query 4 · inner_lr 0.3 · inner_steps 2"


def test_as_many_recipes_are_shown_as_can_be_told_apart_with_all_their_seeds(store: RunStore, tmp_path: Path) -> None:
    run = trained(store, tmp_path)
    pair, many = Group("two", (run,) * 2), Group("many", (run,) * (MOST_RUNS + 5))
    assert shown([pair] * (MOST + 3)) == [pair] * MOST
    assert shown([pair, many, pair]) == [pair]
    assert shown([many, pair]) == [Group("many", many.runs[:MOST_RUNS])]
    assert shown([]) == []
