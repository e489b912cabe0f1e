"""Environments of a person's own: what a policy meets in them, and the sentence for each thing that can be wrong."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from torch import Tensor

from data.batch import Adapted, Answer
from data.environment import Environment, Maker
from data.environments import Environments, EnvironmentsConfig, OwnEnvironments
from data.errors import DataError
from data.family import EpisodeShape, Split
from data.places import Folders

SHAPE = EpisodeShape(1, 3, 2)
SEEN = Box(-np.inf, np.inf, (2,))


class Counter(gym.Env):
    """Sees where it is and a number of its reset's, is told how far to go, ends at its goal, and is paid where it stands."""

    def __init__(self, goal: int, seen: Any = SEEN, done: Any = None, **wrong: Any):
        self.observation_space, self.action_space = seen, Discrete(2, start=5) if done is None else done
        self.goal, self.wrong, self.taken, self.closed = goal, wrong, [], False

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.at, self.own, self.chance = 0.0, 0, self.np_random.random()
        return self.wrong.get("start", np.array([self.at, self.chance])), {}

    def step(self, action: Any) -> tuple:
        assert self.action_space.contains(action), action
        self.taken.append(action)
        self.own += 1
        if self.own == self.wrong.get("breaks_at"):
            raise RuntimeError("the pole fell off")
        self.at += float(np.sum(action)) - 5 if isinstance(self.action_space, Discrete) else float(np.sum(action))
        seen = self.wrong.get("observed", np.array([self.at, self.chance], np.float64))
        return seen, self.wrong.get("reward", self.at), self.at >= self.goal, self.own >= 9, {}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable], str]:
    """The import path of a function, as if it stood in a module of a person's own."""

    def offer(function: Any) -> str:
        module = types.ModuleType("my_own_tasks")
        module.make_task = function
        monkeypatch.setitem(sys.modules, "my_own_tasks", module)
        return "my_own_tasks:make_task"

    return offer


def family(path: str, **settings: Any) -> OwnEnvironments:
    config = EnvironmentsConfig(**{"make_task": path, "observation": 2, "horizon": 6} | settings)
    return OwnEnvironments(config, datasets=Path(), cache=Path())


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sampled(family: OwnEnvironments, seed: int = 0, tasks: int = 2, split: Split = "train") -> Environments:
    return family.sample(split, SHAPE, tasks, seeded(seed))


def always(*answer: float) -> Answer:
    return lambda states: torch.tensor(answer).expand(*states.shape[:2], len(answer))


UP, DOWN = always(-99.0, 99.0), always(99.0, -99.0)


def test_trajectories_end_at_their_own_time_and_nothing_counts_after(offered) -> None:
    """By hand: up is a step of 1 and pays where it leads, 1 + 2 + … until the goal; the horizon cuts what is longer."""
    batch = sampled(family(offered(lambda rng: Counter(int(rng.integers(2, 12))))), tasks=5)
    goals = [int(np.random.default_rng([0, number]).integers(2, 12)) for number in batch.numbers[:, 0].tolist()]
    assert len(set(goals)) > 2 and max(goals) > 6
    rollout = batch.roll_out(UP, batch.query_luck)
    for task, goal in enumerate(goals):
        steps = min(goal, 6)
        assert rollout.there[task].sum(-1).tolist() == [steps] * 2
        assert rollout.returns[task].tolist() == [steps * (steps + 1) / 2] * 2
        assert rollout.states[task, 0, :steps, 0].tolist() == list(range(steps))
        assert rollout.rewards[task, :, steps:].abs().sum() == 0
    assert (rollout.actions == 1).all()
    cut = batch.roll_out(DOWN, batch.query_luck[:, :, :4])
    assert cut.there.all() and cut.returns.abs().sum() == 0


def test_nothing_is_computed_after_all_have_ended(offered) -> None:
    batch = sampled(family(offered(lambda _: Counter(2))))
    assert batch.roll_out(UP, batch.query_luck).rewards.shape == (2, 2, 2)


def test_one_seed_gives_one_rollout_and_splits_share_no_task(offered) -> None:
    tasks = family(offered(lambda rng: Counter(int(rng.integers(10**6)))))
    policy: Answer = lambda states: states  # noqa: E731 - what is seen are the odds

    def rolled(seed: int, split: Split = "train") -> Tensor:
        batch = sampled(tasks, seed, split=split)
        return batch.roll_out(policy, batch.query_luck).states

    assert torch.equal(rolled(1), rolled(1)) and not torch.equal(rolled(1), rolled(2))
    chances = rolled(1)[:, :, 0, 1]
    assert len(set(chances.flatten().tolist())) == 4  # each trajectory has its own
    batch = sampled(tasks, 1)
    torch.testing.assert_close(rolled(1)[1:], batch[1:].roll_out(policy, batch[1:].query_luck).states)
    starts = [batch.roll_out(policy, batch.luck_at(step)).states[0, 0, 0, 1].item() for step in range(6)]
    assert len(set(starts)) == 6

    def goals(split: Split) -> list[int]:
        made = sampled(tasks, 1, tasks=50, split=split)
        function = made.maker.function()
        return [made.maker.make(function, int(number)).own.goal for number in made.numbers[:, 0]]

    assert goals("train") == goals("train")
    assert len({*goals("train"), *goals("val"), *goals("test")}) == 150  # from the very same numbers


def test_pooled_trajectories_are_each_of_a_task_of_its_own(offered) -> None:
    batch = family(offered(lambda rng: Counter(int(rng.integers(10**6))))).pooled("train", 8, seeded(0))
    assert batch.tasks == 1 and batch.numbers.shape == (1, 8)
    assert batch.query_loss(UP).shape == (1,)


def test_numbers_of_an_action_are_brought_within_its_bounds() -> None:
    """−1 … 1 is low … high where both are known; what has one bound or none is taken as it comes, and cut."""
    low, high = np.array([[-2.0, 0.0, -np.inf]]), np.array([[6.0, 1.0, 3.0]])
    done = Box(low.astype(np.float32), high.astype(np.float32))
    made = Environment(Maker("", 0, 2, "continuous", 3), lambda _: Counter(99, done=done), 0)
    for action, taken in (([-1, 0, -7], [-2, 0.5, -7]), ([0.5, 5, 9], [4, 1, 3])):
        given = made.taken(np.array(action, np.float32))
        assert given.dtype == np.float32 and given.tolist() == [taken]
        assert done.contains(given)


def test_a_gaussian_policy_acts_in_continuous_environments(offered) -> None:
    tasks = family(offered(lambda _: Counter(99, done=Box(-3.0, 3.0, (1,)))), action="continuous", action_size=1)
    assert tasks.outputs(SHAPE) == 2 and family("").outputs(SHAPE) == 2
    batch = sampled(tasks)
    rollout = batch.roll_out(always(0.5, -13.0), batch.query_luck)  # a deviation that moves nothing
    torch.testing.assert_close(rollout.states[0, 0, :, 0], 1.5 * torch.arange(6.0), rtol=1e-4, atol=1e-4)
    far = batch.roll_out(always(1e9, -13.0), batch.query_luck)
    torch.testing.assert_close(far.states[0, 0, :, 0], 3 * torch.arange(6.0))


def test_an_action_that_is_no_number_ends_a_trajectory_with_a_return_that_is_none(offered) -> None:
    tasks = family(offered(lambda _: Counter(99, done=Box(-3.0, 3.0, (1,)))), action="continuous", action_size=1)
    batch = sampled(tasks)
    assert batch.scores(always(float("nan"), 0.0)).isnan().all()


def test_every_environment_is_closed_even_if_one_breaks(offered) -> None:
    made = []

    def make(_: np.random.Generator) -> Counter:
        made.append(Counter(99, breaks_at=2))
        return made[-1]

    batch = sampled(family(offered(make)))
    with pytest.raises(DataError, match="failed at step 2"):
        batch.scores(UP)
    assert len(made) == 4 and all(one.closed for one in made)


INTEGERS = Box(0, 5, (2,), np.int64)


@pytest.mark.parametrize(
    ("make", "message", "remedy", "at"),
    [
        (lambda _: 3, "is a int, not a gymnasium.Env", "return a gymnasium.Env", "make_task"),
        (lambda _: 1 / 0, "failed as it was made: ZeroDivisionError", "default_rng([0, ", "make_task"),
        (lambda: Counter(9), "failed as it was made: TypeError", "default_rng([0, ", "make_task"),
        (lambda _: Counter(9, Discrete(4)), "observation space Discrete(4)", "FlattenObservation", "make_task"),
        (lambda _: Counter(9, Dict(a=SEEN)), "observation space Dict", "FlattenObservation", "make_task"),
        (lambda _: Counter(9, done=MultiDiscrete([2, 2])), "action space MultiDiscrete", "wrapper", "make_task"),
        (lambda _: Counter(9, done=INTEGERS), "action space Box(0, 5", "real numbers", "make_task"),
        (lambda _: Counter(9, Box(-1, 1, (3, 2))), "observations of 3 × 2 numbers, and family.observation is 2",
         "if they are, set it to 6", "observation"),
        (lambda _: Counter(9, done=Discrete(3)), "3 choices of an action, and family.action_size is 2",
         "set it to 3", "action_size"),
        (lambda _: Counter(9, done=Box(-1, 1, (2,))), "continuous actions, and family.action is discrete",
         "set it to continuous", "action"),
        (lambda rng: Counter(9, Box(-1, 1, (rng.integers(2, 4),))), "observations of 3 numbers", "have to be alike",
         "observation"),
        (lambda _: Counter(9, breaks_at=3), "failed at step 3: RuntimeError('the pole fell off')", "([0, ", "make_task"),
        (lambda _: Counter(9, observed=np.array([0, np.nan])), "an observation that is not finite at step 1", "finite",
         "make_task"),
        (lambda _: Counter(9, start=np.array([np.inf, 0])), "an observation that is not finite at its reset", "finite",
         "make_task"),
        (lambda _: Counter(9, reward=np.nan), "a reward that is not finite at step 1", "finite", "make_task"),
        (lambda _: Counter(9, reward="much"), "failed at step 1: ValueError", "Mend it", "make_task"),
        (lambda _: Counter(9, observed=np.zeros(3)), "observed 3 numbers, and its space has 2", "Mend it", "make_task"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(offered, make: Callable, message: str, remedy: str, at: str) -> None:
    batch = sampled(family(offered(make)), tasks=6)
    with pytest.raises(DataError) as caught:
        batch.scores(UP)
    assert message in caught.value.message and remedy in caught.value.remedy
    assert caught.value.path == f"family.{at}"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "'' is not an import path"),
        ("my_tasks", "'my_tasks' is not an import path"),
        ("no_such_tasks:make_task", "No module 'no_such_tasks' was found"),
        ("tests.core.cartpole:nothing", "has no 'nothing'"),
        ("tests.core.cartpole:__doc__", "is no function"),
    ],
)
def test_a_function_that_cannot_be_had(path: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        sampled(family(path)).scores(UP)
    assert caught.value.path == "family.make_task"


def test_what_is_no_path_is_known_before_anything_is_imported() -> None:
    config, folders = EnvironmentsConfig(), Folders(Path(), Path())
    with pytest.raises(DataError, match="not an import path"):
        OwnEnvironments.sizes(config, folders)
    assert OwnEnvironments.sizes(config, None) is None
    assert OwnEnvironments.sizes(EnvironmentsConfig(make_task="no_such_tasks:make_task"), folders) is None


def test_a_task_is_looked_at_as_what_a_few_trajectories_gather(offered) -> None:
    tasks = family(offered(lambda _: Counter(3)))
    batch = sampled(tasks)
    learner = [Adapted(0, DOWN, lambda: None), Adapted(2, UP, lambda: None)]
    view = tasks.views(batch, batch, learner)[1]
    assert [one.tolist() for one in view.said[2]["returns"]] == [[0, 1, 3, 6]] * 2
    assert [one.tolist() for one in view.said[0]["returns"]] == [[0] * 7] * 2
