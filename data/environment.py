"""One environment of a person's own (gymnasium), and many of them at once: what they want is checked, and what they say."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from data.errors import DataError, shortened
from data.language import mark, tr
from data.own_code import Named
from data.policy import Categorical, Gaussian, Policy

Action = Literal["discrete", "continuous"]
AT = "family.make_task"


def function_named(path: str) -> Named:
    return Named(AT, path, tr("package.module:make_task, such as my_tasks:make_task"), DataError)


@dataclass(frozen=True)
class Maker:
    """How a split's environments are made, and what they have to be like.

    path: of a function of a numpy.random.Generator. split: number of the split, whose tasks are drawn from a stream of their
    own. observation: how many numbers. action, action_size: one of so many choices, or so many real numbers.
    """

    path: str
    split: int
    observation: int
    action: Action
    action_size: int

    @property
    def policy(self) -> Policy:
        return Categorical(self.action_size) if self.action == "discrete" else Gaussian(self.action_size)

    def make(self, function: Callable[[np.random.Generator], Any], task: int) -> "Environment":
        """The environment of the task that this number stands for, made anew. Raises DataError."""
        return Environment(self, function, task)

    def function(self) -> Callable[[np.random.Generator], Any]:
        """The person's own. Raises DataError with the reason why it cannot be had."""
        found = function_named(self.path).found()
        if not callable(found):
            raise DataError(
                tr("{path} is no function.", path=self.path), tr("Name one that takes a numpy.random.Generator."), AT
            )
        return found


class Environment:
    """What a policy meets: observations (observation,) float32, actions as a policy gives them.

    Raises DataError, in a sentence and with how to see it again, for whatever the person's code raises and for what a policy
    cannot work with.
    """

    def __init__(self, maker: Maker, function: Callable[[np.random.Generator], Any], task: int):
        self.maker, self.task, self.steps = maker, task, 0
        with self._guarded(mark("as it was made")):
            self.own = function(np.random.default_rng([maker.split, task]))
        self._check()

    def reset(self, seed: int) -> np.ndarray:
        """The first observation. seed: of all that is random in this trajectory."""
        self.steps = 0
        with self._guarded(mark("at its reset")):
            observation, _ = self.own.reset(seed=seed)
            return self._numbers(observation)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        """action (numbers,): a choice from 0, or numbers of which −1 … 1 is brought to a bounded action's low … high.

        Returns the observation, the reward, and whether that was the end.
        """
        self.steps += 1
        with self._guarded(mark("at step {steps}")):
            observation, reward, terminated, truncated, _ = self.own.step(self.taken(action))
            return self._numbers(observation), float(reward), bool(terminated or truncated)

    def taken(self, action: np.ndarray) -> Any:
        """The action as the environment takes it, within its bounds."""
        space = self.own.action_space
        if self.maker.action == "discrete":
            return int(space.start) + int(action[0])
        wanted = self.low + (action.reshape(space.shape) + 1) * (self.high - self.low) / 2
        return wanted.clip(space.low, space.high).astype(space.dtype)

    def close(self) -> None:
        with self._guarded(mark("as it was closed")):
            self.own.close()

    def _check(self) -> None:
        import gymnasium  # the server, which never makes an environment, need not wait for it
        from gymnasium.spaces import Box, Discrete

        if not isinstance(self.own, gymnasium.Env):
            found = type(self.own).__name__
            raise self._wrong(
                tr("is a {kind}, not a gymnasium.Env", kind=found), tr("Let make_task return a gymnasium.Env.")
            )
        seen, done = self.own.observation_space, self.own.action_space
        if not isinstance(seen, Box):
            remedy = tr("A Box can be learned from; gymnasium.wrappers.FlattenObservation makes one of most others.")
            raise self._wrong(tr("has the observation space {space}", space=seen), remedy)
        self._expect("observation", tr("observations of {n} numbers", n=_counted(seen.shape)), int(np.prod(seen.shape)))
        if isinstance(done, Discrete):
            self._expect("action", tr("discrete actions"), "discrete")
            self._expect("action_size", tr("{n} choices of an action", n=done.n), int(done.n))
        elif isinstance(done, Box) and done.dtype.kind == "f":
            self._expect("action", tr("continuous actions"), "continuous")
            self._expect("action_size", tr("actions of {n} numbers", n=_counted(done.shape)), int(np.prod(done.shape)))
            bounded = np.isfinite(done.low) & np.isfinite(done.high)
            # Numbers without two bounds are taken as they come.
            self.low, self.high = np.where(bounded, done.low, -1.0), np.where(bounded, done.high, 1.0)
        else:
            remedy = tr("A Discrete and a Box of real numbers can be acted in; a wrapper can make one of most others.")
            raise self._wrong(tr("has the action space {space}", space=done), remedy)

    def _expect(self, setting: str, words: str, found: Any) -> None:
        wanted = getattr(self.maker, setting)
        if found != wanted:
            text = tr("has {words}, and family.{setting} is {wanted}", words=words, setting=setting, wanted=wanted)
            remedy = tr("All tasks have to be alike in this; if they are, set it to {found}.", found=found)
            raise self._wrong(text, remedy, f"family.{setting}")

    def _numbers(self, observation: Any) -> np.ndarray:
        numbers = np.asarray(observation, np.float32).ravel()
        if len(numbers) != self.maker.observation:
            raise ValueError(
                tr("observed {n} numbers, and its space has {of}", n=len(numbers), of=self.maker.observation)
            )
        return numbers

    def not_finite(self, what: str) -> DataError:
        """Of an observation or a reward that was given last."""
        when = tr("at step {steps}", steps=self.steps) if self.steps else tr("at its reset")
        return self._wrong(
            tr("gave {what} that is not finite {when}", what=tr(what), when=when), tr("Let it give finite numbers.")
        )

    @contextmanager
    def _guarded(self, when: str) -> Iterator[None]:
        """when: is translated where something went wrong, with the number of steps; a step is taken too often for it."""
        try:
            yield
        except Exception as error:  # whatever the person's own code raises
            raise self._wrong(
                tr("failed {when}: {error}", when=tr(when, steps=self.steps), error=shortened(repr(error), 200)),
                tr("Mend it and launch again."),
            ) from error

    def _wrong(self, what: str, remedy: str, at: str = AT) -> DataError:
        seen = tr(
            "It is made by {path}(numpy.random.default_rng([{split}, {task}])).",
            path=shortened(self.maker.path),
            split=self.maker.split,
            task=self.task,
        )
        return DataError(tr("An environment {failed}.", failed=what), f"{remedy} {seen}", at)


def _counted(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "1"


class Stage:
    """Environments that are acted in together, one a trajectory, each until its own end. For use as a context."""

    def __init__(self, maker: Maker, tasks: np.ndarray, seeds: np.ndarray):
        """tasks: the number of each trajectory's task; seeds: of its own chances; both int (trajectories,)."""
        function = maker.function()
        self.environments = [maker.make(function, int(task)) for task in tasks]
        pairs = zip(self.environments, seeds, strict=True)
        self.observations = np.stack([one.reset(int(seed)) for one, seed in pairs])  # (trajectories, observation)
        self._expect_finite(mark("an observation"), np.arange(len(tasks)), self.observations)
        self.under_way = np.ones(len(tasks), bool)

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.environments:
            one.close()

    def act(self, actions: np.ndarray) -> np.ndarray:
        """Take each trajectory's action (trajectories, numbers), and return the rewards (trajectories,), 0 after an end.

        An action that is no number, of a policy that diverged, ends its trajectory with a reward that is none.
        """
        rewards, usable = np.zeros(len(actions), np.float32), np.isfinite(actions).all(1)
        rewards[self.under_way & ~usable] = np.nan
        self.under_way &= usable
        acting = np.flatnonzero(self.under_way)
        for at in acting:
            self.observations[at], rewards[at], ended = self.environments[at].step(actions[at])
            self.under_way[at] = not ended
        self._expect_finite(mark("an observation"), acting, self.observations[acting])
        self._expect_finite(mark("a reward"), acting, rewards[acting, None])
        return rewards

    def _expect_finite(self, what: str, acting: np.ndarray, given: np.ndarray) -> None:
        """given: by each of those that are acting (acting, numbers). Raises DataError."""
        wrong = acting[~np.isfinite(given).all(1)]
        if len(wrong):
            raise self.environments[wrong[0]].not_finite(what)
