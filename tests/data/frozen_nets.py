"""Frozen networks as a person might bring them."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

CALLS = []  # how many pictures each call of a network was given


class Small(nn.Module):
    """A convolution, BatchNorm and the mean over the map: (n, 3, h, w) → (n, size)."""

    def __init__(self, size: int = 6, channels: int = 3):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, size, 3), nn.BatchNorm2d(size), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        CALLS.append(len(x))
        return self.layers(x).mean((-2, -1))


class Flat(nn.Module):
    """Reads one size alone."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 32 * 32, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1))


class Maps(Small):
    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Several(Small):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class Endless(Small):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 0


class Together(Small):
    """BatchNorm as Innerloop's own networks have it, without running statistics."""

    def __init__(self):
        super().__init__()
        self.layers[1] = nn.BatchNorm2d(6, track_running_stats=False)


class Ending(Small):
    def forward(self, x: Tensor) -> Tensor:
        raise SystemExit(3)


class Drawn(Small):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + torch.rand(6)


def frozen_network(folder: Path, seed: int = 0) -> tuple[str, ...]:
    """Weights of a ``Small`` in a folder, and the assignments that put it before the learners."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_file(Small().state_dict(), path)
    own = "family.extractor=tests.data.frozen_nets:Small", f"family.extractor_weights={path}"
    return (*own, "family.extractor_size=6")


def grey() -> nn.Module:
    return Small(channels=1)


def wide() -> nn.Module:
    return Small(7)


def deep() -> nn.Module:
    return nn.Sequential(Small(), nn.Linear(6, 6))


def nothing() -> None:
    return None


def broken() -> nn.Module:
    raise ValueError("no such file")
