"""What makes a run cheaper: each change where it applies, and nowhere else."""

import pytest

from core.config.overrides import apply
from core.config.run import RunConfig, TrainingConfig
from core.training.saving import SAVINGS, changed
from tests.core.tiny import tiny


def changes(name: str, *assignments: str) -> dict:
    return SAVINGS[name].changes(tiny(*assignments))


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (("conv4", "model.filters=64"), {"model.filters": 32}),
        (("conv4", "model.filters=4"), {}),
        (("sinusoid", "model.widths=[40,32]"), {"model.widths": [20, 16]}),
        (("sinusoid", "model.widths=[40,8]"), {}),
        (("sinusoid", "algorithm=cnp", "model.widths=[40]"), {}),  # brings its own
    ],
)
def test_half_a_network(assignments: tuple[str, ...], expected: dict) -> None:
    assert changes("smaller_network", *assignments) == expected


def test_first_order_where_it_is_off() -> None:
    assert changes("first_order", "sinusoid") == {"algorithm.first_order": True}
    assert changes("first_order", "sinusoid", "algorithm.first_order=true") == {}
    assert changes("first_order", "sinusoid", "algorithm=reptile") == {}


def test_half_the_inner_steps() -> None:
    assert changes("fewer_steps", "sinusoid", "algorithm.inner_steps=5") == {"algorithm.inner_steps": 2}
    assert changes("fewer_steps", "sinusoid") == {}
    assert changes("fewer_steps", "doodles", "algorithm=protonet") == {}


def test_fewer_tasks_at_once_once_there_is_such_a_setting() -> None:
    there = "tasks_at_once" in TrainingConfig.model_fields
    found = changes("tasks_at_once", "sinusoid", "training.meta_batch_size=16")
    assert found == ({"training.tasks_at_once": 4} if there else {})
    assert changes("tasks_at_once", "sinusoid", "training.meta_batch_size=1") == {}
    assert changes("tasks_at_once", "sinusoid", "algorithm=pretrain") == {}


def test_every_change_is_a_config_and_has_words() -> None:
    config = tiny("conv4", "model.filters=32", "algorithm.inner_steps=4", "training.meta_batch_size=16")
    seen = []
    for saving in SAVINGS.values():
        if found := saving.changes(config):
            new = changed(config, found)
            assert isinstance(new, RunConfig)
            assert new != config
            (path,) = found
            as_set = apply(config.model_dump(mode="json"), [f"{path}={str(found[path]).lower()}"])
            assert new.model_dump(mode="json") == as_set
            seen.append(saving.words(found))
    assert {"first order", "2 inner steps", "16 filters"} <= set(seen)


def test_inner_steps_are_not_recomputed_where_their_graphs_are_needed() -> None:
    assert changes("recomputed", "navigation") == {"algorithm.recompute": True}
    for needing in ("training.outer_update=trpo", "family.meta_gradient=e-maml"):
        assert changes("recomputed", "navigation", needing) == {}
