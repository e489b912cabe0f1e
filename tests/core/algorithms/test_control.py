"""Learners that act: navigation through the whole of the engine."""

from pathlib import Path

import pytest
import torch

from core.algorithms.base import algorithms
from core.algorithms.portion import Portion
from core.config.checks import ConfigError
from core.config.facts import facts_of
from core.library import Learner
from core.runs import protocols
from core.runs.home import Home
from core.trained import load_trained
from core.training.build import build_learner, tried_out
from core.training.evaluation import evaluate, score_chunk
from core.training.frozen import frozen_episodes
from core.training.step import may_be_recorded
from core.training.trainer import Trainer
from data.errors import InputError
from tests.core.learners import assert_same, blank, meta_gradient, of
from tests.core.tiny import MemoryListener, finished, tiny

WALK = ("family.horizon=15", "family.k_shot=10", "family.n_query=10", "model.widths=[20]", "algorithm.inner_lr=0.5")


def test_learners_for_examples_are_refused_in_a_sentence() -> None:
    able = {name for name, learner in algorithms().items() if "control" in learner.kinds}
    assert able == {"maml", "anil", "meta-sgd", "maml++", "reptile", "pretrain", "scratch"}
    with pytest.raises(
        ConfigError, match=r"ProtoNet is for classification, and navigation is control\. Choose one of"
    ) as e:
        tiny("navigation", "algorithm=protonet")
    assert {"algorithm": "maml"} in e.value.problems[0].changes


def test_a_task_of_acting_has_no_classes() -> None:
    with pytest.raises(
        ConfigError, match="n_way = 5 does not apply to navigation, where a task has no classes; leave it"
    ):
        tiny("navigation", "evaluation.n_way=5")


def test_steps_computed_again_have_no_graph_of_what_was_explored() -> None:
    with pytest.raises(ConfigError, match="recompute keeps none") as error:
        tiny("navigation", "family.meta_gradient=e-maml", "algorithm.recompute=true")
    for change in error.value.problems[0].changes:
        ((path, value),) = change.items()
        tiny("navigation", "family.meta_gradient=e-maml", "algorithm.recompute=true", f"{path}={str(value).lower()}")


def test_its_steps_are_not_recorded() -> None:
    config = tiny("navigation")
    assert not may_be_recorded(build_learner(config, blank(config), "stacked"))
    assert may_be_recorded(of("maml", base="sinusoid"))


def test_steps_that_are_computed_again_give_the_same_gradient() -> None:
    """What is rolled out a second time is what was rolled out the first time."""
    kept, again = (
        of("maml", "algorithm.inner_steps=3", f"algorithm.recompute={on}", base="navigation")
        for on in ("false", "true")
    )
    batch = kept.family.sample("train", kept.family.config.shape, 2, torch.Generator().manual_seed(0))
    batch = batch._each(torch.Tensor.double)
    assert_same(meta_gradient(again, batch), meta_gradient(kept, batch))


@pytest.mark.parametrize("meta_gradient", ["plain", "lvc", "dice", "e-maml"])
@pytest.mark.parametrize("at_once", [1, 3])
def test_parts_of_a_meta_batch_add_up_to_the_whole(meta_gradient: str, at_once: int) -> None:
    def gradient(at_once: int) -> torch.Tensor:
        config = tiny("navigation", f"family.meta_gradient={meta_gradient}", "training.meta_batch_size=3")
        learner = tried_out(config, blank(config))
        learner.meta_step(config.family.shape, 3, torch.Generator().manual_seed(0), Portion(at_once=at_once))
        return learner.model[1].weight.grad

    whole = gradient(3)
    assert whole.abs().max() > 0
    torch.testing.assert_close(gradient(at_once), whole, rtol=1e-3, atol=1e-6)


def test_only_how_it_was_trained_may_differ_between_scores_that_compare() -> None:
    def parts(*assignments: str) -> dict:
        config = tiny("navigation", *assignments)
        return protocols.comparable({"family": config.family.model_dump()}, facts_of(config))

    assert parts() == parts("family.meta_gradient=dice", "family.k_shot=9")
    assert parts() != parts("family.reward=squared distance")


def test_maml_learns_to_find_goals() -> None:
    config = tiny("navigation", *WALK, "training.meta_lr=0.02")
    family = blank(config)
    learner, generator = tried_out(config, family), torch.Generator().manual_seed(0)
    optimizer = learner.optimizer(0.02)
    (tasks,) = frozen_episodes(config, family, "test", 25).chunks()
    before = score_chunk(learner, tasks, [0, 1]).mean(1)
    for _ in range(60):
        optimizer.zero_grad()
        learner.meta_step(config.family.shape, 10, generator)
        optimizer.step()
    start, adapted = score_chunk(learner, tasks, [0, 1]).mean(1)
    assert adapted > max(before) + 0.5
    assert adapted > start + 0.5


@pytest.mark.parametrize("learner", ["maml", "pretrain"])
def test_a_run_is_the_same_again(learner: str, tmp_path: Path) -> None:
    """Luck is part of the tasks: nothing is drawn while a policy acts."""
    config = tiny("navigation", f"algorithm={learner}", "evaluation.inner_steps=2")
    listeners = [MemoryListener(), MemoryListener()]
    first, again = (
        Trainer(config, blank(config), tmp_path / str(i), listener).run() for i, listener in enumerate(listeners)
    )
    assert listeners[0].curve == listeners[1].curve and listeners[0].scores == listeners[1].scores
    assert first.scores.tolist() == again.scores.tolist()
    assert first.protocol["episodes_sha256"] == again.protocol["episodes_sha256"]
    assert [point["step"] for point in first.curve] == [0, 1, 2]
    assert first.metric.text(first.mean, first.ci95).startswith("-")


def test_the_hash_covers_goals_and_luck() -> None:
    def sha256(*assignments: str) -> str:
        config = tiny("navigation", *assignments)
        learner = build_learner(config, blank(config), "stacked")
        return evaluate(learner, config, blank(config), "test", episodes=3).protocol["episodes_sha256"]

    assert sha256() == sha256("seed=5")
    assert sha256() != sha256("evaluation.seed=1")


def test_a_program_of_ones_own_is_told_that_there_are_no_examples(home: Home) -> None:
    run, _ = finished(home, "navigation")
    with pytest.raises(InputError, match="its policy learns from what it does itself"):
        Learner(load_trained(home, run)).adapt([[0.0, 0.0]], [[0.0, 0.0]])
