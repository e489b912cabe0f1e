"""A recorded meta-step gives what the learner itself gives, to the last bit, and stands aside where it could not."""

import logging
from typing import Any

import pytest
import torch

from core.algorithms.base import Algorithm
from core.config.checks import parse
from core.config.run import RunConfig
from core.training import recorded, recording
from core.training.build import build_learner, without_data
from core.training.recorded import LOOKS, Repeated, RepeatedByTask, values
from core.training.recording import Recording
from core.training.step import Stepper
from core.training.tracing import Traced
from data.batch import Episodes
from data.family import TaskFamily
from tests.core.algorithms.test_replicas import DIVIDED
from tests.core.training.partner import RATE, stepper

SINUSOID = {"name": "sinusoid", "k_shot": 5, "n_query": 7}
LEARNERS = [
    {"name": "maml", "inner_lr": 0.01, "inner_steps": 1},
    {"name": "maml", "inner_lr": 0.05, "inner_steps": 3},
    {"name": "maml", "inner_lr": 0.05, "inner_steps": 3, "first_order": True},
    {"name": "anil", "inner_lr": 0.05, "inner_steps": 3},
    {"name": "meta-sgd", "inner_lr": 0.05, "inner_steps": 2},
    {"name": "maml++", "inner_lr": 0.05, "inner_steps": 2, "multi_step_share": 0.3, "first_order_share": 0.4},
    {"name": "reptile", "inner_lr": 0.01, "inner_steps": 3},
    {"name": "cnp", "encoder": [8, 8], "decoder": [8]},
    {"name": "pretrain", "batch_size": 8},
]


def built(algorithm: dict[str, Any], **more: Any) -> tuple[RunConfig, TaskFamily, Algorithm]:
    model = {"name": "mlp", "widths": [8, 8]}
    config = parse({"family": SINUSOID, "model": model, "algorithm": algorithm, **more})
    family = without_data(config)
    return config, family, build_learner(config, family, "stacked")


def drawn(config: RunConfig, family: TaskFamily, seed: int, tasks: int = 4) -> Episodes:
    return family.sample("train", config.family.shape, tasks, torch.Generator().manual_seed(seed))


HANDWRITING = {"name": "doodles", "n_way": 3, "k_shot": 1, "n_query": 2}


def test_gradients_are_laid_out_as_their_parameters() -> None:
    """The fused optimizer goes by the order in memory: ANIL's head of a single task once got another task's weights."""
    config = parse({"family": HANDWRITING, "model": {"name": "mlp", "widths": [8]}, "algorithm": LEARNERS[3]})
    data = without_data(config)

    def after(steps: int, recorded: bool) -> list[torch.Tensor]:
        learner = build_learner(config, data, "stacked")
        optimizer = learner.optimizer(1e-2)
        if recorded:
            learner.learn = Repeated(learner, 1)
        for seed in range(steps):
            learner.zero_grad(set_to_none=True)
            learner.learn(data.made_up(config.family.shape, 1, torch.Generator().manual_seed(seed)))
            assert all(p.grad.stride() == p.stride() for p in learner.parameters())
            optimizer.step()
        assert not recorded or learner.learn.recording is not None
        return list(learner.parameters())

    assert all(torch.equal(a, b) for a, b in zip(after(4, True), after(4, False), strict=True))


def trained(algorithm: dict[str, Any], after: int | None, steps: int = 12, **training: Any) -> list[list[torch.Tensor]]:
    """What each step reports and the weights at the end. after: steps before one is recorded; None for never."""
    config, _, learner = built(algorithm, training={"meta_batch_size": 4, **training})
    stepper = Stepper(config, learner, learner.optimizer(1e-2), torch.Generator().manual_seed(3))
    del learner.learn  # the stepper's choice
    if after is not None:
        learner.learn = Repeated(learner, after)
    reports = [values(stepper.take(i, 1e-2, i / steps)) for i in range(steps)]
    assert after is None or learner.learn.recording is not None
    return [*reports, list(learner.parameters())]


@pytest.mark.parametrize("algorithm", LEARNERS, ids=lambda one: "-".join(map(str, one.values())))
def test_a_training_from_recordings_equals_one_without_to_the_last_bit(algorithm: dict[str, Any]) -> None:
    for one, other in zip(trained(algorithm, None), trained(algorithm, 2), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_takes_over_by_itself_whenever_it_is_told_to() -> None:
    """So a resumed run, which begins to record anew, goes on with the same numbers."""
    early, late = trained(LEARNERS[0], 1), trained(LEARNERS[0], 9)
    assert all(torch.equal(a, b) for a, b in zip(early[-1], late[-1], strict=True))


@pytest.mark.parametrize(
    "algorithm",
    [
        LEARNERS[1],
        {"name": "protonet"},
        {"name": "protonet", "distance": "cosine"},
        {"name": "matchingnet"},
        {"name": "proto-maml", "inner_lr": 0.05, "inner_steps": 2},
        {"name": "reptile", "inner_lr": 0.01, "inner_steps": 2},
        {"name": "pretrain", "batch_size": 8},
        {"name": "baseline++", "batch_size": 8},
    ],
    ids=["maml", "protonet", "cosine", "matchingnet", "proto-maml", "reptile", "pretrain", "baseline++"],
)
def test_classification_is_recorded_too(algorithm: dict[str, Any]) -> None:
    family = {"name": "doodles", "n_way": 3, "k_shot": 1, "n_query": 2}
    config = parse({"family": family, "model": {"name": "mlp", "widths": [8]}, "algorithm": algorithm})
    data = without_data(config)
    data.sample = lambda _, shape, tasks, generator: data.made_up(shape, tasks, generator)
    data.sample_flat = lambda _, size, generator: (
        torch.randn(size, 1, 28, 28, generator=generator),
        torch.randint(data.classes("train"), (size,), generator=generator),
    )
    learner = build_learner(config, data, "stacked")
    batches = [learner.draw(config.family.shape, 3, torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    recording = Recording(learner, batches[0])
    learner.learn(batches[1])
    gradients, _ = recording(batches[1])
    assert all(torch.equal(p.grad, found) for p, found in zip(recording.learned, gradients, strict=True))


def test_a_classifier_of_many_classes_is_recorded() -> None:
    """Of which TorchScript would take the layers apart."""
    family = {"name": "doodles", "n_way": 5, "k_shot": 1, "n_query": 2}
    algorithm = {"name": "pretrain", "batch_size": 64}
    config = parse({"family": family, "model": {"name": "mlp", "widths": [64]}, "algorithm": algorithm})
    data = without_data(config)
    assert data.classes("train") == 1000
    data.sample_flat = lambda _, size, generator: (
        torch.randn(size, 1, 28, 28, generator=generator),
        torch.randint(1000, (size,), generator=generator),
    )
    learner = build_learner(config, data, "stacked")
    repeated = Repeated(learner, 3)
    for seed in range(3):
        learner.zero_grad(set_to_none=True)
        repeated(learner.draw(config.family.shape, 1, torch.Generator().manual_seed(seed)))
    assert repeated.recording is not None


def test_batches_of_another_layout_are_not_put_through_a_recording() -> None:
    config, family, learner = built(LEARNERS[0])
    repeated = Repeated(learner, 1)
    repeated(drawn(config, family, 0))
    assert repeated.recording is not None
    learner.zero_grad(set_to_none=True)
    other = drawn(config, family, 1, tasks=6)
    repeated(other)
    found = [p.grad.clone() for p in learner.parameters()]
    learner.zero_grad(set_to_none=True)
    repeated.as_written(other)
    assert all(torch.equal(p.grad, one) for p, one in zip(learner.parameters(), found, strict=True))


def test_a_meta_loss_that_is_not_the_same_twice_is_not_recorded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config, family, learner = built(LEARNERS[0])
    written, calls = learner.meta_loss, []

    def drifting(batch: Episodes):
        calls.append(1)
        loss, report = written(batch)
        return loss * len(calls), report

    monkeypatch.setattr(learner, "meta_loss", drifting)
    repeated = Repeated(learner, 1)
    repeated(drawn(config, family, 0))
    assert repeated.recording is None and "other numbers" in caplog.text


@pytest.mark.parametrize("wrong", [(2,), (1, 3)])
def test_it_is_looked_at_more_than_once(wrong: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding may be the same on one meta-batch and not on the next. Each way of making a recording has its looks."""
    made, asked = [], []

    class Doubtful(Recording):
        def __init__(self, *given: Any):
            super().__init__(*given)
            made.append(self.turning)

        def __call__(self, batch: Episodes) -> Any:
            gradients, report = super().__call__(batch)
            asked.append(len(made))
            if len(asked) in wrong:
                gradients[0].mul_(1 + 1e-6)
            return gradients, report

    monkeypatch.setattr(recorded, "Recording", Doubtful)
    config, family, learner = built(LEARNERS[0])
    repeated = Repeated(learner, 5)
    for seed in range(12):
        learner.zero_grad(set_to_none=True)
        repeated(drawn(config, family, seed))
    assert LOOKS == 3
    if wrong == (2,):  # at the second look; the other way is right three times, from this step on
        assert made == [True, False] and asked[:5] == [1, 1, 2, 2, 2]
        assert repeated.recording is not None and repeated.recording.turning is False and repeated.taken == 6
    else:  # at once, and at the other way's second look
        assert made == [True, False] and asked == [1, 2, 2]
        assert repeated.recording is None and repeated.candidate is None and repeated.taken == 12


def test_where_a_product_turned_round_rounds_otherwise_it_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tried, real = [], recording.tidied

    def other_library(traced: Traced, turning: bool) -> Traced:
        tried.append(turning)
        graph = real(traced, turning)
        if not turning:
            return graph
        (out,) = graph.graph.find_nodes(op="output")
        with graph.graph.inserting_before(out):
            off = graph.graph.call_function(torch.ops.aten.mul.Tensor, (out.args[0][0], 1 + 1e-6))
        out.args = ((off, *out.args[0][1:]),)
        return graph

    monkeypatch.setattr(recording, "tidied", other_library)
    config, family, learner = built(LEARNERS[0])
    repeated = Repeated(learner, 1)
    repeated(drawn(config, family, 0))
    assert tried == [True, False]
    assert repeated.recording is not None
    assert "The meta-step is recorded after 1 steps." in caplog.text
    learner.zero_grad(set_to_none=True)
    repeated.as_written(drawn(config, family, 1))
    gradients, _ = repeated.recording(drawn(config, family, 1))
    assert all(torch.equal(p.grad, g) for p, g in zip(learner.parameters(), gradients, strict=True))


def test_a_meta_loss_that_looks_at_its_numbers_goes_on_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config, family, learner = built(LEARNERS[0])
    written = learner.meta_loss

    def looking(batch: Episodes):
        loss, report = written(batch)
        return (loss if loss.item() > -1 else -loss), report

    monkeypatch.setattr(learner, "meta_loss", looking)
    repeated = Repeated(learner, 1)
    repeated(drawn(config, family, 0))
    assert repeated.recording is None and "not recorded" in caplog.text
    assert all(p.grad is not None for p in learner.parameters())


@pytest.mark.parametrize(
    ("changes", "recorded"),
    [
        ({}, True),
        ({"algorithm": {"name": "maml++", "inner_steps": 2}}, True),
        ({"algorithm": {"name": "cnp"}}, True),
        ({"algorithm": {"name": "scratch"}}, False),
        ({"model": {"name": "mlp", "widths": [1000, 1000]}}, False),
    ],
    ids=["maml", "maml++", "cnp", "scratch", "large"],
)
def test_what_is_recorded(changes: dict[str, Any], recorded: bool) -> None:
    base = {"family": SINUSOID, "model": {"name": "mlp", "widths": [8]}, "algorithm": LEARNERS[0]}
    config = parse(base | changes)
    learner = build_learner(config, without_data(config), "stacked")
    Stepper(config, learner, learner.optimizer(1e-3), torch.Generator())
    assert isinstance(learner.learn, Repeated) is recorded


def test_chunks_of_tasks_are_learned_from_as_written() -> None:
    whole, parts = trained(LEARNERS[0], None, tasks_at_once=2), None
    config, _, learner = built(LEARNERS[0], training={"meta_batch_size": 4, "tasks_at_once": 2})
    stepper = Stepper(config, learner, learner.optimizer(1e-2), torch.Generator().manual_seed(3))
    learner.learn = Repeated(learner, 1)
    parts = [values(stepper.take(i, 1e-2, i / 12)) for i in range(12)]
    assert learner.learn.recording is None
    assert all(torch.equal(a, b) for one, two in zip(whole, parts, strict=False) for a, b in zip(one, two, strict=True))


NEVER = 10**9


def trained_by_task(case: tuple[str, ...], after: int, *assignments: str, steps: int = 5) -> list[list[torch.Tensor]]:
    """The same of convolutions, whose tasks are taken one at a time. after: steps before one is recorded."""
    name, *settings = case
    one = stepper(name, *settings, *assignments)
    one.algorithm.learn = RepeatedByTask(one.algorithm, after)
    reports = [values(one.take(i, RATE, i / steps)) for i in range(steps)]
    assert (one.algorithm.learn.recording is not None) is (after < steps)
    return [*reports, list(one.algorithm.parameters())]


@pytest.mark.parametrize("cores", [1, 2], indirect=True)
@pytest.mark.parametrize("case", DIVIDED, ids=" ".join)
def test_convolutions_are_recorded_task_by_task_to_the_last_bit(case: tuple[str, ...], cores: int) -> None:
    for one, other in zip(trained_by_task(case, 2), trained_by_task(case, NEVER), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.get_num_threads() == cores


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("setting", ["training.tasks_at_once=2", "training.meta_batch_size=1"])
def test_parts_of_a_meta_batch_and_single_tasks_are_recorded_too(setting: str) -> None:
    """A part's gradients are compared with that part's, not with what has been added up so far."""
    recorded, written = (trained_by_task(("maml",), after, setting) for after in (1, NEVER))
    for one, other in zip(recorded, written, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.usefixtures("cores")
def test_whoever_cannot_be_recorded_goes_on_task_by_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RepeatedByTask, "_next", lambda *_: None)
    one = stepper("maml")
    one.algorithm.learn = RepeatedByTask(one.algorithm, 1)
    reports = [values(one.take(i, RATE, i / 5)) for i in range(5)]
    assert one.algorithm.learn.over and one.algorithm.learn.recording is None
    wanted = trained_by_task(("maml",), NEVER)
    assert all(torch.equal(a, b) for a, b in zip(one.algorithm.parameters(), wanted[-1], strict=True))
    assert all(
        torch.equal(a, b) for said, its in zip(reports, wanted, strict=False) for a, b in zip(said, its, strict=True)
    )
