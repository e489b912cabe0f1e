"""Doodles: procedurally drawn characters, so that few-shot image classification works with nothing downloaded.

A class is a random stroke programme in the spirit of Lake et al. 2015 (Bayesian programme learning): one to four
strokes, each a curve through a few control points, most of them joined to an earlier stroke. An example redraws the
programme with motor noise on the control points, a small affine change and its own pen width.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from data.cache import Cached, cached
from data.characters import SIDE, Characters, CharactersConfig
from data.config import setting
from data.family import SPLITS, OnProgress, Split
from data.language import mark, tr
from data.pictures import Pool
from data.places import Folders
from data.sizes import Sizes

VERSION = 1  # part of the cache's key: raise it whenever the drawing changes
STROKES, CONTROLS, STEPS = 4, 5, 12  # most strokes in a character; control points a stroke; curve points between two
BOX = 19.5  # pixels: the longer side of a character before motor noise
CHUNK = 50  # classes invented at once
PART = 4  # classes rendered at once: few enough that the intermediate results stay in the processor's cache
PEN = 0.9, 1.6  # pixels: the thinnest and the widest pen
SIGMA = 0.75  # pixels: standard deviation of the pen's Gaussian
REAL = torch.float64  # so that rounding to 256 grey levels hides what differs between processors


class DoodlesConfig(CharactersConfig):
    """N-way K-shot tasks over pools of drawn characters; every pool is drawn from ``pool_seed`` alone."""

    name: Literal["doodles"] = "doodles"
    train_classes: int = setting(1000, "Training characters", ge=2, le=10000, step=100)
    """Characters to meta-train on."""
    val_classes: int = setting(200, "Validation characters", ge=2, le=10000, step=100)
    """Characters that choose a checkpoint."""
    test_classes: int = setting(500, "Test characters", ge=2, le=10000, step=100)
    """Characters of the final test."""
    examples_per_character: int = setting(20, "Drawings per character", ge=2, le=100, advanced=True)
    """How often each character is drawn. Omniglot has 20."""
    pool_seed: int = setting(0, "Seed of the characters", ge=0, le=2**31 - 1, advanced=True)
    """Another seed invents other characters."""

    def classes(self, split: Split) -> int:
        return {"train": self.train_classes, "val": self.val_classes, "test": self.test_classes}[split]


class Doodles(Characters):
    """Invented handwriting, drawn on the processor and kept in the cache folder.

    A split's characters come from a generator of their own, seeded by (pool_seed, split): the splits are disjoint, the size
    of one does not change another, and a larger pool begins with the smaller one.
    """

    Config = DoodlesConfig
    config: DoodlesConfig
    title = mark("Doodles")
    summary = mark("Invented handwritten characters, drawn by a random stroke programme; nothing to download.")

    @classmethod
    def sizes(cls, config: DoodlesConfig, folders: Folders | None) -> dict[Split, Sizes]:  # noqa: ARG003
        return {split: Sizes.even(config.classes(split), config.examples_per_character) for split in SPLITS}

    def load(self, split: Split, progress: OnProgress) -> Pool:
        classes, examples = self.config.classes(split), self.config.examples_per_character
        key = json.dumps([VERSION, split, classes, examples, self.config.pool_seed])
        path = self.cache / f"doodles-{split}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.safetensors"

        def make(tell: OnProgress) -> Cached:
            return Cached(draw_pool(classes, examples, pool_generator(self.config.pool_seed, split), tell))

        return Pool.even(cached(path, (classes, examples, SIDE, SIDE), make, progress).images)


def pool_generator(pool_seed: int, split: Split) -> torch.Generator:
    """The generator of one split's characters. On the CPU, so that a pool is the same whatever trains on it."""
    digest = hashlib.sha256(f"doodles/{pool_seed}/{split}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Many small steps gain nothing from a second thread, and beside a busy process each would wait for it: 16 times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@one_thread()
def draw_pool(
    classes: int, examples: int, generator: torch.Generator, progress: OnProgress = lambda *_: None
) -> Tensor:
    """Invent ``classes`` characters and draw each ``examples`` times → uint8 (classes, examples, 28, 28), white ink."""
    pool = torch.empty(classes, examples, SIDE, SIDE, dtype=torch.uint8)
    for start in range(0, classes, CHUNK):
        # A whole chunk is always drawn: the random numbers of a character must not depend on the pool's size.
        drawing = redraw(invent(CHUNK, generator), examples, generator)
        stop = min(start + CHUNK, classes)
        for part in range(start, stop, PART):
            ink = render(drawing[part - start : part - start + PART])
            pool[part : min(part + PART, stop)] = ink[: stop - part].mul_(255).round_().to(torch.uint8)
        progress(stop / classes, tr("Drawing characters"))
    return pool


@dataclass(frozen=True)
class Programme:
    """What defines characters: control points (..., strokes, controls, 2) in pixels around the origin, x to the right and
    y down; roundness (..., strokes) from 0 (straight pieces) to 1 (smooth curve); used (..., strokes), 1 or 0; and, once
    drawn by a hand, the pen's width (...,) in pixels.
    """

    control: Tensor
    roundness: Tensor
    used: Tensor
    width: Tensor

    def __getitem__(self, classes: slice) -> "Programme":
        return Programme(self.control[classes], self.roundness[classes], self.used[classes], self.width[classes])


def invent(classes: int, generator: torch.Generator) -> Programme:
    """Random stroke programmes, centred and scaled to the box that Omniglot's characters fill."""
    count = 1 + pick((0.12, 0.38, 0.34, 0.16), (classes,), generator)
    used = (torch.arange(STROKES) < count[:, None]).to(REAL)  # (classes, strokes)
    control = walk(classes, count, generator)
    join(control, used, generator)
    roundness = pick((0.35, 0.65), (classes, STROKES), generator).to(REAL)
    return Programme(fit(control), roundness, used, torch.ones(classes, dtype=REAL))


def walk(classes: int, count: Tensor, generator: torch.Generator) -> Tensor:
    """Control points of single strokes: a walk of equal steps that bends steadily, with a corner now and then.

    → (classes, strokes, controls, 2), each starting at the origin, about one unit long.
    """
    # Hands prefer horizontal, vertical and diagonal strokes; away from them by about 10 degrees.
    first = pick((1.0,) * 8, (classes, STROKES, 1), generator) * (math.pi / 4) + normal(
        (classes, STROKES, 1), 0.17, generator
    )
    # Nearly straight, an arc, or a loop: the turn at each control point in radians, to either side.
    bend = torch.tensor([0.05, 0.6, 1.2], dtype=REAL)[pick((0.4, 0.4, 0.2), (classes, STROKES, 1), generator)]
    alone = (count == 1)[:, None, None]
    bend = torch.where(alone, bend.clamp(min=0.5), bend)  # a single straight line would not be much of a character
    turn = bend * sign((classes, STROKES, 1), generator) + normal((classes, STROKES, CONTROLS - 2), 0.25, generator)
    corner = uniform((classes, STROKES, CONTROLS - 2), 0, 1, generator) < torch.where(alone, 0.4, 0.15)
    turn = turn + corner * sign(corner.shape, generator) * uniform(corner.shape, 1.2, 2.5, generator)
    heading = torch.cat([first, turn], 2).cumsum(2)  # (classes, strokes, controls - 1)
    length = uniform((classes, STROKES, 1), 0.45, 1.2, generator) / (CONTROLS - 1)
    step = torch.stack([heading.cos() * length, heading.sin() * length], -1)
    return torch.cat([torch.zeros_like(step[:, :, :1]), step.cumsum(2)], 2)


def join(control: Tensor, used: Tensor, generator: torch.Generator) -> None:
    """Move each stroke after the first, in place, so that it starts at, crosses or lies near an earlier stroke."""
    rows = torch.arange(len(control))
    for stroke in range(1, STROKES):
        other = torch.randint(stroke, (len(control),), generator=generator)
        there = control[rows, other, torch.randint(CONTROLS, (len(control),), generator=generator)]
        own = torch.tensor([0, CONTROLS // 2, CONTROLS - 1])[pick((0.5, 0.3, 0.2), (len(control),), generator)]
        apart = (uniform((len(control), 1), 0, 1, generator) < 0.2) * normal((len(control), 2), 0.2, generator)
        control[:, stroke] += (there + apart - control[rows, stroke, own])[:, None]
    # An unused stroke hides in the first one's start, so that it does not count for the character's extent.
    control.copy_(torch.where(used[..., None, None] > 0, control, control[:, :1, :1]))


def fit(control: Tensor, least: float = 1e-3) -> Tensor:
    """Centre characters and scale them to the box; a narrow one is widened, but at most by a half.

    least: what is smaller than so many pixels is scaled as if it were as large.
    """
    low, high = control.amin((1, 2), keepdim=True), control.amax((1, 2), keepdim=True)
    extent = (high - low).clamp(min=least)  # (classes, 1, 1, 2)
    scale = torch.minimum(BOX / extent, 1.5 * BOX / extent.amax(-1, keepdim=True))
    return (control - (low + high) / 2) * scale


def redraw(programme: Programme, examples: int, generator: torch.Generator) -> Programme:
    """Draw every character by ``examples`` hands: (classes, ...) → (classes, examples, ...)."""
    shape = (len(programme.control), examples)
    # A short stroke is drawn with smaller motions, and so more exactly.
    motion = programme.control.diff(dim=2).norm(dim=-1).mean(2)  # (classes, strokes)
    tremor = (0.3 + 0.12 * motion)[:, None, :, None, None]
    control = programme.control[:, None] + tremor * normal((*shape, STROKES, CONTROLS, 2), 1, generator)
    control = control + normal((*shape, STROKES, 1, 2), 0.8, generator)  # a whole stroke slips
    angle, shear = normal(shape, 0.15, generator), normal(shape, 0.15, generator)
    stretch = (normal((*shape, 1), 0.11, generator) + normal((*shape, 2), 0.1, generator)).exp()
    cos, sin = angle.cos(), angle.sin()
    affine = torch.stack([cos, sin, shear * cos - sin, shear * sin + cos], -1).view(*shape, 2, 2)
    affine = stretch[..., None] * affine  # acts on row vectors: (x, y) @ affine
    control = control @ affine[:, :, None] + normal((*shape, 1, 1, 2), 1.0, generator)
    roundness = (programme.roundness[:, None] + normal((*shape, STROKES), 0.15, generator)).clamp(0, 1)
    width = uniform(shape, *PEN, generator)
    return Programme(control, roundness, programme.used[:, None].expand(*shape, STROKES), width)


def render(drawing: Programme) -> Tensor:
    """Draw with anti-aliased ink → (classes, examples, 28, 28) in [0, 1]."""
    points = curves(drawing)  # (classes, examples, strokes, points, 2)
    pieces = (points[..., 1:, :] - points[..., :-1, :]).norm(dim=-1)
    weight = (torch.cat([pieces, pieces[..., -1:]], -1) * drawing.used[..., None]).flatten(2)  # (classes, examples, n)
    return inked(points.flatten(2, 3), weight, drawing.width)


def curves(drawing: Programme) -> Tensor:
    """The strokes as many points (..., strokes, points, 2), in pixels around the origin."""
    straight, smooth = curve_basis()
    points = straight @ drawing.control
    return points + drawing.roundness[..., None, None] * ((smooth - straight) @ drawing.control)


def inked(points: Tensor, weight: Tensor, width: Tensor) -> Tensor:
    """Ink in [0, 1] where a pen went → (..., 28, 28). points (..., n, 2): its places, in pixels around the picture's middle.
    weight (..., n): the length of line that each stands for. width (...,): the pen's. All in pixels.

    The ink at a pixel is the strokes' line integral of a Gaussian, which is separable: one matrix product an image
    instead of a distance from each pixel to each piece of a curve. A soft threshold turns it into a line of even width.
    """
    place = points + (SIDE - 1) / 2  # from the first pixel's centre
    columns, rows = pen(place[..., 0]), pen(place[..., 1])
    rows *= weight[..., None] / (SIGMA * math.sqrt(2 * math.pi))
    field = rows.transpose(-1, -2) @ columns  # (..., 28, 28); 1 on a straight line's axis
    # Half ink where a straight line's field has fallen to what it is at half a pen's width from its axis.
    threshold = (-0.5 * (width / 2 / SIGMA).square()).exp()[..., None, None]
    return field.sub_(threshold).mul_(2).add_(0.5).clamp_(0, 1)


def pen(place: Tensor) -> Tensor:
    """A Gaussian's value at every pixel of a row or column, (..., n) → (..., n, 28)."""
    distance = place[..., None] - torch.arange(SIDE, dtype=REAL)
    return distance.square_().mul_(-0.5 / SIGMA**2).exp_()


def curve_basis() -> tuple[Tensor, Tensor]:
    """Matrices (points, controls) from control points to points of the straight and of the smooth (Catmull-Rom) curve."""
    t = torch.arange(STEPS, dtype=REAL).div(STEPS).repeat(CONTROLS - 1)
    piece = torch.arange(CONTROLS - 1).repeat_interleave(STEPS)
    t, piece = torch.cat([t, torch.ones(1, dtype=REAL)]), torch.cat([piece, piece[-1:]])
    eye = torch.eye(CONTROLS, dtype=REAL)
    start, end = eye[piece], eye[piece + 1]
    before, after = eye[(piece - 1).clamp(min=0)], eye[(piece + 2).clamp(max=CONTROLS - 1)]
    t = t[:, None]
    straight = (1 - t) * start + t * end
    enter, leave = (end - before) / 2, (after - start) / 2  # tangents
    smooth = (2 * t**3 - 3 * t**2 + 1) * start + (3 * t**2 - 2 * t**3) * end
    smooth = smooth + (t**3 - 2 * t**2 + t) * enter + (t**3 - t**2) * leave
    return straight, smooth


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=REAL) * (high - low) + low


def normal(shape: tuple[int, ...], deviation: float, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=REAL) * deviation


def sign(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator).to(REAL) * 2 - 1


def pick(chances: tuple[float, ...], shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Indices drawn with these chances → int64 of this shape."""
    edges = torch.tensor(chances, dtype=REAL).cumsum(0) / sum(chances)
    return torch.bucketize(torch.rand(shape, generator=generator, dtype=REAL), edges[:-1])
