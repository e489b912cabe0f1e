"""A meta-batch divided among replicas in threads: the numbers of one learner, each time the same."""

import threading
from collections.abc import Callable

import pytest
import torch
from torch import nn

from core.algorithms.base import Algorithm
from core.algorithms.replicas import Replicas, may_be_divided, replica, replicas_of
from core.training.build import build_learner
from data.batch import Episodes
from tests.core.algorithms.test_portion import SMALL, cases
from tests.core.learners import blank, made_up, maml, of, on_made_up_tasks
from tests.core.tiny import tiny

TASKS = 5  # by two replicas two and three of them


def drawn(learner: Algorithm, tasks: int = TASKS) -> Episodes:
    return learner.draw(learner.family.config.shape, tasks, torch.Generator().manual_seed(5))


def gradients(learner: Algorithm) -> list[torch.Tensor]:
    return [p.grad.clone() for p in learner.parameters() if p.grad is not None]


DIVIDED = [case for case in cases() if case[0] != "cnp" and "running" not in " ".join(case)]


@pytest.mark.parametrize("cores", [2, 3], indirect=True)
@pytest.mark.parametrize("case", DIVIDED, ids=" ".join)
def test_replicas_find_the_gradients_of_one_learner(case: tuple[str, ...], cores: int) -> None:
    name, *settings = case
    one = on_made_up_tasks(name, *settings).train()
    batch = drawn(one)
    said = one.learn(batch, 0.5)
    theirs = gradients(one)
    one.zero_grad()
    replicas = Replicas(one)
    found = replicas.learn(batch, 0.5)
    assert len(replicas.twins) == cores
    ours, largest = gradients(one), max(float(g.abs().max()) for g in theirs)
    assert largest > 1e-3
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-11, atol=1e-12 * largest)
    for field in ("query_loss", "query_score", "support_loss"):
        mine, its = getattr(found, field), getattr(said, field)
        assert (mine is None) == (its is None), field
        if mine is not None:
            assert float(mine) == pytest.approx(float(its), rel=1e-6), field
    one.zero_grad()
    replicas.learn(batch, 0.5)
    assert all(torch.equal(mine, its) for mine, its in zip(gradients(one), ours, strict=True))
    assert torch.get_num_threads() == cores


@pytest.mark.usefixtures("cores")
def test_replicas_follow_the_learner() -> None:
    """Its weights after a step, its weights elsewhere in memory, how far the training is; and they add to what is there."""
    one, other = (on_made_up_tasks("maml++", "algorithm.multi_step_share=0.5").train() for _ in range(2))
    replicas, optimizer, batch = Replicas(one), torch.optim.SGD(one.parameters(), lr=0.1), drawn(one)
    replicas.learn(batch)
    optimizer.step()
    for p in one.parameters():
        p.data = p.data.clone()
    optimizer.step()
    one.progress = other.progress = 0.7
    other.load_state_dict(one.state_dict())
    one.zero_grad()
    for _ in range(2):
        replicas.learn(batch)
    other.learn(batch)
    for mine, its in zip(gradients(one), gradients(other), strict=True):
        torch.testing.assert_close(mine, 2 * its, rtol=1e-11, atol=1e-12)
    assert all(p.grad is None for twin in replicas.twins for p in twin.parameters())


@pytest.mark.usefixtures("cores")
def test_what_goes_wrong_in_a_replica_is_heard_and_the_others_are_waited_for() -> None:
    one, ended = of("maml"), threading.Event()
    replicas = Replicas(one)

    def work(twin: Algorithm, *_: object) -> None:
        if twin is replicas.twins[1]:
            raise ValueError("here")
        ended.set()

    with pytest.raises(ValueError, match="here"):
        replicas.each(made_up(2), work)
    assert ended.is_set()
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("cores")
def test_whoever_hears_how_far_they_are_can_end_their_work() -> None:
    replicas, began = Replicas(of("maml")), threading.Barrier(2)
    heard, ended = [], []

    def tick(fraction: float) -> None:
        heard.append(fraction)
        if len(heard) == 3:
            raise KeyboardInterrupt

    def work(twin: Algorithm, _part: Episodes, _share: float, done: Callable[[float], None]) -> None:
        began.wait(60)
        try:
            for step in range(10**9):
                done(min(1.0, step / 10**6))
        finally:
            ended.append(twin)

    with pytest.raises(KeyboardInterrupt):
        replicas.each(made_up(2), work, tick)
    assert len(ended) == 2
    assert heard == sorted(heard)


class Noisy(nn.Module):
    """As a person's own network may be: random, and normalising."""

    def __init__(self):
        super().__init__()
        self.norm, self.noise = nn.BatchNorm2d(1, track_running_stats=False), nn.Dropout()


@pytest.mark.usefixtures("cores")
def test_who_is_divided() -> None:
    config = tiny("conv4")
    assert may_be_divided(of("maml"))
    assert may_be_divided(of("protonet"))
    assert not may_be_divided(of("maml", base="sinusoid"))  # no convolution
    assert not may_be_divided(of("maml++", "algorithm.running_statistics=true"))
    assert not may_be_divided(maml(Noisy))
    assert not may_be_divided(build_learner(config, blank(config, "meta"), "stacked"))  # not on a processor


@pytest.mark.usefixtures("cores")
def test_nothing_is_divided_for_a_single_core_or_task() -> None:
    one = on_made_up_tasks("maml")
    replicas = Replicas(one)
    assert replicas.divides(drawn(one))
    assert not replicas.divides(drawn(one, 1))
    torch.set_num_threads(1)
    assert not replicas.divides(drawn(one))
    with replicas_of(one) as none:
        assert none is None
    replicas.learn(drawn(one))
    assert replicas.twins == []
    assert gradients(one)


def test_a_replica_is_another_learner_on_the_same_weights() -> None:
    one = of("relationnet", *SMALL["relationnet"])
    twin = replica(one)
    assert twin.family is one.family
    assert twin.forward_tasks.model is twin.model is not one.model
    assert twin.forward_tasks.turn is not one.forward_tasks.turn
    for mine, its in zip(twin.parameters(), one.parameters(), strict=True):
        assert mine is not its
        assert mine.data_ptr() == its.data_ptr()
        assert mine.is_leaf
        assert mine.requires_grad == its.requires_grad
