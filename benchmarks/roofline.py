"""How much of the machine a meta-step uses: its arithmetic, against the same layers' matrix products and convolutions alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.meta_gradient import peer
from benchmarks.work import PAPER, TEXTBOOK, each, network_of
from benchmarks.workloads import Opened

LEAST = 0.05  # seconds that one layer is measured for, three times


@dataclass(frozen=True)
class Roofline:
    """flops: of a meta-step, counted on the textbook's loop. reach: FLOP/s of its layers' forward passes by themselves."""

    flops: float
    reach: float

    def share(self, seconds: float) -> float:
        """What a meta-step that takes so long reaches of it, in [0, 1] but for noise."""
        return self.flops / seconds / self.reach


def roofline(opened: Opened) -> Roofline:
    textbook = peer(PAPER if opened.config.algorithm.name == "protonet" else TEXTBOOK, opened)
    with FlopCounterMode(display=False) as counter:
        textbook.do()
    work = seconds = 0.0
    for layer, x in layer_inputs(opened):
        flops, fastest = alone(layer, x, opened)
        work, seconds = work + flops, seconds + fastest
    return Roofline(counter.get_total_flops(), work / seconds)


def layer_inputs(opened: Opened) -> list[tuple[nn.Module, Tensor]]:
    """What each layer with a matrix sees of one task's support set and of its queries."""
    network, seen = network_of(opened), []
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        layer.register_forward_pre_hook(lambda layer, inputs: seen.append((layer, inputs[0])))
    task = next(each(opened.family.sample("train", opened.config.family.shape, 1, opened.generator)))
    joint = opened.config.algorithm.name == "protonet"  # which embeds both as one batch
    with torch.no_grad():
        for x in [torch.cat([task.support_x, task.query_x])] if joint else [task.support_x, task.query_x]:
            network(x)
    return seen


@torch.no_grad()
def alone(layer: nn.Module, x: Tensor, opened: Opened) -> tuple[float, float]:
    """A layer's arithmetic on these inputs, and the seconds it takes at best.

    A convolution in the better of torch's two layouts; a linear layer as one product of all tasks' matrices.
    """
    if isinstance(layer, nn.Linear):
        tasks = opened.workload.tasks
        x, weight = (part.expand(tasks, *part.shape).contiguous() for part in (x, layer.weight.t()))
        return 2.0 * x.numel() * weight.shape[2], fastest(lambda: torch.bmm(x, weight), x.device)
    times = []
    for layout in (torch.contiguous_format, torch.channels_last):
        picture, weight = x.contiguous(memory_format=layout), layer.weight.contiguous(memory_format=layout)
        run = lambda picture=picture, weight=weight: F.conv2d(picture, weight, None, layer.stride, layer.padding)  # noqa: E731
        times.append(fastest(run, x.device))
    return 2.0 * run().numel() * layer.weight[0].numel(), min(times)


def fastest(call: Callable[[], Tensor], device: torch.device) -> float:
    """Seconds of a call: the best of three means."""
    call()
    means = []
    for _ in range(3):
        began, calls = time.perf_counter(), 0
        while time.perf_counter() - began < LEAST:
            call()
            calls += 1
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        means.append((time.perf_counter() - began) / calls)
    return min(means)
