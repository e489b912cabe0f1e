"""What learners say of one drawing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.library import Learner
from core.playground.recognition import Support, adapted, suits
from core.playground.signs import signs
from core.playground.strokes import picture
from data.errors import InputError
from data.pictures import as_input
from tests.core.playground.untrained import untrained
from tests.data.frozen_nets import frozen_network

LEARNERS = ("maml", "anil", "meta-sgd", "maml++", "reptile", "proto-maml", "protonet", "matchingnet", "relationnet",
            "pretrain", "baseline++", "scratch", "nearest-centroid")  # fmt: skip
SIGNS = signs(1)
QUERY = picture(SIGNS.others[0])


def drawn(classes: int, uneven: bool = False) -> Support:
    """The first class has two examples where they are uneven."""
    labels = [0, *range(classes)] if uneven else list(range(classes))
    found = [picture(SIGNS.examples[label][place == 1]) for place, label in enumerate(labels)]
    return Support(np.stack(found), tuple(labels))


def alone(name: str, *assignments: str) -> Learner:
    return untrained(name, "batch_statistics=support", *assignments, base="conv4")


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_has_a_probability_of_each_class_after_each_step(name: str) -> None:
    found = adapted(alone(name), drawn(3, uneven=True), steps=2)
    said = found.answer(QUERY)
    assert said.shape == (len(found.steps), 3) and found.steps in ((0, 1, 2), (0,))
    assert said.sum(1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(found.answer(picture(SIGNS.others[1])).shape, said.shape)
    assert found.answer(QUERY) == pytest.approx(said)  # whatever it was asked meanwhile


TUNED = ("algorithm.finetune=all", "algorithm.finetune_lr=0.1", "algorithm.finetune_steps=3")


@pytest.mark.parametrize(("name", "assignments"), [("maml", ()), ("protonet", ()), ("pretrain", TUNED)])
def test_an_answer_is_the_librarys_after_every_step(name: str, assignments: tuple[str, ...]) -> None:
    learner, support = alone(name, *assignments), drawn(3)
    x = as_input(torch.from_numpy(support.pictures))[:, None]
    found = adapted(learner, support, steps=3)
    assert found.steps == ((0, 1, 2, 3) if learner.algorithm.takes_steps else (0,))
    for step, said in zip(found.steps, found.answer(QUERY), strict=True):
        state = learner.adapt(x, torch.tensor(support.labels), step)
        asked = learner.predict(state, as_input(torch.from_numpy(QUERY))[None, None])
        assert said == pytest.approx(asked[0].numpy(), abs=1e-5)


def test_a_learner_with_outputs_for_more_classes_leaves_the_others_out() -> None:
    learner = alone("maml")
    assert learner.n_way == 3 and suits(learner, 2) == ""
    assert adapted(learner, drawn(2), 1).answer(QUERY).shape == (2, 2)


@pytest.mark.parametrize("name", ["maml", "protonet", "nearest-centroid"])
def test_drawings_go_through_a_frozen_network_where_the_learner_reads_its_features(name: str, tmp_path: Path) -> None:
    learner, support = alone(name, "model=mlp", *frozen_network(tmp_path)), drawn(3)
    features = learner.family.extracted(as_input(torch.from_numpy(np.stack([*support.pictures, QUERY])))[:, None])
    said = adapted(learner, support, 1).answer(QUERY)[-1]
    asked = learner.predict(learner.adapt(features[:3], [0, 1, 2], 1), features[3:])
    assert said == pytest.approx(asked[0].numpy(), abs=1e-5)


def test_a_learner_with_outputs_for_fewer_classes_says_so() -> None:
    assert "tell 3 classes apart" in suits(alone("maml"), 4) and suits(alone("protonet"), 4) == ""
    with pytest.raises(InputError, match="n_way = 4"):
        adapted(alone("maml"), drawn(4))


def test_a_faster_inner_rate_adapts_further_and_leaves_the_learner_as_it_was() -> None:
    learner, support = alone("maml"), drawn(3)
    slow, fast = (adapted(learner, support, 1, faster) for faster in (1.0, 5.0))
    assert fast.rate == pytest.approx(5 * slow.rate)
    moved = [np.abs(np.diff(one.answer(QUERY), axis=0)).sum() for one in (slow, fast)]
    assert moved[1] > moved[0]
    assert adapted(learner, support, 1).answer(QUERY) == pytest.approx(slow.answer(QUERY))


def test_what_was_adapted_has_a_size() -> None:
    learner = alone("maml")
    weights = sum(parameter.nbytes for parameter in learner.algorithm.model.parameters())
    assert adapted(learner, drawn(3), 2).size == 3 * weights
