"""A meta-batch divided among replicas in threads: the numbers of one learner, each time the same."""

import threading
from collections.abc import Callable

import pytest
import torch
from torch import nn

from core.algorithms.base import Algorithm, StepReport
from core.algorithms.replicas import Replicas, divided, may_be_divided, replica, replicas_of
from core.training.build import build_learner
from core.training.recorded import gradients_of, learned, put
from data.batch import Episodes
from tests.core.algorithms.test_portion import SMALL, assert_same_step, cases
from tests.core.learners import blank, made_up, maml, of, on_made_up_tasks
from tests.core.tiny import tiny

TASKS = 5  # by two replicas two and three of them


def drawn(learner: Algorithm, tasks: int = TASKS) -> Episodes:
    return learner.draw(learner.family.config.shape, tasks, torch.Generator().manual_seed(5))


def gradients(learner: Algorithm) -> list[torch.Tensor]:
    return [p.grad.clone() for p in learner.parameters() if p.grad is not None]


def learn(replicas: Replicas, batch: Episodes, share: float = 1.0) -> StepReport:
    """Add what they find to the gradients of their learner."""
    found, report = replicas.by_task(batch, gradients_of)
    put(learned(replicas.learner), found, share)
    return report


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
    found = learn(replicas, batch, 0.5)
    assert len(replicas.twins) == cores
    ours = gradients(one)
    assert_same_step((ours, found), (theirs, said), rtol=1e-11)
    one.zero_grad()
    learn(replicas, batch, 0.5)
    assert all(torch.equal(mine, its) for mine, its in zip(gradients(one), ours, strict=True))
    assert torch.get_num_threads() == cores


@pytest.mark.usefixtures("cores")
def test_replicas_follow_the_learner() -> None:
    """Its weights after a step, its weights elsewhere in memory, how far the training is; and they add to what is there."""
    one, other = (on_made_up_tasks("maml++", "algorithm.multi_step_share=0.5").train() for _ in range(2))
    replicas, optimizer, batch = Replicas(one), torch.optim.SGD(one.parameters(), lr=0.1), drawn(one)
    learn(replicas, batch)
    optimizer.step()
    for p in one.parameters():
        p.data = p.data.clone()
    optimizer.step()
    one.progress = other.progress = 0.7
    other.load_state_dict(one.state_dict())
    one.zero_grad()
    for _ in range(2):
        learn(replicas, batch)
    other.learn(batch)
    for mine, its in zip(gradients(one), gradients(other), strict=True):
        torch.testing.assert_close(mine, 2 * its, rtol=1e-11, atol=1e-12)
    assert all(p.grad is None for twin in replicas.twins for p in twin.parameters())


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("wrong", [0, 1])
def test_what_goes_wrong_in_a_replica_is_heard_and_the_others_are_waited_for(wrong: int) -> None:
    replicas, together, release, ended = (
        Replicas(of("maml")),
        threading.Barrier(2),
        threading.Event(),
        threading.Event(),
    )
    flash = torch.backends.cuda.flash_sdp_enabled()

    def work(twin: Algorithm, *_: object) -> None:
        together.wait(60)
        if twin is replicas.twins[wrong]:
            threading.Timer(0.2, release.set).start()
            raise ValueError("here")
        assert release.wait(60)
        ended.set()

    with pytest.raises(ValueError, match="here"):
        replicas.each(made_up(2), work)
    assert ended.is_set()
    assert torch.get_num_threads() == 2
    assert torch.backends.cuda.flash_sdp_enabled() == flash


@pytest.mark.usefixtures("cores")
def test_an_error_in_one_ends_the_others_work() -> None:
    replicas, together = Replicas(of("maml")), threading.Barrier(2)

    def work(twin: Algorithm, _part: Episodes, _share: float, done: Callable[[float], None]) -> None:
        together.wait(60)
        if twin is replicas.twins[1]:
            raise ValueError("here")
        while True:
            done(0.5)

    with pytest.raises(ValueError, match="here"):
        replicas.each(made_up(2), work)


@pytest.mark.usefixtures("cores")
def test_whoever_hears_how_far_they_are_can_end_their_work() -> None:
    replicas, together = Replicas(of("maml")), threading.Barrier(2)
    heard, ended = [], []

    def tick(fraction: float) -> None:
        heard.append(fraction)
        if len(heard) == 3:
            raise KeyboardInterrupt

    def work(twin: Algorithm, _part: Episodes, _share: float, done: Callable[[float], None]) -> None:
        together.wait(60)
        try:
            while True:
                done(0.5)
        finally:
            ended.append(twin)

    with pytest.raises(KeyboardInterrupt):
        replicas.each(made_up(2), work, tick)
    assert len(ended) == 2
    assert heard == sorted(heard)


@pytest.mark.usefixtures("cores")
def test_while_it_is_being_heard_nobody_goes_on() -> None:
    """A pause is a tick that does not come back for long."""
    replicas, paused, ended = Replicas(of("maml")), threading.Event(), threading.Event()

    def tick(_: float) -> None:
        paused.set()
        assert not ended.wait(0.2)

    def work(twin: Algorithm, _part: Episodes, _share: float, done: Callable[[float], None]) -> None:
        if twin is replicas.twins[0]:
            done(1.0)
            return
        while not paused.is_set():
            done(0.0)
        done(0.5)
        ended.set()

    replicas.each(made_up(2), work, tick)
    assert ended.is_set()


@pytest.mark.usefixtures("cores")
def test_those_that_take_longer_than_the_first_are_heard_too() -> None:
    replicas, heard, release = Replicas(of("maml")), [], threading.Event()

    def tick(fraction: float) -> None:
        heard.append(fraction)
        if len(heard) > 2:
            release.set()

    def work(twin: Algorithm, _part: Episodes, _share: float, done: Callable[[float], None]) -> None:
        if twin is replicas.twins[1]:
            assert release.wait(60)
        done(1.0)

    replicas.each(made_up(2), work, tick)
    assert len(heard) > 2


@pytest.mark.parametrize(
    ("tasks", "cores", "count"),
    [(8, 2, 2), (5, 2, 2), (4, 3, 2), (9, 8, 5), (25, 15, 7), (2, 16, 2), (3, 3, 3), (16, 4, 4)],
)
def test_by_how_many_tasks_are_divided(tasks: int, cores: int, count: int) -> None:
    assert len(divided(tasks, cores)) == count


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
    assert may_be_divided(of("proto-maml"))
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
    assert replicas_of(one) is None


class Stranger:
    """Who puts a method of its own in the place of a learner's, and cannot be copied."""

    def __deepcopy__(self, memo: dict) -> None:
        raise TypeError

    def learn(self) -> None:
        """Never called."""


def test_a_replica_is_another_learner_on_the_same_weights() -> None:
    one = of("relationnet", *SMALL["relationnet"])
    one.learn = one.meta_step = Stranger().learn
    one.draw = lambda *_: None
    twin = replica(one)
    assert not vars(twin).keys() & {"learn", "meta_step", "draw"}
    assert vars(one).keys() >= {"learn", "meta_step", "draw"}
    assert twin.family is one.family
    assert twin.forward_tasks.model is twin.model is not one.model
    assert twin.forward_tasks.turn is not one.forward_tasks.turn
    for mine, its in zip(twin.parameters(), one.parameters(), strict=True):
        assert mine is not its
        assert mine.data_ptr() == its.data_ptr()
        assert mine.is_leaf
        assert mine.requires_grad == its.requires_grad
