"""The tasks that people look at, as a run keeps them."""

import numpy as np
import pytest

from core.errors import StoreError
from core.runs import views
from core.runs.artifacts import LocalArtifacts
from data.view import Shown, TaskView


@pytest.fixture
def artifacts(tmp_path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path)


def shown(iteration: int, split: str = "val") -> Shown:
    curve = TaskView(
        "curve", {"x": np.arange(3)}, {step: {"y": np.full(3, iteration), "score": 0.5} for step in (0, 5)}
    )
    return Shown(split, iteration, [0, 1], [curve, curve], {"diverged": [4]} if split == "test" else {})


def test_a_validation_is_read_as_it_was_kept(artifacts) -> None:
    assert views.iterations(artifacts) == [] and views.validation(artifacts, 0) == [] and views.test(artifacts) is None
    for iteration in (0, 20):
        views.keep(artifacts, shown(iteration), None)
    assert views.iterations(artifacts) == [0, 20]
    first, second = views.validation(artifacts, 20)
    assert first.kind == "curve" and np.array_equal(first.given["x"], np.arange(3))
    assert list(second.said) == [0, 5] and (second.said[5]["y"] == 20).all() and second.said[0]["score"] == 0.5


def test_of_many_validations_some_are_kept_with_the_first_the_best_and_the_last(artifacts) -> None:
    for iteration in range(0, 2001, 10):
        views.keep(artifacts, shown(iteration), min(iteration, 130))
        kept = views.iterations(artifacts)
        assert len(kept) <= views.KEPT and {0, min(iteration, 130), iteration} <= set(kept)
    assert np.diff(kept).max() <= 4 * 2000 / views.KEPT


def test_a_run_that_resumes_forgets_what_came_later_and_its_test(artifacts) -> None:
    for iteration in (0, 10, 20):
        views.keep(artifacts, shown(iteration), 10)
    views.keep(artifacts, shown(10, "test"), 10)
    found = views.test(artifacts)
    assert found.about == {"diverged": [4]} and found.tasks == [0, 1] and (found.views[1].said[5]["y"] == 10).all()
    views.drop_after(artifacts, 10)
    assert views.iterations(artifacts) == [0, 10] and views.test(artifacts) is None


def test_what_is_damaged_is_as_if_it_were_not_there(artifacts) -> None:
    views.keep(artifacts, shown(0), None)
    artifacts.put_view("val-000000000", b"damaged")
    assert views.validation(artifacts, 0) == []


def test_what_cannot_be_written_is_said_and_leaves_nothing_behind(artifacts, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(StoreError, match="No space left on device"):
        views.keep(artifacts, shown(0), None)
    assert list((artifacts.folder / "views").iterdir()) == []
