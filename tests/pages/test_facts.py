"""Pages, charts and the command line show a learner and a metric that they have never heard of."""

import ast
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core import charts
from core.algorithms.base import algorithms
from core.cli import app as cli
from core.config import checks, facts, telling
from core.config.facts import facts_of
from core.runs.facts import Facts
from core.runs.home import PROJECT
from core.runs.series import SeriesReader
from data.metric import Metric
from data.registry import families
from data.view import KINDS
from pages.parts.runs.table import row, styled
from tests.core.task_batches import BanditConfig, BanditFamily
from tests.core.tiny import tiny

BLEU = Metric("bleu", "BLEU", True, digits=1, low=0.0, high=100.0)
RETURN = Metric("return", "mean return", True, unit="points", factor=10.0, digits=None)


@pytest.fixture
def unheard(make_run, store):
    """A run of a learner and a family of another time."""

    def make(metric: Metric, mean: float):
        run = make_run("doodles-5w1s")
        known = Facts.from_json(run.facts)
        other = replace(known, learner="hyper-x", task="four words", metric=metric, loss="bits", query_curve="rollouts")
        scored = {"metric": metric.name, "mean": mean, "ci95": 0.5}
        store.update(run.id, facts=other.as_json(), family="poems", best=run.best | scored, test=run.test | scored)
        return store.get(run.id)

    return make


@pytest.mark.parametrize(
    ("metric", "mean", "text", "axis"),
    [(BLEU, 27.31, "27.3 ± 0.5", "BLEU"), (RETURN, -1.25, "-12.5 ± 5 points", "mean return, points")],
)
def test_it_is_shown_everywhere(app, said, store, home, unheard, metric, mean, text, axis, monkeypatch, capsys):
    run = unheard(metric, mean)
    shown = said(app("run", run=run.id))
    for words in (text, f"Best validation {metric.title}", f"Validation {metric.title}", "hyper-x · poems four words"):
        assert words in shown, words
    assert text in styled([run]).to_html()
    assert (row(run)["Learner"], row(run)["Family"]) == ("hyper-x", "poems")
    assert text in said(app("home"))
    reader = SeriesReader(store)
    reader.poll([run.id])
    chart, scores = charts.loss_chart(run, reader), charts.validation_chart(run, reader.validations(run.id))
    assert (chart.y_title, chart.traces[-1].name, scores.y_title) == ("bits", "rollouts", axis)
    monkeypatch.setattr(sys, "argv", ["core", "--home", str(home.root), "runs"])
    with pytest.raises(SystemExit):
        cli.main()
    assert f"test {metric.title} {text}" in capsys.readouterr().out


def test_a_row_that_says_nothing_is_still_shown(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    for stored in (None, {"learner": "from a later version"}):
        store.update(run.id, facts=stored, learner="hyper-x")
        assert "hyper-x" in said(app("run", run=run.id))
        assert Facts.of(store.get(run.id)).metric.text(0.8, 0.01) == "0.8 ± 0.01"  # in no unit that anybody knows
        said(app("runs"))


def test_facts_come_from_what_a_family_and_a_learner_say(monkeypatch):
    config = tiny("sinusoid", "algorithm=reptile").model_copy(update={"family": BanditConfig()})
    for module in (facts, checks):
        monkeypatch.setattr(module, "families", lambda: {"bandit": BanditFamily})
    monkeypatch.setitem(telling.REGISTRIES, "family", lambda: {"bandit": BanditFamily})
    found = facts_of(config)
    assert (found.learner, found.family_title, found.metric.title) == ("reptile", "Bandits", "mean reward")
    assert found.query_curve == "task, after training on it"
    assert found.loss == "score-function loss"


@pytest.mark.parametrize("name", sorted(algorithms()))
def test_every_learners_facts_survive_the_store(name):
    base = "sinusoid" if "classification" not in algorithms()[name].kinds else "conv4"
    found = facts_of(tiny(base, f"algorithm={name}"))
    assert Facts.from_json(found.as_json()) == found
    assert found.trains is algorithms()[name].meta_trained


def test_no_page_and_no_chart_knows_a_learner_or_a_metric_by_name():
    names = {*algorithms(), *families(), "accuracy", "mse"} - set(KINDS)  # how tasks look is not whose they are
    files = [
        *PROJECT.joinpath("pages").rglob("*.py"),
        *PROJECT.joinpath("core/cli").glob("*.py"),
        PROJECT / "core/charts.py",
    ]
    assert len(files) > 20
    for file in files:
        assert not literals(file) & names, f"{file.relative_to(PROJECT)}: {literals(file) & names}"


def literals(file: Path) -> set[str]:
    constants = [node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}
