"""The settings that a run is tried again with."""

import pytest

from core.algorithms.base import algorithms
from core.config.telling import MOST, telling
from tests.core.tiny import values


@pytest.mark.parametrize(
    ("base", "assignments", "expected"),
    [
        ("sinusoid", (), ["algorithm.inner_lr", "algorithm.inner_steps", "training.meta_lr", "family.k_shot"]),
        ("conv4", ("algorithm=protonet",), ["algorithm.distance", "training.meta_lr", "family.k_shot", "family.n_way"]),
        ("conv4", ("algorithm=nearest-centroid",), ["family.k_shot", "family.n_way"]),
        (
            "sinusoid",
            ("algorithm=pretrain",),
            ["algorithm.batch_size", "algorithm.finetune_lr", "training.meta_lr", "family.k_shot"],
        ),
        # Its training has no tasks, and its test has shots of its own: those of the family say nothing.
        (
            "sinusoid",
            ("algorithm=pretrain", "evaluation.k_shot=3"),
            ["algorithm.batch_size", "algorithm.finetune_lr", "training.meta_lr"],
        ),
    ],
)
def test_they_come_from_what_the_fields_say(base: str, assignments: tuple[str, ...], expected: list[str]) -> None:
    assert telling(values(base, *assignments)) == expected


@pytest.mark.parametrize("name", sorted(algorithms()))
def test_every_learner_has_some(name: str) -> None:
    base = "sinusoid" if "classification" not in algorithms()[name].kinds else "conv4"
    assert 2 <= len(telling(values(base, f"algorithm={name}"))) <= MOST
