"""Many tasks' scores in few numbers: their mean with its interval, median and quartiles, how many diverged, and their rank."""

import math
from typing import Any

import numpy as np

from data.metric import Metric

Z = 1.96  # standard errors that half a 95 % interval of a mean is wide
INTERVAL = f"{Z} standard errors over episodes"  # as a protocol names it: scores under another one are not comparable


def interval(scores: np.ndarray) -> tuple[float, float]:
    """Mean and 95 % half-width of finite scores; NaN where there are too few."""
    finite = scores[np.isfinite(scores)]
    if not len(finite):
        return math.nan, math.nan
    half = Z * float(finite.std(ddof=1)) / math.sqrt(len(finite)) if len(finite) > 1 else math.nan
    return float(finite.mean()), half


def summary(scores: np.ndarray, limits: np.ndarray) -> dict[str, Any]:
    """Mean, interval, median and quartiles of the finite scores (episodes,), and how many are above their limits."""
    mean, ci95 = interval(scores)
    finite = scores[np.isfinite(scores)]
    low, median, high = np.percentile(finite, (25, 50, 75)).tolist() if len(finite) else (math.nan,) * 3
    diverged = int((scores > limits).sum())
    return {"mean": mean, "ci95": ci95, "median": median, "quartiles": [low, high], "diverged": diverged}


def rank(metric: Metric, scores: np.ndarray, limits: np.ndarray) -> tuple[int, float]:
    """How good the scores (episodes,) are beside those of another checkpoint on the same episodes: larger is better.

    A task that diverged counts as its limit, and so does one that went on until it was not finite: how far it got decides
    nothing, and one of a thousand does not make a trained learner worse than an untrained one. Where there is no limit, fewer
    episodes that are not finite come first. Either way a checkpoint does not win by losing the hard tasks.
    """
    counted = np.fmin(scores, limits)  # of not-a-number and a limit, the limit
    return -int((~np.isfinite(counted)).sum()), metric.gain(interval(counted)[0])
