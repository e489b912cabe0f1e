"""What is said of a run's numbers: of each rule a run that shows it, and ones that do not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config.checks import parse
from core.config.facts import facts_of
from core.config.overrides import apply
from core.diagnosis import Diagnosis, diagnoses
from core.runs.outline import QUERY_LOSS
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from tests.core.tiny import tiny

ITERATIONS = 900
METRICS = {"doodles": "accuracy", "sinusoid": "mse"}


class Story:
    """A run whose numbers a test tells: losses of an iteration each, validations every 100 iterations, a test."""

    def __init__(self, folder: Path, base: str, *assignments: str):
        self.metric = METRICS[base]
        sizes = ("training.iterations=900", "evaluation.val_episodes=100", "evaluation.episodes=600")
        config = tiny(base, *sizes, *(assignments or ("algorithm.inner_lr=0.01",)))
        self.store = RunStore(f"sqlite:///{folder / 'runs.db'}")
        places = {"folder_root": folder, "datasets": folder, "facts": facts_of(config).as_json()}
        self.id = self.store.create(config.model_dump(mode="json"), "one", **places).id
        self.store.move(self.id, "starting", {"queued"})
        self.store.move(self.id, "running", {"starting"})
        self.store.update(self.id, iterations=ITERATIONS)

    def trains(self, losses: Any, until: int = ITERATIONS) -> "Story":
        """losses: of each iteration, which are spread by a hundredth."""
        noise = np.random.default_rng(0).normal(0, 0.01, until)
        self.store.add_metrics(self.id, [(i + 1, 0.0, QUERY_LOSS, losses(i / until) + noise[i]) for i in range(until)])
        self.store.update(self.id, iteration=until)
        return self

    def validates(self, *means: float, ci95: float = 0.01, curve: tuple[float, ...] = (), **result: Any) -> "Story":
        """Every 100 iterations, with the curve that all of them have."""
        points = [{"step": step, "mean": mean, "ci95": ci95} for step, mean in enumerate(curve)]
        episodes = result.pop("episodes", 100)
        for number, mean in enumerate(means, 1):
            said = {
                "episodes": episodes,
                "checkpoint": "best",
                "result": {"curve": points, "episodes": episodes, **result},
            }
            self.store.add_evaluation(self.id, 100 * number, "val", self.metric, mean, ci95, **said)
        best = (max if self.metric == "accuracy" else min)(means)
        scored = {"iteration": 100 * (means.index(best) + 1), "metric": self.metric, "mean": best, "ci95": ci95}
        self.store.update(self.id, best=scored)
        return self

    def tests(self, mean: float, ci95: float = 0.01, **result: Any) -> "Story":
        self.store.update(self.id, test={"metric": self.metric, "mean": mean, "ci95": ci95, "episodes": 600, **result})
        return self

    def ends(self) -> "Story":
        self.store.move(self.id, "finished", {"running"})
        return self

    @property
    def said(self) -> list[Diagnosis]:
        run, reader = self.store.get(self.id), SeriesReader(self.store)
        reader.poll([run.id])
        found = diagnoses(run, reader)
        for one in found:  # a proposal is a config that can be launched
            parse(apply(run.config, [f"{path}={value}" for path, value in (one.change or {}).items()]))
        return found

    @property
    def only(self) -> Diagnosis:
        (found,) = self.said
        return found


@pytest.fixture
def story(tmp_path: Path):
    return lambda base="doodles", *assignments: Story(tmp_path, base, *assignments)


def flat(_: float) -> float:
    return 1.0


def falling(share: float) -> float:
    """Soon at its end."""
    return 0.5 + 0.5 * max(0.0, 0.5 - share)


# At chance


def test_a_learner_that_stays_at_chance_is_said_to(story):
    one = story().trains(flat, 400).validates(0.335, 0.33, 0.34, 0.336).only
    assert one.text.startswith(
        "Still at chance level after 44 % of the training. A meta learning rate that is too high"
    )
    assert one.numbers == (
        "Validation accuracy at iteration 400 of 900: 33.60 ± 1.00 %. "
        "Guessing reaches 33.33 %, within the newest 3 intervals."
    )
    assert one.change == {"training.meta_lr": 0.0001}


def test_one_that_learns_its_training_tasks_alone_gets_no_other_rate(story):
    one = story().trains(lambda share: 1.0 - share, 400).validates(0.335, 0.33, 0.34, 0.336).only
    assert "does not help with new tasks" in one.text and one.change is None


@pytest.mark.parametrize(
    ("means", "half"),
    [
        ((0.335, 0.33, 0.34), 0.01),  # a third of the training is not over
        ((0.335, 0.33, 0.335, 0.4), 0.01),
        ((0.5, 0.33, 0.38, 0.336), 0.01),  # noise around something above chance
        ((0.335, 0.33, 0.34, 0.336), 0.2),  # intervals that hold much else
    ],
)
def test_what_may_be_above_chance_is_not_said_to_be_at_it(story, means, half):
    assert story().trains(flat, 100 * len(means)).validates(*means, ci95=half).said == []


# The inner steps


def test_inner_steps_that_are_too_long_are_said_to_be(story):
    one = story("sinusoid").validates(*[9.0] * 4, ci95=0.2, curve=(3.0, 9.0)).only
    assert one.text == "Adapting makes it worse: the inner steps are too long. A tenth of the rate is worth a try."
    assert one.numbers == (
        "Validation mean squared error at iteration 400: 3 ± 0.2 before adapting, 9 ± 0.2 after 1 inner step."
    )
    assert one.change == {"algorithm.inner_lr": 0.001}


def test_a_learner_without_an_inner_rate_is_not_offered_one(story):
    run = story("sinusoid", "algorithm=scratch", "algorithm.inner_lr=null").validates(9.0, curve=(3.0, 9.0))
    assert run.only.change is None


def test_tasks_that_diverged_are_counted(story):
    run = story("sinusoid").validates(*[2.0] * 4, ci95=9.0, curve=(3.0, 2.0), diverged=6)
    assert (
        run.only.numbers
        == "Validation mean squared error at iteration 400: 6 of 100 tasks diverged or ended in no number."
    )
    assert run.only.change == {"algorithm.inner_lr": 0.001}


def test_where_tasks_diverged_medians_are_compared(story):
    run = story("sinusoid")
    points = [
        {"step": 0, "mean": 3.0, "ci95": 0.2, "median": 3.0, "quartiles": [2.5, 3.5], "diverged": 0},
        {"step": 1, "mean": 1e9, "ci95": 1e9, "median": 0.5, "quartiles": [0.4, 0.6], "diverged": 1},
        {"step": 2, "mean": 1e20, "ci95": 1e20, "median": 1.5, "quartiles": [1.2, 1.8], "diverged": 2},
    ]
    run.validates(*[1e20] * 4, ci95=1e20)
    result = {"curve": points, "episodes": 100, "diverged": 2}
    scored = {"episodes": 100, "checkpoint": "best", "result": result}
    run.store.add_evaluation(run.id, 500, "val", "mse", 1e20, 1e20, **scored)
    assert run.only.change == {"evaluation.inner_steps": 1}
    assert "median 3 ± 0.16 before adapting, median 0.5 ± 0.031 after 1, median 1.5" in run.only.numbers


def test_more_steps_than_help_are_said_to_be(story):
    one = story().validates(*[0.5] * 4, curve=(0.33, 0.6, 0.58, 0.5)).only
    assert one.text == "More inner steps at test than help: the score is best after 1 and clearly worse after 3."
    assert one.numbers.endswith(
        "33.00 ± 1.00 % before adapting, 60.00 ± 1.00 % after 1, 50.00 ± 1.00 % after 3 inner steps."
    )
    assert one.change == {"evaluation.inner_steps": 1}


def test_steps_that_change_nothing_are_said_to(story):
    one = story().validates(*[0.5] * 4, curve=(0.5, 0.505)).only
    assert one.text.startswith("The inner steps change next to nothing")
    assert one.change == {"algorithm.inner_lr": 0.1}
    assert story().validates(*[0.5] * 4, curve=(0.5, 0.505), episodes=19).said == []


@pytest.mark.parametrize(
    ("curve", "half", "validations"),
    [
        ((0.33, 0.6, 0.59), 0.01, 4),  # worse, but not beyond the intervals
        ((0.33, 0.6), 0.01, 4),
        ((0.5, 0.51), 0.12, 4),  # wide: some may be much better and others worse
        ((0.6, 0.4), 0.11, 4),
        ((0.6, 0.4), 0.01, 3),  # early
    ],
)
def test_inner_steps_that_may_help_are_left_alone(story, curve, half, validations):
    assert story().validates(*[curve[-1]] * validations, ci95=half, curve=curve).said == []


def test_a_learner_without_inner_steps_is_not_judged_by_them(story):
    run = story("doodles", "algorithm=protonet").validates(*[0.5] * 4, curve=(0.5,))
    assert run.said == []


# Overfitting

DECLINE = (0.5, 0.6, 0.7, 0.65, 0.65, 0.64, 0.63, 0.62, 0.61)


def test_overfitting_is_told_with_both_curves(story):
    run = story("doodles").trains(lambda share: 1.0 - share / 2).validates(*DECLINE)
    one = run.only
    assert one.text.startswith("Overfitting") and "takes the best checkpoint" in one.text
    assert one.numbers == (
        "Validation accuracy at iteration 900: 61.00 ± 1.00 %; at 300 it was 70.00 ± 1.00 %. "
        "Training loss: 0.75 in the second third so far, 0.583 in the last."
    )
    assert one.change == {"family.train_classes": 24}


def test_where_there_are_no_more_classes_fewer_iterations_are_proposed(story):
    errors = [1 - accuracy for accuracy in DECLINE]
    run = story("sinusoid").trains(lambda share: 1.0 - share / 2).validates(*errors)
    assert run.only.change == {"training.iterations": 300}


@pytest.mark.parametrize(
    ("losses", "means", "half"),
    [
        (flat, DECLINE, 0.01),  # the training got worse too
        (falling, (*DECLINE[:-1], 0.69), 0.01),
        (falling, DECLINE, 0.05),
        (falling, DECLINE[:4], 0.01),
    ],
)
def test_a_decline_that_may_be_noise_is_no_overfitting(story, losses, means, half):
    assert story().trains(losses).validates(*means, ci95=half).said == []


# The test


def test_a_test_far_below_validation_is_said_to_be(story):
    run = story().validates(0.7, 0.8, 0.7, 0.7, 0.7).tests(0.7)
    assert run.only.text.startswith(
        "The test is clearly worse than validation. The best of 5 validations is chosen partly by luck"
    )
    assert run.only.numbers == (
        "Test accuracy: 70.00 ± 1.00 % on 600 tasks. Validation at iteration 200: 80.00 ± 1.00 % on 100."
    )
    assert run.only.change == {"evaluation.val_episodes": 600}


def test_without_a_choice_there_was_no_luck(story):
    one = story().validates(0.7, 0.8).tests(0.7).only
    assert "harder" in one.text and one.change is None


@pytest.mark.parametrize(("test", "half"), [(0.9, 0.01), (0.79, 0.01), (0.7, 0.1)])
def test_a_test_that_agrees_with_validation_is_nothing_to_speak_of(story, test, half):
    assert story().validates(0.7, 0.8).tests(test, half).said == []


def test_diverged_test_tasks_are_compared_by_median(story):
    run = story("sinusoid").validates(0.2, 0.1).tests(1e9, 1e3, diverged=1, median=0.1, quartiles=[0.05, 0.3])
    assert run.said == []  # validation has no median: an earlier version's
    best = run.store.get(run.id).best | {"median": 0.1, "quartiles": [0.05, 0.3], "diverged": 0}
    run.store.update(run.id, best=best)
    assert run.said == []
    run.store.update(run.id, best=best | {"median": 0.01, "quartiles": [0.0, 0.05]})
    assert "median 0.1" in run.only.numbers


# The end of the training


def test_a_loss_that_still_falls_asks_for_more_iterations(story):
    one = story().trains(lambda share: 1.0 - 0.8 * share).validates(*np.linspace(0.4, 0.8, 9).tolist()).ends().only
    assert one.text == "The training loss was still falling steeply at the end: more iterations may help."
    assert one.numbers.startswith("Training loss: 0.4 in the last sixth but one of the training, 0.26")
    assert one.change == {"training.iterations": 1800}


def test_a_training_that_its_time_ended_asks_for_more_time(story):
    run = story("doodles", "training.minutes=3").trains(lambda share: 1.0 - 0.8 * share, 450)
    assert run.ends().only.change == {"training.minutes": 6}


@pytest.mark.parametrize(
    ("losses", "means"),
    [
        (falling, (0.7, 0.8)),
        (lambda share: 1.0 - 0.1 * share, (0.7, 0.8)),  # falls, and not by much
        (lambda share: 1.0 - 0.8 * share, (0.8, 0.7)),  # what it learned last does not carry over
        (lambda share: -share, (0.7, 0.8)),
    ],
)
def test_a_loss_that_is_about_done_asks_for_nothing(story, losses, means):
    assert story().trains(losses, 200).validates(*means).ends().said == []


def test_a_loss_of_few_points_asks_for_nothing(story):
    assert story().trains(lambda share: 1.0 - 0.8 * share, 40).ends().said == []


# What all share


def test_between_validations_nothing_new_is_said(story):
    run = story().trains(flat, 450).validates(0.335, 0.33, 0.34, 0.336)
    before = run.said
    assert before
    run.store.add_metrics(run.id, [(i, 0.0, QUERY_LOSS, 0.01) for i in range(451, 600)])
    run.store.update(run.id, iteration=599)
    assert run.said == before


def test_a_setting_that_plays_no_part_is_not_proposed(story):
    run = story().validates(*[0.5] * 4, curve=(0.33, 0.6, 0.58, 0.5))
    facts = run.store.get(run.id).facts
    run.store.update(run.id, facts=facts | {"idle": ["evaluation.inner_steps"]})
    assert run.only.change is None


def test_of_a_run_of_unknown_tasks_nothing_is_said(story):
    run = story("sinusoid").validates(*[9.0] * 4, ci95=0.2, curve=(3.0, 9.0))
    run.store.update(run.id, facts=None)
    assert run.said == []


def test_a_run_without_numbers_has_nothing_to_say(story):
    assert story().said == []
