"""A person's own tasks of acting: environments of gymnasium, of which each task draws its physics or its goal."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from data.batch import Adapted, Answer
from data.config import setting
from data.control import LOOKED_AT, ControlConfig, ControlFamily
from data.environment import Action, Maker, Stage, function_named
from data.family import SPLITS, Split
from data.language import mark
from data.own_code import Named
from data.places import Folders
from data.policy import Policy
from data.rollouts import Rollout, RolloutBatch
from data.sizes import Sizes
from data.spec import InputSpec
from data.view import TaskView

LARGEST_TASK = 2**31


class EnvironmentsConfig(ControlConfig):
    """Who makes the environments, and what they are like."""

    name: Literal["environments"] = "environments"
    make_task: str = setting("", "Import path")
    """package.module:make_task, looked up from the project root and the folders in INNERLOOP_PATH: a function that draws a task
    with the numpy.random.Generator it is given and returns its gymnasium.Env.
    """
    observation: int = setting(4, "Numbers of an observation", ge=1, le=256)
    """Of a Box, all its axes together."""
    action: Action = setting("discrete", "Actions")
    """discrete: one of several choices. continuous: real numbers within a Box."""
    action_size: int = setting(2, "Choices or numbers of an action", ge=1, le=256)
    """How many choices a discrete action has, or how many numbers a continuous one is made of."""
    horizon: int = setting(200, "Longest trajectory", unit="steps", ge=1, le=2000)
    """Steps after which a trajectory ends if its environment has not ended it."""

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((self.observation,))


@dataclass(frozen=True)
class Environments(RolloutBatch):
    """numbers: of the tasks, int64 (tasks, 1), or (tasks, trajectories) where each trajectory has its own."""

    numbers: Tensor
    maker: Maker
    parts: ClassVar[tuple[str, ...]] = ("numbers", "support_luck", "query_luck")

    @property
    def policy(self) -> Policy:
        return self.maker.policy

    @torch.no_grad()
    def roll_out(self, answer: Answer, luck: Tensor) -> Rollout:
        """All trajectories of all tasks take each step together: the policy answers them at once, and then environment after
        environment takes its action, on the processor, for they are Python. Raises DataError for what goes wrong in one.
        """
        size = luck.shape[:2]  # tasks, trajectories
        tasks = self.numbers.cpu().expand(size).flatten().numpy()
        states, actions, rewards, there = [], [], [], []

        def put(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array).to(luck).view(*size, *array.shape[1:])

        with Stage(self.maker, tasks, chances(luck)) as stage:
            for step in range(luck.shape[2]):
                states.append(put(stage.observations.copy())), there.append(put(stage.under_way.copy()))
                action = self.policy.act(answer(states[-1]), luck[:, :, step])
                actions.append(action)
                rewards.append(put(stage.act(action.flatten(0, 1).cpu().numpy())))
                if not stage.under_way.any():
                    break
        return Rollout(*(torch.stack(parts, 2) for parts in (states, actions, rewards, there)))


def chances(luck: Tensor) -> np.ndarray:
    """What each trajectory's environment is reset with, int64 (tasks * trajectories,): the same luck, the same trajectory."""
    each = luck.float().cpu().flatten(0, 1).flatten(1).numpy()
    return np.array([zlib.crc32(one.tobytes()) >> 1 for one in each])


class OwnEnvironments(ControlFamily):
    """A task is a number, from which the person's function draws an environment.

    Each split has a stream of random numbers of its own, so that they share no task. Everything random in a trajectory is
    part of its luck, the environment's own chances too, as far as it draws them by the generator that its reset seeds.
    """

    Config = EnvironmentsConfig
    config: EnvironmentsConfig
    title = mark("Your own environments")
    summary = mark("Tasks of acting in gymnasium environments, drawn by a function of yours.")
    group = "your own"
    licence = mark("your own environments: you know it")

    @classmethod
    def own_code(cls, config: EnvironmentsConfig) -> list[Named]:
        return [function_named(config.make_task)]

    @classmethod
    def sizes(cls, config: EnvironmentsConfig, folders: Folders | None) -> Mapping[Split, Sizes] | None:
        if folders is not None:
            function_named(config.make_task).parts()
        return None

    @property
    def policy(self) -> Policy:
        return self.maker("train").policy

    def maker(self, split: Split) -> Maker:
        config = self.config
        return Maker(config.make_task, SPLITS.index(split), config.observation, config.action, config.action_size)

    def drawn(self, *size: int, generator: torch.Generator) -> Tensor:
        function_named(self.config.make_task).parts()  # said before anything is computed
        return torch.randint(LARGEST_TASK, size, generator=generator, device=generator.device)

    def batch(self, split: Split, drawn: Tensor, support_luck: Tensor, query_luck: Tensor) -> Environments:
        return Environments(support_luck, query_luck, self.learning, drawn, self.maker(split))

    def views(self, drawn: Environments, batch: Environments, learner: Sequence[Adapted]) -> list[TaskView]:
        del drawn
        luck = batch.query_luck[:, :LOOKED_AT]
        by_step = {one.step: batch.roll_out(one.answer, luck) for one in learner}
        said = {step: so_far(rollout) for step, rollout in by_step.items()}
        return [
            TaskView("returns", {}, {step: {"returns": of[task]} for step, of in said.items()})
            for task in range(batch.tasks)
        ]


def so_far(rollout: Rollout) -> list[list[np.ndarray]]:
    """The return after each step of each trajectory of each task, 0 first and as long as the trajectory."""
    totals = rollout.rewards.cumsum(-1).cpu().numpy()
    lengths = rollout.there.sum(-1).int().tolist()
    return [
        [np.append(np.float32(0), total[:length]) for total, length in zip(of, long, strict=True)]
        for of, long in zip(totals, lengths, strict=True)
    ]
