"""Which scores compare, why others do not, and the evaluation that would mend it."""

from pathlib import Path
from typing import Any

import pytest

from core.comparing import alike
from core.comparing.again import wishes
from core.comparing.alike import badge, in_common, refusal, remedy, unlike
from core.comparing.groups import Group
from core.config.checks import parse
from core.config.facts import facts_of
from core.config.overrides import apply
from core.config.presets import preset
from core.launch import from_preset
from core.runs.facts import Facts
from core.runs.protocols import comparable
from core.runs.schema import Run
from core.runs.store import RunStore
from tests.core.comparing.made_up import add_test, protocol, trained

MAML, PROTONET = (), ("algorithm=protonet",)


def result(run: Run, **changes: Any) -> dict[str, Any]:
    return {"metric": "accuracy", "protocol": protocol(run, **changes)}


CHANGES: list[dict[str, Any]] = [
    {}, {"checkpoint": "last@4"}, {"chosen": "x"}, {"inner_steps": 4}, {"n_way": 4}, {"k_shot": 3}, {"n_query": 9},
    {"episodes": 50}, {"seed": 1}, {"split": "val"}, {"interval": "1 standard error"}, {"episodes_sha256": "0" * 64},
    {"batch_statistics": "support"}, {"batch_statistics": "queries together"}, {"batch_statistics": "transductive"},
]  # fmt: skip


@pytest.fixture
def learners(store: RunStore, tmp_path: Path) -> list[Run]:
    same = [trained(store, tmp_path, *learner, f"seed={seed}") for seed in range(2) for learner in (MAML, PROTONET)]
    trained_wider = trained(store, tmp_path, *PROTONET, "family.n_way=4", "evaluation.n_way=3")
    return [*same, trained_wider, trained(store, tmp_path, "family.pool_seed=1")]


def test_digests_are_equal_where_protocols_are_and_only_there(learners: list[Run]) -> None:
    """Of each pair of a hundred results; inner steps and BatchNorm's statistics are beside the digest, for some have none."""
    seen = [(result(run, **changes), Facts.of(run)) for run in learners for changes in CHANGES]
    badges = [badge(*one) for one in seen]
    parts = [comparable(one["protocol"], facts) for one, facts in seen]
    beside = ("inner steps", "BatchNorm's statistics")
    shared = [{name: value for name, value in part.items() if name not in beside} for part in parts]
    for i, one in enumerate(badges):
        for j, other in enumerate(badges):
            assert (one.digest == other.digest) == (shared[i] == shared[j])
            both = [(parts[i].get(name), parts[j].get(name)) for name in beside]
            own = all(None in pair or pair[0] == pair[1] for pair in both)
            assert one.alike(other) == (shared[i] == shared[j] and own)
    assert 10 < len({one.digest for one in badges}) < len(badges) / 2


def test_a_badge_says_the_protocol(learners: list[Run]) -> None:
    maml, protonet = (badge(result(run), Facts.of(run)) for run in learners[:2])
    assert maml.text == f"test · 3-way 2-shot · 3 queries · 1 step · 30 tasks · seed 0 · #{maml.digest}"
    assert protonet.text == f"test · 3-way 2-shot · 3 queries · 30 tasks · seed 0 · #{protonet.digest}"
    assert (maml.steps, protonet.steps, maml.digest) == (1, None, protonet.digest)
    ten = badge(result(learners[0], inner_steps=10, n_way=1), Facts.of(learners[0]))
    assert " · 2-shot · " in ten.text and " · 10 steps · " in ten.text


def test_another_metric_is_another_badge(learners: list[Run]) -> None:
    facts = Facts.of(learners[0])
    assert badge(result(learners[0]), facts).digest != badge(result(learners[0]) | {"metric": "f1"}, facts).digest


def test_the_words_of_the_first_release_are_read(learners: list[Run]) -> None:
    """Its one word for two protocols: learners that compare normalise by the support set too."""
    for run, said in zip(learners, ("queries together", "support and queries together"), strict=False):
        old, new = (result(run, batch_statistics=words) for words in ("transductive", said))
        assert badge(old, Facts.of(run)).digest == badge(new, Facts.of(run)).digest


# Two groups


class Groups:
    """Two groups of seeds whose tests are put into the store one by one."""

    def __init__(self, store: RunStore, folder: Path, *learners: tuple[str, ...], seeds: int = 1):
        self.store = store
        kept = [[trained(store, folder, *learner, f"seed={seed}") for seed in range(seeds)] for learner in learners]
        self.runs = kept
        self.groups = [Group(name, tuple(runs)) for name, runs in zip("ab", kept, strict=True)]

    def add(self, which: int, place: int = 0, **changes: Any) -> int:
        """The number of a new test of the run at this place in its group."""
        run = self.runs[which][place]
        add_test(self.store, run, **changes)
        return self.store.evaluations(run.id)[-1].id

    def tested(self) -> list:
        return [alike.tested(group, self.store) for group in self.groups]


def test_the_newest_tests_under_a_shared_protocol_are_taken(store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, MAML, PROTONET, seeds=2)
    for seed in range(2):
        made.add(0, seed)
        made.add(1, seed)
    wanted = [[made.add(which, seed, checkpoint="last") for seed in range(2)] for which in range(2)]
    made.add(0, 0, checkpoint="tuned", n_query=9)  # its other seed was not asked so
    a, b = made.tested()
    found = in_common(a, b)
    assert [[test.id for test in tests] for tests in found] == wanted
    assert refusal(a, b) == []


def test_learners_that_take_steps_need_as_many_and_others_none(store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, MAML, MAML)
    made.add(0, inner_steps=1)
    made.add(1, inner_steps=4)
    assert in_common(*made.tested()) is None
    made.add(0, checkpoint="last", inner_steps=4)
    assert in_common(*made.tested()) is not None


def test_unlike_protocols_are_refused_with_what_differs(store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, MAML, PROTONET)
    made.add(0, batch_statistics="queries together", n_query=9)
    made.add(1, batch_statistics="support and queries together", n_query=3)
    a, b = made.tested()
    assert refusal(a, b) == [
        "They were tested otherwise: queries (a 9, b 3), BatchNorm's statistics (a queries together, b support and "
        "queries together)."
    ]
    assert unlike(a, b)["queries"] == {"a": 9, "b": 3}  # that the tasks are others follows, and is not said


def test_seeds_that_differ_are_named_each(store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, MAML, PROTONET, seeds=2)
    for which, seed in ((0, 0), (0, 1), (1, 0)):
        made.add(which, seed, seed=seed)
    made.add(1, 1)
    a, b = made.tested()
    assert unlike(a, b) == {"episode seed": {"a #1": 0, "a #2": 1, "b": 0}}


def test_other_tasks_are_said_where_nothing_else_explains_them(store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, MAML, PROTONET)
    made.add(0, episodes_sha256="f" * 64)
    made.add(1)
    a, b = made.tested()
    assert list(unlike(a, b)) == ["episodes"]
    assert remedy(a, b) is None


def test_missing_tests_and_mixed_groups_are_refused(store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, MAML, PROTONET, seeds=2)
    made.add(0, 0)
    mixed = alike.tested(Group("mine", (made.runs[0][0], made.runs[1][0])), store)
    reasons = refusal(made.tested()[0], mixed)
    assert reasons == [
        "a has runs without a test: #2.",
        "mine is no group of seeds: its runs differ in algorithm.",
        "mine has runs without a test: #3.",
    ]


@pytest.mark.parametrize(
    ("first", "second", "assignments", "text"),
    [
        (
            {"inner_steps": 3, "episodes": 50}, {"inner_steps": 10, "episodes": 600},
            {"evaluation.inner_steps=10", "evaluation.episodes=600"},
            "evaluate both with 600 test episodes, 10 inner steps",
        ),
        ({"n_query": 1}, {"n_query": 15}, {"evaluation.n_query=15"}, "evaluate both with 15 queries"),
        ({"seed": 4}, {"seed": 2}, {"evaluation.seed=4"}, "evaluate both with episode seed 4"),
        ({"k_shot": 1}, {"k_shot": 5}, {"evaluation.k_shot=1"}, "evaluate both with 1-shot"),
        ({"inner_steps": 1}, {"inner_steps": 0}, {"evaluation.inner_steps=1"}, "evaluate both with 1 inner step"),
        (
            {"batch_statistics": "queries together"}, {"batch_statistics": "support"}, {"batch_statistics=support"},
            "evaluate both with BatchNorm's statistics by the support set",
        ),
    ],
)  # fmt: skip
def test_the_remedy_is_an_evaluation(
    store: RunStore, tmp_path: Path, first: dict, second: dict, assignments: set[str], text: str
) -> None:
    made = Groups(store, tmp_path, MAML, MAML)
    made.add(0, **first)
    made.add(1, **second)
    found = remedy(*made.tested())
    assert (set(found.assignments), found.text) == (assignments, text)
    taken(made, found)


def taken(made: Groups, found: alike.Remedy) -> None:
    """That each run can be evaluated like this, for those that were not yet, and that all of them then compare."""
    for runs in made.runs:
        for run in runs:
            (test,) = made.store.evaluations(run.id)
            for wish in wishes([(run, test)], found.assignments):
                config = parse(apply(run.config, list(wish.assignments)))
                asked = {
                    name: getattr(config.evaluation, name) for name in ("n_query", "inner_steps", "episodes", "seed")
                }
                statistics = {"batch_statistics": "support"} if "batch_statistics=support" in wish.assignments else {}
                add_test(made.store, run, checkpoint="again", **config.test_shape._asdict() | asked | statistics)
    assert refusal(*made.tested()) == []


@pytest.mark.parametrize("name", ["doodles-5w1s", "doodles-5w1s-protonet"])
def test_presets_take_what_a_remedy_asks_for(name: str, store: RunStore, tmp_path: Path) -> None:
    """Also a learner without inner steps that stands beside one whose own seeds were tested with different ones."""
    made = Groups(store, tmp_path, MAML, MAML, seeds=2)
    for place, changes in enumerate(({"inner_steps": 3, "n_query": 4}, {"inner_steps": 10, "k_shot": 3, "seed": 4})):
        made.add(0, place, batch_statistics="support", **changes)
        made.add(1, place, batch_statistics="queries together")
    found = remedy(*made.tested())
    assert len(found.assignments) == 5
    config = from_preset(preset(name))
    facts = facts_of(parse(config)).as_json()
    run = store.create(config, name, folder_root=tmp_path, datasets=tmp_path, facts=facts)
    add_test(store, run)
    (wish,) = wishes([(run, store.evaluations(run.id)[0])], found.assignments)
    parse(apply(config, list(wish.assignments)))


WIDE = ("algorithm=protonet", "evaluation.n_way=4")


@pytest.mark.parametrize("order", [1, -1])
def test_a_learner_for_so_many_classes_is_not_asked_for_others(order: int, store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, *(MAML, WIDE)[::order])
    for which in range(2):
        made.add(which)
    found = remedy(*made.tested())
    assert found.assignments == ("evaluation.n_way=3",)
    taken(made, found)


def test_two_learners_for_other_numbers_of_classes_are_beyond_remedy(store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, MAML, ("family.n_way=4",))
    for which in range(2):
        made.add(which)
    a, b = made.tested()
    assert refusal(a, b) == ["They were tested otherwise: classes (a 3, b 4)."]
    assert remedy(a, b) is None


def test_what_no_evaluation_can_mend_has_no_remedy(store: RunStore, tmp_path: Path) -> None:
    made = Groups(store, tmp_path, MAML, ("family.pool_seed=1",))
    made.add(0)
    made.add(1)
    a, b = made.tested()
    assert refusal(a, b) == ["They were tested otherwise: family pool_seed (a 0, b 1)."]
    assert remedy(a, b) is None
    assert remedy(a, a) is None
