"""The table of results: its set, the published numbers beside it, and the command that fills it."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import results
from core.cli import app as cli
from core.config.checks import parse
from core.config.facts import facts_of
from core.config.presets import PRESETS, Preset, preset
from core.launch import from_preset
from core.results import DEFAULT, RECIPES
from core.runs import hardware, scheduler
from core.runs.home import Home
from core.runs.launchers import Handle
from core.runs.schema import Run
from core.runs.store import RunStore

Call = Callable[..., tuple[int, str, str]]
TEST = {
    "family": "sinusoid", "metric": "mse", "mean": 0.3, "ci95": 0.02, "episodes": 2000, "non_finite": 0,
    "protocol": {
        "family": {"name": "sinusoid"}, "n_way": 1, "k_shot": 5, "n_query": 100, "inner_steps": 10,
        "batch_statistics": "none",
    },
}  # fmt: skip


class MadeUpWorkers:
    """A launcher whose workers end as they start: with a test, without one, or, as the person presses Ctrl-C, never."""

    def __init__(self, store: RunStore, home: Home):
        self.host, self.store, self.ends, self.seen = home.host, store, [], []

    def slots(self) -> list[str]:
        return ["cpu"]

    def cores(self) -> int:
        return 1

    def start(self, run: Run, home: Home, slot: str) -> Handle:
        self.seen.append([run.id for run in self.store.runs(status={"queued"})])
        end = self.ends[len(self.seen) - 1] if self.ends else "finished"
        if end == "interrupted":
            self.store.move(run.id, "running", {"starting"})
            signal.raise_signal(signal.SIGINT)
        else:
            measured = {"test": TEST, "iteration": 1234, "seconds": 60.4, "device": "CPU · 1 thread"}
            self.store.move(run.id, end, {"starting"}, **(measured if end == "finished" else {"error": "It broke."}))
        return {"run": run.id}

    def stop(self, handle: Handle) -> None:
        raise AssertionError("nobody is to be killed")

    def alive(self, handle: Handle) -> bool:
        return self.store.get(handle["run"]).desired != "stop"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INNERLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    return Home.find()


@pytest.fixture
def workers(home: Home, monkeypatch: pytest.MonkeyPatch) -> MadeUpWorkers:
    workers = MadeUpWorkers(RunStore(home.database), home)
    monkeypatch.setattr(scheduler, "launcher_of", lambda _: workers)
    return workers


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs ``results`` in this process and in the test's own folder → exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["innerloop", "results", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def ended(home: Home, name: str, *assignments: str, **changes: Any) -> Run:
    """A made-up finished run of a preset; ``changes`` are those of its test."""
    store, config = RunStore(home.database), from_preset(preset(name), assignments)
    facts = facts_of(parse(config)).as_json()
    run = store.create(config, name, folder_root=home.runs_folder, datasets=home.datasets, facts=facts)
    measured = {"test": TEST | changes, "iteration": 1234, "seconds": 60.4, "device": "CPU · 1 thread"}
    store.move(run.id, "finished", {"queued"}, **measured)
    return store.get(run.id)


def omniglot(**changes: Any) -> dict[str, Any]:
    """What differs in a test on Omniglot."""
    shape = {"n_way": 5, "k_shot": 1, "n_query": 15, "inner_steps": 3, "batch_statistics": "queries together"}
    protocol = {"family": {"name": "omniglot", "split": "vinyals"}, **shape}
    score = {"metric": "accuracy", "mean": 0.9281, "ci95": 0.005, "episodes": 600}
    return {"family": "omniglot", "protocol": protocol, **score, **changes}


# The set


@pytest.mark.parametrize("name", RECIPES)
def test_every_preset_exists_and_every_assignment_parses(name: str) -> None:
    recipe = RECIPES[name]
    training = from_preset(preset(recipe.preset), [*recipe.assignments, "training.minutes=5", "seed=3"])["training"]
    assert training["minutes"] == 5
    made_for = from_preset(preset(recipe.preset))["training"]["iterations"]
    assert training["iterations"] == (made_for if training["schedule"] == "exponential" else 10_000_000)


def test_the_default_set_is_made_of_what_there_is() -> None:
    assert {"sinusoid-maml", "sinusoid-pretrain", "omniglot-5w1s-pretrain"} <= set(DEFAULT) <= RECIPES.keys()
    assert len(set(DEFAULT)) == len(DEFAULT)
    assert not {"omniglot-5w1s-quick", "doodles-5w1s", "article-mlp"} & set(DEFAULT)
    assert [recipe.name for recipe in results.chosen([])] == DEFAULT
    assert [recipe.name for recipe in results.chosen(["doodles-5w1s", "article-mlp", "doodles-5w1s"])] == [
        "doodles-5w1s",
        "article-mlp",
    ]


def test_a_recipe_without_training_settings_is_one_with_the_default_schedule() -> None:
    made = results.recipe(Preset("mine", "", "", "sinusoid", {"family": {"name": "sinusoid"}}))
    assert (made.assignments, made.published) == ((results.ENDLESS,), None)


def test_every_preset_has_a_recipe() -> None:
    assert {item.name for item in PRESETS} == RECIPES.keys()


# Rows and table


def test_a_row_of_accuracies(home: Home) -> None:
    run = ended(home, "omniglot-5w1s-quick", "algorithm.first_order=true", **omniglot(non_finite=2))
    row = results.row(RECIPES["omniglot-5w1s-quick"], run)
    assert (row.learner, row.tasks, row.run) == ("maml, first order", "omniglot vinyals", run.id)
    assert (
        row.protocol == "5-way, 1-shot, 15 queries, 3 steps, BatchNorm by queries together, 600 episodes (2 not finite)"
    )
    assert row.gap == pytest.approx(0.9281 - 0.987)
    line = results.markdown([row]).splitlines()[2]
    assert "| accuracy 92.81 ± 0.50 % | 1234 | 60 | CPU · 1 thread |" in line
    assert line.endswith("| 98.7 ± 0.4 % | Finn et al. 2017 (V) | -5.89 points |")


def test_a_row_of_squared_errors(home: Home) -> None:
    row = results.row(RECIPES["sinusoid-maml"], ended(home, "sinusoid-maml"))
    assert row.protocol == "5-shot, 100 queries, 10 steps, 2000 episodes"
    line = results.markdown([row]).splitlines()[2]
    assert line.startswith("| maml | sinusoid | mean squared error 0.3 ± 0.02 |")
    assert line.endswith("| 0.35 | Finn et al. 2017 (V) | -0.05 |")


def test_a_row_with_tasks_that_diverged(home: Home) -> None:
    wrecked = {"mean": 9.6148e28, "ci95": 1.9e29, "diverged": 1, "median": 0.4344, "non_finite": 2}
    row = results.row(RECIPES["sinusoid-maml"], ended(home, "sinusoid-maml", **wrecked))
    line = results.markdown([row]).splitlines()[2]
    assert "| mean squared error 9.6e28 ± 1.9e29, median 0.4344 |" in line
    assert "2000 episodes (2 not finite, 1 diverged)" in line
    assert line.endswith(" | +9.6e28 |")
    assert (row.diverged, row.median) == (1, 0.4344)


def test_without_a_published_number_or_a_score_there_is_no_gap(home: Home) -> None:
    row = results.row(RECIPES["doodles-5w1s"], ended(home, "doodles-5w1s", **omniglot(family="doodles")))
    assert row.gap is None
    assert results.markdown([row]).splitlines()[2].endswith(" |  |  |  |")
    row = results.row(RECIPES["sinusoid-maml"], ended(home, "sinusoid-maml", mean=None, ci95=None))
    assert row.gap is None
    assert "| mean squared error not finite |" in results.markdown([row])


def test_every_line_has_a_cell_for_every_heading(home: Home) -> None:
    row = results.row(RECIPES["sinusoid-maml"], ended(home, "sinusoid-maml"))
    table = results.markdown([row, row]).split("\n\n")[0].splitlines()
    assert {line.count("|") for line in table} == {11}


# The command

BOTH = ("--minutes", "5", "--only", "sinusoid-pretrain", "--only", "sinusoid-maml")


def test_trains_one_after_another_and_writes_the_table(call: Call, workers: MadeUpWorkers, tmp_path: Path) -> None:
    code, out, _ = call(*BOTH, "--seed", "4", "--json")
    answer = json.loads(out)
    assert code == 0
    assert [(row["recipe"], row["run"]) for row in answer["rows"]] == [("sinusoid-pretrain", 1), ("sinusoid-maml", 2)]
    assert answer["rows"][1]["published"] == {"text": "0.35", "mean": 0.35, "source": "Finn et al. 2017", "mark": "V"}
    assert json.loads((tmp_path / "results.json").read_text()) == answer
    assert (tmp_path / "results.md").read_text().count("\n| ") == 3
    assert workers.seen == [[], []]  # the second is not queued before the first has ended
    for run in workers.store.runs():
        training = run.config["training"]
        assert (training["minutes"], training["iterations"], run.config["seed"]) == (5, 10_000_000, 4)
        assert run.group == "results 5 min"


def test_a_person_reads_the_table_on_stdout(call: Call, workers: MadeUpWorkers, tmp_path: Path) -> None:
    code, out, err = call(*BOTH, "--output", str(tmp_path / "mine.md"))
    assert code == 0
    assert out.strip() == (tmp_path / "mine.md").read_text().strip()
    assert "run 2" in err
    assert (tmp_path / "mine.json").exists() and not (tmp_path / "results.md").exists()
    assert len(workers.store.runs()) == 2


def test_a_failed_run_does_not_end_the_series(call: Call, workers: MadeUpWorkers) -> None:
    workers.ends = ["failed", "finished"]
    code, out, err = call(*BOTH, "--json")
    assert code == 1
    assert [row["recipe"] for row in json.loads(out)["rows"]] == ["sinusoid-maml"]
    assert "It broke." in err


def test_ctrl_c_stops_the_run_and_keeps_what_is_finished(call: Call, workers: MadeUpWorkers, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    workers.ends = ["finished", "interrupted"]
    code, out, _ = call(*BOTH, "--only", "doodles-5w1s", "--json")
    assert code == 1
    assert [row["recipe"] for row in json.loads(out)["rows"]] == ["sinusoid-pretrain"]
    assert [run.status for run in workers.store.runs()] == ["stopped", "finished"]  # and no third
    assert json.loads((tmp_path / "results.json").read_text()) == json.loads(out)
    assert signal.getsignal(signal.SIGINT) == before


def test_where_nothing_finished_an_older_table_stays(call: Call, workers: MadeUpWorkers, tmp_path: Path) -> None:
    (tmp_path / "results.md").write_text("older")
    workers.ends = ["failed", "failed"]
    code, out, _ = call(*BOTH)
    assert (code, out) == (1, "No run finished: there is no table.\n")
    assert (tmp_path / "results.md").read_text() == "older"


BAD = [
    (("--minutes", "5", "--only", "sinusoid-mamml"), "no recipe named sinusoid-mamml", "sinusoid-maml", "only"),
    (("--minutes", "5", "--only", "xyz"), "no recipe named xyz", "Choose", "only"),
    (("--minutes", "0"), "minutes = 0", "", "training.minutes"),
    (("--minutes", "nan"), "minutes", "", "training.minutes"),
    (("--minutes", "5", "--seed", "-1"), "seed = -1", "", "seed"),
    (("--minutes", "5", "--output", "missing/results.md"), "missing does not exist", "--output", "output"),
    (("--minutes", "5", "--output", "."), "is a folder", "--output", "output"),
    (("--minutes", "5", "--output", "rows.json"), "rows.json", "results.md", "output"),
    ((), "--minutes", "--help", ""),
]


@pytest.mark.parametrize(("arguments", "message", "remedy", "path"), BAD, ids=lambda value: str(value)[:60])
def test_bad_input(
    arguments: tuple[str, ...], message: str, remedy: str, path: str, call: Call, workers: MadeUpWorkers
) -> None:
    only = () if "--only" in arguments else ("--only", "sinusoid-maml")
    code, out, _ = call(*arguments, *only, "--json")
    error = json.loads(out)["error"]
    assert code == 2
    assert message in error["message"]
    assert remedy in error["remedy"]
    assert error["path"] == path
    assert not workers.store.runs()
