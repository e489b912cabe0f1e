"""Learners that translate: names through the whole of the engine."""

import pytest

from core.algorithms.base import algorithms
from core.config.checks import ConfigError
from core.runs.home import Home
from tests.core.tiny import finished, tiny


def test_learners_for_labelled_examples_and_networks_of_one_answer_are_refused_in_a_sentence() -> None:
    able = {name for name, learner in algorithms().items() if "sequence" in learner.kinds}
    assert able == {"maml", "anil", "meta-sgd", "maml++", "reptile", "pretrain", "scratch"}
    with pytest.raises(ConfigError, match=r"ProtoNet is for classification, and names is sequence\. Choose one of"):
        tiny("names", "algorithm=protonet")
    with pytest.raises(ConfigError, match=r"gru gives one answer to a text.*choose seq2seq"):
        tiny("names", "model=gru")
    with pytest.raises(ConfigError, match=r"seq2seq writes texts.*choose mlp"):
        tiny("sinusoid", "model=seq2seq")
    with pytest.raises(ConfigError, match="n_way = 5 does not apply to names, where a task is one language"):
        tiny("names", "evaluation.n_way=5")


TUNED = ("algorithm.finetune_lr=0.1", "algorithm.finetune_steps=1")  # of many, each of which is scored by free writing


@pytest.mark.parametrize(("learner", "settings"), [("maml", ()), ("pretrain", TUNED)])
def test_a_run_from_first_step_to_final_test(home: Home, learner: str, settings: tuple[str, ...]) -> None:
    few = ("evaluation.episodes=4", "evaluation.val_episodes=2", "evaluation.inner_steps=1")
    run, result = finished(home, "names", f"algorithm={learner}", *settings, *few)
    assert result.metric.name == "chrf" and result.non_finite == 0
    assert 0 <= result.mean <= 1 and len(result.curve) == 2
    assert run.id
