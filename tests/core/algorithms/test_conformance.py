"""What every learner has to keep to, on every family and with every network it fits. New ones are picked up by themselves."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.algorithms.base import Algorithm, algorithms
from core.config.checks import parse
from core.config.contradictions import not_for
from core.config.run import RunConfig
from core.models.base import models
from core.runs.home import Home
from core.training import checkpoint
from core.training.build import build_learner, tried_out
from data.batch import Episodes, TaskBatch
from data.family import TaskFamily
from data.import_pictures import Wanted, import_pictures
from data.places import Folders
from data.registry import families
from tests.core.learners import made_up, of
from tests.core.tiny import POOLS, SIZES, open_tiny
from tests.data.made_up_texts import made_up_texts
from tests.data.photographs import album

# What makes a test quick where the defaults are for real use; whatever is not named here runs with its defaults.
TEXTS = {"vocabulary": 64, "longest": 8}
FAMILIES = {
    **{"sinusoid": {"k_shot": 5, "n_query": 5}, "doodles": SIZES | POOLS, "omniglot": SIZES, "pictures": SIZES},
    **{"navigation": {"k_shot": 2, "n_query": 2, "horizon": 5}},
    **{"environments": {"make_task": "tests.core.cartpole:make_task", "k_shot": 2, "n_query": 2, "horizon": 5}},
    **{"names": {"k_shot": 2, "n_query": 2, "longest": 8}},
    **{"intents": SIZES | TEXTS, "own-texts": SIZES | TEXTS | {"n_way": 2}},
}
MODELS = {
    **{"mlp": {"widths": [8]}, "conv4": {"filters": 8}, "resnet12": {"widths": [4, 4, 4, 4]}},
    **{"bag": {"width": 4}, "gru": {"width": 4, "hidden": 4}, "transformer": {"heads": 2, "head_width": 4}},
    **{"seq2seq": {"heads": 2, "head_width": 4, "layers": 1}},
}
SPLITS_OF_12 = {f"class{i}": ("train", "val", "test")[i // 4] for i in range(12)}
ALGORITHMS = {"snail": {"filters": 4}, "baseline++": {"finetune_steps": 3}, "reptile": {"test_steps": 3}}

SMALL = {"snail": ("algorithm.filters=4",), "baseline++": ("algorithm.finetune_steps=3",)}


def cases() -> Iterator[tuple[str, str, str]]:
    """Each learner on each family, and with each network on the first family that both fit."""
    for algorithm in algorithms():
        tried: set[str] = set()
        for name, family in families().items():
            if not_for(algorithms()[algorithm], name):
                continue
            fitting = [
                network
                for network, builder in models().items()
                # For a person's own class see test_learner.
                if "path" not in builder.Config.model_fields
                and not builder.problem(builder.Config(), family.Config().input_spec)
            ]
            new = (
                [network for network in fitting if network not in tried] if algorithms()[algorithm].uses_network else []
            )
            tried.update(new)
            for network in new or fitting[:1]:
                yield algorithm, name, network


@pytest.fixture(scope="session")
def own_set(pictures: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A small set of one's own, where this test process finds it: the settings that choose it."""
    photos = album(tmp_path_factory.mktemp("photos"), {f"class{i}": 5 for i in range(12)})
    folders = Folders(pictures.folders.own, pictures.cache)
    one = import_pictures(f"tiny-{os.getpid()}", photos, folders, Wanted(28, True, splits=SPLITS_OF_12))
    return {"set": one.name, "side": 28, "colour": False}


@pytest.fixture(params=cases(), ids="-".join)
def config(request: pytest.FixtureRequest, pictures: Home, own_set: dict[str, Any], tmp_path: Path) -> RunConfig:
    algorithm, family, network = request.param
    if family == "own-texts":
        return parse(small(algorithm, family, network, file=str(made_up_texts(tmp_path / "made_up.csv"))))
    if families()[family].chooser:
        return parse(small(algorithm, family, network, **own_set))
    if missing := families()[family].missing(pictures.datasets):
        pytest.skip(f"{missing[0]} is not there")
    return parse(small(algorithm, family, network))


def small(algorithm: str, family: str, network: str, **settings: Any) -> dict[str, Any]:
    return {
        "family": {"name": family, **FAMILIES.get(family, {}), **settings},
        "model": {"name": network, **MODELS.get(network, {})},
        "algorithm": {"name": algorithm, **ALGORITHMS.get(algorithm, {})},
        "training": {"meta_batch_size": 2},
        "evaluation": {"n_query": 2, "episodes": 4, "val_episodes": 4},
        "device": "cpu",
    }


def two_steps(config: RunConfig, family: TaskFamily) -> Algorithm:
    algorithm = tried_out(config, family)
    optimizer, generator = algorithm.optimizer(0.01), torch.Generator().manual_seed(config.seed)
    scored = unseen(config, family).quick_scores
    for _ in range(2 if algorithm.meta_trained else 0):
        optimizer.zero_grad()
        report = algorithm.meta_step(config.family.shape, config.training.meta_batch_size, generator)
        assert report.query_loss.isfinite()
        assert report.query_score.isfinite() if scored else report.query_score is None
        optimizer.step()
    return algorithm


def unseen(config: RunConfig, family: TaskFamily) -> TaskBatch:
    return family.sample("test", config.test_shape, 2, torch.Generator().manual_seed(1))


def asked(tasks: TaskBatch, family: TaskFamily) -> Tensor:
    """The queries, or where the tasks have none made-up ones."""
    return tasks.query_x if isinstance(tasks, Episodes) else family.input_spec.noise(tasks.tasks, 4)


def answers(algorithm: Algorithm, tasks: TaskBatch, queries: Tensor) -> Tensor:
    algorithm.eval()
    state = algorithm.adapt(tasks, algorithm.adaptation_steps)
    return algorithm.predict(state, queries).detach()


def parameters(algorithm: Algorithm) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in [*algorithm.named_parameters(), *algorithm.named_buffers()]}


def test_a_learner_conforms(config: RunConfig, pictures: Home, tmp_path: Path) -> None:
    family = open_tiny(config, pictures)
    tasks = unseen(config, family)
    queries = asked(tasks, family)
    start = parameters(build_learner(config, family, "stacked"))
    trained = two_steps(config, family)
    after = parameters(trained)

    # Two meta-steps: finite, moved if there is anything to learn, and the same again under the same seed.
    assert all(value.isfinite().all() for value in after.values())
    assert any(not torch.equal(after[n], start[n]) for n in start) is trained.meta_trained
    again = two_steps(config, family)
    assert all(torch.equal(value, after[name]) for name, value in parameters(again).items())

    # Adaptation yields the start and each step, answers in the family's shape, and leaves the learner as it was.
    states = list(trained.trajectory(tasks, 3, differentiable=False))
    assert len(states) == 4
    given = answers(trained, tasks, queries)
    writes = queries.shape[2:3] if family.input_spec.written else ()  # an answer for each place
    assert given.shape == (2, queries.shape[1], *writes, family.outputs(config.test_shape))
    assert given.isfinite().all()
    assert all(torch.equal(value, after[name]) for name, value in parameters(trained).items())
    assert torch.equal(answers(trained, tasks, queries), given)  # nothing hidden is carried from one task to the next

    # A checkpoint brings all of it back.
    saved = checkpoint.save(tmp_path, "last", 2, trained, {})
    restored = build_learner(config, family, trained.forward_tasks.mode)
    checkpoint.load(saved, restored)
    assert torch.equal(answers(restored, tasks, queries), given)

    # With support statistics a query is answered alone: whatever else is asked changes nothing.
    alone = build_learner(with_support_statistics(config), family, trained.forward_tasks.mode)
    checkpoint.load(saved, alone)
    together = answers(alone, tasks, queries)[:, :1]
    torch.testing.assert_close(together, answers(alone, tasks, queries[:, :1]), rtol=1e-4, atol=1e-5)


def with_support_statistics(config: RunConfig) -> RunConfig:
    return parse({**config.model_dump(mode="json"), "batch_statistics": "support"})


def test_every_learner_says_what_it_is() -> None:
    for registry in (algorithms(), families(), models()):
        for name, item in registry.items():
            assert item.title, name
            assert item.summary.endswith("."), name
            assert item.group, name
            for field, info in item.Config.model_fields.items():
                assert field == "name" or (info.title and info.description), f"{name}.{field}"


@pytest.mark.parametrize("name", [name for name, item in algorithms().items() if "classification" in item.kinds])
@pytest.mark.parametrize("statistics", ["transductive", "support"])
def test_threads_that_share_a_learner_get_what_each_gets_alone(name: str, statistics: str) -> None:
    """A server adapts one learner for several visitors at once, each with a task and with statistics of its own."""
    learner = of(name, f"batch_statistics={statistics}", *SMALL.get(name, ())).eval()
    tasks = [made_up(tasks=1 + seed % 2, seed=seed) for seed in range(4)]

    def answer(task: Episodes) -> Tensor:
        state = learner.adapt(task, 2 * learner.takes_steps)
        with torch.no_grad():
            return learner.predict(state, task.query_x)

    alone = [answer(task) for task in tasks]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(4):
            together = list(threads.map(answer, tasks))
            assert all(torch.equal(ours, single) for ours, single in zip(together, alone, strict=True))
