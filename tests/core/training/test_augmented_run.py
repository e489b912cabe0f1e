"""A run on own pictures: augmented ones come from its own stream, and it goes on with those it began with alone."""

from pathlib import Path

import pytest

from core.config.checks import parse
from core.config.run import RunConfig
from core.runs.home import Home
from core.training.listener import Stopped
from data import picture_set
from data.errors import DataError
from data.import_pictures import Wanted, import_pictures
from tests.core.tiny import TRAINING
from tests.core.training.test_trainer import comparable, same_weights, stop_at, train
from tests.data.photographs import album

COUNTS = {f"class{i}": 6 for i in range(9)}
ALL = {"flip": True, "crop": 3, "jitter": 0.4}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home", tmp_path / "datasets", "")
    splits = {name: ("train", "val", "test")[i // 3] for i, name in enumerate(COUNTS)}
    import_pictures("mine", album(tmp_path / "photos", COUNTS), home.folders, Wanted(28, splits=splits))
    return home


def config(algorithm: str, **augmented: object) -> RunConfig:
    family = {"name": "pictures", "set": "mine", "side": 28, "n_way": 2, "k_shot": 1, "n_query": 2}
    return parse(
        {
            "family": family | augmented,
            "model": {"name": "mlp", "widths": [4]},
            "algorithm": {"name": algorithm},
            "training": TRAINING,
            "evaluation": {"n_query": 2, "episodes": 10, "val_episodes": 5},
            "device": "cpu",
        }
    )


@pytest.mark.parametrize("algorithm", ["maml", "pretrain"])
def test_stopped_and_resumed_it_equals_an_uninterrupted_one(algorithm: str, home: Home, tmp_path: Path) -> None:
    wanted = config(algorithm, **ALL)
    whole, listened, trainer = train(wanted, tmp_path / "whole", home)
    listener = stop_at(lambda progress, _: progress.iteration == 3)
    with pytest.raises(Stopped):
        train(wanted, tmp_path / "parts", home, listener)
    listener.answer = lambda _: "run"
    parts, _, resumed = train(wanted, tmp_path / "parts", home, listener)
    assert comparable(parts) == comparable(whole)
    assert listener.curve == listened.curve
    assert same_weights(resumed, trainer)


def test_it_trains_on_other_pictures_and_is_tested_on_the_same(home: Home, tmp_path: Path) -> None:
    (plain, without, _), (various, augmented, _) = (
        train(config("maml", **settings), tmp_path / str(len(settings)), home) for settings in ({}, ALL)
    )
    assert without.curve != augmented.curve
    assert plain.protocol["episodes_sha256"] == various.protocol["episodes_sha256"]
    assert various.protocol["family"]["flip"] is True, "the protocol says how it was trained"


def test_it_does_not_go_on_with_classes_divided_anew(home: Home, tmp_path: Path) -> None:
    """What it trained on may be in the test now."""
    listener = stop_at(lambda progress, _: progress.iteration == 3)
    with pytest.raises(Stopped):
        train(config("maml"), tmp_path / "run", home, listener)
    before = picture_set.find("mine", home.folders)
    swapped = {one.name: {"train": "test", "test": "train"}.get(one.split, one.split) for one in before.classes}
    picture_set.resplit(before, swapped, "by hand")
    with pytest.raises(DataError, match="Own pictures changed since this run was trained"):
        train(config("maml"), tmp_path / "run", home)
    picture_set.resplit(before, {one.name: one.split for one in before.classes}, "by hand")
    assert train(config("maml"), tmp_path / "run", home)[0].episodes == 10
