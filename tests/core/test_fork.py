"""Runs that go on from another one's checkpoint: the same numbers as the parent's, other settings, refusals in time."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from core.config.checks import ConfigError, parse
from core.errors import RunError
from core.fork import start_of
from core.handover import bundle
from core.runs import scheduler
from core.runs.home import Home
from core.runs.schema import Run
from core.runs.store import RunStore
from core.trained import evaluate_run
from core.training import checkpoint
from core.training.checkpoint import newest
from core.training.listener import Stopped
from core.training.trainer import Trainer
from tests.core.tiny import MemoryListener, open_tiny, tiny, values
from tests.data.frozen_nets import frozen_network

Trained = tuple[Run, MemoryListener, Trainer]


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home.database)


def row(store: RunStore, home: Home, config: dict[str, Any]) -> Run:
    return store.create(config, "a run", folder_root=home.runs_folder, datasets=home.datasets)


def train(store: RunStore, home: Home, run: Run, answer: Callable = lambda _: "run") -> Trained:
    config, listener = parse(run.config), MemoryListener(answer)
    trainer = Trainer(config, open_tiny(config, home), home.artifacts(run).checkpoints(), listener, beat=0.0)
    trainer.run()
    return store.get(run.id), listener, trainer


def parent_of(store: RunStore, home: Home, *changed: str) -> Run:
    """A finished run of four iterations."""
    return train(store, home, row(store, home, values("doodles", *changed)))[0]


def forked(store: RunStore, home: Home, parent: Run, *changed: str, which: str = "last") -> Run:
    config = tiny("doodles", *changed).model_dump(mode="json")
    start = start_of(store, home, config, parent.id, which)
    run = row(store, home, config)
    start.copy_to(store, home, run)
    return store.get(run.id)


@pytest.mark.parametrize("which", ["last", "best"])
def test_a_fork_with_more_iterations_equals_a_run_that_was_never_ended(store: RunStore, home: Home, which: str) -> None:
    parent = parent_of(store, home)
    _, whole, whole_trainer = train(store, home, row(store, home, values("doodles", "training.iterations=7")))
    score = {"iteration": newest(home.artifacts(parent).checkpoints(), "best").iteration, "mean": 0.5}
    store.update(parent.id, best=score)
    fork = forked(store, home, parent, "training.iterations=7", which=which)
    assert fork.best == score, "its row says what checkpoint it has"
    gone = store.delete(parent.id)  # which it outlives
    home.artifacts(gone).delete()
    at = fork.iteration
    _, listener, trainer = train(store, home, fork)
    later = [one for one in whole.curve if one[0] > at]
    assert at in (2, 4)
    assert listener.curve == later
    assert listener.scores == [one for one in whole.scores if one[0] > at or one[1] == "test"]
    assert trainer.best == whole_trainer.best
    assert trainer.seconds > fork.seconds > 0


def test_a_changed_rate_counts_from_the_first_step_and_inner_settings_do_not_keep_the_best(
    store: RunStore, home: Home
) -> None:
    parent = parent_of(store, home)
    changed = ("training.iterations=6", "training.meta_lr=0.05", "algorithm.inner_steps=2")
    fork = forked(store, home, parent, *changed)
    _, listener, _ = train(store, home, fork)
    rates = [(iteration, rate) for iteration, key, rate in listener.curve if key == "train/learning_rate"]
    assert rates == [(5, 0.05), (6, 0.05)]
    assert [iteration for iteration, split, _ in listener.scores if split == "val"] == [4, 6]


def test_a_kept_checkpoint_is_gone_on_from_and_tested(store: RunStore, home: Home) -> None:
    parent = parent_of(store, home, "training.keep_best=4", "training.evaluate_every=1")
    artifacts = home.artifacts(parent)
    kept = [one for one in artifacts.kept() if one]
    assert kept == [one.iteration for one in checkpoint.found(artifacts.checkpoints(), "kept") if one.iteration]
    fork = forked(store, home, parent, "training.iterations=7", which=str(kept[0]))
    assert fork.iteration == kept[0]
    train(store, home, fork)
    result = evaluate_run(home, parent, which=str(kept[0]))
    assert result.protocol["checkpoint"] == f"kept@{kept[0]}"
    assert result.mean != evaluate_run(home, parent).mean
    file = io.BytesIO()
    bundle.write(parent, artifacts, file, str(kept[0]))
    assert f"kept@{kept[0]}".encode() in file.getvalue()


def test_a_fork_is_stopped_and_resumed(store: RunStore, home: Home) -> None:
    parent = parent_of(store, home)
    whole = train(store, home, forked(store, home, parent, "training.iterations=7"))[1]
    fork = forked(store, home, parent, "training.iterations=7")
    with pytest.raises(Stopped):
        train(store, home, fork, lambda progress: "stop" if progress.iteration == 6 else "run")
    assert checkpoint.newest(home.artifacts(fork).checkpoints(), "last").iteration == 6
    assert train(store, home, fork)[1].scores[-1] == whole.scores[-1]


@pytest.mark.parametrize(
    ("changed", "path", "said"),
    [
        (("training.iterations=4",), "training.iterations", "nothing left to train"),
        (("algorithm=reptile",), "algorithm.name", "of maml, not of reptile"),
        (("model.widths=[9]",), "model.widths", "another network"),
        (("family.n_way=4", "evaluation.n_way=4"), "family.n_way", "other weights"),
        (("seed=3",), "seed", "random state"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused_at_its_setting(
    store: RunStore, home: Home, changed: tuple[str, ...], path: str, said: str
) -> None:
    parent = parent_of(store, home)
    with pytest.raises(ConfigError, match=said) as refused:
        forked(store, home, parent, "training.iterations=9", *changed)
    assert refused.value.problems[0].path == path


def test_weights_do_not_go_on_behind_another_frozen_network(store: RunStore, home: Home) -> None:
    parent = parent_of(store, home)
    with pytest.raises(ConfigError, match="another frozen network or none") as refused:
        forked(store, home, parent, "training.iterations=9", *frozen_network(home.root))
    assert refused.value.problems[0].path == "family.extractor"


def test_a_fork_goes_on_by_the_outer_update_of_its_parent(store: RunStore, home: Home) -> None:
    """Whose optimizer's state the checkpoint has."""
    few = ("evaluation.episodes=4", "evaluation.val_episodes=3")
    parent = train(store, home, row(store, home, values("navigation", *few)))[0]
    config = values("navigation", *few, "training.iterations=9", "training.outer_update=trpo")
    with pytest.raises(ConfigError, match="another outer update") as refused:
        start_of(store, home, config, parent.id, "last")
    assert refused.value.problems[0].path == "training.outer_update"


def test_learned_inner_rates_are_not_set_anew(store: RunStore, home: Home) -> None:
    own = ("algorithm=meta-sgd", "training.iterations=9")
    parent = parent_of(store, home, "algorithm=meta-sgd")
    with pytest.raises(ConfigError, match="inner rates are among the weights"):
        forked(store, home, parent, *own, "algorithm.inner_lr=0.5")


def test_a_checkpoint_that_is_not_there_is_said_with_those_that_are(store: RunStore, home: Home) -> None:
    parent = parent_of(store, home)
    with pytest.raises(RunError, match="has no checkpoint 3") as refused:
        forked(store, home, parent, "training.iterations=9", which="3")
    assert "last@4" in refused.value.remedy


def test_nothing_is_queued_where_the_checkpoint_cannot_be_copied(store: RunStore, home: Home) -> None:
    def full(_: Run) -> None:
        raise RunError("The disk is full.", "Free some space.")

    with pytest.raises(RunError, match="full"):
        scheduler.submit(store, home, [scheduler.Launch("a fork", values("doodles"))], ready=full)
    assert store.count() == 0
