"""Single tasks to look at: they show what the learner predicts, and the run's numbers do not know of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from core.algorithms.base import Algorithm, algorithms
from core.config.run import RunConfig
from core.hardest import WORST
from core.runs.home import Home
from core.training import shown
from core.training.build import build_learner
from core.training.frozen import frozen_episodes
from core.training.shown import TASKS, looked_at, shown_steps
from data.family import TaskFamily
from data.pictures import small
from tests.core.task_batches import BanditConfig, BanditFamily
from tests.core.tiny import open_tiny, tiny
from tests.core.training.test_trainer import comparable, same_weights, train


def learner_on(base: str, home: Home, *assignments: str) -> tuple[Algorithm, TaskFamily, RunConfig]:
    config = tiny(base, *assignments)
    family = open_tiny(config, home)
    return build_learner(config, family, "stacked").eval(), family, config


EVERY = [
    (name, base)
    for name, one in algorithms().items()
    for base, kind in (("sinusoid", "regression"), ("doodles", "classification"))
    if kind in one.kinds
]


@pytest.mark.parametrize(("name", "base"), EVERY)
def test_a_view_says_what_the_learner_predicts(name: str, base: str, pictures: Home) -> None:
    algorithm, family, config = learner_on(base, pictures, f"algorithm={name}")
    drawn = frozen_episodes(config, family, "val", TASKS).blocks[0]
    batch, steps = family.episodes(drawn), algorithm.adaptation_steps
    views = looked_at(algorithm, family, drawn, steps)
    assert len(views) == TASKS
    states = dict(enumerate(algorithm.trajectory(batch, steps, differentiable=False)))
    assert list(views[0].said) == shown_steps(steps)
    for step in views[0].said:
        with torch.no_grad():
            if base == "sinusoid":
                x = torch.from_numpy(views[0].given["x"])[:, None].expand(TASKS, -1, -1)
                assert np.array_equal(
                    [one.said[step]["y"] for one in views], algorithm.predict(states[step], x)[..., 0]
                )
            else:
                logits = algorithm.predict(states[step], batch.query_x)
                assert np.array_equal([one.said[step]["predicted"] for one in views], logits.argmax(-1))
                probabilities = [one.said[step]["probability"] for one in views]
                assert np.array_equal(probabilities, logits.softmax(-1).max(-1).values)
            scores = batch.scores(lambda x, state=states[step]: algorithm.predict(state, x))
        assert [one.said[step]["score"] for one in views] == scores.tolist()


@pytest.mark.parametrize("name", [name for name, base in EVERY if base == "doodles"])
def test_of_every_learner_on_pictures_the_features_are_what_its_answers_are_made_of(name: str, pictures: Home) -> None:
    algorithm, family, config = learner_on("conv4", pictures, f"algorithm={name}")
    batch = family.episodes(frozen_episodes(config, family, "val", 2).blocks[0])
    state = algorithm.adapt(batch, min(2, algorithm.adaptation_steps))
    with torch.no_grad():
        support, query = algorithm.features(state)
        assert support.shape[:2] == batch.support_x.shape[:2] and query.shape[:2] == batch.query_x.shape[:2]
        answer = algorithm.predict(state, batch.query_x)
        if algorithm.output_layer and f"{algorithm.output_layer}.weight" in state.weights:
            weight, bias = (state.weights[f"{algorithm.output_layer}.{part}"] for part in ("weight", "bias"))
            torch.testing.assert_close(query.flatten(2) @ weight.transpose(1, 2) + bias.unsqueeze(1), answer)


def test_features_of_an_adapted_network_are_normalised_as_its_queries_are(pictures: Home) -> None:
    algorithm, family, config = learner_on(
        "conv4", pictures, "algorithm=maml++", "algorithm.running_statistics=true", "batch_statistics=support"
    )
    batch = family.episodes(frozen_episodes(config, family, "val", 2).blocks[0])
    state = algorithm.adapt(batch, 2)
    with torch.no_grad():
        query = algorithm.features(state)[1]
        weight, bias = (state.weights[f"{algorithm.output_layer}.{part}"] for part in ("weight", "bias"))
        answer = query @ weight.transpose(1, 2) + bias.unsqueeze(1)
        torch.testing.assert_close(answer, algorithm.predict(state, batch.query_x))


def test_a_learner_without_a_network_of_layers_has_no_features(pictures: Home) -> None:
    algorithm, family, config = learner_on("sinusoid", pictures, "algorithm=cnp")
    batch = family.episodes(frozen_episodes(config, family, "val", 2).blocks[0])
    assert algorithm.features(algorithm.adapt(batch, 0)) is None


def test_a_family_without_a_look_shows_nothing_and_is_asked_nothing(tmp_path: Path) -> None:
    family = BanditFamily(BanditConfig(), datasets=tmp_path, cache=tmp_path)
    assert looked_at(None, family, None, 3) == []


def test_steps_are_few_however_many_are_taken() -> None:
    assert [shown_steps(n) for n in (0, 1, 3, 7, 500)] == [[0], [0, 1], [0, 1, 3], [0, 1, 5, 7], [0, 1, 5, 10, 500]]


RUNS = {
    "sinusoid": ("sinusoid",),
    "proto": ("conv4", "algorithm=protonet"),
    "pretrain": ("doodles", "algorithm=pretrain", "algorithm.finetune_lr=0.1"),
}


@pytest.mark.parametrize("run", [*RUNS, "Recurrent", "Running", "Embedded", "Dropped"])
def test_the_numbers_of_a_run_are_the_same_with_and_without(
    run: str, pictures: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_module: Callable[[], str]
) -> None:
    """Also with a person's own network that loops, changes its buffers, shares weights, or draws random numbers."""
    own = ("doodles", "model=module", f"model.path={write_module()}:{run}")
    config = tiny(*RUNS.get(run, own))
    result, listener, trained = train(config, tmp_path / "with", pictures)
    assert [(one.split, one.iteration, len(one.views)) for one in listener.views if one.split == "val"] == [
        ("val", iteration, TASKS) for iteration in (0, 2, 4)
    ]
    random = torch.get_rng_state()
    monkeypatch.setattr(shown, "looked_at", lambda *_: [])
    bare, quiet, other = train(config, tmp_path / "without", pictures)
    assert [one for one in quiet.views if one.views] == []
    assert (quiet.curve, quiet.scores, comparable(bare)) == (listener.curve, listener.scores, comparable(result))
    assert same_weights(trained, other)
    assert torch.equal(random, torch.get_rng_state())


def test_the_same_tasks_are_shown_at_every_iteration_and_by_every_run(pictures: Home, tmp_path: Path) -> None:
    found = []
    for assignment in ("seed=0", "seed=1"):
        _, listener, _ = train(tiny("doodles", assignment), tmp_path / assignment, pictures)
        found += [one.views for one in listener.views if one.split == "val"]
    first = found[0]
    for views in found[1:]:
        for a, b in zip(first, views, strict=True):
            assert np.array_equal(a.given["images"], b.given["images"]) and a.given["classes"] == b.given["classes"]
    assert not np.array_equal(first[0].said[1]["points"], found[-1][0].said[1]["points"])


def test_the_worst_test_tasks_are_shown_the_worst_first(pictures: Home, tmp_path: Path) -> None:
    config = tiny("doodles")
    result, listener, trained = train(config, tmp_path, pictures)
    (test,) = [one for one in listener.views if one.split == "test"]
    assert len(test.tasks) == len(test.views) == WORST
    last = max(test.views[0].said)
    assert [view.said[last]["score"] for view in test.views] == sorted(result.scores)[:WORST]
    frozen = frozen_episodes(config, trained.family, "test", 30)
    images = trained.family.episodes(frozen.task(test.tasks[3])).support_x[0]
    assert np.array_equal(test.views[3].given["images"][: test.views[3].given["support"]], small(images))
    assert test.about["episodes_sha256"] == frozen.sha256()


def test_tasks_that_diverged_or_were_lost_are_told_by_number(pictures: Home, tmp_path: Path) -> None:
    result, listener, _ = train(
        tiny("sinusoid", "evaluation.inner_steps=4", "algorithm.inner_lr=1.2"), tmp_path, pictures
    )
    test = listener.views[-1]
    assert len(test.about["diverged"]) == result.diverged > 0
    assert test.tasks[0] in [*test.about["diverged"], *np.flatnonzero(np.isnan(result.scores))]
    assert test.about["confusion"] is None
