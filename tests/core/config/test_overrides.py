"""``--set path=value``: read as JSON or as text, branches reset first, and near misses named."""

import copy
import itertools

import pytest

from core.algorithms.maml import MAMLConfig
from core.config.checks import ConfigError, parse
from core.config.overrides import apply, defaults, paths
from tests.core.tiny import values


@pytest.mark.parametrize(
    ("assignment", "place", "value"),
    [
        ("training.meta_lr=0.02", ("training", "meta_lr"), 0.02),
        ("training.meta_lr=1e-4", ("training", "meta_lr"), 1e-4),
        ("training.schedule=cosine", ("training", "schedule"), "cosine"),
        ('training.schedule="cosine"', ("training", "schedule"), "cosine"),
        ("training.gradient_clip=null", ("training", "gradient_clip"), None),
        ("algorithm.first_order=true", ("algorithm", "first_order"), True),
        ("model.widths=[128, 64]", ("model", "widths"), [128, 64]),
        (" training.iterations =7", ("training", "iterations"), 7),
    ],
)
def test_a_value_is_json_or_else_text(assignment: str, place: tuple[str, str], value: object) -> None:
    branch, field = place
    assert apply(values("sinusoid"), [assignment])[branch][field] == value


def test_a_value_may_contain_an_equals_sign() -> None:
    changed = apply(values("sinusoid"), ["model=module", "model.path=a=b"])
    assert changed["model"]["path"] == "a=b"


def test_the_values_given_are_left_alone_and_the_last_one_wins() -> None:
    before = values("sinusoid")
    untouched = copy.deepcopy(before)
    changed = apply(before, ["seed=1", "model.widths=[3]", "seed=2"])
    assert before == untouched
    assert changed["seed"] == 2


def test_choosing_a_branch_resets_it_whatever_the_order() -> None:
    assignments = ["algorithm.inner_lr=0.7", "algorithm=maml", "seed=3"]
    for order in itertools.permutations(assignments):
        changed = apply(values("sinusoid", "algorithm.inner_steps=9"), list(order))
        assert changed["algorithm"] == {**MAMLConfig().model_dump(), "inner_lr": 0.7}
        assert changed["seed"] == 3


def test_choosing_by_name_is_the_same() -> None:
    by_name = apply(values("sinusoid"), ["algorithm.name=scratch", "algorithm.inner_steps=2"])
    assert by_name == apply(values("sinusoid"), ["algorithm=scratch", "algorithm.inner_steps=2"])
    assert parse(by_name).algorithm.inner_steps == 2


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("training.meta_lrs", "training.meta_lr"),
        ("meta_lr", "training.meta_lr"),
        ("algorithm.iner_lr", "algorithm.inner_lr"),
        ("evaluation.kshot", "evaluation.k_shot"),
        ("sede", "seed"),
        ("train.iterations", "training.iterations"),
        ("training.meta_lr.value", "training.meta_lr"),
    ],
)
def test_an_unknown_path_names_the_near_ones(path: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"no setting {path}") as caught:
        apply(values("sinusoid"), [f"{path}=1"])
    assert near in caught.value.remedy
    assert caught.value.path == path


def test_a_path_unlike_any_lists_all() -> None:
    with pytest.raises(ConfigError) as caught:
        apply(values("sinusoid"), ["xyzzy=1"])
    assert all(path in caught.value.remedy for path in ("training.meta_lr", "seed", "family.k_shot"))


@pytest.mark.parametrize("assignment", ["training.meta_lr", "=3", " =3", ""])
def test_what_is_no_assignment(assignment: str) -> None:
    with pytest.raises(ConfigError, match="is not path=value"):
        apply(values("sinusoid"), [assignment])


@pytest.mark.parametrize("value", ['{"name": "maml"}', "[1]", "null", "5", "true"])
def test_a_branch_is_chosen_by_a_name(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(apply(values("sinusoid"), [f"algorithm={value}"]))
    assert caught.value.path.startswith("algorithm")


def test_arguments_of_ones_own_module_are_free() -> None:
    changed = apply(values("sinusoid"), ["model.arguments.depth=3", "model=module", "model.arguments.kind=wide"])
    assert changed["model"]["arguments"] == {"depth": 3, "kind": "wide"}
    with pytest.raises(ConfigError):  # mlp has no arguments
        apply(values("sinusoid"), ["model.arguments.depth=3"])


def test_every_path_that_is_listed_can_be_set() -> None:
    complete = values("doodles")
    for path in paths(complete):
        branch, _, field = path.partition(".")
        value = complete[branch][field] if field else complete[branch]
        assert apply(complete, [f"{path}={value}"]).keys() == complete.keys()


def test_defaults_of_something_unknown_are_just_its_name() -> None:
    assert defaults("model", "resnet") == {"name": "resnet"}
    assert defaults("algorithm", "maml") == MAMLConfig().model_dump()


def test_what_was_set_for_another_learner_or_kind_of_tasks_is_taken_back() -> None:
    before = values("doodles", "evaluation.inner_steps=7", "evaluation.n_way=2")
    assert apply(before, ["family=omniglot"])["evaluation"] == before["evaluation"]
    assert apply(before, ["family=sinusoid"])["evaluation"] == before["evaluation"] | {"n_way": None}
    assert apply(before, ["algorithm=protonet"])["evaluation"] == before["evaluation"] | {"inner_steps": None}
    assert apply(before, ["family=nowhere"])["evaluation"] == before["evaluation"]
