"""How far two groups of trained learners are apart on the same tasks, and how sure that is. Plain functions of arrays.

The model: an episode's score is the group's mean + the seed's share + the task's difficulty, the same for both groups + what
the group makes of this task + the rest. Two kinds of luck are in a difference: which tasks were drawn, and which seeds
(Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks": to leave out a source of variance is to
find differences that are none). Each is estimated by itself:

- episodes: the standard error of the per-episode differences of the groups' means over seeds. Pairs take the tasks' difficulty
  out (Dietterich 1998, "Approximate statistical tests", section 3; Dror et al. 2018, "The hitchhiker's guide to testing
  statistical significance in NLP").
- seeds: the standard errors of the two groups' means over seeds, as in Welch's test.

A seed's mean over finitely many episodes is itself uncertain by the rest, which the first one has counted already: it is taken
off the second, and both squares are added. That is the crossed analysis of variance with seeds and episodes random, whose
degrees of freedom are Satterthwaite's (1946); its history is that of "the language-as-fixed-effect fallacy" (Clark 1973).
Where a group has a single seed there is nothing to say about seeds: the answer is then about these trainings alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # not special by itself, see bands.py

ALPHA = 0.05
POWER = 0.8  # with which the tasks that ``needed_episodes`` says decide, if the difference is the one that was seen (Cohen 1988)


@dataclass(frozen=True)
class Difference:
    """a − b. mean, se, low, high: in the scores' unit, the last two a 95 % interval. p: two-sided. episodes: of which both
    have finite scores; excluded: those of which not. episode_se, seed_se: see above, the latter None for single seeds.
    between: variance of the mean between seeds that more episodes would not lessen. freedom: degrees of it.

    wins, losses: episodes that are larger in a and in b; sign_p: of the sign test (Demšar 2006), in which a few diverged tasks
    weigh no more than others.
    """

    mean: float
    se: float
    low: float
    high: float
    p: float
    freedom: float
    episodes: int
    excluded: int
    episode_se: float
    seed_se: float | None
    between: float
    wins: int
    losses: int
    sign_p: float


def difference(a: np.ndarray, b: np.ndarray) -> Difference:
    """The difference between the means of two groups' scores. a, b: (seeds, episodes), the same episodes in the same order,
    not-a-number where a score was not finite; at least two episodes have to be finite in all of them.
    """
    finite = np.isfinite(a).all(0) & np.isfinite(b).all(0)
    excluded = len(finite) - int(finite.sum())
    if excluded:
        a, b = a[:, finite], b[:, finite]
    mean_a, mean_b = a.mean(0, dtype=np.float64), b.mean(0, dtype=np.float64)
    pairs = mean_a - mean_b  # (episodes,)
    episodes, mean = len(pairs), float(pairs.mean())
    drawn = float(pairs.var(ddof=1)) / episodes
    seeds = [_between_seeds(scores, means) for scores, means in ((a, mean_a), (b, mean_b))]
    known = len(a) > 1 and len(b) > 1
    between = max(0.0, sum(whole - rest for whole, rest, _ in seeds)) if known else 0.0
    variance = drawn + between
    spread = drawn**2 / (episodes - 1) + (sum(whole**2 / free for whole, _, free in seeds) if known else 0.0)
    freedom = variance**2 / spread if spread else float(episodes - 1)
    se = math.sqrt(variance)
    half = se * float(scipy.special.stdtrit(freedom, 1 - ALPHA / 2))
    wins, losses = int((pairs > 0).sum()), int((pairs < 0).sum())
    return Difference(
        mean=mean,
        se=se,
        low=mean - half,
        high=mean + half,
        p=2 * float(scipy.special.stdtr(freedom, -abs(mean) / se)) if se else float(mean == 0),
        freedom=freedom,
        episodes=episodes,
        excluded=excluded,
        episode_se=math.sqrt(drawn),
        seed_se=math.sqrt(sum(whole for whole, _, _ in seeds)) if known else None,
        between=between,
        wins=wins,
        losses=losses,
        sign_p=min(1.0, 2 * float(scipy.special.bdtr(min(wins, losses), wins + losses, 0.5))),
    )


def _between_seeds(scores: np.ndarray, means: np.ndarray) -> tuple[float, float, int]:
    """Variance of a group's mean by its seeds; the part of it that is the rest's, and vanishes with many episodes; degrees of
    freedom. scores: (seeds, episodes), means: over seeds.
    """
    seeds, episodes = scores.shape
    if seeds == 1:
        return 0.0, 0.0, 0
    own = scores.mean(1, dtype=np.float64)  # (seeds,)
    total = float(np.square(scores - means).sum(dtype=np.float64))
    by_seed = episodes * float(np.square(own - own.mean()).sum())
    rest = max(0.0, total - by_seed) / ((seeds - 1) * (episodes - 1))
    return float(own.var(ddof=1)) / seeds, rest / (seeds * episodes), seeds - 1


def needed_episodes(found: Difference, alpha: float = ALPHA) -> float:
    """Episodes with which a test at ``alpha`` decides in POWER of cases that the seen difference is there; infinite where the
    seeds are too far apart for any number of episodes to do.

    It is as good as what was seen: a difference that came out too large by luck asks for too few, and of few seeds their
    spread, which it takes for known, is not.
    """
    detected = abs(found.mean) / float(
        scipy.special.stdtrit(found.freedom, 1 - alpha / 2) + scipy.special.stdtrit(found.freedom, POWER)
    )
    left = detected**2 - found.between
    return found.episode_se**2 * found.episodes / left if left > 0 else math.inf


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjustment for several comparisons: each p as it may be held against one ALPHA for all."""
    order = np.argsort(p)
    stepped = np.asarray(p, np.float64)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return adjusted.tolist()
