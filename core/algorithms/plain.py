"""What a learner knows of one task as an ordinary network, free of vmap: inputs (n, *input) → answers (n, outputs)."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.algorithms.forward import Statistics, TaskForward, Weights
from core.models.base import ModelError
from data.language import tr


def adapted(forward: TaskForward, weights: Weights, statistics: Statistics) -> nn.Module:
    """A copy of the network with one task's weights, each (1, *shape), in the place of its own, to answer and not to learn.

    statistics: what its BatchNorm layers normalise by from now on, each (1, channels). Raises ModelError where one layer
    normalises at several places.
    """
    with forward.turn:  # no call has put a task's weights in the place of the network's own
        network = copy.deepcopy(forward.model).eval().requires_grad_(False)
    own = dict([*network.named_parameters(), *network.named_buffers()])
    for name, value in weights.items():
        if own[name].shape == value.shape[1:]:
            own[name].copy_(value[0])  # in place, so that what is tied stays tied
        else:  # a layer of as many outputs as the task has classes
            place, _, part = name.rpartition(".")
            setattr(network.get_submodule(place), part, value[0].detach().clone())
    for key, value in statistics.items():
        name, call, part = key.rsplit(".", 2)
        if call != "0":
            text = tr("The BatchNorm layer {name} normalises at several places of the network.", name=name)
            raise ModelError(text, tr("Give each place a layer of its own, and train it anew."), "model")
        layer = network.get_submodule(name)
        layer.track_running_stats = True
        setattr(layer, "running_mean" if part == "mean" else "running_var", value[0].detach().clone())
    return network


class Compared(nn.Module):
    """Embeds queries and compares them with a support set that was embedded once.

    compare: as of ``MetricLearner``. layers: of its own, that it computes with.
    """

    def __init__(self, body: nn.Module, compare: Callable, layers: list[nn.Module], support: Tensor, labels: Tensor):
        """support (1, n_support, *embedding), labels (1, n_support, n_way) of zeros and ones."""
        super().__init__()
        self.body, self.compare, self.layers = body, compare, nn.ModuleList(layers)
        self.register_buffer("support", support)
        self.register_buffer("labels", labels)

    def forward(self, x: Tensor) -> Tensor:
        return self.compare(self.support, self.labels, self.body(x).unsqueeze(0)).squeeze(0)  # (n, n_way)


class Decoded(nn.Module):
    """Answers queries from the code of a support set, (1, code)."""

    def __init__(self, decoder: nn.Module, code: Tensor):
        super().__init__()
        self.decoder = decoder
        self.register_buffer("read", code)  # a graph that torch makes of the network has an attribute called code

    def forward(self, x: Tensor) -> Tensor:
        asked = torch.cat([self.read.expand(x.shape[0], -1), x.flatten(1)], -1)
        return self.decoder(asked).chunk(2, -1)[0]  # the mean, (n, outputs)
