"""What holds for every learner whatever the way, shot, query count, number of tasks and dtype."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.algorithms.base import algorithms
from core.training.build import build_learner
from data.family import EpisodeShape
from tests.core.learners import blank, made_up
from tests.core.tiny import tiny

SMALL = {"snail": "algorithm.filters=2", "baseline++": "algorithm.finetune_steps=2"}
CLASSIFYING = [name for name, learner in algorithms().items() if "classification" in learner.kinds]


@pytest.mark.parametrize("name", CLASSIFYING)
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    n_way=st.integers(2, 5),
    k_shot=st.integers(1, 3),
    n_query=st.integers(1, 3),
    tasks=st.integers(1, 3),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_tasks_do_not_mix(name: str, n_way: int, k_shot: int, n_query: int, tasks: int, dtype: torch.dtype) -> None:
    """The answers have the family's shape and the inputs' dtype, and a task is answered as it is when it comes alone."""
    shape = [f"family.n_way={n_way}", f"family.k_shot={k_shot}", *filter(None, [SMALL.get(name)])]
    config = tiny("conv4", f"algorithm={name}", *shape)
    learner = build_learner(config, blank(config), "stacked").to(dtype).eval()
    episodes = made_up(tasks, shape=EpisodeShape(n_way, k_shot, n_query))
    episodes = replace(episodes, support_x=episodes.support_x.to(dtype), query_x=episodes.query_x.to(dtype))
    together = learner.predict(learner.adapt(episodes, 1), episodes.query_x)
    assert together.shape == (tasks, n_way * n_query, n_way)
    assert together.dtype == dtype
    alone = learner.predict(learner.adapt(episodes[-1:], 1), episodes.query_x[-1:])
    close = {"rtol": 1e-8, "atol": 1e-10} if dtype == torch.float64 else {"rtol": 2e-2, "atol": 2e-3}
    torch.testing.assert_close(together[-1:], alone, **close)
