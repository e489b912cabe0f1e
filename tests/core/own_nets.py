"""Networks that the project does not contain, as a person might bring them: copied into INNERLOOP_PATH by the tests."""

from math import prod

import torch
from torch import Tensor, nn

from data.spec import InputSpec


class Plain(nn.Module):
    """Nothing that vmap minds."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int, width: int = 6):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(prod(input_shape), width), nn.Tanh())
        self.classify = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.body(x))


class Reader(nn.Module):
    """Reads tokens: it has to know how many there are, and which of them stands for nothing."""

    def __init__(self, input_spec: InputSpec, outputs: int | None):
        super().__init__()
        self.embed = nn.Embedding(input_spec.vocabulary, 8, padding_idx=input_spec.padding)
        self.head = nn.Identity() if outputs is None else nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.embed(x).mean(1))  # the mean over the tokens of each text


class Writer(nn.Module):
    """Reads tokens in their places and says the next one: an embedding and two linear layers."""

    def __init__(self, input_spec: InputSpec, outputs: int):
        super().__init__()
        self.embed = nn.Embedding(input_spec.vocabulary, 6)
        self.body, self.head = nn.Linear(6 * prod(input_spec.shape), 16), nn.Linear(16, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.body(self.embed(x).flatten(1))))


class Viewed(nn.Module):
    """A convolution whose maps are flattened by ``view``, which takes one layout alone; BatchNorm makes tasks run one by one."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(input_shape[0], 3, 3, stride=4), nn.BatchNorm2d(3), nn.Tanh())
        self.head = nn.Linear(prod(self.layers(torch.zeros(2, *input_shape)).shape[1:]), outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x).view(len(x), -1))


class Branching(Viewed):
    """Looks at its numbers to decide, which vmap refuses."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return self.head((y if y.sum() < 1e9 else -y).view(len(x), -1))


class Recurrent(nn.Module):
    """Reads an input as a sequence of numbers; vmap refuses GRUs."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.gru, self.head = nn.GRU(1, 5, batch_first=True), nn.Linear(5, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x.flatten(1)[:, :8, None])[0][:, -1])


class Normed(nn.Module):
    """BatchNorm as torch makes it, with running statistics."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(prod(input_shape), 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Running(nn.Module):
    """Keeps running means of its own, changed in place at every forward pass, which vmap refuses."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.inner, self.head = nn.Linear(prod(input_shape), 6), nn.Linear(6, outputs)
        self.register_buffer("mean", torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        h = self.inner(x.flatten(1))
        if self.training:
            self.mean.mul_(0.9).add_(h.detach().mean(0), alpha=0.1)
        return self.head(torch.tanh(h - self.mean))


class Embedded(nn.Module):
    """An Embedding read by rounded inputs, a weight used twice under two names, and a parameter that is never used."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.first, self.second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.unused, self.head = nn.Parameter(torch.ones(3)), nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = self.table(x.flatten(1)[:, 0].abs().mul(10).long().clamp(0, 4)) + x.flatten(1)[:, :1]
        return self.head(self.second(torch.tanh(self.first(h))))


class Dropped(nn.Module):
    """Dropout between two layers."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(prod(input_shape), 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class WrongSize(Plain):
    """Answers with one number more than it was asked for."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__(input_shape, outputs + 1)


class Empty(nn.Module):
    """Nothing to learn."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int):
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, : self.outputs]


class Crashing(Plain):
    """Well behaved in the trial before launch, and then it breaks."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        type(self).calls += 1
        if type(self).calls > 30:
            raise ZeroDivisionError("the cat sat on the keyboard")
        return super().forward(x)


class Needy(Plain):
    """Its constructor wants an argument."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int, depth: int):
        super().__init__(input_shape, outputs, depth)


NOT_A_MODULE = int
