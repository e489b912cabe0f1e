"""Who takes part, what all have in common, what each has of its own, and how it is queued."""

import pytest

from core.config.presets import preset
from core.launch import changed
from core.results import MOST_ITERATIONS
from core.runs import scheduler
from core.runs.home import Home
from core.runs.store import RunStore
from core.tournament import plan
from core.tournament.budget import Budget
from core.tournament.expected import expected
from core.tournament.plan import contestant, enter, line_up, tasks_per_iteration
from core.tournament.record import tournament, tournaments
from data.errors import InputError
from tests.core.tiny import values
from tests.core.tournament.made_up import BUDGET


def test_all_have_the_tasks_the_network_and_the_budget_in_common() -> None:
    mine = values("conv4", "seed=3", "family.k_shot=1")
    configs = [one.config for one in line_up(mine, ("maml", "protonet", "pretrain", "maml"), Budget(seconds=30))]
    assert [config.algorithm.name for config in configs] == ["maml", "protonet", "pretrain"]  # each once
    assert len({config.family.model_dump_json() for config in configs}) == 1
    assert len({config.model.model_dump_json() for config in configs}) == 1
    assert {config.batch_statistics for config in configs} == {"support"}
    assert {config.seed for config in configs} == {3}
    assert {(config.training.minutes, config.training.iterations) for config in configs} == {(0.5, MOST_ITERATIONS)}
    assert {config.evaluation.episodes for config in configs} == {30}


def test_a_learner_brings_its_settings_and_steps_and_the_one_of_the_config_keeps_its_own() -> None:
    mine = values("conv4", "algorithm.inner_lr=0.3", "evaluation.inner_steps=7", "training.meta_lr=0.02")
    own, other = (contestant(mine, learner, BUDGET).config for learner in ("maml", "protonet"))
    assert (own.algorithm.inner_lr, own.evaluation.inner_steps, own.training.meta_lr) == (0.3, 7, 0.02)
    assert other.evaluation.inner_steps != 7 and other.training.meta_lr != 0.02


def test_a_learner_brings_its_schedule_whole() -> None:
    mine = changed(preset("mini_imagenet-5w1s-maml").config)
    theirs = contestant(mine, "protonet", Budget(tasks=40_000)).config.training
    own = changed(preset("mini_imagenet-5w1s-protonet").config)["training"]
    for name in ("schedule", "decay_rate", "decay_every", "staircase"):
        assert getattr(theirs, name) == own[name], name


def test_as_many_tasks_are_seen_by_those_that_train_on_ordinary_batches() -> None:
    budget, mine = Budget(tasks=600), values("conv4")
    configs = [one.config for one in line_up(mine, ("maml", "pretrain"), budget)]
    each = [tasks_per_iteration(config.model_dump(mode="json")) for config in configs]
    assert each[0] == 3 and each[1] != 3
    for config, one in zip(configs, each, strict=True):
        assert 0 <= config.training.iterations * one - 600 < one
        assert config.training.minutes is None
        assert config.training.evaluate_every == max(1, config.training.iterations // plan.LOOKS)


def test_a_schedule_that_counts_iterations_gives_way_to_the_clock() -> None:
    mine = values("conv4", "training.schedule=exponential")
    assert contestant(mine, "maml", Budget(seconds=5)).config.training.schedule == "cosine"
    assert contestant(mine, "maml", BUDGET).config.training.schedule == "exponential"


def test_one_that_does_not_fit_is_known_with_the_reason() -> None:
    one = contestant(values("sinusoid"), "protonet", BUDGET)
    assert one.config is None and one.why == "ProtoNet is for classification, and sinusoid is regression."
    with pytest.raises(InputError, match=r"ProtoNet cannot take part: ProtoNet is for classification"):
        line_up(values("sinusoid"), ("maml", "protonet"), BUDGET)


@pytest.mark.parametrize(
    ("learners", "message"), [(("maml",), "two learners"), (("maml", "chess"), "no learner named chess")]
)
def test_those_that_make_no_tournament_are_refused(learners: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        line_up(values("conv4"), learners, BUDGET)


@pytest.mark.parametrize(
    ("seconds", "tasks", "message"),
    [(None, None, "Neither"), (3, 4, "Both"), (0, None, "greater than 0"), (None, -1, "greater than 0")],
)
def test_a_budget_is_of_one_kind_and_more_than_nothing(seconds: float | None, tasks: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Budget.of(seconds, tasks)


def test_a_budget_in_words() -> None:
    assert Budget.of(20, None).text == "20 s of training each"
    assert Budget.of(None, 32_000).text == "32\u202f000 tasks each"
    assert Budget.of(600, None).text == "10 min each"


def test_it_is_queued_a_seed_of_each_after_the_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "reconcile", lambda *_: [])
    store = RunStore(home.database, home.root)
    contestants = line_up(values("doodles"), ("maml", "protonet"), BUDGET)
    runs = enter(store, home, contestants, "mine", 2, BUDGET, {"maml": 9.0})
    assert [(run.config["algorithm"]["name"], run.config["seed"]) for run in runs] == [
        *(("maml", 0), ("protonet", 0)),
        *(("maml", 1), ("protonet", 1)),
    ]
    found = tournament(store, runs[0].id)
    assert (found.name, found.planned, found.budget, found.seeds) == ("mine", 4, BUDGET, 2)
    assert [group.label for group in found.groups] == ["MAML", "ProtoNet"]
    assert {run.group for run in found.runs} == {f"mine #{runs[0].id}"}
    assert [one.number for one in tournaments(store, 5)] == [runs[0].id]


def test_nothing_is_queued_where_one_cannot_be_prepared(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "reconcile", lambda *_: [])
    store = RunStore(home.database, home.root)
    with pytest.raises(InputError, match="name"):
        enter(store, home, line_up(values("doodles"), ("maml", "protonet"), BUDGET), " ", 2, BUDGET)
    assert store.runs() == []


def test_what_is_not_measured_is_said_and_not_in_the_sum() -> None:
    def known(config: object) -> None:
        if config.algorithm.name == "protonet":
            raise InputError("No memory.", "", "")

    found = expected(line_up(values("conv4"), ("maml", "protonet"), BUDGET), 3, known)
    assert (found.words, found.whole) == ("", False)
    assert found.unknown == "ProtoNet could not be measured: No memory. Not measured yet: MAML."
