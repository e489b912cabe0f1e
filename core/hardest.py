"""Which tasks of an evaluation are hard, by the score of each. Free of torch."""

import numpy as np

from data.metric import Metric

WORST = 10  # tasks that are listed, and shown


def worst(metric: Metric, scores: np.ndarray, most: int = WORST) -> list[int]:
    """Places of the tasks that were solved worst, the worst first: those that were not finite before all others.

    scores: (episodes,), NaN where left out. Of equal ones the earlier is first.
    """
    gain = np.where(np.isfinite(scores), [metric.gain(one) for one in scores.tolist()], -np.inf)
    return np.argsort(gain, kind="stable")[:most].tolist()
