"""A meta-batch in parts, one after the other or by several processes: the numbers of the whole, for every learner."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from core.algorithms.base import algorithms
from core.algorithms.portion import WHOLE, Portion, StepReport, summed
from data.batch import Episodes
from tests.core.learners import on_made_up_tasks

TASKS = 5  # no part of which has as many tasks as the next
PORTIONS = {
    "at once": [WHOLE],
    "two at a time": [Portion(at_once=2)],
    "one at a time": [Portion(at_once=1)],
    "by three processes": [Portion(rank, 3) for rank in range(3)],
    "by two, two at a time": [Portion(rank, 2, 2) for rank in range(2)],
}
SMALL = {"snail": ("algorithm.filters=4",), "relationnet": ("algorithm.filters=4",)}
MORE = {  # settings under which a learner takes another way
    "maml": ["algorithm.first_order=true"],
    "maml++": ["algorithm.running_statistics=true", "algorithm.multi_step_share=0"],
}


def cases() -> Iterator[tuple[str, ...]]:
    for name, kind in algorithms().items():
        if kind.episodic and kind.meta_trained:
            yield name, *SMALL.get(name, ())
            for setting in MORE.get(name, []):
                yield name, setting


def learned(name: str, settings: tuple[str, ...], portions: list[Portion]) -> tuple[list[Tensor], StepReport]:
    """Gradients and buffers after a meta-step in these portions, and the sum of their reports."""
    gradients, moves, reports = {}, {}, []
    for portion in portions:
        one = on_made_up_tasks(name, *settings).train()
        before = {key: buffer.clone() for key, buffer in one.named_buffers()}
        report = one.meta_step(one.family.config.shape, TASKS, torch.Generator().manual_seed(5), portion)
        reports.append((report, 1.0))
        share = sum(share for _, share in portion.parts(TASKS))
        for key, p in one.named_parameters():
            if p.grad is not None:
                gradients[key] = gradients.get(key, 0) + p.grad
        for key, buffer in one.named_buffers():
            moves[key] = moves.get(key, before[key]) + share * (buffer - before[key])
    return [value.detach() for value in (*gradients.values(), *moves.values())], summed(reports)


def assert_same_step(
    ours: tuple[list[Tensor], StepReport], theirs: tuple[list[Tensor], StepReport], rtol: float
) -> None:
    """Of two meta-steps: their gradients, up to rounding, and their reports."""
    largest = max(float(value.abs().max()) for value in theirs[0])
    assert largest > 1e-3
    for mine, its in zip(ours[0], theirs[0], strict=True):
        torch.testing.assert_close(mine, its, rtol=rtol, atol=1e-12 * largest)
    for field in ("query_loss", "query_score", "support_loss"):
        mine, its = getattr(ours[1], field), getattr(theirs[1], field)
        assert (mine is None) == (its is None), field
        if mine is not None:
            assert float(mine) == pytest.approx(float(its), rel=1e-6), field  # some are taken in float32


@pytest.mark.parametrize("case", cases(), ids=" ".join)
@pytest.mark.parametrize("how", list(PORTIONS)[1:])
def test_parts_give_the_numbers_of_the_whole(case: tuple[str, ...], how: str) -> None:
    name, *settings = case
    whole, said = learned(name, settings, PORTIONS["at once"])
    parts, summary = learned(name, settings, PORTIONS[how])
    assert_same_step((parts, summary), (whole, said), rtol=1e-12)


@pytest.mark.parametrize("tasks", range(1, 20))
def test_every_task_is_in_one_part_and_none_is_too_large(tasks: int) -> None:
    for processes in range(1, min(tasks, 4) + 1):
        for at_once in (None, 1, 2, 3, 7, 100):
            parts = [part for rank in range(processes) for part in Portion(rank, processes, at_once).parts(tasks)]
            assert [i for part, _ in parts for i in range(tasks)[part]] == list(range(tasks))
            sizes = [part.stop - part.start for part, _ in parts]
            assert max(sizes) <= (at_once or tasks)
            assert [share for _, share in parts] == [size / tasks for size in sizes]
            if at_once is None:
                assert max(sizes) - min(sizes) <= 1


def test_a_whole_meta_batch_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Episodes, "__getitem__", lambda *_: pytest.fail("it was cut"))
    one = on_made_up_tasks("maml")
    one.meta_step(one.family.config.shape, TASKS, torch.Generator(), Portion(at_once=TASKS))
