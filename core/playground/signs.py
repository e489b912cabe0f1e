"""Signs that nobody has drawn before, as strokes: what a pad shows until somebody draws on it."""

from dataclasses import dataclass

import numpy as np
import torch

from core.playground.strokes import SCALE, Drawing
from data.characters import SIDE
from data.doodles import Programme, curves, invent, redraw

MOST_CLASSES, MOST_SHOTS = 10, 5
EVERY = 2  # of a stroke's points: as many as a hand leaves
ROOM = 0.85  # of the pad that is drawn on
EDGE = 0.46  # of the pad's side, from its middle: a hand that would go farther draws smaller


@dataclass(frozen=True)
class Signs:
    """Drawn examples of ``MOST_CLASSES`` signs, ``MOST_SHOTS`` of each, and another one of each to ask for."""

    examples: tuple[tuple[Drawing, ...], ...]
    others: tuple[Drawing, ...]


def signs(seed: int) -> Signs:
    """Those that a seed invents."""
    generator = torch.Generator().manual_seed(seed)
    drawn = redraw(invent(MOST_CLASSES, generator), MOST_SHOTS + 1, generator)
    found = [drawings(drawn, number) for number in range(MOST_CLASSES)]
    return Signs(tuple(tuple(hands[:-1]) for hands in found), tuple(hands[-1] for hands in found))


def drawings(drawn: Programme, number: int) -> list[Drawing]:
    """What ``redraw`` made of one class, as strokes on a pad."""
    points = curves(drawn[number : number + 1])[0] * ROOM / SIDE  # (hands, strokes, points, 2)
    reach = points.abs().amax((1, 2, 3), keepdim=True)
    points = (points * (EDGE / reach).clamp(max=1) + 0.5).numpy()
    used = drawn.used[number] > 0  # (hands, strokes)
    return [
        Drawing(tuple(np.round(stroke[::EVERY] * SCALE) / SCALE for stroke in hand[of_hand.numpy()]))
        for hand, of_hand in zip(points, used, strict=True)
    ]
