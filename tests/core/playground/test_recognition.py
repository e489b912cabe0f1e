"""What learners say of one drawing."""

import numpy as np
import pytest
import torch

from core.playground.recognition import Task, answer, suits
from core.playground.signs import signs
from core.playground.strokes import picture
from data.errors import InputError
from data.pictures import as_input
from tests.core.playground.untrained import untrained

LEARNERS = ("maml", "anil", "meta-sgd", "maml++", "reptile", "proto-maml", "protonet", "matchingnet", "relationnet",
            "pretrain", "baseline++", "scratch", "nearest-centroid")  # fmt: skip


def drawn(classes: int, uneven: bool = False) -> Task:
    """The first class has two examples where they are uneven."""
    found = signs(1)
    labels = [0, *range(classes)] if uneven else list(range(classes))
    support = [picture(found.examples[label][place == 1]) for place, label in enumerate(labels)]
    return Task(np.stack(support), tuple(labels), picture(found.others[0]))


def alone(name: str, *assignments: str):
    return untrained(name, "batch_statistics=support", *assignments, base="conv4")


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_has_a_probability_of_each_class_after_each_step(name: str) -> None:
    found = answer(alone(name), drawn(3, uneven=True), steps=2)
    assert found.probabilities.shape == (len(found.steps), 3)
    assert found.steps in ((0, 1, 2), (0,))
    assert found.probabilities.sum(1) == pytest.approx(1, abs=1e-5)


def test_an_answer_is_the_librarys() -> None:
    learner, task = alone("maml"), drawn(3)
    x = as_input(torch.from_numpy(task.support))[:, None]
    state = learner.adapt(x, torch.tensor(task.labels))
    asked = learner.predict(state, as_input(torch.from_numpy(task.query))[None, None])
    assert answer(learner, task).probabilities[-1] == pytest.approx(asked[0].numpy(), abs=1e-5)


def test_a_learner_with_outputs_for_more_classes_leaves_the_others_out() -> None:
    learner = alone("maml")
    assert learner.n_way == 3 and suits(learner, 2) == ""
    assert answer(learner, drawn(2)).probabilities.shape == (2, 2)


def test_a_learner_with_outputs_for_fewer_classes_says_so() -> None:
    assert "tell 3 classes apart" in suits(alone("maml"), 4) and suits(alone("protonet"), 4) == ""
    with pytest.raises(InputError, match="n_way = 4"):
        answer(alone("maml"), drawn(4))


def test_a_faster_inner_rate_adapts_further_and_leaves_the_learner_as_it_was() -> None:
    learner, task = alone("maml"), drawn(3)
    slow, fast = (answer(learner, task, 1, faster) for faster in (1.0, 5.0))
    assert fast.rate == pytest.approx(5 * slow.rate)
    moved = [np.abs(one.probabilities[1] - one.probabilities[0]).sum() for one in (slow, fast)]
    assert moved[1] > moved[0]
    assert answer(learner, task, 1).probabilities == pytest.approx(slow.probabilities)
