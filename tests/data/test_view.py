"""How tasks look: the plane of features, the curve behind points, which examples are shown, and what is written."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.runs.home import Home
from data.batch import Adapted
from data.classified import CLASSES, EXAMPLES, chosen, classified
from data.family import EpisodeShape
from data.intents import IntentsConfig
from data.pictures import small
from data.registry import families
from data.sinusoid import Sinusoid, through
from data.view import pack, plane, unpack
from tests.core.learners import made_up
from tests.core.tiny import open_tiny, tiny
from tests.data.made_up_texts import write_clinc150


def clusters(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four classes of six examples in eight dimensions."""
    random, labels = np.random.default_rng(seed), np.arange(4).repeat(6)
    return random.normal(size=(4, 8))[labels] * 3 + random.normal(size=(24, 8)) * 0.3, labels


def test_the_plane_is_that_of_the_two_greatest_components() -> None:
    features, labels = clusters()
    (points,) = plane([features], labels)
    middle = features - features.mean(0)
    values = np.linalg.svd(middle, compute_uv=False)
    np.testing.assert_allclose((points.astype(float) ** 2).sum(0), values[:2] ** 2, rtol=1e-4)
    np.testing.assert_allclose(points[:, 0] @ points[:, 1], 0, atol=1e-2)


def test_the_plane_does_not_turn_over_with_the_sign_of_the_features_or_a_small_step() -> None:
    features, labels = clusters()
    (points,) = plane([features], labels)
    (turned,) = plane([-features], labels)
    np.testing.assert_allclose(points, turned, atol=1e-4)
    nudged = features + np.random.default_rng(1).normal(size=features.shape) * 1e-3
    np.testing.assert_allclose(points, plane([nudged], labels)[0], atol=0.1)


def test_earlier_steps_are_drawn_in_the_plane_of_the_last() -> None:
    features, labels = clusters()
    before, after = plane([features + 1.0, features], labels)
    np.testing.assert_allclose(before - after, np.broadcast_to((before - after)[0], before.shape), atol=1e-4)
    assert np.abs(before - after).max() > 0.1


def test_features_of_one_dimension_and_such_that_are_not_finite_have_a_place_too() -> None:
    features, labels = clusters()
    (points,) = plane([features[:, :1]], labels)
    np.testing.assert_allclose(points[:, 1], 0, atol=1e-3)
    features[0, 0] = np.nan
    assert np.isnan(plane([features], labels)[0]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (5, 10)])
def test_the_curve_behind_points_is_found_again(pictures: Home, shape: tuple[int, int]) -> None:
    family = open_tiny(tiny("sinusoid"), pictures)
    assert isinstance(family, Sinusoid)
    episodes, curves = family.sample_curves("val", EpisodeShape(1, *shape), 20, torch.Generator().manual_seed(3))
    x = torch.linspace(-5, 5, 50).unsqueeze(1)
    difference = (through(episodes, x) - curves(x)).abs().flatten(1).max(1).values
    assert difference.median() < 1e-4  # two points half a wave apart say little


@pytest.mark.parametrize("shape", [(5, 1, 15), (5, 5, 15), (20, 5, 15), (200, 1, 15), (2, 100, 100)])
def test_of_a_large_task_the_first_examples_of_the_first_classes_are_shown(shape: tuple[int, int, int]) -> None:
    episodes = made_up(1, (1,), EpisodeShape(*shape))
    support, query = chosen(episodes)
    assert len(support) + len(query) <= EXAMPLES
    rows = min(shape[0], CLASSES)
    for places, labels in ((support, episodes.support_y[0]), (query, episodes.query_y[0])):
        assert labels[places].unique().tolist() == list(range(rows))
    if shape == (5, 1, 15):
        assert (len(support), len(query)) == (5, 75)


def test_texts_are_shown_by_the_same_function_and_answers_stand_for_features() -> None:
    episodes = made_up(2, (3,), EpisodeShape(3, 2, 2))
    step = Adapted(0, lambda x: x, lambda: None)

    def show(task: int, support: torch.Tensor, query: torch.Tensor) -> list[str]:
        return [f"{task}/{where}" for part in (support, query) for where in part.tolist()]

    views = classified("texts", episodes, [step], [["a", "b", "c"]] * 2, show)
    assert len(views[0].given["texts"]) == 12 and views[0].given["classes"] == ["a", "b", "c"]
    assert np.array_equal(views[1].said[0]["predicted"], episodes.query_x[1].argmax(-1))
    assert views[1].said[0]["points"].shape == (12, 2)


def test_large_pictures_are_made_small() -> None:
    assert small(torch.ones(2, 3, 84, 84)).shape == (2, 3, 42, 42)
    assert (small(torch.full((1, 1, 28, 28), 0.5)) == 128).all()


def test_plain_data_come_back_as_they_were() -> None:
    value = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": ["é", 1.5], "c": {"y": np.float32([np.nan, 1])}}
    back = unpack(pack(value))
    assert np.array_equal(back["a"], value["a"]) and back["a"].dtype == np.uint8 and back["b"] == value["b"]
    assert np.array_equal(back["c"]["y"], value["c"]["y"], equal_nan=True)
    with pytest.raises(ValueError, match="not what was packed"):
        unpack(b"nonsense")


def test_a_task_of_texts_is_looked_at_as_it_was_written(tmp_path: Path) -> None:
    write_clinc150(tmp_path)
    family = families()["intents"](IntentsConfig(), datasets=tmp_path, cache=tmp_path)
    drawn = family.draw("val", EpisodeShape(3, 2, 2), 2, torch.Generator().manual_seed(0))
    batch = family.episodes(drawn)
    step = Adapted(0, lambda x: torch.zeros(*x.shape[:2], 3), lambda: None)
    view = family.views(drawn, batch, [step])[0]
    written = family.written(drawn)
    assert view.given["classes"] == [name for name, *_ in written]
    assert view.given["texts"] == [text for part in (1, 2) for row in written for text in row[part]]
    assert view.given["support"] == 6 and view.given["labels"].tolist() == [0, 0, 1, 1, 2, 2] * 2
