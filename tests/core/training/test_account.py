"""What a run's log says of how its steps are taken."""

import pytest
import torch

from core.training import account
from core.training.build import build_learner, without_data
from core.training.step import Stepper
from tests.core.tiny import tiny

RECORDED = "its meta-step is to be recorded after 5 steps"
DIVIDED = "its tasks are divided among 2 cores"
NEITHER = "its meta-step is not recorded"


@pytest.mark.parametrize(
    ("base", "changes", "cores", "wanted"),
    [
        ("sinusoid", (), 2, f"learner: maml; {RECORDED}"),
        ("sinusoid", ("algorithm.first_order=true",), 1, f"learner: maml, first order; {RECORDED}"),
        ("conv4", (), 2, f"learner: maml; {DIVIDED}, and {RECORDED}"),
        ("conv4", (), 1, f"learner: maml; {RECORDED}"),
        ("conv4", ("algorithm.recompute=true",), 2, f"learner: maml; {DIVIDED}"),
        ("conv4", ("algorithm.recompute=true",), 1, f"learner: maml; {NEITHER}"),
        ("conv4", ("algorithm=pretrain",), 2, f"learner: pretrain; {RECORDED}"),
        ("conv4", ("algorithm=maml++", "algorithm.running_statistics=true"), 2, f"learner: maml++; {NEITHER}"),
        ("sinusoid", ("algorithm=scratch",), 2, "learner: scratch, which is not trained before the test"),
    ],
    indirect=["cores"],
)
def test_how_the_steps_are_taken(base: str, changes: tuple[str, ...], cores: int, wanted: str) -> None:
    config = tiny(base, *changes)
    learner = build_learner(config, without_data(config), "stacked")
    Stepper(config, learner, torch.optim.SGD([torch.zeros(1)]), torch.Generator())
    assert account.learner(config, learner) == wanted
    assert torch.get_num_threads() == cores
