"""The pretrained baseline: which weights a new task gets, which it may change, and how the fine-tuning is chosen."""

from collections.abc import Callable

import pytest
import torch

from core.algorithms.fine_tune import MOST_STEPS, RATES, FineTuning, middling
from core.algorithms.pretrain import Pretrain
from core.models.base import build_model, head_parameters
from core.runs.home import Home
from core.training import checkpoint
from core.training.build import build_learner
from core.training.evaluation import evaluate, score_all
from core.training.frozen import BLOCK, frozen_episodes
from core.training.trainer import Trainer
from core.training.tuning import tune, tuning_steps
from data.spec import InputSpec
from tests.core.tiny import MemoryListener, open_tiny, tiny

PRETRAIN = ("algorithm=pretrain", "algorithm.batch_size=32")


def pretrained(home: Home, base: str, *assignments: str, steps: int = 5) -> Pretrain:
    """The baseline after a few ordinary batches, about to fine-tune."""
    config = tiny(base, *PRETRAIN, *assignments)
    family = open_tiny(config, home)
    algorithm = build_learner(config, family, "stacked")
    optimizer = torch.optim.Adam([p for p in algorithm.parameters() if p.requires_grad], lr=0.01)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimizer.zero_grad()
        algorithm.meta_step(config.family.shape, 1, generator)
        optimizer.step()
    algorithm.chosen = middling(algorithm.candidates())
    return algorithm


def episodes(algorithm: Pretrain, base: str):
    return next(frozen_episodes(tiny(base, *PRETRAIN), algorithm.family, "test", 5).chunks())


@pytest.mark.parametrize("base", ["doodles", "conv4"])
def test_a_new_task_starts_with_a_zero_output_layer_on_the_trained_body(pictures: Home, base: str) -> None:
    algorithm = pretrained(pictures, base)
    tasks = episodes(algorithm, base)
    state = algorithm.adapt(tasks, 0)
    logits = algorithm.predict(state, tasks.query_x)
    assert torch.equal(logits, torch.zeros_like(logits))
    # All logits equal: argmax says class 0, which is right for one class in three.
    assert tasks.objective.score(logits, tasks.query_y) == pytest.approx(torch.full((5,), 1 / 3))
    trained = dict(algorithm.classifier.named_parameters())
    body = {name for name in state.weights if name not in algorithm.head}
    assert body
    assert all(torch.equal(state.weights[name][2], trained[name]) for name in body)


@pytest.mark.parametrize(("scope", "body_moves"), [("head", False), ("all", True)])
def test_what_fine_tuning_may_change(pictures: Home, scope: str, body_moves: bool) -> None:
    algorithm = pretrained(pictures, "conv4", f"algorithm.finetune={scope}")
    tasks = episodes(algorithm, "conv4")
    before = {name: p.clone() for name, p in algorithm.named_parameters()}
    first, *_, last = algorithm.trajectory(tasks, 3, differentiable=False)
    # BatchNorm takes a bias before it away again, so that those have no gradient.
    for name, value in ((n, v) for n, v in last.weights.items() if "0.bias" not in n):
        moves = name in algorithm.head or body_moves
        assert torch.equal(value, first.weights[name]) is not moves, name
    assert all(torch.equal(p, before[name]) for name, p in algorithm.named_parameters())


def test_training_changes_the_classifier_and_not_the_mould(pictures: Home) -> None:
    fresh, trained = pretrained(pictures, "doodles", steps=0), pretrained(pictures, "doodles", steps=2)
    assert trained.classifier[-1].out_features == 12  # all training classes
    assert not torch.equal(fresh.classifier[1].weight, trained.classifier[1].weight)
    assert torch.equal(fresh.model[1].weight, trained.model[1].weight)


@pytest.mark.parametrize(
    ("assignments", "head"),
    [
        (("model=mlp", "model.widths=[6]"), {"3.weight", "3.bias"}),
        (("model=conv4", "model.filters=4"), {"head.weight", "head.bias"}),
        (("model=module", "model.path=OWN:Plain"), {"classify.weight", "classify.bias"}),
        (("model=module", "model.path=OWN:Embedded"), {"head.weight", "head.bias"}),
    ],
)
def test_the_output_layer_is_found_in_any_network(
    assignments: tuple[str, ...], head: set[str], write_module: Callable[[], str]
) -> None:
    name = write_module()
    config = tiny("doodles", *(text.replace("OWN", name) for text in assignments))
    assert head_parameters(lambda outputs: build_model(config.model, InputSpec((1, 28, 28)), outputs, 0), 5) == head


def test_regression_keeps_the_whole_network(pictures: Home) -> None:
    algorithm = pretrained(pictures, "sinusoid")
    tasks = episodes(algorithm, "sinusoid")
    state = algorithm.adapt(tasks, 0)
    expected = algorithm.classifier(tasks.query_x[0])
    torch.testing.assert_close(algorithm.predict(state, tasks.query_x)[0], expected)
    assert expected.abs().max() > 0
    assert {candidate.scope for candidate in algorithm.candidates()} == {"all"}


def test_one_batch_is_ordinary_supervised_training(pictures: Home) -> None:
    algorithm = pretrained(pictures, "doodles", steps=0)
    report = algorithm.meta_step(tiny("doodles").family.shape, 1, torch.Generator().manual_seed(4))
    x, y = algorithm.family.sample_flat("train", 32, torch.Generator().manual_seed(4))
    assert y.max() > 2  # classes of the pool, not of a task
    expected = torch.nn.functional.cross_entropy(algorithm.classifier(x), y)
    assert report.query_loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert report.support_loss is None
    gradient = torch.autograd.grad(expected, algorithm.classifier[-1].weight)[0]
    torch.testing.assert_close(algorithm.classifier[-1].weight.grad, gradient)


def test_what_is_left_open_is_looked_through_and_what_is_given_stays(pictures: Home) -> None:
    everything = pretrained(pictures, "doodles", steps=0).candidates()
    assert {(c.scope, c.lr) for c in everything} == {(scope, lr) for scope in ("all", "head") for lr in RATES}
    assert {c.steps for c in everything} == {MOST_STEPS}
    given = ("algorithm.finetune=head", "algorithm.finetune_lr=0.2", "algorithm.finetune_steps=7")
    assert pretrained(pictures, "doodles", *given, steps=0).candidates() == [FineTuning("head", 0.2, 7)]


def test_tuning_takes_the_best_of_the_grid_on_validation(pictures: Home) -> None:
    config = tiny("doodles", *PRETRAIN)
    algorithm = pretrained(pictures, "doodles", steps=30)
    frozen = frozen_episodes(config, algorithm.family, "val", 10)
    tune(algorithm, config, frozen)
    chosen, lengths = algorithm.chosen, tuning_steps(MOST_STEPS)

    def score(candidate: FineTuning) -> list[float]:
        algorithm.chosen = candidate
        return score_all(algorithm, frozen, lengths, BLOCK).mean(1).tolist()

    best = score(chosen)[lengths.index(chosen.steps)]
    others = [mean for candidate in algorithm.candidates() for mean in score(candidate)]
    assert best == max(others) > min(others)


def test_tuning_looks_at_lengths_that_grow_by_equal_factors() -> None:
    assert tuning_steps(MOST_STEPS) == [1, 2, 3, 4, 7, 9, 14, 20]
    assert tuning_steps(1) == [1]


def test_tuning_a_regression_takes_the_lowest_error(pictures: Home) -> None:
    config = tiny("sinusoid", *PRETRAIN, "algorithm.finetune_steps=1")
    algorithm = pretrained(pictures, "sinusoid", "algorithm.finetune_steps=1", steps=0)
    with torch.no_grad():  # a line through the origin fits badly, and a step of 1 throws it far off
        algorithm.model[-1].weight.fill_(1.0)
    frozen = frozen_episodes(config, algorithm.family, "val", 10)
    tune(algorithm, config, frozen)
    chosen, errors = algorithm.chosen.lr, {}
    for candidate in algorithm.candidates():
        algorithm.chosen = candidate
        result = evaluate(algorithm, config, algorithm.family, "val", episodes=10, frozen=frozen)
        errors[candidate.lr] = result.mean
    assert chosen == min(errors, key=errors.get) != max(errors, key=errors.get)


def test_the_choice_survives_a_checkpoint(pictures: Home, tmp_path) -> None:
    algorithm = pretrained(pictures, "doodles")
    algorithm.chosen = FineTuning("head", 0.3, 13)
    saved = checkpoint.save(tmp_path, "best", 5, algorithm, {})
    other = pretrained(pictures, "doodles", steps=0)
    checkpoint.load(saved, other)
    assert other.chosen == FineTuning("head", 0.3, 13)
    tasks = episodes(algorithm, "doodles")
    ours, theirs = (a.predict(a.adapt(tasks, 3), tasks.query_x) for a in (algorithm, other))
    assert torch.equal(ours, theirs)


def test_it_can_be_tested_on_more_classes_than_before(pictures: Home, tmp_path) -> None:
    saved = checkpoint.save(tmp_path, "best", 5, pretrained(pictures, "doodles"), {})
    wider = pretrained(pictures, "doodles", "evaluation.n_way=5", steps=0)
    checkpoint.load(saved, wider)
    config = tiny("doodles", *PRETRAIN, "evaluation.n_way=5")
    result = evaluate(wider, config, wider.family, "test", episodes=5)
    assert result.protocol["n_way"] == 5
    assert result.curve[0]["mean"] == pytest.approx(0.2)


# What says which checkpoint is best, while the fine-tuning is open


def test_until_it_is_tuned_it_answers_by_the_nearest_class_mean_of_its_features(pictures: Home) -> None:
    algorithm = pretrained(pictures, "conv4").eval()
    algorithm.chosen = None
    tasks = episodes(algorithm, "conv4")
    with torch.no_grad():
        logits = algorithm.predict(algorithm.adapt(tasks, algorithm.adaptation_steps), tasks.query_x)
        for task in range(tasks.tasks):
            body = torch.nn.Sequential(*list(algorithm.classifier)[:-1])
            support, query = body(tasks.support_x[task]), body(tasks.query_x[task])
            means = torch.stack([support[tasks.support_y[task] == k].mean(0) for k in range(3)])
            away = torch.cdist(query, means)
            assert torch.equal(logits[task].argmax(-1), away.argmin(-1))
            # Up to what is the same for all classes, the logits are the squared distances.
            difference = logits[task] + away.square()
            torch.testing.assert_close(difference, difference[:, :1].expand(-1, 3), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("base", "settings", "by"),
    [
        ("doodles", (), {"by": "nearest class mean of features"}),
        ("doodles", ("algorithm.finetune_lr=0.1", "algorithm.finetune_steps=2", "algorithm.finetune=all"), None),
        ("sinusoid", ("algorithm.finetune_steps=2",), None),
    ],
)
def test_a_validation_says_what_its_score_is_of(pictures: Home, tmp_path, base: str, settings, by) -> None:
    """By the proxy, where it has one; otherwise by the fine-tuning, chosen anew if it is open."""
    config = tiny(base, *PRETRAIN, *settings)
    listener = MemoryListener()
    result = Trainer(config, open_tiny(config, pictures), tmp_path, listener).run()
    *validations, tuned, tested = [one for _, one, _ in listener.evaluations]
    said = [one.protocol["chosen"] for one in validations]
    assert len(said) == 3  # the untrained start is scored too
    assert all(one == by if by else one["steps"] == 2 for one in said)
    assert tuned.protocol["chosen"] == tested.protocol["chosen"] == result.protocol["chosen"]
    assert set(result.protocol["chosen"]) == {"scope", "lr", "steps"}


def test_a_regressions_fine_tuning_is_chosen_before_each_validation(pictures: Home, tmp_path) -> None:
    config = tiny(
        "sinusoid", *PRETRAIN, "training.iterations=60", "training.evaluate_every=20", "training.meta_lr=0.02"
    )
    listener = MemoryListener()
    Trainer(config, open_tiny(config, pictures), tmp_path, listener).run()
    first = listener.evaluations[0][1]
    family = open_tiny(config, pictures)
    algorithm = build_learner(config, family, "stacked")
    guess = evaluate(algorithm, config, family, "val", episodes=10)
    assert guess.protocol["chosen"] == {"scope": "all", "lr": 0.01, "steps": MOST_STEPS}
    assert first.protocol["chosen"] != guess.protocol["chosen"]


def test_a_run_that_was_stopped_is_asked_by_its_proxy(pictures: Home, tmp_path) -> None:
    algorithm = pretrained(pictures, "doodles")
    algorithm.chosen = None
    saved = checkpoint.save(tmp_path, "best", 5, algorithm, {})
    other = pretrained(pictures, "doodles", steps=0)
    checkpoint.load(saved, other)
    assert other.chosen is None and other.choice == {"by": "nearest class mean of features"}
