"""The engine from a program of one's own, and the README's example of it."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from core import load
from core.config.checks import ConfigError
from core.errors import RunError
from core.library import Learner
from core.runs.home import PROJECT, Home
from core.runs.store import RunStore
from data.errors import InnerloopError, InputError
from data.given import Given, Queries
from data.letters import VOCABULARY
from data.names import Translations, read
from tests.core.tiny import finished
from tests.data.frozen_nets import frozen_network
from tests.data.made_up_texts import made_up_texts


def learner(home: Home, *assignments: str, **options) -> Learner:
    run, _ = finished(home, *assignments)
    return load(run.id, home=home, **options)


def test_the_readmes_example_runs(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    finished(home, "doodles")
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    code = re.search(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)[1]
    scope: dict = {}
    exec(compile(code, "README.md", "exec"), scope)
    torch.testing.assert_close(scope["probabilities"].sum(-1), torch.ones(2))
    assert "tensor" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["maml", "protonet", "pretrain"])
def test_it_answers_as_the_runs_own_test_does(name: str, home: Home) -> None:
    trained = learner(home, "doodles", f"algorithm={name}")
    family, config = trained.family, trained.trained.config
    tasks = family.sample("test", config.test_shape, 3, torch.Generator().manual_seed(0))
    steps = trained.algorithm.adaptation_steps
    together = trained.algorithm.predict(trained.algorithm.adapt(tasks, steps), tasks.query_x)
    for task in range(3):
        state = trained.adapt(tasks.support_x[task].numpy(), tasks.support_y[task].tolist())
        answer = trained.predict(state, tasks.query_x[task])
        torch.testing.assert_close(answer, together[task].softmax(-1).detach(), rtol=1e-4, atol=1e-5)


def test_regression_gives_values(home: Home) -> None:
    trained = learner(home, "sinusoid")
    state = trained.adapt(np.linspace(-1, 1, 5)[:, None], np.zeros((5, 1)), steps=1)
    assert trained.predict(state, [[0.5], [1.0]]).shape == (2, 1)


def test_texts_are_given_as_they_are(home: Home) -> None:
    path = made_up_texts(home.root / "mine.csv")
    shape = ("family.n_way=2", "family.k_shot=1", "family.n_query=2", "evaluation.n_query=2")
    trained = learner(
        home, "doodles", "family=own-texts", f"family.file={path}", "family.vocabulary=64", *shape, "model=bag"
    )
    state = trained.adapt(["open the door", "close it"], [0, 1])
    answer = trained.predict(state, ["open a window, please", "close"])
    assert answer.shape == (2, 2)
    tokens = trained.family.tokens(["open the door", "close it"])
    assert tuple(tokens.shape[1:]) == trained.input_shape
    again = trained.predict(trained.adapt(tokens, [0, 1]), trained.family.tokens(["open a window, please", "close"]))
    assert torch.equal(answer, again)
    with pytest.raises(InputError, match="Give"):
        trained.adapt([], [])


@pytest.mark.parametrize("name", ["maml", "protonet"])
def test_pictures_that_a_frozen_network_reads_are_given_as_they_are(name: str, home: Home) -> None:
    trained = learner(home, "doodles", f"algorithm={name}", *frozen_network(home.root))
    images = torch.rand(5, 1, 28, 28)
    answer = trained.predict(trained.adapt(images[:3], [0, 1, 2]), images[3:])
    features = trained.family.extracted(images)
    assert tuple(features.shape) == (5, 6)
    torch.testing.assert_close(trained.predict(trained.adapt(features[:3], [0, 1, 2]), features[3:]), answer)


def test_names_are_given_and_written_as_they_are(home: Home) -> None:
    trained = learner(home, "names", "family.longest=12")
    names, own, asked = ["Poland", "May", "euro"], ["Polska", "maj", "Евро"], ["Italy", "day"]
    state = trained.adapt(names, own, steps=2)
    said = trained.translate(state, asked)
    tokens, targets = trained.family.tokens(names), trained.family.translated(own)
    assert (tuple(tokens.shape), tuple(targets.shape)) == ((3, 12, 2), (3, 12))
    # As a batch of the family's own would be adapted and asked, which is what its test does.
    empty = torch.zeros(1, 2, 12, dtype=torch.int64)
    source, query = tokens[None, ..., 0], trained.family.tokens(asked)[None, ..., 0]
    batch = Translations(source, targets[None], query, empty, torch.tensor([0]), 12)
    adapted = trained.algorithm.adapt(batch, 2)
    wanted = read(batch.produced(lambda x: trained.algorithm.predict(adapted, x)))[0]
    assert said == wanted
    first, later = (trained.algorithm.adapt(batch, steps).weights for steps in (0, 2))
    assert any(not torch.equal(first[name], later[name]) for name in first), "the pairs change it"
    logits = trained.predict(state, trained.family.tokens(asked))
    assert tuple(logits.shape) == (2, 12, VOCABULARY)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        ([], [], "support_x holds something else"),
        (["May"], ["maj", "x"], "Give (1, 12)"),
        (["May"], torch.full((1, 12), VOCABULARY), "whole numbers"),
        (["May"], torch.rand(1, 12), "whole numbers"),
        (["\ud800"], ["x"], "cannot be written"),
        (["😀"], ["x"], "cannot be written"),
        (["a name that is far too long"], ["x"], "1 to 12"),
        (["x"], ["twelve signs"], "1 to 11"),
    ],
)
def test_names_that_cannot_be_meant_are_refused(x: list, y: object, says: str, home: Home) -> None:
    trained = learner(home, "names", "family.longest=12", "training.iterations=1")
    with pytest.raises(InnerloopError) as error:
        trained.adapt(x, y, 1)
    assert says in str(error.value)
    with pytest.raises(InputError, match="nothing to answer"):
        trained.translate(trained.adapt(["May"], ["maj"], 1), [])


@pytest.mark.parametrize(("name", "classes"), [("maml", 4), ("maml", 1), ("protonet", 2)])
def test_a_number_of_classes_that_does_not_fit_is_refused(name: str, classes: int, home: Home) -> None:
    trained = learner(home, "doodles", f"algorithm={name}", "training.iterations=1")
    with pytest.raises(InputError, match="does not fit this learner of 3"):
        trained.adapt(torch.rand(classes, 1, 28, 28), list(range(classes)), 1, classes)


def test_a_learner_of_something_else_translates_nothing(home: Home) -> None:
    trained = learner(home, "sinusoid", "training.iterations=1")
    with pytest.raises(InputError, match="not translated"):
        trained.translate(trained.adapt([[1.0]], [[1.0]]), ["a"])


@pytest.mark.parametrize("name", ["maml", "anil"])
def test_fewer_classes_than_it_has_outputs_for_are_answered_for_alone(name: str, home: Home) -> None:
    trained = learner(home, "conv4", f"algorithm={name}", batch_statistics="support")
    pictures = torch.rand(5, 1, 28, 28)
    given = Given(pictures[:3], torch.tensor([0, 1, 1]), ("owl", "crow"))
    task = trained.shown(given)
    answers = task.said_of(Queries(pictures[3:], ("a", "b")))
    assert answers.values.shape == (2, 2) and "3 classes" in answers.remarks[0]
    torch.testing.assert_close(answers.values.sum(1), torch.ones(2))
    logits = trained.algorithm.predict(task.state, pictures[None, 3:])[0, :, :2]
    torch.testing.assert_close(answers.values, logits.softmax(1).detach())
    torch.testing.assert_close(task.network()(pictures[3:]), answers.values, rtol=1e-4, atol=1e-5)


def test_one_query_alone_and_another_number_of_classes(home: Home) -> None:
    trained = learner(home, "conv4", "algorithm=protonet", n_way=2, batch_statistics="support")
    state = trained.adapt(torch.rand(3, 1, 28, 28), [0, 1, 1])
    assert trained.predict(state, torch.rand(1, 1, 28, 28)).shape == (1, 2)


@pytest.mark.parametrize(
    ("x", "y", "steps", "says"),
    [
        (torch.rand(3, 28, 28), [0, 1, 2], 1, "(n, 1, 28, 28)"),
        (torch.rand(0, 1, 28, 28), [], 1, "(n, 1, 28, 28)"),
        (torch.rand(3, 1, 28, 28), [0, 1], 1, "(3,)"),
        (torch.rand(3, 1, 28, 28), [0, 1, 3], 1, "each class from 0 to 2"),
        (torch.rand(3, 1, 28, 28), [0.0, 1.0, 2.0], 1, "each class from 0 to 2"),
        (torch.rand(3, 1, 28, 28), [0, 1, 2], -1, "0 or more"),
    ],
)
def test_what_cannot_be_meant_is_said(x: torch.Tensor, y: list, steps: int, says: str, home: Home) -> None:
    trained = learner(home, "doodles", "training.iterations=1")
    with pytest.raises(InputError) as error:
        trained.adapt(x, y, steps)
    assert says in str(error.value)


def test_a_run_that_cannot_be_loaded_says_why(home: Home, tmp_path: Path) -> None:
    run, _ = finished(home, "doodles", "training.iterations=1")
    with pytest.raises(ConfigError, match="cannot be tested on 2"):
        load(run.id, home=home, n_way=2)
    store = RunStore(home.database)
    empty = store.create(run.config, "untrained", folder_root=tmp_path / "other", datasets=home.datasets)
    with pytest.raises(RunError, match="no checkpoint yet"):
        load(empty.id, home=home)
