"""Learners that act in a person's own environments: CartPoles through the whole of the engine."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.config.checks import ConfigError, parse
from core.config.run import RunConfig
from core.training.build import tried_out
from core.training.evaluation import score_chunk
from core.training.frozen import frozen_episodes
from core.training.listener import Stopped
from core.training.trainer import Trainer
from data.errors import DataError
from data.places import Folders
from data.view import pack, unpack
from tests.core.cartpole import make_task
from tests.core.learners import blank
from tests.core.tiny import MemoryListener, tiny


def cartpole(*assignments: str) -> RunConfig:
    sizes = ("family.k_shot=3", "family.n_query=3", "family.horizon=12", "model.constant_outputs=0")
    own = ("family=environments", "family.make_task=tests.core.cartpole:make_task")
    return tiny("navigation", *own, *sizes, *assignments)


def test_a_task_draws_its_physics() -> None:
    drawn = [make_task(np.random.default_rng(seed)).unwrapped for seed in (0, 0, 1)]
    (first, again, other) = [(one.length, one.force_mag, one.gravity) for one in drawn]
    assert first == again != other


def test_maml_learns_to_adapt_to_a_pole() -> None:
    """In half of the tasks left is right, which only trying tells."""
    sizes = ("family.k_shot=10", "family.n_query=10", "family.horizon=40", "model.widths=[32]", "algorithm.inner_lr=2")
    config = cartpole(*sizes)
    learner, generator = tried_out(config, blank(config)), torch.Generator().manual_seed(0)
    optimizer = learner.optimizer(0.04)
    (tasks,) = frozen_episodes(config, learner.family, "test", 25).chunks()
    before = score_chunk(learner, tasks, [0, 1]).mean(1)
    for _ in range(15):
        optimizer.zero_grad()
        learner.meta_step(config.family.shape, 5, generator)
        optimizer.step()
    start, adapted = score_chunk(learner, tasks, [0, 1]).mean(1)
    assert adapted > start + 5
    assert adapted > max(before) + 1


@pytest.mark.parametrize("learner", [("maml",), ("pretrain", "algorithm.finetune_lr=0.1", "algorithm.batch_size=8")])
def test_a_run_is_the_same_again_also_after_a_stop(learner: tuple[str, ...], tmp_path: Path) -> None:
    few = ("evaluation.inner_steps=2", "evaluation.episodes=4", "evaluation.val_episodes=3")
    config = cartpole(f"algorithm={learner[0]}", *learner[1:], *few)

    def trained(folder: str, listener: MemoryListener):
        return Trainer(config, blank(config), tmp_path / folder, listener, beat=0.0).run()

    listener = MemoryListener()
    first = trained("whole", listener)
    with pytest.raises(Stopped):
        trained("stopped", MemoryListener(lambda said: "stop" if said.iteration >= 2 else "run"))
    again = trained("stopped", MemoryListener())
    assert first.scores.tolist() == again.scores.tolist()
    assert first.protocol["episodes_sha256"] == again.protocol["episodes_sha256"]
    assert [point["step"] for point in first.curve] == [0, 1, 2]
    assert first.metric.title == "mean return" and first.mean > 1
    views = listener.views[-1].views
    assert {view.kind for view in views} == {"returns"}
    assert unpack(pack(views[0].said))["2"]["returns"][0].tolist() == views[0].said[2]["returns"][0].tolist()


def test_learners_for_examples_are_refused_with_those_that_fit() -> None:
    with pytest.raises(ConfigError, match="is for classification, and environments is control") as error:
        cartpole("algorithm=protonet")
    (problem,) = error.value.problems
    fitting = [change["algorithm"] for change in problem.changes]
    assert sorted(fitting) == ["anil", "maml", "maml++", "meta-sgd", "pretrain", "reptile", "scratch"]


def test_what_is_wrong_with_an_environment_is_said_by_the_trial() -> None:
    config = cartpole("family.observation=3")
    with pytest.raises(DataError, match=r"observations of 4 numbers, and family\.observation is 3"):
        tried_out(config, blank(config))


def test_a_function_that_is_not_named_is_a_problem_of_the_config(tmp_path: Path) -> None:
    values = cartpole().model_dump(mode="json")
    values["family"]["make_task"] = "my_tasks"
    with pytest.raises(ConfigError, match="'my_tasks' is not an import path") as error:
        parse(values, Folders(tmp_path, tmp_path))
    assert error.value.problems[0].path == "family.make_task"
