"""Settings that play no part beside the others: said of a run, and true of the learner that is built."""

import pytest

from core.algorithms.base import algorithms
from core.config.checks import without_effect
from core.config.facts import facts_of
from core.config.run import RunConfig
from core.runs.facts import Facts
from core.training.build import build_learner, without_data
from data.registry import families
from tests.core.tiny import tiny, values


@pytest.mark.parametrize("base", ["sinusoid", "doodles", "conv4"])
@pytest.mark.parametrize("name", sorted(algorithms()))
def test_statistics_of_batch_norm_play_a_part_where_there_is_such_a_layer(name: str, base: str) -> None:
    config = RunConfig.model_validate(values(base, f"algorithm={name}"))
    if families()[config.family.name].kind in algorithms()[name].kinds:
        there = build_learner(config, without_data(config), "stacked").normalises_by != "none"
        assert ("batch_statistics" not in without_effect(config.model_dump())) == there


def test_a_run_remembers_them() -> None:
    facts = facts_of(tiny("conv4", "algorithm=protonet"))
    assert {"evaluation.inner_steps", "training.decay_rate", "training.final_lr"} <= set(facts.idle)
    assert Facts.from_json(facts.as_json()) == facts


def test_of_an_older_run_the_one_that_is_met_most_often_is_known() -> None:
    for learner, known in (("protonet", ("evaluation.inner_steps",)), ("maml", ())):
        said = facts_of(tiny("conv4", f"algorithm={learner}")).as_json()
        del said["idle"]
        assert Facts.from_json(said).idle == known
