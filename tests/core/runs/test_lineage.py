"""What sets a run apart from the one it was made from."""

import pytest

from core.runs import lineage
from core.runs.names import LONGEST_NAME, checked_name

BEFORE = {
    "family": {"name": "sinusoid", "k_shot": 5},
    "model": {"name": "mlp", "widths": [40, 40]},
    "algorithm": {"name": "maml", "inner_lr": 0.01, "first_order": False},
    "evaluation": {"k_shot": None},
    "seed": 0,
}


def after(**sections: object) -> dict:
    return {name: BEFORE[name] | part if isinstance(part, dict) else part for name, part in (BEFORE | sections).items()}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (after(), "like #7, with the same settings"),
        (after(algorithm={"inner_lr": 0.02}), "like #7 but inner_lr 0.02"),
        (after(family={"k_shot": 10}, seed=3), "like #7 but k_shot 10, seed 3"),
        (after(evaluation={"k_shot": 10}), "like #7 but evaluation.k_shot 10"),
        (
            after(model={"widths": [64, 64, 8]}, algorithm={"first_order": True}),
            "like #7 but widths 64-64-8, first_order yes",
        ),
        (after(algorithm={"name": "protonet", "distance": "cosine"}), "like #7 but algorithm protonet"),
    ],
)
def test_the_settings_that_differ_in_a_sentence(changed: dict, said: str) -> None:
    assert lineage.sentence(7, lineage.changes(BEFORE, changed)) == said


def test_a_long_list_of_changes_is_cut() -> None:
    said = lineage.sentence(7, {f"setting_{n}": "1" for n in range(6)})
    assert said.endswith("setting_3 1 and 2 more")


def test_a_variant_is_called_by_what_it_changes_and_its_variant_by_both() -> None:
    first = lineage.variant_name("sinusoid-maml", {"inner_lr": "0.02"})
    assert first == "sinusoid-maml · inner_lr 0.02"
    assert lineage.variant_name(first, {"meta_lr": "0.1"}) == "sinusoid-maml · inner_lr 0.02 · meta_lr 0.1"
    assert lineage.variant_name(first, {"inner_lr": "0.5"}) == "sinusoid-maml · inner_lr 0.5"
    assert lineage.variant_name(first, {}) == first


@pytest.mark.parametrize("name", ["x" * LONGEST_NAME, "a", "ends with ·", "a · b · c"])
def test_a_variants_name_is_one_that_a_run_can_have(name: str) -> None:
    for changed in ({"inner_lr": "0.02"}, {"path": "x" * 500}, {"path": "a\nb\x00"}):
        made = lineage.variant_name(name, changed)
        assert checked_name(made) == made


def test_what_a_run_has_no_use_for_is_no_difference() -> None:
    ours, theirs = after(evaluation={"k_shot": 3}), after(model={"widths": [8]}, evaluation={"k_shot": None})
    idle = [(), ("evaluation.k_shot", "model")]
    assert lineage.differences([ours, theirs], idle) == {}
    third = after(evaluation={"k_shot": 5})
    assert lineage.differences([ours, theirs, third], idle) == {"evaluation.k_shot": [3, None, 5]}
    assert lineage.sentence(7, lineage.changes(ours, theirs, idle)) == "like #7, with the same settings"
