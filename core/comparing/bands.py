"""The curves of several seeds as one: their mean with a band around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import scipy  # whose parts are imported when they are used: special takes a quarter of a second, and workers do without

from data.language import mark

Kind = Literal["standard deviation", "standard error", "95 % interval"]
KINDS = get_args(Kind)
TITLES = [mark("standard deviation"), mark("standard error"), mark("95 % interval")]  # of KINDS, which are keys
STRETCHES = 1000  # into which longer curves are averaged; a chart draws about as many points
Curve = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Band:
    """Over x: the mean of the curves that are there, low and high of the band, and n, how many those are. Each (points,).

    low and high are not-a-number where n is 1. A step in the mean where n falls is a curve's end, and no event in training.
    """

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray


def band(curves: Sequence[Curve], kind: Kind) -> Band:
    """The band of curves (x, y), each (points,) with x ascending, at every x at which one of them was measured.

    A curve is a straight line between its points, and nothing before its first and beyond its last finite one. All are averaged
    over STRETCHES stretches of x where one has more points: the extremes that ``downsample`` keeps would make a band wider
    than the seeds are apart. kind: the mean ± one standard deviation between seeds, ± one standard error of the mean, or
    the 95 % interval of the mean by Student's t, which for two seeds is 12.7 standard errors wide to either side.
    """
    finite = [(x[kept], y[kept]) for x, y in curves for kept in [np.isfinite(x) & np.isfinite(y)] if kept.any()]
    if not finite:
        return Band(*(np.empty(0) for _ in range(4)), np.empty(0, np.int64))
    finite = averaged(finite) if max(len(x) for x, _ in finite) > STRETCHES else finite
    grid = np.unique(np.concatenate([x for x, _ in finite])).astype(np.float64)
    values = np.stack([np.interp(grid, x, y, left=np.nan, right=np.nan) for x, y in finite])  # (curves, points)
    there = np.isfinite(values)
    n = there.sum(0)
    mean = np.where(there, values, 0.0).sum(0) / np.maximum(n, 1)
    squares = np.where(there, values - mean, 0.0) ** 2
    deviation = np.where(n > 1, np.sqrt(squares.sum(0) / np.maximum(n - 1, 1)), np.nan)
    half = deviation * _factor(n, kind)
    grid, mean, low, high, n = (part[n > 0] for part in (grid, mean, mean - half, mean + half, n))
    return Band(grid, mean, low, high, n)


def _factor(n: np.ndarray, kind: Kind) -> np.ndarray:
    """Standard deviations that half of the band is wide, (points,). n: curves, (points,)."""
    if kind == "standard deviation":
        return np.ones(len(n))
    known = np.arange(n.max() + 1)  # few numbers of curves, many points
    errors = 1 / np.sqrt(np.maximum(known, 1))
    if kind == "95 % interval":
        errors *= scipy.special.stdtrit(np.maximum(known - 1, 1), 0.975)
    return errors[n]


def averaged(curves: Sequence[Curve]) -> list[Curve]:
    """The means of each curve's points in the same STRETCHES stretches of x; a stretch without points has none. A curve keeps
    its first and its last x, so that it covers what it did.
    """
    low, high = min(x[0] for x, _ in curves), max(x[-1] for x, _ in curves)
    found = []
    for x, y in curves:
        places = ((x - low) * (STRETCHES / max(high - low, 1e-9))).astype(np.int64).clip(0, STRETCHES - 1)
        counts = np.bincount(places, minlength=STRETCHES)
        kept = counts > 0
        means = [np.bincount(places, part, STRETCHES)[kept] / counts[kept] for part in (x, y)]
        if len(means[0]) > 1:
            means[0][0], means[0][-1] = x[0], x[-1]
        found.append((means[0], means[1]))
    return found
