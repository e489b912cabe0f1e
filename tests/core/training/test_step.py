"""What a stepper does with a learner: which meta-steps are recorded, and which are divided among processor cores."""

import pytest
import torch

from core.training.recorded import Repeated, RepeatedByTask
from core.training.step import RECORDED_AFTER, Stepper
from tests.core.learners import of, on_made_up_tasks
from tests.core.tiny import tiny
from tests.core.training.partner import RATE, stepper

STEPS = RECORDED_AFTER + 2


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(
    "learner", ["maml training.gradient_clip=0.01", "maml++ training.tasks_at_once=3", "anil", "protonet"]
)
def test_steps_on_two_cores_are_those_on_one(learner: str) -> None:
    """In float64, where the order of the sums is all that differs."""
    name, *settings = learner.split()
    settings.append("training.meta_batch_size=5")
    both, alone = stepper(name, *settings), stepper(name, *settings)
    for i in range(STEPS):
        torch.set_num_threads(2)
        ours = both.take(i, RATE, i / STEPS)
        torch.set_num_threads(1)
        theirs = alone.take(i, RATE, i / STEPS)
        assert float(ours.query_loss) == pytest.approx(float(theirs.query_loss), rel=1e-9)
    assert both.algorithm.learn.recording is not None and alone.algorithm.learn.recording is not None
    for (name, mine), its in zip(both.algorithm.named_parameters(), alone.algorithm.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}")
    start = dict(on_made_up_tasks(learner.split()[0], *settings).named_parameters())
    assert any(not torch.equal(mine, start[name]) for name, mine in both.algorithm.named_parameters())


@pytest.mark.usefixtures("cores")
def test_small_networks_are_recorded_and_convolutions_task_by_task() -> None:
    def learn(base: str) -> object:
        learner = of("maml", base=base)
        Stepper(tiny(base), learner, torch.optim.SGD(learner.parameters(), lr=RATE), torch.Generator())
        return learner.learn

    assert type(learn("sinusoid")) is Repeated
    assert type(learn("conv4")) is RepeatedByTask
