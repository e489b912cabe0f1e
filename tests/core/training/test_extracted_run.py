"""A run on the features of a frozen network: as any other, and tied to the network that it began with."""

from pathlib import Path
from typing import Any

import pytest

from core.algorithms.base import algorithms
from core.config.checks import ConfigError, Problem, parse, without_effect
from core.config.facts import facts_of
from core.config.overrides import apply
from core.runs.home import Home
from core.runs.protocols import comparable
from core.training.build import tried_out, without_data
from core.training.checkpoint import CheckpointError
from core.training.listener import Stopped
from data.registry import families
from tests.core.tiny import tiny, values
from tests.core.training.test_trainer import comparable as same
from tests.core.training.test_trainer import same_weights, stop_at, train
from tests.data.frozen_nets import CALLS, frozen_network

FROZEN = (
    "family.extractor=tests.data.frozen_nets:Small",
    "family.extractor_weights=small.safetensors",
    "family.extractor_size=6",
)


@pytest.fixture
def place(home: Home, tmp_path: Path) -> Home:
    """A home whose cache holds the doodles that are drawn already, and no features of another test."""
    found = Home(tmp_path / "place", tmp_path / "datasets", "")
    found.cache.mkdir(parents=True)
    for file in home.cache.glob("doodles-*"):
        (found.cache / file.name).symlink_to(file)
    frozen_network(found.datasets / "weights")
    CALLS.clear()
    return found


def test_stopped_and_resumed_it_sees_the_same_features_and_equals_an_uninterrupted_one(
    place: Home, tmp_path: Path
) -> None:
    config = tiny("doodles", *FROZEN, "algorithm=protonet")
    whole, listened, trainer = train(config, tmp_path / "whole", place)
    computed = sum(CALLS)
    listener = stop_at(lambda progress, _: progress.iteration == 2)
    with pytest.raises(Stopped):
        train(config, tmp_path / "parts", place, listener)
    listener.answer = lambda _: "run"
    parts, _, resumed = train(config, tmp_path / "parts", place, listener)
    assert same(parts) == same(whole)
    assert listener.curve == listened.curve
    assert same_weights(resumed, trainer)
    assert sum(CALLS) == computed, "out of the cache"


def test_it_goes_on_with_no_other_network_than_it_began_with(place: Home, tmp_path: Path) -> None:
    config = tiny("doodles", *FROZEN, "algorithm=protonet")
    train(config, tmp_path / "run", place)
    frozen_network(place.datasets / "weights", 1)
    with pytest.raises(CheckpointError, match="frozen network is another one") as caught:
        train(config, tmp_path / "run", place)
    assert "Put its code and its file of weights back" in caught.value.remedy
    frozen_network(place.datasets / "weights", 0)
    train(config, tmp_path / "run", place)


def test_it_is_asked_the_very_tasks_that_a_run_on_pixels_is(place: Home, tmp_path: Path) -> None:
    """So that the two compare task by task."""
    configs = [tiny("doodles", *more, "algorithm=protonet") for more in (FROZEN, ())]
    of_features, of_pixels = (train(one, tmp_path / str(i), place)[0] for i, one in enumerate(configs))
    parts = [
        comparable(one.protocol, facts_of(config))
        for one, config in zip((of_features, of_pixels), configs, strict=True)
    ]
    assert parts[0] == parts[1]
    assert "episodes" in parts[0]
    assert of_features.mean != of_pixels.mean


@pytest.mark.parametrize("name", sorted(name for name, one in algorithms().items() if "classification" in one.kinds))
def test_every_learner_of_classes_learns_from_features(name: str) -> None:
    config = parse(apply(values("doodles"), [*FROZEN, f"algorithm={name}", "model=mlp", "model.widths=[8]"]))
    learner = tried_out(config, without_data(config))
    assert learner.family.input_spec.shape == (6,)


def test_of_the_settings_of_a_frozen_network_only_its_own_plays_a_part_without_one() -> None:
    without, with_one = (without_effect(values("doodles", *some)) for some in ((), FROZEN))
    assert without - with_one == {f"family.extractor_{name}" for name in ("weights", "size", "side", "mean", "std")}


# What does not fit


def problems(place: Home, *assignments: str) -> dict[str, Problem]:
    try:
        parse(values("doodles", *FROZEN, *assignments), place.folders)
    except ConfigError as error:
        return {problem.path: problem for problem in error.problems}
    return {}


@pytest.mark.parametrize(
    ("assignments", "at", "message"),
    [
        (["family.extractor=nets"], "family.extractor", "'nets' is not an import path"),
        (["family.extractor_weights=gone.safetensors"], "family.extractor_weights", "gone.safetensors is missing"),
        (["family.extractor_weights="], "family.extractor_weights", "is given no file of weights"),
        (["family.extractor_mean=[0.5,0.5]"], "family.extractor_mean", "2 means and 3 deviations"),
        (["family.extractor_mean=[0.5,0.5]", "family.extractor_std=[1,1]"], "family.extractor_mean", "2 means and 2"),
        (["model=conv4"], "model.name", "conv4 reads pictures (channels, height, width), and this task family gives vectors"),
        (["model=resnet12"], "model.name", "gives vectors; choose mlp"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_a_way_out(place: Home, assignments: list[str], at: str, message: str) -> None:
    assert problems(place) == {}
    (problem,) = problems(place, *assignments).values()
    assert (problem.path, message in problem.message) == (at, True)
    assert problem.changes
    for change in problem.changes:
        ways = [f"{path}={value if isinstance(value, str) else list(value)}" for path, value in change.items()]
        assert problems(place, *assignments, *ways) == {}


def test_pictures_that_change_at_every_draw_cannot_be_kept_as_features(place: Home) -> None:
    config = of_photographs("family.crop=4", "family.flip=true")
    with pytest.raises(ConfigError, match="through the frozen network once") as caught:
        parse(config, place.folders)
    (problem,) = caught.value.problems
    assert problem.path == "family.extractor"
    for change in problem.changes:
        parse(apply(config, [f"{path}={str(value).lower()}" for path, value in change.items()]), place.folders)


def test_grey_means_are_for_grey_pictures_alone(place: Home) -> None:
    grey = "family.extractor_mean=[0]", "family.extractor_std=[1]"
    assert problems(place, *grey) == {}
    with pytest.raises(ConfigError, match="1 means and 1 deviations"):
        parse(of_photographs(*grey), place.folders)


def of_photographs(*assignments: str) -> dict[str, Any]:
    return apply(values("doodles"), ["family=cifar_fs", *FROZEN, *assignments])


def test_families_of_pictures_have_the_settings_and_no_others() -> None:
    able = {name for name, family in families().items() if "extractor" in family.Config.model_fields}
    assert able == {"pictures", "mini_imagenet", "cifar_fs", "omniglot", "doodles"}
