"""The game against learners: fair questions, answered one by one."""

import pytest
import torch

from core.library import load
from core.playground.versus import Answers, checked, drawn, played, score
from core.runs.home import Home
from data.errors import DataError
from tests.core.tiny import finished, open_tiny, tiny


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("versus")
    config = tiny("doodles", "family.test_classes=12", "family.examples_per_character=8", "evaluation.n_query=2")
    return open_tiny(config, Home(folder, folder / "datasets", ""))


def test_a_seed_draws_the_same_game_and_what_is_asked_is_another_example_of_a_shown_class(family) -> None:
    game, again, other = drawn(family, 5, 3), drawn(family, 5, 3), drawn(family, 5, 4)
    assert torch.equal(game.tasks.query_x, again.tasks.query_x)
    assert not torch.equal(game.tasks.query_x, other.tasks.query_x)
    assert (game.rounds, game.n_way, game.tasks.query_x.shape) == (20, 5, (20, 1, 1, 28, 28))
    pool = family.pool("test").images.unflatten(0, (12, 8)).float().div(255)  # (classes, examples, 1, 28, 28)
    for round_ in range(game.rounds):
        shown = [where(pool, x) for x in game.tasks.support_x[round_]]
        asked = where(pool, game.tasks.query_x[round_, 0])
        assert len({number for number, _ in shown}) == 5, "distinct classes"
        assert len({drawer for _, drawer in shown}) == 1, "all examples are of one drawer"
        assert shown[game.right[round_]][0] == asked[0] and asked[1] != shown[0][1]
    assert set(game.right) == {0, 1, 2, 3, 4}


def where(pool: torch.Tensor, picture: torch.Tensor) -> tuple[int, int]:
    same = (pool == picture).flatten(2).all(-1).nonzero()
    return tuple(same[0].tolist())


def test_the_classes_of_a_question_are_of_one_alphabet_and_upright(family, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{'Greek' if i < 6 else 'Latin'}/character{i:02}/rot{90 * (i % 3 == 0):03}" for i in range(12)]
    monkeypatch.setattr(family, "names", lambda _: names)
    game = drawn(family, 4, 0)
    pool = family.pool("test").images.unflatten(0, (12, 8)).float().div(255)
    assert set(game.groups) == {"Greek", "Latin"}
    for round_, group in enumerate(game.groups):
        classes = [names[where(pool, x)[0]] for x in game.tasks.support_x[round_]]
        assert all(name.startswith(group) and name.endswith("rot000") for name in classes)
    with pytest.raises(DataError, match="no 5 test classes of one kind"):
        drawn(family, 5, 0)


@pytest.mark.parametrize("learner", ["maml", "protonet", "pretrain"])
def test_a_learner_answers_each_question_alone(learner: str, home: Home) -> None:
    run, _ = finished(home, "doodles", f"algorithm={learner}")
    trained = load(run.id, home=home, batch_statistics="support")
    game = drawn(trained.family, 3, 0, rounds=4)
    given = played(trained.algorithm, game, steps=1)
    assert len(given.said) == len(given.seconds) == 4 and min(given.seconds) > 0
    for round_ in range(4):
        task = game.tasks[round_ : round_ + 1]
        state = trained.adapt(task.support_x[0], task.support_y[0], steps=1)
        assert int(trained.predict(state, task.query_x[0])[0].argmax()) == given.said[round_]


def test_a_score_has_the_interval_of_a_share(family) -> None:
    game = drawn(family, 5, 0)
    wrong = [(one + 1) % 5 for one in game.right]
    answers = Answers(tuple(game.right[:15] + wrong[15:]), tuple(float(i) for i in range(20)))
    found = score(game, answers)
    assert (found.right, found.of, found.share, found.seconds) == (15, 20, 0.75, 9.5)
    assert (found.low, found.high) == pytest.approx((0.5313, 0.8881), abs=1e-4)  # Wilson 1927
    assert score(game, Answers((), ())) is None
    assert score(game, Answers((game.right[0],), (1.0,))).of == 1


@pytest.mark.parametrize(
    "given", [None, "abc", 7, [[9, 1.0]], [[0, -1.0]], [[True, 1.0]], [[0]], [[0, "1"]], [{"a": 1}]]
)
def test_what_is_no_answer_is_left_out(given: object, family) -> None:
    game = drawn(family, 5, 0)
    assert checked(given, game).said == ()
    assert checked([[1, 0.5], *([given] if not isinstance(given, list) else given), [2, 1.0]], game).said[:1] == (1,)
    assert len(checked([[0, 1.0]] * 99, game).said) == 20
