"""Which classes are taken for which, against counting by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.runs.home import Home
from core.training.build import build_learner
from core.training.confusion import Confusion
from core.training.evaluation import evaluate
from core.training.frozen import FrozenEpisodes, frozen_episodes
from tests.core.task_batches import TextConfig, TextFamily
from tests.core.tiny import open_tiny, tiny


@pytest.fixture
def frozen(pictures: Home) -> FrozenEpisodes:
    config = tiny("doodles")
    return frozen_episodes(config, open_tiny(config, pictures), "test", 30)


def test_the_classes_of_a_draw_are_those_whose_pictures_it_has(frozen: FrozenEpisodes) -> None:
    family, block = frozen.family, frozen.blocks[0]
    classes, pool = family.classes_of(block), family.pool("test")
    assert classes.shape == (25, 3) and family.names("test") == [f"class {number}" for number in range(1, 7)]
    of_picture = torch.arange(6).repeat_interleave(pool.counts)
    assert torch.equal(of_picture[block.examples], classes.unsqueeze(-1).expand_as(block.examples))


def test_confusions_are_counted_as_by_hand(frozen: FrozenEpisodes) -> None:
    """A learner that answers the next label to every other query."""
    confusion, counts, together = Confusion(frozen, "test"), np.zeros((6, 6), int), np.zeros((6, 6), int)
    for batch, block in zip(frozen.chunks(), frozen.blocks, strict=True):
        odd = torch.arange(batch.query_y.shape[1]) % 2
        predicted = (batch.query_y + odd) % 3
        confusion.take(batch, F.one_hot(predicted, 3).float())
        for task, classes in enumerate(frozen.family.classes_of(block).tolist()):
            for true, said in zip(batch.query_y[task].tolist(), predicted[task].tolist(), strict=True):
                counts[classes[true], classes[said]] += 1
                for other in classes:
                    together[classes[true], other] += 1
    found, names = confusion.found(), frozen.family.names("test")
    assert np.array_equal(found["matrix"]["counts"], counts) and found["matrix"]["classes"] == names
    wrong = {(names[a], names[b]): counts[a, b] for a in range(6) for b in range(6) if a != b and counts[a, b]}
    assert {(one["class"], one["taken_for"]): one["count"] for one in found["pairs"]} == wrong
    numbers = [one["count"] for one in found["pairs"]]
    assert numbers == sorted(numbers, reverse=True)
    for one in found["pairs"]:
        assert one["of"] == together[names.index(one["class"]), names.index(one["taken_for"])]
    pool = frozen.family.pool("test")
    assert all(np.array_equal(found["looks"][names[i]], pool.images[20 * i]) for i in range(6))
    assert {one["class"]: (one["right"], one["of"]) for one in found["classes"]} == {
        names[i]: (counts[i, i], counts[i].sum()) for i in range(6)
    }


def test_a_task_that_is_not_finite_counts_for_nothing(frozen: FrozenEpisodes) -> None:
    confusion = Confusion(frozen, "test")
    for batch in frozen.chunks():
        answers = F.one_hot((batch.query_y + 1) % 3, 3).float()
        answers[1:] = torch.nan
        confusion.take(batch, answers)
    assert sum(one["count"] for one in confusion.found()["pairs"]) == 2 * 9


def test_an_evaluation_tells_its_last_answers(frozen: FrozenEpisodes) -> None:
    config, confusion = tiny("doodles"), Confusion(frozen, "test")
    learner = build_learner(config, frozen.family, "stacked")
    result = evaluate(learner, config, frozen.family, "test", episodes=30, frozen=frozen, heard=confusion.take)
    counts = confusion.found()["matrix"]["counts"]
    assert np.trace(counts) / counts.sum() == pytest.approx(result.mean)


def test_tasks_without_classes_have_no_confusion(tmp_path) -> None:
    family = TextFamily(TextConfig(), datasets=tmp_path, cache=tmp_path)
    batch = family.sample("test", family.config.shape, 3, torch.Generator().manual_seed(0))
    confusion = Confusion(FrozenEpisodes(family, [batch]), "test")
    confusion.take(batch, torch.zeros(3, 2, 5))
    assert confusion.found() is None


@pytest.mark.parametrize("wrong", [0.0, np.nan])
def test_where_nothing_is_wrong_or_nothing_finite_there_are_no_pairs(frozen: FrozenEpisodes, wrong: float) -> None:
    confusion = Confusion(frozen, "test")
    for batch in frozen.chunks():
        confusion.take(batch, F.one_hot(batch.query_y, 3).float() + wrong)
    assert confusion.found()["pairs"] == []
    assert len(confusion.found()["classes"]) == (0 if np.isnan(wrong) else 6)
