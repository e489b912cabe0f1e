"""Learners that adapt by gradients take tasks of any make: they ask a batch for losses and scores, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from core.algorithms.base import Algorithm, algorithms
from core.config.run import RunConfig
from core.models.module import ModuleConfig
from core.training.build import tried_out
from core.training.evaluation import evaluate, score_chunk
from core.training.frozen import frozen_episodes
from core.training.trainer import Trainer
from data.family import FamilyConfig, TaskFamily
from data.navigation import NavigationConfig, NavigationFamily
from tests.core.learners import assert_same, meta_gradient
from tests.core.task_batches import (
    BanditConfig,
    BanditFamily,
    Bandits,
    TextConfig,
    TextFamily,
    Texts,
    luck_at,
    pulls,
    reinforce,
)
from tests.core.tiny import MemoryListener, tiny

# Pretraining asks a family for examples of all tasks, which these do not give.
GRADIENT_LEARNERS = [name for name, one in algorithms().items() if "sequence" in one.kinds and one.episodic]
FAMILIES = {
    "bandit": (BanditFamily, BanditConfig()),
    "texts": (TextFamily, TextConfig()),
    "navigation": (NavigationFamily, NavigationConfig(k_shot=3, n_query=3, horizon=5)),
}


@pytest.fixture
def made(write_module: Callable[[], str], tmp_path: Path) -> Callable[..., tuple[RunConfig, TaskFamily]]:
    """A run's config on one of these families, and the family. Texts are read by a network of one's own."""

    def config(name: str, *assignments: str) -> tuple[RunConfig, TaskFamily]:
        kind, family = FAMILIES[name]
        values: dict[str, FamilyConfig | ModuleConfig] = {"family": family}
        if name == "texts":
            values["model"] = ModuleConfig(path=f"{write_module()}:Writer")
        # As if the family lay in data/: a RunConfig's own fields know only those that do.
        whole = RunConfig.model_construct(**{**dict(tiny("sinusoid", *assignments)), **values})
        return whole, kind(family, datasets=tmp_path, cache=tmp_path)

    return config


def built(config: RunConfig, family: TaskFamily) -> Algorithm:
    return tried_out(config, family)


def test_all_learners_that_adapt_by_gradients_alone_are_meant() -> None:
    assert set(GRADIENT_LEARNERS) == {"maml", "anil", "meta-sgd", "maml++", "reptile", "scratch"}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("learner", GRADIENT_LEARNERS)
def test_a_learner_trains_and_is_tested_on_them(made, tmp_path: Path, name: str, learner: str) -> None:
    """The whole of a run: try-out, meta-steps, validations, checkpoints, the final test."""
    config, family = made(name, f"algorithm={learner}")
    listener = MemoryListener()
    result = Trainer(config, family, tmp_path / "checkpoints", listener).run()
    assert result.metric == family.metric(config.test_shape)
    assert result.non_finite == 0 and len(result.scores) == 30
    assert result.mean == pytest.approx(result.scores.mean())
    trained = {key for _, key, _ in listener.curve}
    assert ("train/query_loss" in trained) is algorithms()[learner].meta_trained
    # Decoding at every meta-step would cost more than the step.
    assert ("train/query_score" in trained) is (algorithms()[learner].meta_trained and name == "bandit")


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("learner", GRADIENT_LEARNERS)
def test_a_task_is_scored_alike_alone_and_beside_others(made, name: str, learner: str) -> None:
    config, family = made(name, f"algorithm={learner}")
    algorithm = built(config, family).eval()
    (tasks,) = frozen_episodes(config, family, "test", 4).chunks(4)
    together = score_chunk(algorithm, tasks, [0, 2])
    alone = [score_chunk(algorithm, tasks[i : i + 1], [0, 2])[:, 0] for i in range(4)]
    np.testing.assert_allclose(together.T, alone, rtol=1e-5, atol=1e-6)
    assert len(set(together.flatten())) > 1
    first = evaluate(algorithm, config, family, "test", episodes=4)
    assert first.protocol["episodes_sha256"] == frozen_episodes(config, family, "test", 4).sha256()
    assert first.protocol["episodes_sha256"] != frozen_episodes(config, family, "val", 4).sha256()


# Against the textbook's loop over tasks


@pytest.mark.parametrize("first_order", [False, True])
def test_mamls_gradient_through_bandits_whose_data_depend_on_the_weights(made, first_order: bool) -> None:
    config, family = made(
        "bandit", "algorithm.inner_lr=0.8", "algorithm.inner_steps=2", f"algorithm.first_order={first_order}"
    )
    learner = built(config, family).double()
    drawn = family.sample("train", config.family.shape, 3, torch.Generator().manual_seed(1))
    batch = Bandits(*(part.double() for part in drawn.tensors))
    model, x = learner.model, torch.ones(config.family.pulls, 1, dtype=torch.float64)

    def loss(task: int, weights: dict[str, Tensor], luck: Tensor) -> Tensor:
        logits = functional_call(model, weights, (x,))[None]
        return reinforce(*pulls(logits, luck[task : task + 1], batch.rewards[task : task + 1]))[0]

    model.zero_grad()
    for task in range(batch.tasks):
        weights = dict(model.named_parameters())
        for step in range(2):
            inner = loss(task, weights, luck_at(batch.luck[:, 0], step))
            gradients = torch.autograd.grad(inner, list(weights.values()), create_graph=not first_order)
            weights = {name: w - 0.8 * g for (name, w), g in zip(weights.items(), gradients, strict=True)}
        (loss(task, weights, batch.luck[:, 1]) / batch.tasks).backward()
    theirs = {name: p.grad.clone() for name, p in model.named_parameters()}
    assert_same(meta_gradient(learner, batch), theirs)


def test_what_a_bandit_gives_at_an_inner_step_depends_on_the_weights_of_that_step(made) -> None:
    config, family = made("bandit", "algorithm.inner_lr=3")
    learner = built(config, family)
    batch = family.sample("train", config.family.shape, 8, torch.Generator().manual_seed(1))
    rewards: list[float] = []

    class Watching(Bandits):
        def support_loss(self, answer, step: int) -> Tensor:
            rewards.append(self.played(answer, luck_at(self.luck[:, 0], 0))[1].mean().item())
            return super().support_loss(answer, step)

    learner.adapt(Watching(*batch.tensors), 4)
    assert len(rewards) == 4
    assert rewards[-1] > rewards[0] + 0.1  # by the same luck, better arms


def test_maml_learns_to_learn_bandits(made) -> None:
    """After meta-training one step finds the arm: more than an even choice between the two that may pay."""
    config, family = made("bandit", "algorithm.inner_lr=2", "training.meta_lr=0.02")
    learner, generator = built(config, family), torch.Generator().manual_seed(0)
    optimizer = learner.optimizer(0.02)

    def score() -> list[float]:
        (tasks,) = frozen_episodes(config, family, "test", 25).chunks()
        return score_chunk(learner, tasks, [0, 1]).mean(1).tolist()

    before = score()
    for _ in range(80):
        optimizer.zero_grad()
        learner.meta_step(config.family.shape, 25, generator)
        optimizer.step()
    start, adapted = score()
    assert before[0] < 0.3 and start < 0.6
    assert adapted > 0.7


def test_mamls_gradient_through_texts(made) -> None:
    config, family = made("texts", "algorithm.inner_lr=0.5", "algorithm.inner_steps=2")
    learner = built(config, family).double()
    batch = family.sample("train", config.family.shape, 2, torch.Generator().manual_seed(1))
    model = learner.model

    def loss(weights: dict[str, Tensor], source: Tensor, target: Tensor) -> Tensor:
        losses = []
        for place in range(3):
            before = target.clone()
            before[:, place:] = 0
            logits = functional_call(model, weights, (torch.cat([source, before], 1),))
            losses.append(F.cross_entropy(logits, target[:, place]))
        return torch.stack(losses).mean()

    model.zero_grad()
    for task in range(2):
        weights = dict(model.named_parameters())
        for _ in range(2):
            inner = loss(weights, batch.support[task], batch.support_target[task])
            gradients = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
            weights = {name: w - 0.5 * g for (name, w), g in zip(weights.items(), gradients, strict=True)}
        (loss(weights, batch.query[task], batch.query_target[task]) / 2).backward()
    theirs = {name: p.grad.clone() for name, p in model.named_parameters()}
    assert_same(meta_gradient(learner, batch), theirs, rtol=1e-5)  # the losses are summed in float32


def test_a_text_is_scored_by_what_comes_out_when_it_is_written_freely() -> None:
    """A writer that goes on rightly only after a right symbol: one mistake at the start spoils what follows."""
    source = torch.tensor([[[1, 2, 3], [2, 2, 1]]])
    texts = Texts(source, source, source, source)

    def writer(x: Tensor, first: int = 0) -> Tensor:
        """Copies, as long as what was written is right; the first symbol is off by ``first``."""
        sources, written = x[..., :3], x[..., 3:]
        place = (written != 0).sum(-1, keepdim=True)
        right = ((written == sources) | (written == 0)).all(-1)
        symbol = sources.gather(-1, place).squeeze(-1)
        symbol = torch.where(right, torch.where(place.squeeze(-1) == 0, symbol + first, symbol), 4)
        return F.one_hot(symbol, 5).float()

    assert texts.scores(writer).tolist() == [1.0]
    assert texts.scores(lambda x: writer(x, first=1)).tolist() == [0.0]


def test_bandits_have_nothing_that_batch_norm_could_take_its_statistics_from(made, write_module) -> None:
    config, family = made("bandit")
    normed = {"model": ModuleConfig(path=f"{write_module()}:Normed"), "batch_statistics": "support"}
    config = RunConfig.model_construct(**{**dict(config), **normed})
    with pytest.raises(Exception, match="Set batch_statistics to transductive"):
        tried_out(config, family)
