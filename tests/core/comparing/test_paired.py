"""The statistics of a comparison, against other libraries and against worlds whose truth is known."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from core.comparing.paired import ALPHA, POWER, Difference, difference, holm, needed_episodes
from tests.core.comparing.made_up import accuracies, expected, tasks

SIMULATED = 2000  # comparisons: the share of intervals that hold the truth is then known to ± 1 point


def drawn(seed: int, seeds: int = 1, between_seeds: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The scores of two groups on the same tasks, b a little better."""
    generator = np.random.default_rng(seed)
    easier = tasks(generator)
    return tuple(accuracies(generator, level, easier, seeds, between_seeds) for level in (2.0, 2.1))


# Against other libraries


@pytest.mark.parametrize("seed", range(5))
def test_of_single_seeds_it_is_the_paired_t_test(seed: int) -> None:
    a, b = drawn(seed)
    found, oracle = difference(a, b), stats.ttest_rel(a[0].astype(float), b[0].astype(float))
    interval = oracle.confidence_interval(1 - ALPHA)
    assert found.mean == pytest.approx(float((a - b).mean(dtype=np.float64)), abs=1e-9)
    assert (found.p, found.low, found.high) == pytest.approx((oracle.pvalue, interval.low, interval.high), rel=1e-6)
    assert (found.freedom, found.se) == pytest.approx((oracle.df, found.mean / oracle.statistic))
    assert (found.seed_se, found.between) == (None, 0)


@pytest.mark.parametrize("seed", range(5))
def test_the_sign_test_is_a_binomial_one(seed: int) -> None:
    found = difference(*drawn(seed))
    assert found.wins + found.losses < found.episodes  # ties are with neither
    assert found.sign_p == pytest.approx(stats.binomtest(found.wins, found.wins + found.losses).pvalue)


def test_without_a_task_that_tells_them_apart_the_sign_test_says_nothing() -> None:
    a = np.linspace(0, 1, 50, dtype=np.float32)[None]
    found = difference(a, a)
    assert (found.mean, found.se, found.p, found.sign_p) == (0, 0, 1, 1)


@pytest.mark.parametrize("p", [[0.01, 0.04, 0.03, 0.005], [0.5], [], [0.9, 0.9, 1.0], [0.02, 0.02, 0.02]])
def test_holm(p: list[float]) -> None:
    oracle = multipletests(p, ALPHA, method="holm")[1] if p else []
    assert holm(p) == pytest.approx(list(oracle))


def test_seeds_far_apart_on_many_tasks_are_compared_as_by_welch() -> None:
    """Where tasks are no source of doubt any more, what is left is a comparison of the seeds' means."""
    a, b = drawn(3, seeds=6, between_seeds=1.0)
    found = difference(a, b)
    oracle = stats.ttest_ind(a.mean(1, dtype=float), b.mean(1, dtype=float), equal_var=False)
    assert (found.p, found.freedom) == pytest.approx((oracle.pvalue, oracle.df), rel=0.05)
    assert found.seed_se == pytest.approx(abs(found.mean / oracle.statistic), rel=1e-6)


def test_the_two_parts_of_the_error_are_added() -> None:
    found = difference(*drawn(0, seeds=3, between_seeds=0.1))
    assert found.se**2 == pytest.approx(found.episode_se**2 + found.between)
    assert 0 < found.between < found.seed_se**2


def test_tasks_that_one_has_no_score_of_are_left_out_of_both() -> None:
    a, b = drawn(1, seeds=2)
    kept = difference(a[:, 3:], b[:, 3:])
    a[0, 0], b[1, 1], b[:, 2] = np.nan, np.inf, np.nan
    found = difference(a, b)
    assert (found.excluded, found.episodes) == (3, 597)
    assert (found.mean, found.p) == (kept.mean, kept.p)


def test_the_other_way_round_everything_is_turned() -> None:
    a, b = drawn(2, seeds=3, between_seeds=0.1)
    one, other = difference(a, b), difference(b, a)
    assert (one.mean, one.low, one.p) == pytest.approx((-other.mean, -other.high, other.p))
    assert (one.wins, one.losses, one.sign_p) == (other.losses, other.wins, other.sign_p)


# Worlds whose truth is known


@pytest.mark.parametrize(
    ("seeds", "between_seeds"),
    [(1, 0.0), (3, 0.0), (3, 0.02), (3, 0.05), (3, 0.2), (2, 0.1)],
    ids=["of these trainings", "no luck of seeds", "little", "some", "much", "two seeds"],
)
def test_intervals_hold_the_truth_as_often_as_they_say(seeds: int, between_seeds: float) -> None:
    """With several seeds the truth is that over all trainings there might be; with one, of these two trainings."""
    generator = np.random.default_rng(seeds)
    truth = expected(2.0, between_seeds) - expected(2.1, between_seeds)
    held = 0
    for _ in range(SIMULATED):
        easier = tasks(generator)
        a, b = (accuracies(generator, level, easier, seeds, between_seeds) for level in (2.0, 2.1))
        found = difference(a, b)
        held += found.low <= truth <= found.high
    assert 0.93 <= held / SIMULATED <= 0.97


def test_to_leave_out_the_seeds_would_be_to_find_what_is_not_there() -> None:
    """The same trainings taken for all there are: what a bar over test tasks alone says of single seeds."""
    generator = np.random.default_rng(5)
    held = {1: 0, 3: 0}
    for _ in range(SIMULATED // 4):
        easier = tasks(generator)
        a, b = (accuracies(generator, 2.0, easier, 3, 0.1) for _ in range(2))
        for seeds in held:
            found = difference(a[:seeds], b[:seeds])
            held[seeds] += found.low <= 0 <= found.high
    assert held[1] < 0.7 * SIMULATED / 4 < 0.9 * SIMULATED / 4 < held[3]


def test_power_grows_with_tasks() -> None:
    generator = np.random.default_rng(6)
    decided = [decides(generator, episodes, repeats=300) for episodes in (100, 400, 1600)]
    assert decided[0] < 0.5 < 0.9 < decided[2]
    assert decided == sorted(decided)


def decides(generator: np.random.Generator, episodes: int, repeats: int, alpha: float = ALPHA) -> float:
    """The share of comparisons of two groups, 2.0 and 2.1, whose p is below alpha."""
    found = 0
    for _ in range(repeats):
        easier = tasks(generator, episodes)
        a, b = (accuracies(generator, level, easier) for level in (2.0, 2.1))
        found += difference(a, b).p < alpha
    return found / repeats


@pytest.mark.parametrize("alpha", [ALPHA, ALPHA / 3])
def test_with_the_tasks_that_it_says_are_needed_about_80_percent_are_decided(alpha: float) -> None:
    """Asked of so many tasks that the difference that is seen is the one that is there."""
    generator = np.random.default_rng(7)
    easier = tasks(generator, 400_000)
    seen = difference(*(accuracies(generator, level, easier) for level in (2.0, 2.1)))
    needed = round(needed_episodes(seen, alpha))
    assert 100 < needed < 1000
    assert decides(generator, needed, repeats=1500, alpha=alpha) == pytest.approx(POWER, abs=0.04)


def made(**changes: float) -> Difference:
    known = {"mean": 0.01, "se": 0.01, "low": -0.01, "high": 0.03, "p": 0.3, "freedom": 599.0, "episodes": 600}
    known |= {"excluded": 0, "episode_se": 0.01, "seed_se": None, "between": 0.0, "wins": 1, "losses": 1, "sign_p": 1.0}
    return Difference(**known | changes)


def test_what_is_needed_grows_with_the_square_and_without_end_where_seeds_are_too_far_apart() -> None:
    assert needed_episodes(made(mean=0.005)) == pytest.approx(4 * needed_episodes(made()))
    assert needed_episodes(made(mean=-0.01)) == needed_episodes(made())
    assert needed_episodes(made(between=1e-6)) > needed_episodes(made())
    assert needed_episodes(made(between=1e-4)) == math.inf
    assert needed_episodes(made(mean=0.0)) == math.inf
