"""Scores: on the same frozen tasks for everybody, with the right interval, and nothing swept under the carpet."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.algorithms import replicas
from core.algorithms.base import Algorithm
from core.algorithms.nearest_centroid import NearestCentroid
from core.algorithms.protonet import ProtoNet
from core.config.checks import parse
from core.config.run import RunConfig
from core.runs.home import Home
from core.training import evaluation
from core.training.build import build_learner
from core.training.evaluation import curve_steps, evaluate
from core.training.frozen import BLOCK, FrozenEpisodes, episode_seed, frozen_episodes
from core.training.further import Further
from core.training.memory import Peak
from core.training.summary import interval
from data.batch import Episodes
from data.family import SPLITS, ClassificationConfig, OnProgress, Split
from data.omniglot import Omniglot
from data.pictures import Pictures, Pool
from data.places import Folders
from data.sizes import Sizes
from data.spec import InputSpec
from tests.core.learners import blank, made_up
from tests.core.tiny import open_tiny, tiny


def drawn(config: RunConfig, home: Home, split: str = "test", episodes: int = 30) -> Episodes:
    """The frozen tasks in one piece."""
    blocks = list(frozen_episodes(config, open_tiny(config, home), split, episodes).chunks())
    parts = zip(*(block.tensors for block in blocks), strict=True)
    return Episodes(*map(torch.cat, parts), blocks[0].objective)


def equal(first: Episodes, second: Episodes) -> bool:
    return torch.equal(first.support_x, second.support_x) and torch.equal(first.query_y, second.query_y)


@pytest.mark.parametrize("base", ["sinusoid", "doodles"])
def test_every_run_is_asked_the_same_tasks(pictures: Home, base: str) -> None:
    """Whatever its seed, learner, network and training."""
    ours = drawn(tiny(base), pictures)
    other = ("seed=9", "algorithm=pretrain", "model.widths=[3]", "training.meta_batch_size=7", "training.iterations=9")
    assert equal(ours, drawn(tiny(base, *other), pictures))
    assert not equal(ours, drawn(tiny(base, "evaluation.seed=1"), pictures))
    assert not equal(ours, drawn(tiny(base), pictures, "val"))


@pytest.mark.parametrize("base", ["sinusoid", "doodles"])
def test_a_shorter_evaluation_asks_the_first_tasks_of_a_longer_one(pictures: Home, base: str) -> None:
    config = tiny(base)
    longer = drawn(config, pictures, episodes=2 * BLOCK + 3)
    assert longer.tasks == 2 * BLOCK + 3
    for episodes in (3, BLOCK, BLOCK + 1):
        assert equal(drawn(config, pictures, episodes=episodes), longer[:episodes])


def test_no_frozen_task_is_one_that_training_draws(pictures: Home) -> None:
    """Sinusoid splits differ by their generator alone, so seeds must not meet, of runs and of evaluations from 0 on."""
    trained = tiny("sinusoid", f"training.meta_batch_size={BLOCK}", "evaluation.n_query=5")
    family, seen = open_tiny(trained, pictures), set()
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        tasks = family.sample("train", trained.test_shape, BLOCK, generator)
        seen |= {y.item() for y in tasks.support_y[:, 0, 0]}
    for seed in range(2):
        for split in ("val", "test"):
            config = tiny("sinusoid", f"evaluation.seed={seed}", "evaluation.n_query=5")
            assert seen.isdisjoint({y.item() for y in drawn(config, pictures, split).support_y[:, 0, 0]})


def test_how_long_it_took_is_said_and_makes_no_difference(pictures: Home) -> None:
    config = tiny("doodles")
    family = open_tiny(config, pictures)
    algorithm = build_learner(config, family, "stacked")
    first, second = (evaluate(algorithm, config, family, "val", episodes=4) for _ in range(2))
    assert first.as_json(1)["seconds"] == first.seconds > 0
    assert first == second


def test_the_splits_seeds_are_all_different() -> None:
    seeds = [episode_seed(seed, split) for seed in range(50) for split in ("train", "val", "test")]
    assert len(set(seeds)) == len(seeds)


def test_the_protocol_says_all_that_two_scores_have_to_share(pictures: Home) -> None:
    config = tiny("doodles", "evaluation.inner_steps=2", "evaluation.k_shot=1", "batch_statistics=support")
    family = open_tiny(config, pictures)
    result = evaluate(
        build_learner(config, family, "stacked"), config, family, "test", episodes=30, checkpoint="best@7"
    )
    expected = {"split": "test", "n_way": 3, "k_shot": 1, "n_query": 3, "inner_steps": 2, "episodes": 30, "seed": 0}
    expected |= {"batch_statistics": "none", "checkpoint": "best@7", "chosen": None}
    assert expected.items() <= result.protocol.items()
    assert result.protocol["family"] == config.family.model_dump()
    digest = hashlib.sha256()
    for block in frozen_episodes(config, family, "test", 30).chunks():
        for tensor in (block.support_x, block.support_y, block.query_x, block.query_y):
            digest.update(tensor.numpy().tobytes())
    assert result.protocol["episodes_sha256"] == digest.hexdigest()


@pytest.mark.parametrize(
    ("learner", "transductive"),
    [
        ("maml", "queries together"), ("anil", "queries together"), ("proto-maml", "queries together"),
        ("baseline++", "queries together"), ("pretrain", "queries together"),
        ("protonet", "support and queries together"), ("relationnet", "support and queries together"),
        ("snail", "support and queries together"),
    ],
)  # fmt: skip
def test_the_protocol_says_which_examples_are_normalised_together(learner: str, transductive: str) -> None:
    """One setting, two protocols: learners that compare put the support set into the queries' batch."""
    for setting, said in (("transductive", transductive), ("support", "support")):
        config = tiny("conv4", f"algorithm={learner}", f"batch_statistics={setting}")
        assert build_learner(config, blank(config), "stacked").normalises_by == said


@pytest.mark.parametrize(
    ("base", "learner"),
    [("doodles", "maml"), ("doodles", "protonet"), ("conv4", "nearest-centroid"), ("sinusoid", "cnp")],
)
def test_without_batch_norm_nothing_is_normalised(base: str, learner: str) -> None:
    config = tiny(base, f"algorithm={learner}")
    assert build_learner(config, blank(config), "stacked").normalises_by == "none"


@pytest.mark.parametrize("learner", ["maml", "protonet"])
def test_what_is_said_of_the_normalisation_holds(learner: str) -> None:
    """A query's answer moves with the sets that are named, and with no other. Its own task's support set always counts."""
    episodes = made_up()
    for setting in ("transductive", "support"):
        config = tiny("conv4", f"algorithm={learner}", f"batch_statistics={setting}")
        algorithm = build_learner(config, blank(config), "stacked").double().eval()

        def first_answer(support_x: Tensor, query_x: Tensor, algorithm: Algorithm = algorithm) -> Tensor:
            state = algorithm.adapt(replace(episodes, support_x=support_x), 0)
            if learner == "protonet":  # its embedding, as the answer depends on the support set in any case
                return algorithm.embed(support_x, query_x)[1][:, 0]
            return algorithm.predict(state, query_x)[:, 0]

        plain = first_answer(episodes.support_x, episodes.query_x)
        others = torch.cat([episodes.query_x[:, :1], 2 * episodes.query_x[:, 1:]], 1)
        moved = {
            "queries": not torch.allclose(first_answer(episodes.support_x, others), plain),
            "support": not torch.allclose(first_answer(2 * episodes.support_x, episodes.query_x), plain),
        }
        assert moved == {name: name in algorithm.normalises_by for name in moved}


def test_the_hash_tells_other_tasks_from_these(pictures: Home) -> None:
    def sha(*assignments: str) -> str:
        config = tiny("doodles", *assignments)
        family = open_tiny(config, pictures)
        learner = build_learner(config, family, "stacked")
        return evaluate(learner, config, family, "test", episodes=4).protocol["episodes_sha256"]

    assert sha() == sha("seed=3", "model.widths=[5]") != sha("evaluation.seed=1")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(0, [0]), (1, [0, 1]), (10, list(range(11))), (11, [*range(11), 11]), (15, [*range(11), 13, 15])],
)
def test_which_steps_a_curve_has(steps: int, expected: list[int]) -> None:
    assert curve_steps(steps) == expected


def test_a_long_curve_is_sparse_at_its_end() -> None:
    steps = curve_steps(200)
    assert steps[-1] == 200
    assert steps == sorted(set(steps))
    assert 20 < len(steps) < 30


def test_the_interval_by_hand() -> None:
    """Mean 0.6; deviations ±0.2, ±0.2, 0 about it: variance 0.16 / 4 = 0.04; half-width 1.96 · 0.2 / √5."""
    mean, half = interval(np.array([0.4, 0.8, 0.4, 0.8, 0.6]))
    assert mean == pytest.approx(0.6)
    assert half == pytest.approx(1.96 * 0.2 / math.sqrt(5))


def test_an_interval_needs_two_finite_scores() -> None:
    assert interval(np.array([0.5, np.nan])) == (0.5, pytest.approx(math.nan, nan_ok=True))
    assert all(math.isnan(value) for value in interval(np.array([np.nan])))


def test_a_score_is_the_mean_over_tasks_after_each_step(pictures: Home) -> None:
    config = tiny("doodles", "evaluation.inner_steps=3")
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked")
    result = evaluate(learner, config, family, "test", episodes=30)
    tasks = drawn(config, pictures)
    for step in range(4):
        logits = learner.predict(learner.adapt(tasks, step), tasks.query_x)
        right = (logits.argmax(-1) == tasks.query_y).double().mean(1).detach().numpy()  # (tasks,)
        assert result.curve[step]["step"] == step
        assert result.curve[step]["mean"] == pytest.approx(right.mean())
        assert result.curve[step]["ci95"] == pytest.approx(1.96 * right.std(ddof=1) / math.sqrt(30))
    assert result.mean == result.curve[-1]["mean"] != result.curve[0]["mean"]
    assert (result.metric.name, result.episodes, result.non_finite) == ("accuracy", 30, 0)


def test_each_episodes_score_is_kept_and_stays_out_of_the_json(pictures: Home) -> None:
    config = tiny("doodles")
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked")
    result = evaluate(learner, config, family, "test", episodes=30)
    tasks = drawn(config, pictures)
    logits = learner.predict(learner.adapt(tasks, learner.adaptation_steps), tasks.query_x)
    np.testing.assert_allclose(result.scores, tasks.objective.score(logits.detach(), tasks.query_y).double())
    document = json.loads(json.dumps(result.as_json(7)))
    assert document["metric"] == "accuracy" and document["run"] == 7
    assert document["protocol"] == result.protocol
    assert "scores" not in document


def test_episodes_that_are_not_finite_are_counted_and_left_out(pictures: Home) -> None:
    """A step this large overflows on steep sinusoids and not on all of them."""
    config = tiny("sinusoid", "algorithm.inner_lr=1.7", "evaluation.inner_steps=12", "model.widths=[8, 8]")
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked")
    result = evaluate(learner, config, family, "test", episodes=30)
    assert 0 < result.non_finite < 30
    tasks = drawn(config, pictures)
    prediction = learner.predict(learner.adapt(tasks, 12), tasks.query_x).detach()
    errors = (prediction - tasks.query_y).square().flatten(1).mean(1)
    assert (prediction.isfinite().flatten(1).all(1) & ~errors.isfinite()).any()  # the squares overflow, not the values
    assert result.non_finite == (~errors.isfinite()).sum()
    assert np.array_equal(np.isnan(result.scores), ~errors.isfinite().numpy())
    assert result.mean == pytest.approx(errors[errors.isfinite()].double().mean().item(), rel=1e-5)


def test_episodes_that_diverged_are_counted_after_each_step_and_kept(pictures: Home) -> None:
    changed = ("algorithm.inner_lr=0.5", "model.widths=[40, 40]")
    config, start = (tiny("sinusoid", *changed, f"evaluation.inner_steps={steps}") for steps in (6, 0))
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked")
    result = evaluate(learner, config, family, "test", episodes=30)
    before, after = evaluate(learner, start, family, "test", episodes=30).scores, result.scores
    expected = (after > 100 * before) & (after > np.median(before))
    assert 0 < result.diverged == expected.sum() == result.curve[-1]["diverged"] < 30
    assert result.curve[0]["diverged"] == 0
    assert result.mean == pytest.approx(np.nanmean(after))
    assert (result.median, *result.quartiles) == tuple(np.nanpercentile(after, (50, 25, 75)))
    assert result.protocol["diverged"].startswith("error more than 100 times the task's own before adapting")
    assert "‘Inner steps at test’ (now 6)" in result.remedy


def test_accuracies_do_not_diverge(pictures: Home) -> None:
    config = tiny("doodles")
    family = open_tiny(config, pictures)
    result = evaluate(build_learner(config, family, "stacked"), config, family, "test", episodes=30)
    assert (result.diverged, result.remedy, result.protocol["diverged"]) == (0, "", None)


def test_an_accuracy_of_something_that_is_not_a_number_does_not_count(pictures: Home) -> None:
    config = tiny("doodles", "algorithm.inner_lr=100", "evaluation.inner_steps=40", "model.widths=[8, 8, 8]")
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked")
    with torch.no_grad():
        learner.model[1].weight *= 1e30
    result = evaluate(learner, config, family, "test", episodes=30)
    assert result.non_finite == 30
    assert math.isnan(result.mean)


def test_the_learner_is_in_the_same_mode_afterwards_also_when_interrupted(pictures: Home) -> None:
    config = tiny("doodles")
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked").train()

    def interrupt(_: float) -> None:
        assert not learner.training
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(learner, config, family, "test", episodes=4, tick=interrupt)
    assert learner.training


def test_progress_is_told_at_every_inner_step_of_every_chunk(pictures: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick may raise: so an evaluation can be stopped inside a chunk that takes long."""
    monkeypatch.setattr(evaluation, "SMALL", 1)
    config, fractions = tiny("sinusoid", "evaluation.inner_steps=4"), []
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked")
    evaluate(learner, config, family, "test", episodes=60, tick=fractions.append)
    before, scoring = fractions[:6], fractions[6:]
    assert before == [0.0] * 6  # three blocks are drawn, then hashed
    steps = [1 / 5, 2 / 5, 3 / 5, 4 / 5, 1.0]
    assert scoring == pytest.approx([(done + n * s) / 60 for done, n in ((0, 25), (25, 25), (50, 10)) for s in steps])


@pytest.mark.parametrize("base", ["sinusoid", "doodles"])
def test_small_tasks_of_several_blocks_are_computed_at_once(
    pictures: Home, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    """As many as ``SMALL`` takes, and the scores are theirs in their order."""
    config = tiny(base, "evaluation.inner_steps=2")
    family = open_tiny(config, pictures)
    learner = build_learner(config, family, "stacked")
    frozen = frozen_episodes(config, family, "test", 110)
    assert [chunk.tasks for chunk in frozen.chunks(1000)] == [110]
    assert [chunk.tasks for chunk in frozen.chunks(60)] == [50, 50, 10]
    assert [chunk.tasks for chunk in frozen.chunks(100)] == [75, 35]  # five blocks in two parts, not four and one
    together = evaluate(learner, config, family, "test", episodes=110)
    assert evaluation.tasks_at_once(learner, frozen, 2) >= 110
    monkeypatch.setattr(evaluation, "SMALL", 1)
    assert evaluation.tasks_at_once(learner, frozen, 2) == BLOCK
    apart = evaluate(learner, config, family, "test", episodes=110)
    np.testing.assert_allclose(together.scores, apart.scores, rtol=1e-5)
    assert together.protocol == apart.protocol


# The same frozen tasks as version 0.1 drew: their hashes as it took them on a processor
KNOWN = {
    ("sinusoid", "test"): "e1096cdc4ea7aeea35f6718c8304aa1f8c79b4e0039a4d515256837e6721cc40",
    ("sinusoid", "val"): "371f9f65a79929976bdd27ccaa5ccfcb4767ec96be244f9fd358b79ab595d980",
    ("doodles", "test"): "52aa68563ff4d2d7aac6194940e4a2b8b3d9fc33ee4e1002d6ae8bb8927b792b",
    ("doodles", "val"): "ee3e4b7c00dbf2629994ee569d0c2264054b8dae7307de24e95bc93f5f8e7735",
}


@pytest.mark.parametrize(("base", "split"), KNOWN)
def test_the_frozen_tasks_and_their_hash_are_those_of_version_0_1(pictures: Home, base: str, split: str) -> None:
    config = tiny(base)
    frozen = frozen_episodes(config, open_tiny(config, pictures), split, 30)
    assert frozen.sha256() == KNOWN[base, split]


def test_the_hash_of_real_pictures_is_that_of_version_0_1_too(pictures: Home) -> None:
    if Omniglot.missing(pictures.datasets):
        pytest.skip(f"Omniglot's archives are not in {pictures.datasets}")
    config = parse({"family": {"name": "omniglot"}, "model": {"name": "mlp"}, "algorithm": {"name": "maml"}})
    frozen = frozen_episodes(config, open_tiny(config, pictures), "test", 60)
    assert frozen.sha256() == "8457618064298ea400dcc7e3cb4612f8dbf9fd28dccf08090d6d38aaafa11ccf"


def test_frozen_pictures_are_kept_as_their_numbers_and_hashed_once(
    pictures: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny("doodles")
    family = open_tiny(config, pictures)
    with Peak() as peak:
        frozen = frozen_episodes(config, family, "val", 100)
    kept = sum(block.examples.untyped_storage().nbytes() for block in frozen.blocks)
    assert kept == 100 * 3 * 5 * 8  # 3-way, 2 shots and 3 queries, one int64 each
    assert peak.bytes < family.pool("val").images.nbytes + 20 * kept
    first = frozen.sha256()
    monkeypatch.setattr(family, "hashed", lambda _: pytest.fail("hashed again"))
    assert frozen.sha256() == first
    learner = build_learner(config, family, "stacked")
    again = [evaluate(learner, config, family, "val", episodes=100, frozen=frozen) for _ in range(2)]
    assert {result.protocol["episodes_sha256"] for result in again} == {first}


# How much is computed at once

LEARNERS = ("maml", "protonet", "relationnet", "snail", "pretrain", "baseline++", "reptile", "nearest-centroid")


@pytest.mark.parametrize("learner", LEARNERS)
def test_scores_do_not_depend_on_how_many_tasks_are_computed_at_once(pictures: Home, learner: str) -> None:
    config = tiny("conv4", f"algorithm={learner}", *(["evaluation.inner_steps=2"] if learner == "maml" else []))
    family = open_tiny(config, pictures)
    algorithm = build_learner(config, family, "stacked").eval()
    frozen, wanted = frozen_episodes(config, family, "test", 30), [algorithm.adaptation_steps]
    whole = evaluation.score_all(algorithm, frozen, wanted, BLOCK)
    for most in (1, 7):
        assert np.array_equal(evaluation.score_all(algorithm, frozen, wanted, most), whole)


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("learner", ["maml", "protonet", "pretrain"])
def test_replicas_score_as_the_learner_does(pictures: Home, learner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny("conv4", f"algorithm={learner}")
    family = open_tiny(config, pictures)
    algorithm = build_learner(config, family, "stacked").eval()
    frozen, wanted = frozen_episodes(config, family, "test", 30), [0, algorithm.adaptation_steps]
    found, by, divide = {}, [], evaluation.score_divided
    monkeypatch.setattr(evaluation, "score_divided", lambda *all_of: by.append(1) or divide(*all_of))
    for way in ("divided", "whole"):
        if way == "whole":
            assert len(by) == 2  # blocks
            monkeypatch.setattr(replicas, "may_be_divided", lambda _: False)
        ticks, heard, further = [], [], Further(family, family.metric(config.test_shape))
        tell = lambda batch, answers, heard=heard: heard.append((batch.query_x, answers))  # noqa: E731
        scores = evaluation.score_all(algorithm, frozen, wanted, BLOCK, ticks.append, tell, further)
        assert ticks == sorted(ticks)
        found[way] = scores, heard
    scores, heard = found["divided"]
    assert np.array_equal(scores, found["whole"][0])
    for (tasks, answers), (its_tasks, its_answers) in zip(heard, found["whole"][1], strict=True):
        assert torch.equal(tasks, its_tasks)
        torch.testing.assert_close(answers, its_answers, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("cores")
def test_an_evaluation_by_replicas_can_be_interrupted(pictures: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny("conv4", "algorithm.inner_steps=3")
    family = open_tiny(config, pictures)
    learner, ticks = build_learner(config, family, "stacked").eval(), []
    frozen = frozen_episodes(config, family, "test", 30)

    parts, plain = [], evaluation.score_chunk

    def score(one: Algorithm, part: Episodes, *rest: object) -> np.ndarray:
        parts.append(part.tasks)
        return plain(one, part, *rest)

    def interrupt(fraction: float) -> None:
        ticks.append(fraction)
        if fraction:
            raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "score_chunk", score)
    with pytest.raises(KeyboardInterrupt):
        evaluation.score_all(learner, frozen, [0, 3], BLOCK, interrupt)
    assert max(ticks) < 1
    assert len(parts) == 2
    assert sum(parts) == BLOCK
    assert torch.get_num_threads() == 2


def test_a_regressions_errors_do_not_depend_on_it_either(pictures: Home) -> None:
    config = tiny("sinusoid", "evaluation.inner_steps=3")
    family = open_tiny(config, pictures)
    algorithm = build_learner(config, family, "stacked").eval()
    frozen = frozen_episodes(config, family, "test", 30)
    whole = evaluation.score_all(algorithm, frozen, [0, 3], BLOCK)
    for most in (1, 7):
        np.testing.assert_allclose(evaluation.score_all(algorithm, frozen, [0, 3], most), whole, rtol=1e-5)


def test_ordinary_tasks_are_computed_a_block_at_a_time(pictures: Home) -> None:
    """So that their numbers stay those of version 0.1, to the bit."""
    config = tiny("conv4", "model.filters=64", "family.n_way=5", "family.k_shot=1", "evaluation.n_query=15")
    family = open_tiny(config, pictures)
    algorithm = build_learner(config, family, "stacked").eval()
    assert evaluation.tasks_at_once(algorithm, frozen_episodes(config, family, "test", 30), 5) >= BLOCK


class PhotographsConfig(ClassificationConfig):
    """20-way tasks of 15 queries over photographs of 84×84 pixels: the largest that papers use."""

    name: str = "photographs"
    n_way: int = 20

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((3, 84, 84))


class Photographs(Pictures):
    title, summary = "Photographs", "Noise."

    @classmethod
    def sizes(cls, config: PhotographsConfig, folders: Folders | None) -> dict[Split, Sizes]:  # noqa: ARG003
        return dict.fromkeys(SPLITS, Sizes.even(20, 16))

    def load(self, split: Split, progress: OnProgress) -> Pool:
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(256, (320, 3, 84, 84), dtype=torch.uint8, generator=generator)
        return Pool(images, torch.full((20,), 16))


@pytest.mark.parametrize("learner", [NearestCentroid, ProtoNet])
def test_the_largest_tasks_are_computed_within_the_budget(
    learner: type[Algorithm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """25 of them at once, with every difference of query and centroid, would take 12.7 GB."""
    budget = 400_000_000
    monkeypatch.setattr(evaluation, "BUDGET", budget)
    family = Photographs(PhotographsConfig(), datasets=tmp_path, cache=tmp_path)
    shape = family.config.shape

    def network(_: int | None) -> nn.Module:
        return nn.Sequential(nn.AvgPool2d(4), nn.Flatten())

    algorithm = learner(learner.Config(), network, family, shape, "transductive").eval()
    generator = torch.Generator().manual_seed(1)
    frozen = FrozenEpisodes(family, [family.draw("test", shape, 5, generator)])
    most = evaluation.tasks_at_once(algorithm, frozen, 0)
    with Peak() as peak:
        scores = evaluation.score_all(algorithm, frozen, [0], most)
    assert 1 <= most < BLOCK
    assert peak.bytes <= budget
    assert scores.shape == (1, 5) and np.isfinite(scores).all()


def test_what_is_weighed_is_what_lives_at_once() -> None:
    known = torch.zeros(1000)
    with Peak([known]) as peak:
        first = known + 1  # 4000 bytes
        second = first * 2
        del first
        part = second.view(10, 100)[0]  # the same memory
        del second
        third = torch.zeros(500) + known[:500]  # two of 2000 bytes, while the view keeps its 4000
    assert peak.bytes == 8000
    assert part.shape == (100,) and third.shape == (500,)


def test_sparse_tensors_are_let_by() -> None:
    with Peak() as peak:
        dense = torch.eye(10).to_sparse().to_dense()
    assert dense.sum() == 10 and peak.bytes >= dense.nbytes


def test_weighing_a_network_leaves_the_random_numbers_as_they_are(pictures: Home) -> None:
    config = tiny("doodles")
    family = open_tiny(config, pictures)
    algorithm = build_learner(config, family, "stacked").eval()
    algorithm.model.register_forward_hook(lambda *_: torch.rand(1) and None)
    frozen, before = frozen_episodes(config, family, "test", 3), torch.get_rng_state()
    evaluation.tasks_at_once(algorithm, frozen, 1)
    assert torch.equal(torch.get_rng_state(), before)
