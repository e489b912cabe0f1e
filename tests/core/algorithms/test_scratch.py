"""The floor: no meta-training, every task from the same random start."""

from pathlib import Path

import torch

from core.algorithms.scratch import Scratch
from core.models.base import build_model
from core.runs.home import Home
from core.training.build import build_learner
from core.training.frozen import frozen_episodes
from core.training.trainer import Trainer
from data.spec import InputSpec
from tests.core.tiny import MemoryListener, open_tiny, tiny


def test_every_task_starts_from_the_seeds_weights(pictures: Home) -> None:
    config = tiny("doodles", "algorithm=scratch", "seed=7")
    algorithm = build_learner(config, open_tiny(config, pictures), "stacked")
    assert isinstance(algorithm, Scratch)
    tasks = next(frozen_episodes(config, algorithm.family, "test", 4).chunks())
    start = algorithm.adapt(tasks, 0).weights
    seeded = dict(build_model(config.model, InputSpec((1, 28, 28)), 3, seed=7).named_parameters())
    for name, value in seeded.items():
        assert torch.equal(start[name], value.expand(4, *value.shape)), name
    other = dict(build_model(config.model, InputSpec((1, 28, 28)), 3, seed=8).named_parameters())
    assert not torch.equal(other["1.weight"], seeded["1.weight"])
    adapted = algorithm.adapt(tasks, 1).weights
    assert not torch.equal(adapted["1.weight"][0], adapted["1.weight"][1])


def test_a_run_is_tuned_and_tested_and_never_trained(pictures: Home, tmp_path: Path) -> None:
    config, listener = tiny("doodles", "algorithm=scratch"), MemoryListener()
    trainer = Trainer(config, open_tiny(config, pictures), tmp_path, listener, beat=0.0)
    result = trainer.run()
    assert listener.rows == []
    assert {beat.phase for beat in listener.beats} == {"tuning", "testing"}
    tuning = [beat.fraction for beat in listener.beats if beat.phase == "tuning"]
    assert tuning == sorted(tuning)
    assert tuning.count(1.0) > 3  # also while the choice is scored
    assert [(iteration, split) for iteration, split, _ in listener.scores] == [(0, "val"), (0, "test")]
    assert result.protocol["chosen"]["scope"] == "all"
    fresh = build_model(config.model, InputSpec((1, 28, 28)), 3, config.seed)
    assert torch.equal(trainer.algorithm.model[1].weight, fresh[1].weight)


def test_the_number_of_steps_is_chosen_where_it_is_open(pictures: Home, tmp_path: Path) -> None:
    config = tiny("doodles", "algorithm=scratch", "algorithm.inner_lr=0.05", "algorithm.inner_steps=3")
    trainer = Trainer(config, open_tiny(config, pictures), tmp_path, MemoryListener())
    assert trainer.run().protocol["chosen"] == {"scope": "all", "lr": 0.05, "steps": 3}
