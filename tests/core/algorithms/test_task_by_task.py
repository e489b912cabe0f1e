"""Queries that go backwards task by task: the gradients of all at once, for every learner that does so, and less memory."""

import pytest
import torch
from torch import Tensor, nn

from core.algorithms.base import Algorithm
from core.algorithms.forward import TaskForward
from core.algorithms.portion import WHOLE
from core.algorithms.task_by_task import mean_loss
from core.training.memory import Peak
from data.family import EpisodeShape
from tests.core.algorithms.test_portion import assert_same_step, cases, learned
from tests.core.learners import made_up, maml

AT_ONCE = {True: lambda _, x: len(x) > 1, False: lambda *_: False}  # what a forward says of whether tasks run in turn
OTHERWISE = ("cnp", "relationnet", "reptile")  # whose meta-loss is another, or no gradient of one


@pytest.mark.parametrize("statistics", ["transductive", "support"])
@pytest.mark.parametrize("case", [case for case in cases() if case[0] not in OTHERWISE], ids=" ".join)
def test_the_gradients_are_those_of_all_tasks_at_once(
    case: tuple[str, ...], statistics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, *settings = case
    found, judged, judge = {}, [], Algorithm._judged_in_turn
    monkeypatch.setattr(Algorithm, "_judged_in_turn", lambda *of: judged.append(1) or judge(*of))
    for in_turn, say in AT_ONCE.items():
        monkeypatch.setattr(TaskForward, "in_turn", say)
        found[in_turn] = learned(name, [*settings, f"batch_statistics={statistics}"], [WHOLE])
    assert judged
    assert_same_step(found[True], found[False], rtol=1e-11)
    assert float(found[True][1].query_score) == float(found[False][1].query_score)


def network() -> nn.Module:
    """Whose maps are much larger than its weights."""
    conv = nn.Conv2d(1, 4, 3, padding=1)
    return nn.Sequential(conv, nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU(), nn.Flatten(), Pick())


class Pick(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3]


def test_one_tasks_queries_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, bytes_of = made_up(8, shape=EpisodeShape(3, 1, 15)), {}
    for in_turn, say in AT_ONCE.items():
        monkeypatch.setattr(TaskForward, "in_turn", say)
        learner = maml(network, inner_lr=0.1, inner_steps=1, first_order=True)
        with Peak([*learner.parameters(), *tasks.tensors]) as peak:
            learner.learn(tasks)
        bytes_of[in_turn] = peak.bytes
    assert bytes_of[True] < bytes_of[False] / 2


def test_in_turn_where_tasks_run_one_after_the_other_anyway() -> None:
    few, many, one = made_up(2).query_x[:, :3], made_up(2).query_x.repeat(1, 3, 1, 1, 1), made_up(1).query_x
    stacked, loop = (TaskForward(network(), mode) for mode in ("stacked", "loop"))
    assert [stacked.in_turn(x) for x in (few, many, one)] == [False, True, False]
    assert [loop.in_turn(x) for x in (few, many, one)] == [True, True, False]
    assert not TaskForward(nn.Flatten(), "stacked").in_turn(many)


def test_the_mean_and_its_gradients_by_hand() -> None:
    """Tasks i = 0, 1 of loss (w_i · s)², with a weight that no task uses."""
    w, idle = (
        torch.tensor(values, dtype=torch.float64, requires_grad=True) for values in ([[1.0], [3.0]], [[5.0]] * 2)
    )
    s = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    asked = []

    def loss(weights: dict[str, Tensor], task: int) -> Tensor:
        asked.append(task)
        return (weights["w"] * s).square().sum()

    mean = mean_loss(loss, 2, {"w": w, "idle": idle}, [s])
    assert mean.item() == (2**2 + 6**2) / 2
    (3 * mean).backward()
    assert w.grad.tolist() == [[3 * 2 * 2 / 2 * 2], [3 * 2 * 6 * 2 / 2]]
    assert s.grad.item() == 3 * (2 * 2 * 1 + 2 * 6 * 3) / 2
    assert idle.grad is None
    assert asked == [0, 1]


def test_a_weight_that_some_tasks_use() -> None:
    w = torch.ones(3, 2, requires_grad=True)
    mean = mean_loss(lambda own, task: own["w"].sum() if task == 1 else own["o"].sum(), 3, {"w": w, "o": w + 0}, [])
    mean.backward()
    torch.testing.assert_close(w.grad, torch.full((3, 2), 1 / 3))


def test_it_cannot_be_differentiated_twice() -> None:
    w = torch.ones(2, 1, requires_grad=True)
    mean = mean_loss(lambda weights, _: weights["w"].pow(3).sum(), 2, {"w": w}, [])
    (gradient,) = torch.autograd.grad(mean.square(), w, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
