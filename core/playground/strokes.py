"""What a hand draws on a pad, as a network is shown it: with the ink, in the box and by the pen of ``data/doodles.py``."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from data.characters import SIDE
from data.doodles import BOX, PEN, REAL, fit, inked
from data.errors import InputError
from data.language import tr

SCALE = 1000  # the pad's side, in what a browser sends
MOST_STROKES, MOST_POINTS = 40, 4000  # of one drawing
STEP = 0.25  # pixels of the picture between two places of the pen
MOST_PLACES = 4000  # of one drawing: what is longer gets wider steps
STEADY = 0.6  # pixels along a stroke over which a hand's tremor is averaged
DOT = 3.0  # pixels: a stroke that is shorter leaves as much ink
ENLARGED = 4.0  # times at most that a small drawing becomes larger


@dataclass(frozen=True)
class Drawing:
    """What is on a pad. strokes: each (points, 2), x to the right and y down, in [0, 1] of the pad's side."""

    strokes: tuple[np.ndarray, ...] = ()

    @classmethod
    def of(cls, values: object) -> "Drawing":
        """From what a browser sent: a list of strokes, each x, y, x, y … in whole thousandths of the pad's side.

        Raises InputError for anything else, and for more than a hand draws.
        """
        if not isinstance(values, list) or not all(isinstance(stroke, list) for stroke in values):
            raise InputError(tr("What was sent is no drawing."), tr("Load the page again."))
        if len(values) > MOST_STROKES or sum(map(len, values)) > 2 * MOST_POINTS:
            drawn = {"strokes": len(values), "points": sum(map(len, values)) // 2}
            text = tr("A drawing of {strokes} strokes and {points} points is too much.", **drawn)
            raise InputError(
                text,
                tr(
                    "Draw with {strokes} strokes and {points} points at most.", strokes=MOST_STROKES, points=MOST_POINTS
                ),
            )
        return cls(tuple(_stroke(stroke) for stroke in values))

    def plain(self) -> list[list[int]]:
        """As ``of`` reads it."""
        return [(stroke * SCALE).round().astype(int).flatten().tolist() for stroke in self.strokes]

    def __bool__(self) -> bool:
        return bool(self.strokes)


def _stroke(values: list[object]) -> np.ndarray:
    if not values or len(values) % 2 or not all(type(one) is int and 0 <= one <= SCALE for one in values):
        raise InputError(tr("A stroke that was sent lies beside its pad."), tr("Load the page again."))
    return np.array(values, np.float64).reshape(-1, 2) / SCALE


def picture(drawing: Drawing) -> np.ndarray:
    """What a network sees of a drawing: uint8 (28, 28), white ink on black. Nothing but black of an empty one.

    Centred and scaled as the characters of a doodle's class are before a hand draws them, however large it was drawn.
    """
    if not drawing:
        return np.zeros((SIDE, SIDE), np.uint8)
    strokes = _fitted(drawing.strokes)
    length = sum(_pieces(stroke).sum() for stroke in strokes)
    step = max(STEP, length / MOST_PLACES)
    walked = [_walked(stroke, step) for stroke in strokes]
    points, weight = (torch.from_numpy(np.concatenate(part)) for part in zip(*walked, strict=True))
    ink = inked(points, weight, torch.tensor(sum(PEN) / 2, dtype=REAL))
    return ink.mul_(255).round_().to(torch.uint8).numpy()


def _fitted(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """In pixels around the picture's middle, within the box."""
    ends = np.cumsum([len(stroke) for stroke in strokes])[:-1]
    whole = torch.from_numpy(np.concatenate(strokes)) * SIDE
    return np.split(fit(whole[None, None], least=BOX / ENLARGED)[0, 0].numpy(), ends)


def _pieces(stroke: np.ndarray) -> np.ndarray:
    """Lengths between neighbouring points: (points, 2) → (points - 1,)."""
    return np.hypot(*np.diff(stroke, axis=0).T)


def _walked(stroke: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 2) at even steps along a stroke, without its tremor, and the length that each stands for (n,).

    Slow hands and fast ones leave points at other distances; the ink must not depend on it.
    """
    way = np.concatenate([[0.0], _pieces(stroke).cumsum()])
    at = np.linspace(0, way[-1], max(2, round(way[-1] / step) + 1))
    places = np.stack([np.interp(at, way, axis) for axis in stroke.T], 1)  # (n, 2)
    places = gaussian_filter1d(places, STEADY / step, axis=0, mode="nearest")
    pieces = _pieces(places)
    weight = np.append(pieces, pieces[-1])
    length = pieces.sum()
    return places, np.full(len(places), DOT / len(places)) if length < DOT else weight
