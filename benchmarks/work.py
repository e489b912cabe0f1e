"""What a side of a comparison does, and what all sides share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.workloads import Opened
from core.models.base import build_model
from core.training.streams import stream
from data.batch import Episodes

OURS, TEXTBOOK, HIGHER, TORCHOPT = "Innerloop", "textbook loop", "higher", "torchopt"
LEAN = "Innerloop, tasks_at_once = 1"  # with less memory
PAPER, PYTHON = "paper's code", "Python sampler"


class NotHere(Exception):
    """A contender that cannot do this workload, or is not installed; says why."""


@dataclass(frozen=True)
class Work:
    """What a side does in one repeat, and what all sides have to agree on afterwards, by name.

    answer: of a meta-step its meta-gradient, of scoring the mean score; of sampling the shapes that it gives.
    """

    do: Callable[[], None]
    answer: Callable[[], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Task:
    """One task's tensors, without the axis of tasks."""

    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor


def each(episodes: Episodes) -> Iterator[Task]:
    return (Task(*parts) for parts in zip(*episodes.tensors, strict=True))


def network_of(opened: Opened) -> nn.Module:
    """The workload's network at the start that Innerloop's learner has too, laid out as torch does it."""
    config, family = opened.config, opened.family
    outputs = None if config.algorithm.name == "protonet" else family.outputs(config.family.shape)
    network = build_model(config.model, family.input_spec, outputs, stream(config.seed, "network"))
    return network.to(family.device, opened.dtype)


def loss_of(opened: Opened) -> Callable[[Tensor, Tensor], Tensor]:
    return F.mse_loss if opened.family.kind == "regression" else F.cross_entropy
