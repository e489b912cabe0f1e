"""What is answered: nothing is recommended that no verdict bears out."""

from pathlib import Path

import pytest

from core.runs.store import RunStore
from core.tournament import needed
from core.tournament.answer import Answer, about_time, answer
from core.tournament.budget import Budget
from core.tournament.record import Tournament, tournament
from tests.core.tournament.made_up import entered, score


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path}/innerloop.db")


def answered(store: RunStore, found: Tournament) -> Answer:
    return answer(tournament(store, found.number), store)


def said(of: Answer, question: str) -> str:
    (text,) = [one.text for one in of.advice if one.question == question]
    return text


def decided(of: Answer) -> dict[str, bool]:
    return {one.question: one.decided for one in of.advice}


def test_a_decided_one_is_recommended_with_its_numbers(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path, seeds=3)
    for place, run in enumerate(found.runs):
        better = run.config["algorithm"]["name"] == "protonet"
        score(store, run, (0.9 if better else 0.8) + 0.001 * (place // 2), seconds=2.0 if better else 1.0)
    of = answered(store, found)
    assert [place.label for place in of.places] == ["ProtoNet", "MAML"]
    assert said(of, "Which scores best") == (
        "ProtoNet: 90.10 ± 0.25 % (3 seeds), better than MAML by 10.0 ± 0.2 points."
    )
    assert said(of, "Where training time counts") == (
        "ProtoNet, which scores best: 2 s of training. MAML is cheaper (1 s of training) and worse than ProtoNet by "
        "10.0 ± 0.2 points."
    )
    assert said(of, "Where any network must do") == (
        "MAML, the only model-agnostic one here: 80.10 ± 0.25 % (3 seeds), 10.0 ± 0.2 points behind ProtoNet."
    )
    assert said(of, "How much the seed matters") == (
        "Standard deviations: ProtoNet 0.10 points between seeds (± 1.40 points from the test tasks), MAML 0.10 points between "
        "seeds (± 1.40 points from the test tasks). So few seeds tell their spread but roughly."
    )
    assert decided(of)["Which scores best"]
    assert all(verdict.decided for verdict in of.verdicts)


def test_where_nothing_is_decided_no_difference_is_said_and_the_cheaper_one(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path, seeds=3)
    for place, run in enumerate(found.runs):
        mean = 0.8 + 0.03 * (place // 2) * (1 if place % 2 else -1)
        score(store, run, mean, seconds=9.0 if place % 2 else 1.0)
    of = answered(store, found)
    assert said(of, "Which scores best").startswith("No difference was found between ProtoNet with ")
    assert "Undecided: MAML − ProtoNet" in said(of, "Which scores best")
    assert not decided(of)["Which scores best"]
    assert said(of, "Where training time counts") == (
        "MAML: of those between which no difference in score was found it is the cheapest: MAML 1 s of training and "
        "ProtoNet 9 s of training."
    )
    assert said(of, "Where adaptation must be fast").startswith("No choice between")
    assert "with no difference found to ProtoNet" in said(of, "Where any network must do")


def test_trainings_of_equal_time_cost_the_same_however_long_a_last_step_took(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path, ("maml", "protonet", "scratch"), seeds=2, budget=Budget(seconds=5.0))
    for place, run in enumerate(found.runs):
        score(store, run, 0.8 + 0.03 * (place // 3), seconds=9.0 if place % 2 else 5.0)
    text = said(answered(store, found), "Where training time counts")
    assert "MAML 5 s of training" in text and "ProtoNet 5 s of training" in text and "no training at all" in text


def test_one_seed_each_is_of_these_trainings_alone(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path, seeds=1)
    for run, mean in zip(found.runs, (0.8, 0.9), strict=True):
        score(store, run, mean)
    of = answered(store, found)
    assert "This is of these trainings alone: more seeds would say whether it holds" in said(of, "Which scores best")
    assert said(of, "How much the seed matters").startswith("One seed each says nothing of it")


def test_seeds_that_are_still_to_come_are_not_asked_for(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path, seeds=3)
    for run, mean in zip(found.runs[:2], (0.8, 0.9), strict=True):
        score(store, run, mean)
    assert said(answered(store, found), "How much the seed matters") == (
        "One seed each says nothing of it: the others are not tested."
    )


def test_the_middle_of_three_is_named_as_the_next(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path, ("maml", "protonet", "reptile"), seeds=1)
    for run, mean in zip(found.runs, (0.8, 0.9, 0.6), strict=True):
        score(store, run, mean)
    of = answered(store, found)
    assert "better than each of the other 2; the next, MAML, is 10.0 ± " in said(of, "Which scores best")
    assert said(of, "Where any network must do").startswith("MAML, the best of the model-agnostic ones: 80.00")


def test_failed_runs_are_said_to_flatter(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path)
    for run in found.runs[:3]:
        score(store, run, 0.8)
    store.move(found.runs[3].id, "failed", {"queued"}, error="The loss is not finite.")
    place = next(one for one in answered(store, found).places if one.label == "ProtoNet")
    assert (place.tested, place.entered) == (1, 2)
    assert place.remark == (
        "1 of 2 runs failed: The loss is not finite; its score is of the others, which flatters it."
    )


def test_before_there_are_two_scores_nothing_is_recommended(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path)
    assert [(one.text, one.decided) for one in answered(store, found).advice] == [("Nothing is tested yet.", False)]
    store.update(found.runs[1].id, iteration=2, seconds=3.0)
    training = next(place for place in answered(store, found).places if place.label == "ProtoNet")
    assert (training.iterations, training.standing.seconds) == (2.0, 3.0)  # and not the mean with those that wait
    score(store, found.runs[0], 0.8)
    of = answered(store, found)
    assert [one.text for one in of.advice] == ["MAML alone has a score so far: 80.00 ± 1.40 % (200 tasks)."]
    assert (of.verdicts, [place.label for place in of.places]) == ((), ["MAML", "ProtoNet"])


def test_how_many_shots_each_needs_is_read_from_tests_of_the_same_checkpoints(store: RunStore, tmp_path: Path) -> None:
    found = entered(store, tmp_path, seeds=1)
    maml, protonet = found.runs
    score(store, maml, 0.8)
    score(store, protonet, 0.7)
    of = answered(store, found)
    assert needed.sentence(of.places, needed.curves(of.places, store)) == ""
    for k, mean in ((1, 0.5), (5, 0.85), (10, 0.9)):
        score(store, protonet, mean, k_shot=k)
    score(store, protonet, 0.99, k_shot=2, inner_steps=9)  # of another question
    of = answered(store, found)
    curves = needed.curves(of.places, store)
    assert {curve.label: list(curve.scores) for curve in curves} == {"MAML": [2], "ProtoNet": [1, 2, 5, 10]}
    assert curves[1].scores[2].mean == 0.7
    assert needed.sentence(of.places, curves) == (
        "To score on average as MAML does with 2 shots (80.00 %), ProtoNet needs 5. "
        "That is by means alone; no verdict stands behind it."
    )
    found = tournament(store, found.number)
    for k in (1, 5):
        score(store, protonet, 0.1, k_shot=k)
    score(store, protonet, 0.1, k_shot=10)
    assert "10 are not enough for ProtoNet." in needed.sentence(of.places, needed.curves(of.places, store))
    chart = needed.chart(curves)
    assert [list(trace.x) for trace in chart.traces] == [[2], [1, 2, 5, 10]]
    assert of.verdicts[0].better == "MAML"  # by the tests with as many shots as the tournament was about


@pytest.mark.parametrize(("seconds", "text"), [(0.0031, "3.1 ms"), (0.0996, "0.1 s"), (20.0, "20 s"), (360.0, "6 min")])
def test_times_in_words(seconds: float, text: str) -> None:
    assert about_time(seconds) == text
