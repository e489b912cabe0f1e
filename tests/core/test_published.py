"""What papers report, and where a finished run stands to it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.comparing.groups import Group
from core.comparing.scores import beside_papers, standing
from core.config.checks import parse
from core.config.facts import facts_of
from core.config.presets import PRESETS, preset
from core.launch import from_preset
from core.published import SAID, Standing, entries, near, published_for
from core.runs.schema import Run
from core.runs.store import RunStore

PROTONET, MAML, SINUSOID = "omniglot-5w1s-protonet", "omniglot-5w1s-paper", "sinusoid-maml"
# How MAML's numbers were taken, and their networks normalise.
LIKE_MAML = {"n_query": 1, "inner_steps": 3, "batch_statistics": "queries together"}
LIKE_PROTONET = {"batch_statistics": "support and queries together"}
LIKE_SINUSOID = {"batch_statistics": "none", "n_query": 100, "inner_steps": 10}


@pytest.fixture
def tested(tmp_path: Path):
    """A preset's run, changed by assignments, that was tested with this score."""
    store = RunStore(f"sqlite:///{tmp_path}/innerloop.db")

    def make(name: str, mean: float | None, ci95: float | None, *assignments: str, **changes: Any) -> Run:
        config = parse(from_preset(preset(name), assignments))
        values = config.model_dump(mode="json")
        facts = facts_of(config).as_json()
        run = store.create(values, name, folder_root=tmp_path, datasets=tmp_path, facts=facts)
        protocol = {"family": values["family"], "split": "test", **config.test_shape._asdict()}
        protocol |= {
            name: changes.pop(name) for name in ("n_query", "inner_steps", "batch_statistics") if name in changes
        }
        score = {"mean": mean, "ci95": ci95, "episodes": 600, "non_finite": 0, "diverged": 0}
        return replace(run, test={"protocol": protocol, **score, **changes})

    return make


def first(run: Run) -> Standing:
    return near(run)[0]


# The file


def test_the_file_says_what_is_printed() -> None:
    """Values against the printed text, so that a slip in one of the two shows; and known facts only."""
    for entry in entries():
        number = entry.number
        assert number.mark in ("V", "S", "M") and number.source
        printed = [float(part) for part in number.text.removesuffix(" %").split(" ± ")]
        shares = entry.family not in ("sinusoid", "navigation")
        factor = 100 if shares else 1
        assert printed[0] == pytest.approx(factor * number.mean)
        assert (printed[1] if len(printed) > 1 else 0) == pytest.approx(factor * entry.half_width)
        assert number.text.endswith("%") is shares
        assert entry.facts.keys() <= SAID.keys()
    assert len(entries()) == 82


def test_a_number_stands_beside_a_preset_of_its_kind_and_only_one() -> None:
    named = [name for entry in entries() for name in entry.presets]
    assert len(named) == len(set(named)) == 59
    assert set(named) < {one.name for one in PRESETS}
    for entry in entries():
        for name in entry.presets:
            config = parse(from_preset(preset(name)))
            shape = config.test_shape
            assert (config.family.name, shape.n_way, shape.k_shot) == (entry.family, entry.n_way, entry.k_shot)
            assert facts_of(config).learner == entry.learner


def test_the_number_beside_a_preset() -> None:
    assert published_for("omniglot-20w1s-maml").text == published_for("omniglot-20w1s-paper").text == "95.8 ± 0.3 %"
    assert published_for("omniglot-20w5s-anil").mean == 0.98
    for name in ("omniglot-5w1s-anil", "omniglot-20w1s-meta-sgd", "omniglot-5w1s-pretrain", "doodles-5w1s", "mine"):
        assert published_for(name) is None


# Standings


def test_reproduced_where_the_interval_holds_the_number(tested) -> None:
    found = first(tested(PROTONET, 0.987, 0.002, **LIKE_PROTONET))
    assert found.standing == "reproduced"
    assert found.reason == (
        "98.70 ± 0.20 % agrees with 98.8 %; not known of theirs: halving blocks, queries, BatchNorm's statistics"
    )


def test_below_and_above(tested) -> None:
    below = first(tested(PROTONET, 0.98, 0.002, **LIKE_PROTONET))
    assert below.standing == "below"
    assert below.reason.startswith("98.00 ± 0.20 % lies below 98.8 %, worse by 0.80 points; not known of theirs: ")
    above = first(tested(PROTONET, 0.995, 0.002, **LIKE_PROTONET))
    assert above.standing == "above" and "lies above 98.8 %, better by 0.70 points" in above.reason


def test_of_errors_above_is_worse(tested) -> None:
    found = first(tested("sinusoid-pretrain", 2.5, 0.1, **LIKE_SINUSOID))
    assert (found.standing, found.reason) == ("above", "2.5 ± 0.1 lies above 2.19, worse by 0.31")


def test_of_returns_above_is_better_and_the_number_of_updates_counts(tested) -> None:
    like = {"batch_statistics": "none", "n_query": 20}
    for steps, mean, said in (
        (3, -5.05, "-5.05 ± 0.25 lies below -3.2, worse by 1.85"),
        (0, -40.0, "agrees with -40.4"),
    ):
        found = first(tested("navigation-maml", mean, 0.25 if steps else 2.0, **like, inner_steps=steps))
        assert said in found.reason and "not known of theirs" not in found.reason
    whole = near(tested("navigation-maml", -5.0, 0.25, "family.later_steps=1.0", **like, inner_steps=2))
    assert "later inner steps 1, theirs 0.5" in [one.reason for one in whole]
    assert (
        first(tested("navigation-maml", -11.0, 1.0, "family.later_steps=1.0", **like, inner_steps=1)).standing
        == "reproduced"
    )
    squared = first(tested("navigation-maml", -5.0, 0.25, "family.reward=squared distance", **like, inner_steps=3))
    assert squared.reason == "reward squared distance, theirs distance"


def test_the_published_interval_widens_ours(tested) -> None:
    for mean, wanted in ((0.9821, "reproduced"), (0.9819, "below")):
        found = first(tested(MAML, mean, 0.001, **LIKE_MAML))
        assert (found.standing, found.entry.half_width) == (wanted, 0.004)


@pytest.mark.parametrize(
    ("name", "assignments", "protocol", "reason"),
    [
        (MAML, ("family.split=vinyals",), {}, "split vinyals, theirs finn"),
        (MAML, ("family.rotations=false",), {}, "rotations no, theirs yes"),
        (MAML, ("model.filters=32",), {}, "filters 32, theirs 64"),
        (MAML, (), {"n_query": 5, "inner_steps": 1}, "queries 5, theirs 1; inner steps 1, theirs 3"),
        (MAML, (), {"n_query": 15}, "queries 15, theirs 1"),
        (MAML, (), {"inner_steps": 10}, "inner steps 10, theirs 3"),
        (MAML, ("evaluation.k_shot=1", "family.k_shot=5"), {}, "shots in training 5, theirs 1"),
        (MAML, (), {"batch_statistics": "support"}, "BatchNorm's statistics support, theirs queries together"),
        (PROTONET, ("family.n_way=20",), LIKE_PROTONET, "classes in training 20, theirs 60"),
        (SINUSOID, (), LIKE_SINUSOID, "shots in training 5, theirs 10"),
        ("omniglot-5w1s-maml++", (), {}, "theirs is an ensemble of 5 checkpoints"),
    ],
)  # fmt: skip
def test_not_comparable_where_a_fact_is_known_to_differ(
    tested, name: str, assignments: tuple[str, ...], protocol: dict, reason: str
) -> None:
    run = tested(name, 0.987, 0.004, *assignments, **(LIKE_MAML | protocol))
    assert (first(run).standing, first(run).reason) == ("not comparable", reason)


def test_queries_that_are_answered_each_alone_may_be_any_number(tested) -> None:
    """Their number then makes no score better or worse."""
    run = tested(MAML, 0.987, 0.004, **(LIKE_MAML | {"n_query": 15, "batch_statistics": "support"}))
    assert first(run).reason == "BatchNorm's statistics support, theirs queries together"


@pytest.mark.parametrize("lost", [{"diverged": 2}, {"non_finite": 2}])
def test_not_comparable_where_tasks_were_lost(tested, lost: dict) -> None:
    """An interval that a diverged task has made wide would hold any number."""
    found = first(tested(SINUSOID, 9.6e28, 1.9e29, "family.k_shot=10", "evaluation.k_shot=5", **LIKE_SINUSOID, **lost))
    assert found.standing == "not comparable"
    assert found.reason == "2 of 600 tasks diverged or have no finite score"
    none = tested(SINUSOID, None, None, "family.k_shot=10", "evaluation.k_shot=5", **LIKE_SINUSOID, non_finite=600)
    assert first(none).reason.startswith("600 of 600 tasks")


def test_the_number_whose_protocol_is_nearest_comes_first(tested) -> None:
    for steps, text in ((1, "0.67"), (5, "0.38"), (10, "0.35")):
        like = LIKE_SINUSOID | {"inner_steps": steps}
        found = near(tested(SINUSOID, 0.3, 0.1, "family.k_shot=10", "evaluation.k_shot=5", **like))
        assert found[0].entry.number.text == text
        assert [one.standing for one in found[1:]] == ["not comparable"] * 2
    mlp = near(
        tested(MAML, 0.9, 0.01, "model=mlp", "model.widths=[256,128,64,64]", **LIKE_SINUSOID | {"inner_steps": 3})
    )
    assert (mlp[0].entry.number.text, mlp[0].standing) == ("89.7 %", "reproduced")
    assert mlp[1].reason == "network mlp, theirs conv4"


def test_where_no_paper_has_a_number_there_is_no_standing(tested) -> None:
    for run in (
        tested("doodles-5w1s", 0.9, 0.01, **LIKE_MAML),
        tested(MAML, 0.9, 0.01, "evaluation.k_shot=2", **LIKE_MAML),
    ):
        assert near(run) == []
        assert near(replace(run, test=None)) == []


def test_a_group_of_seeds_stands_to_it_by_its_mean_over_them(tested) -> None:
    runs = [
        tested(PROTONET, mean, 0.002, f"seed={place}", **LIKE_PROTONET)
        for place, mean in enumerate((0.986, 0.988, 0.987))
    ]
    found = beside_papers(standing(Group("ProtoNet", tuple(runs))))
    assert found.reason.startswith("98.70 ± 0.25 % agrees with 98.8 %")
    half_tested = Group("ProtoNet", (runs[0], replace(runs[1], test=None)))
    assert beside_papers(standing(half_tested)).reason == "nobody knows how sure 98.60 % is"
    assert beside_papers(standing(Group("ProtoNet", (replace(runs[0], test=None),)))) is None
