"""Who is better, and what is said of it."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.comparing.groups import Group, grouped
from core.comparing.verdict import MOST_EPISODES, Scored, Verdict, amount, judge
from core.runs.schema import Run
from core.runs.store import RunStore
from data.metric import SQUARED_ERROR, Metric, accuracy
from tests.core.comparing.made_up import accuracies, add_test, on_each_pair, tasks, trained

PER_CENT = accuracy(5)
ALONE = "; this is of these trainings alone, other seeds may say otherwise: train both with several"
TASKS = np.random.default_rng(0).normal(0.8, 0.1, 600)


def group(
    label: str, shift: float = 0.0, seeds: Sequence[int] = (0,), apart: Sequence[float] = (0.0,), episodes: int = 600
) -> Scored:
    """Scores on the same tasks, exactly ``shift`` better on average. apart: by how much each of the seeds is better still."""
    generator = np.random.default_rng(sum(label.encode()))
    own = generator.normal(0, 0.05, 600)
    own += shift - own[:episodes].mean()
    noise = generator.normal(0, 0.02, (len(seeds), 600))
    noise -= noise[:, :episodes].mean(1, keepdims=True)
    return Scored(label, (TASKS + own + np.array(apart)[:, None] + noise)[:, :episodes], tuple(seeds))


def one(a: Scored, b: Scored, metric: Metric = PER_CENT) -> Verdict:
    (verdict,) = judge([(a, b)], [metric])
    return verdict


# What is said


def test_decided_between_single_trainings() -> None:
    verdict = one(group("maml"), group("protonet", 0.02))
    assert verdict.text == "protonet is better than maml by 2.0 ± 0.6 points on 600 shared tasks" + ALONE
    assert (verdict.decided, verdict.better, verdict.needed_episodes, verdict.seed_se) == (True, "protonet", None, None)
    assert verdict.low < verdict.difference < verdict.high < 0
    assert verdict.losses > verdict.wins


def test_decided_between_groups_of_seeds() -> None:
    verdict = one(group("maml", 0.0, range(3)), group("protonet", 0.02, range(1, 5)))
    assert verdict.text == "protonet is better than maml by 2.0 ± 0.6 points on 600 shared tasks, in 2 of 2 seeds"
    assert verdict.seed_se is not None


def test_of_errors_the_smaller_is_better() -> None:
    verdict = one(group("maml"), group("pretrain", 0.02), SQUARED_ERROR)
    assert verdict.better == "maml" and verdict.wins > verdict.losses
    assert verdict.text.startswith(
        "maml is better than pretrain by 0.020 ± 0.006 (mean squared error) on 600 shared tasks"
    )


def test_undecided_and_more_tasks_would_settle_it() -> None:
    verdict = one(group("maml"), group("protonet", 0.003))
    assert (verdict.decided, verdict.better) == (False, None)
    assert 2000 < verdict.needed_episodes < 10_000 and verdict.needed_episodes % 100 == 0
    way_on = f"about {verdict.needed_episodes} tasks would settle it"
    assert verdict.text == f"undecided: maml − protonet = -0.3 ± 0.6 points on 600 shared tasks; {way_on}{ALONE}"


def test_undecided_and_only_more_seeds_would_settle_it() -> None:
    verdict = one(group("a", 0.0, range(3), (-0.03, 0, 0.03)), group("b", 0.01, range(3), (-0.02, 0, 0.02)))
    assert verdict.needed_episodes is None
    assert verdict.text == (
        "undecided: a − b = -1 ± 6 points on 600 shared tasks; the seeds are further apart than the groups: more seeds would "
        "settle it, more tasks would not"
    )


def test_undecided_and_too_small_for_any_number_of_tasks() -> None:
    verdict = one(group("maml"), group("protonet", 0.00003))
    assert verdict.needed_episodes is None
    assert verdict.text == (
        "undecided: maml − protonet = 0.0 ± 0.6 points on 600 shared tasks; if there is a difference, it is too small for tasks "
        f"to settle it{ALONE}"
    )


def test_equal_scores() -> None:
    a = group("maml", seeds=(0, 1), apart=(0.0, 0.0))
    verdict = one(a, Scored("again", a.scores, a.seeds))
    assert verdict.text == "undecided: maml and again have the same scores on 600 shared tasks"
    assert (verdict.p, verdict.sign_p, verdict.needed_episodes, verdict.seeds_won) == (1, 1, None, 0)


def wrecked(errors: int, by: float) -> tuple[Scored, Scored]:
    """Errors, and those of a learner that does a little better on all tasks but on a few of them much worse."""
    usual = np.random.default_rng(1).lognormal(0, 0.5, (1, 600))
    other = 0.97 * usual
    other[0, :errors] += by
    return Scored("maml", usual, (0,)), Scored("pretrain", other, (0,))


def test_a_few_large_tasks_that_the_sign_test_contradicts_decide_nothing() -> None:
    verdict = one(*wrecked(12, 30), SQUARED_ERROR)
    assert verdict.adjusted_p < 0.05 and not verdict.decided and verdict.needed_episodes is None
    assert verdict.text == (
        "undecided: maml − pretrain = -0.6 ± 0.3 (mean squared error) on 600 shared tasks; yet pretrain does better on 588 of "
        f"the 600 tasks that tell them apart (sign test, p = {verdict.sign_p:.2g}): a few large ones decide the mean{ALONE}"
    )


def test_nor_do_they_where_the_mean_alone_says_nothing() -> None:
    verdict = one(*wrecked(6, 5), SQUARED_ERROR)
    assert verdict.adjusted_p > 0.05 and "pretrain does better on 594 of the 600 tasks" in verdict.text


def test_a_mean_that_few_tasks_make_is_said_to_be_one() -> None:
    scores = np.zeros((2, 1, 600))
    scores[0, 0, :280], scores[1, 0, 280:590] = 0.2, 0.1
    verdict = one(Scored("a", scores[0], (0,)), Scored("b", scores[1], (0,)))
    assert verdict.better == "a" and verdict.sign_p > 0.05
    assert "; yet b does better on 310 of the 590 tasks that tell them apart" in verdict.text
    assert ": few tasks make the difference" in verdict.text


def without(scored: Scored, tasks: int) -> Scored:
    scores = scored.scores.copy()
    scores[0, :tasks] = np.nan
    return Scored(scored.label, scores, scored.seeds)


def test_tasks_without_a_finite_score_are_left_out_and_said() -> None:
    verdict = one(without(group("maml"), 10), group("protonet", 0.03))
    assert (verdict.episodes, verdict.excluded, verdict.decided) == (590, 10, True)
    assert (
        "on 590 shared tasks; tasks without a finite score are left out (10 of maml), which flatters it" in verdict.text
    )


def test_too_many_of_them_leave_no_verdict() -> None:
    verdict = one(without(group("maml"), 40), without(group("protonet"), 1))
    assert verdict.text == (
        "no verdict on maml and protonet. Too many of the 600 tasks have no finite score: maml on 40 and protonet on 1. "
        "What is left would flatter it."
    )
    assert (verdict.p, verdict.difference, len(verdict.reasons)) == (None, None, 1)


def test_too_few_tasks_leave_no_verdict() -> None:
    verdict = one(group("a", episodes=19), group("b", episodes=19))
    assert verdict.text == "no verdict on a and b. 19 shared tasks are too few: at least 20 are needed."
    assert one(group("a", episodes=20), group("b", episodes=20)).p is not None


def test_several_comparisons_at_once_are_said_and_corrected_for() -> None:
    close = [(group("a"), group("b", 0.0065)), (group("a"), group("c", 0.0)), (group("a"), group("d", 0.0))]
    alone, (first, *_) = one(*close[0]), judge(close, [PER_CENT] * 3)
    assert alone.decided and not first.decided
    assert (first.p, first.adjusted_p) == (alone.p, pytest.approx(3 * alone.p))
    assert "points on 600 shared tasks, 3 comparisons at once; about" in first.text


def test_pairs_without_a_verdict_are_not_corrected_for() -> None:
    close, hopeless = (group("a"), group("b", 0.0065)), (without(group("a"), 300), group("b"))
    assert [verdict.decided for verdict in judge([hopeless, close, hopeless], [PER_CENT] * 3)] == [False, True, False]
    assert judge([], []) == []


@pytest.mark.parametrize(
    ("metric", "difference", "half", "text"),
    [
        (PER_CENT, 0.0176, 0.0058, "1.8 ± 0.6 points"),
        (PER_CENT, 0.0176, 0.0012, "1.76 ± 0.12 points"),
        (PER_CENT, -0.0004, 0.034, "0 ± 3 points"),
        (PER_CENT, -0.123, 0.15, "-12 ± 15 points"),
        (PER_CENT, 0.02, 0.0, "2.00 ± 0.00 points"),
        (SQUARED_ERROR, 0.0123, 0.0045, "0.012 ± 0.004 (mean squared error)"),
        (SQUARED_ERROR, -9.6e28, 1.9e29, "-9.6e28 ± 1.9e29 (mean squared error)"),
    ],
)
def test_a_difference_has_the_digits_that_its_interval_makes_sense_of(
    metric: Metric, difference: float, half: float, text: str
) -> None:
    assert amount(metric, difference, half) == text


# Of equal groups


@pytest.mark.parametrize(("seeds", "between_seeds"), [(1, 0.0), (3, 0.05)])
def test_of_three_equal_groups_one_is_called_better_in_5_percent_at_most(seeds: int, between_seeds: float) -> None:
    """Of all three comparisons together; without Holm's correction it would be about one in eight."""
    generator, repeats = np.random.default_rng(8), 1000
    wrong = uncorrected = 0
    for _ in range(repeats):
        easier = tasks(generator)
        three = [
            Scored(name, accuracies(generator, 2.0, easier, seeds, between_seeds), tuple(range(seeds)))
            for name in "abc"
        ]
        found = judge(list(itertools.combinations(three, 2)), [PER_CENT] * 3)
        wrong += any(verdict.decided for verdict in found)
        uncorrected += any(verdict.p < 0.05 for verdict in found)
    assert wrong / repeats < 0.05 + 2 * (0.05 * 0.95 / repeats) ** 0.5  # two standard errors of the simulation
    assert uncorrected > 1.5 * wrong


def test_the_better_one_is_found() -> None:
    generator = np.random.default_rng(9)
    found = []
    for _ in range(200):
        easier = tasks(generator)
        a, b = (Scored(name, accuracies(generator, level, easier), (0,)) for name, level in (("a", 2.0), ("b", 2.3)))
        found.append(one(a, b).better)
    assert found.count("b") > 195 and "a" not in found


# From the store


def scored_run(store: RunStore, folder: Path, shift: float, *assignments: str, **protocol: object) -> Run:
    run = trained(store, folder, *assignments)
    add_test(
        store, run, group("x", shift).scores[0] + 0.03 * np.random.default_rng(run.id).normal(size=600), **protocol
    )
    return run


PROTONET = "algorithm=protonet"


def test_groups_are_judged_by_their_tests(store: RunStore, tmp_path: Path) -> None:
    runs = [scored_run(store, tmp_path, 0.0, f"seed={seed}") for seed in range(3)]
    runs += [scored_run(store, tmp_path, 0.05, PROTONET, f"seed={seed}") for seed in range(3)]
    runs += [scored_run(store, tmp_path, 0.0, "algorithm=anil", f"seed={seed}") for seed in range(2)]
    found = on_each_pair(grouped(runs), store)
    assert [(verdict.a, verdict.b) for verdict in found] == [
        ("maml", "protonet"),
        ("maml", "anil"),
        ("protonet", "anil"),
    ]
    assert [verdict.better for verdict in found] == ["protonet", None, "protonet"]
    assert found[0].text.endswith("on 600 shared tasks, in 3 of 3 seeds")
    assert [verdict.seeds for verdict in found] == [3, 2, 2]


def test_a_seed_that_was_trained_twice_counts_once(store: RunStore, tmp_path: Path) -> None:
    runs = [scored_run(store, tmp_path, shift, f"seed={seed}") for seed, shift in ((0, 0.9), (1, 0.0), (0, 0.0))]
    runs += [scored_run(store, tmp_path, 0.0, PROTONET, f"seed={seed}") for seed in range(2)]
    (verdict,) = on_each_pair(grouped(runs), store)
    assert (verdict.seeds, verdict.decided) == (2, False)
    assert abs(verdict.difference) < 0.01  # by the newest of the two


def test_unlike_protocols_have_a_remedy(store: RunStore, tmp_path: Path) -> None:
    runs = [scored_run(store, tmp_path, 0.0, n_query=5), scored_run(store, tmp_path, 0.0, PROTONET, n_query=15)]
    (verdict,) = on_each_pair(grouped(runs), store)
    assert verdict.text == (
        "no verdict on maml and protonet. They were tested otherwise: queries (maml 5, protonet 15). To compare them, evaluate "
        "both with 15 queries."
    )
    assert verdict.remedy.assignments == ("evaluation.n_query=15",)


def test_missing_tests_and_scores_are_said_and_the_others_judged(store: RunStore, tmp_path: Path) -> None:
    runs = [scored_run(store, tmp_path, 0.0), scored_run(store, tmp_path, 0.02, PROTONET)]
    runs += [trained(store, tmp_path, "algorithm=anil"), trained(store, tmp_path, "algorithm=reptile")]
    add_test(store, runs[3], episodes=600)
    found = {(verdict.a, verdict.b): verdict for verdict in on_each_pair(grouped(runs), store)}
    assert found["maml", "protonet"].decided
    assert found["maml", "anil"].text == "no verdict on maml and anil. anil has runs without a test: #3."
    assert found["maml", "reptile"].text == (
        "no verdict on maml and reptile. reptile was tested by a version that kept no single scores: test it again."
    )


def test_a_group_that_is_none_is_refused(store: RunStore, tmp_path: Path) -> None:
    runs = [scored_run(store, tmp_path, 0.0), scored_run(store, tmp_path, 0.0, "algorithm.inner_lr=0.2")]
    mixed = Group("mine", tuple(runs))
    (verdict,) = on_each_pair([mixed, Group("b", (scored_run(store, tmp_path, 0.0, PROTONET),))], store)
    assert verdict.text == "no verdict on mine and b. mine is no group of seeds: its runs differ in inner_lr."


def test_one_group_alone_has_no_verdict(store: RunStore, tmp_path: Path) -> None:
    assert on_each_pair(grouped([scored_run(store, tmp_path, 0.0)]), store) == []


def test_no_more_tasks_are_asked_for_than_an_evaluation_takes() -> None:
    from core.config.run import EvaluationConfig

    assert EvaluationConfig(episodes=MOST_EPISODES).episodes == MOST_EPISODES
    with pytest.raises(ValueError):
        EvaluationConfig(episodes=MOST_EPISODES + 1)
