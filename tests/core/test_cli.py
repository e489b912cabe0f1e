"""The command line: what it prints, where, and with which exit status."""

import json
import math
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch

from core import forecast
from core.cli import app as cli
from core.config.facts import facts_of
from core.config.overrides import paths
from core.runs import hardware, lineage, scheduler, warm
from core.runs.home import PROJECT, Home
from core.runs.launchers import Handle, LocalLauncher
from core.runs.schema import Run
from core.runs.store import RunStore
from core.training.memory import REMEDY
from core.training.trainer import Trainer
from tests.core.tiny import MemoryListener, open_tiny, tiny
from tests.core.tournament.made_up import entered, score
from tests.pages.looks import curve, evaluated
from tests.waiting import wait_until

Call = Callable[..., tuple[int, str, str]]
SHOWN = {
    "run", "name", "status", "config", "iteration", "seconds", "best", "test", "group", "device", "error", "remedy", "spent",
    "parent", "tags", "starred", "archived",
}  # fmt: skip
SMALL = [
    f"--set={change}"
    for change in (
        "training.iterations=4", "training.evaluate_every=2", "training.meta_batch_size=3", "evaluation.episodes=30",
        "evaluation.val_episodes=10", "evaluation.n_query=5", "evaluation.inner_steps=1", "model.widths=[8]", "device=cpu",
    )
]  # fmt: skip


class NoWorkers:
    """A launcher whose workers live and do nothing."""

    def __init__(self, home: Home):
        self.host, self.started = home.host, []

    def slots(self) -> list[str]:
        return ["cpu"]

    def cores(self) -> int:
        return 1

    def start(self, run: Run, home: Home, slot: str) -> Handle:
        self.started.append(run.id)
        return {}

    def stop(self, handle: Handle) -> None:
        raise AssertionError("nobody is to be killed")

    def alive(self, handle: Handle) -> bool:
        return True


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INNERLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    return Home.find()


@pytest.fixture
def launcher(home: Home, monkeypatch: pytest.MonkeyPatch) -> NoWorkers:
    launcher = NoWorkers(home)
    monkeypatch.setattr(scheduler, "launcher_of", lambda _: launcher)
    return launcher


@pytest.fixture
def call(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in this process, on the test's own home → exit status, stdout, stderr."""
    assert home.root.is_dir()

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["innerloop", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


@pytest.fixture
def document(call: Call) -> Callable[..., Any]:
    """The one JSON document that a command prints, with NaN and Infinity refused."""

    def run(*arguments: str, status: int = 0) -> Any:
        code, out, _ = call(*arguments, "--json")
        assert code == status, out
        return strict(out)

    return run


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def stored(home: Home, *assignments: str) -> int:
    """A finished run, without a worker."""
    config, store = tiny("sinusoid", *assignments), RunStore(home.database)
    places = {"folder_root": home.runs_folder, "datasets": home.datasets}
    run = store.create(config.model_dump(mode="json"), "done", **places, facts=facts_of(config).as_json())
    result = Trainer(config, open_tiny(config, home), home.artifacts(run).checkpoints(), MemoryListener()).run()
    store.move(run.id, "finished", {"queued"}, forward="stacked", iteration=4, test=result.as_json(run.id))
    return run.id


# Lists


@pytest.mark.parametrize("what", ["presets", "families", "algorithms", "models", "devices"])
def test_lists(what: str, document: Callable[..., Any], call: Call) -> None:
    items = document("list", what)
    assert items
    assert all({"name", "title", "group"} <= item.keys() and item["title"] and item["group"] for item in items)
    code, out, _ = call("list", what)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [item["name"] for item in items]


def test_a_listed_preset_has_its_whole_config(document: Callable[..., Any]) -> None:
    listed = {item["name"]: item["config"] for item in document("list", "presets")}
    assert {"sinusoid-maml", "article-mlp", "omniglot-5w1s-quick"} <= listed.keys()
    for path in (
        "family.k_shot",
        "model.widths",
        "algorithm.first_order",
        "training.meta_lr",
        "evaluation.seed",
        "seed",
    ):
        assert path in paths(listed["sinusoid-maml"])


def test_listed_groups(document: Callable[..., Any]) -> None:
    groups = {item["name"]: item["group"] for item in document("list", "algorithms")}
    assert groups.items() >= {"maml": "model-agnostic", "scratch": "baselines", "pretrain": "baselines"}.items()
    groups = {item["name"]: item["group"] for item in document("list", "families")}
    assert groups.items() >= {"sinusoid": "embedded", "doodles": "embedded", "omniglot": "downloaded"}.items()


# Queueing


def test_detach_gives_the_runs_numbers(document: Callable[..., Any], home: Home, launcher: NoWorkers) -> None:
    answer = document("train", "--preset", "sinusoid-maml", *SMALL, "--seed", "4", "--seeds", "3", "--detach")
    assert answer.keys() == {"runs", "group"}
    assert answer["group"] == "sinusoid-maml × 3"
    queued = [RunStore(home.database).get(id) for id in answer["runs"]]
    assert [run.config["seed"] for run in queued] == [4, 5, 6]
    assert {run.group for run in queued} == {answer["group"]}
    assert launcher.started == answer["runs"][:2]  # as many small ones as a core has room for
    alone = document("train", "--preset", "sinusoid-maml", *SMALL, "--detach", "--name", "mine")
    assert (len(alone["runs"]), alone["group"]) == (1, None)
    assert RunStore(home.database).get(alone["runs"][0]).name == "mine"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that measures is given its time, however busy the machine is."""
    monkeypatch.setattr(forecast, "SECONDS", 600.0)


@pytest.mark.usefixtures("patient", "forking")
def test_a_dry_run_says_what_it_would_take_and_queues_nothing(
    document: Callable[..., Any], call: Call, home: Home, launcher: NoWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a real process, once; the second time from what it measured."""
    monkeypatch.setattr(hardware, "cores", lambda: 1)
    dry = ("train", "--preset", "sinusoid-maml", *SMALL, "--seeds", "2", "--name", "mine", "--dry-run")
    answer = document(*dry)
    assert answer.keys() == {"name", "seeds", "config", "estimate", "queue"}
    assert (answer["name"], answer["seeds"], answer["config"]["training"]["iterations"]) == ("mine", 2, 4)
    estimate = answer["estimate"]
    parts = sum(estimate[part] for part in ("training", "validation", "tuning", "test"))
    assert estimate["seconds"] == pytest.approx(parts)
    assert parts > estimate["training"] > 0
    assert (estimate["fits"], estimate["advice"], estimate["slot"], estimate["iterations"]) == (True, [], "cpu", 4)
    assert answer["queue"] == {"ahead": 0, "occupied_by": None}
    code, out, err = call(*dry)
    assert code == 0
    assert out.splitlines()[0] == "mine: MAML on Sinusoid regression, 5-shot"
    assert "a few seconds each: training a few seconds" in out
    assert "shares the processor's cores with other runs, so it may take 2 times as long" in out
    assert out.endswith("Nothing was queued.\n")
    assert "Measuring" in err
    assert RunStore(home.database).count() == 0
    assert launcher.started == []


@pytest.mark.usefixtures("patient", "forking")
def test_a_dry_run_needs_no_data_set(document: Callable[..., Any], home: Home) -> None:
    small = [setting for setting in SMALL if "widths" not in setting and "inner_steps" not in setting]
    tiny = ("--set=family.n_way=5", "--set=model.filters=2")
    dry = ("train", "--preset", "omniglot-5w1s-protonet", *small, *tiny, "--dry-run")
    assert document(*dry)["estimate"]["memory"] > 0
    assert not home.datasets.exists()


@pytest.mark.usefixtures("patient", "forking")
def test_a_dry_run_of_what_cannot_be_run_says_why(document: Callable[..., Any]) -> None:
    wrong = document("train", "--preset", "sinusoid-maml", "--set", "training.iterations=0", "--dry-run", status=2)
    assert "smallest value" in wrong["error"]["message"]
    own = ("--set=model=module", "--set=model.path=no_such_module_here:Net")
    broken = document("train", "--preset", "sinusoid-maml", *own, "--set=device=cpu", "--dry-run", status=1)
    assert "no_such_module_here" in broken["error"]["message"]


@pytest.mark.usefixtures("launcher")
def test_a_run_like_another_one(document: Callable[..., Any], call: Call, home: Home) -> None:
    first = document("train", "--preset", "sinusoid-maml", *SMALL, "--detach", "--name", "mine")["runs"][0]
    (second,) = document("train", "--from", str(first), "--set", "algorithm.inner_lr=0.02", "--detach")["runs"]
    before, after = (RunStore(home.database).get(id) for id in (first, second))
    assert after.config == before.config | {"algorithm": before.config["algorithm"] | {"inner_lr": 0.02}}
    assert (before.parent, after.parent, after.name, after.group) == (None, first, "mine · inner_lr 0.02", None)
    assert document("show", str(second))["parent"] == first
    third, fourth = document("train", "--from", str(second), "--seed", "7", "--seeds", "2", "--detach")["runs"]
    made = [RunStore(home.database).get(id) for id in (third, fourth)]
    assert [(run.parent, run.config["seed"]) for run in made] == [(second, 7), (second, 8)]
    assert made[0].name == "mine · inner_lr 0.02 seed 7"
    assert "run 5" in call("train", "--from", "1", "--name", "own", "--detach")[1]
    assert RunStore(home.database).get(5).name == "own"


@pytest.mark.usefixtures("launcher")
def test_a_run_that_continues_another_one(document: Callable[..., Any], home: Home) -> None:
    first, store = stored(home), RunStore(home.database)
    run = store.get(first)
    more = ("--set", "training.iterations=9", "--detach")
    assert document("train", "--continue", f"{first}@3", *more, status=1)["error"]["message"].endswith(
        "no checkpoint 3."
    )
    config = tiny("sinusoid")
    Trainer(config, open_tiny(config, home), home.artifacts(run).checkpoints(), MemoryListener()).run()
    assert document("train", "--continue", str(first), "--detach", status=2)["error"]["path"] == "training.iterations"
    (second,) = document("train", "--continue", f"{first}@4", *more)["runs"]
    made = store.get(second)
    assert (made.parent, made.iteration, made.name) == (first, 4, f"{run.name} · iterations 9")
    assert lineage.start(made.facts) == (first, 4)
    assert len(store.runs()) == 2


@pytest.mark.usefixtures("launcher")
def test_a_setting_that_another_run_cannot_have_is_refused(document: Callable[..., Any], home: Home) -> None:
    id = str(stored(home))
    error = document("train", "--from", id, "--set", "training.meta_lr=7", status=2)["error"]
    assert error["path"] == "training.meta_lr"
    assert len(RunStore(home.database).runs()) == 1


@pytest.mark.usefixtures("launcher")
def test_runs_show_and_what_a_person_reads(document: Callable[..., Any], call: Call, home: Home) -> None:
    assert document("runs") == {"runs": []}
    assert "No runs yet" in call("runs")[1]
    document("train", "--preset", "sinusoid-maml", *SMALL, "--detach")
    finished = stored(home)
    shown = document("show", str(finished))
    assert shown.pop("diagnoses") == []
    assert shown.keys() == SHOWN
    assert (shown["run"], shown["status"], shown["iteration"], shown["name"]) == (finished, "finished", 4, "done")
    listed = document("runs")["runs"]
    assert [run["run"] for run in listed] == [finished, 1]  # newest first
    assert listed[0] == shown
    assert document("runs", "--limit", "1", "--offset", "1") == {"runs": listed[1:]}
    assert call("runs", "--limit", "1")[1].endswith("1–1 of 2 runs.\n")
    assert document("runs", "--offset", "9") == {"runs": []}
    assert call("runs", "--offset", "9")[1] == "There are 2 runs.\n"
    assert "test mean squared error" in call("show", str(finished))[1]
    assert call("log", str(finished))[1] == f"Run {finished} has no log yet: it starts with the worker.\n"


@pytest.mark.usefixtures("launcher")
def test_show_says_what_stands_out_and_what_to_try(document: Callable[..., Any], call: Call, home: Home) -> None:
    id, store = stored(home), RunStore(home.database)
    curve = [{"step": step, "mean": mean, "ci95": 0.1} for step, mean in enumerate((3.0, 9.0))]
    scored = {"episodes": 100, "checkpoint": "best@4", "result": {"curve": curve}}
    store.add_evaluation(id, 4, "val", "mse", 9.0, 0.1, **scored)
    (found,) = document("show", str(id))["diagnoses"]
    assert found["change"] == {"algorithm.inner_lr": 0.01}
    text = call("show", str(id))[1]
    assert f"{found['text']} Try --set algorithm.inner_lr=0.01." in text
    assert found["numbers"] in text


@pytest.mark.usefixtures("launcher")
def test_a_waiting_run_is_stopped_and_resumed_and_deleted(document: Callable[..., Any], home: Home) -> None:
    first, _, second = document("train", "--preset", "sinusoid-maml", *SMALL, "--seeds", "3", "--detach")["runs"]
    assert document("delete", str(first), status=1)["error"]["message"] == "Run 1 is starting and cannot be deleted."
    stopped = document("stop", str(second))
    assert (stopped.keys(), stopped["status"]) == (SHOWN, "stopped")
    resumed = document("resume", str(second), "--detach")
    assert (resumed.keys(), resumed["status"]) == (SHOWN, "queued")
    document("stop", str(second))
    assert document("delete", str(second)) == {"deleted": second}
    assert not (home.runs_folder / str(second)).exists()
    assert document("show", str(second), status=2)["error"]["path"] == "run"


def test_runs_are_tagged_starred_archived_and_found(document: Callable[..., Any], call: Call, home: Home) -> None:
    first, second = stored(home), stored(home)
    tagged = document("tag", str(first), str(second), "--add", "paper", "--add", "Grid", "--remove", "old")["runs"]
    assert [run["tags"] for run in tagged] == [["grid", "paper"]] * 2
    assert document("star", str(first))["runs"][0]["starred"]
    assert "[grid paper]  starred" in call("show", str(first))[1]
    assert not document("star", str(first), "--undo")["runs"][0]["starred"]
    assert document("archive", str(second))["runs"][0]["archived"]

    def listed(search: str) -> list[int]:
        return [run["run"] for run in document("runs", "--search", search)["runs"]]

    assert (listed("tag:grid"), listed("is:archived"), listed("-tag:grid")) == ([first], [second], [])
    assert call("runs", "--search", "nothing")[1].startswith("No run matches.")
    document("archive", str(second), "--undo")
    assert listed("") == [second, first]
    error = document("runs", "--search", "lr<1 tagg:x", status=2)["error"]
    assert "Did you mean" in error["message"] and "tagg:x is left out" in error["message"]
    assert document("tag", str(first), status=2)["error"]["path"] == "add"
    assert document("star", "99", status=2)["error"]["message"] == "Run 99 does not exist."


def test_a_run_that_is_deleted_later_can_be_restored(document: Callable[..., Any], call: Call, home: Home) -> None:
    first, second = stored(home), stored(home)
    assert document("delete", str(first), "--later") == {"deleted": first}
    error = document("show", str(first), status=2)["error"]
    assert (error["message"], error["remedy"]) == (
        f"Run {first} was deleted.",
        f"Bring it back with `python -m core restore {first}`.",
    )
    assert [run["run"] for run in document("restore", str(first))["runs"]] == [first]
    for id in (first, second):
        document("delete", str(id), "--later")
    assert document("delete", str(first)) == {"deleted": first}, "at once, also of one that could be restored"
    assert document("restore", str(first), status=1)["error"]["message"] == f"Run {first} does not exist."
    assert document("empty") == {"removed": [second]}
    assert call("empty")[1] == "Removed for good: none was deleted.\n"


def test_all_runs_are_stopped_at_once(document: Callable[..., Any], home: Home, monkeypatch, tmp_path: Path) -> None:
    """Those of this home, and with them the process that waits for the next one. No end of one starts another."""
    started, asked = Obedient(home), []
    monkeypatch.setattr(scheduler, "launcher_of", lambda _: started)
    monkeypatch.setattr(warm, "end", lambda home: asked.append(home) or True)
    runs = document("train", "--preset", "sinusoid-maml", *SMALL, "--seeds", "3", "--detach")["runs"]
    store = RunStore(home.database)
    elsewhere = store.create({}, "of another home", folder_root=tmp_path, datasets=tmp_path, host="elsewhere").id
    finished = stored(home)
    answer = document("stop", "--all")
    assert sorted((run["run"], run["status"]) for run in answer["runs"]) == [(id, "stopped") for id in runs]
    assert (answer["warm"], asked, started.started) == (True, [home], runs[:2])
    assert (store.get(elsewhere).status, store.get(finished).status) == ("queued", "finished")
    assert document("stop", "--all")["runs"] == []


class Obedient(NoWorkers):
    """Its workers end when they are asked to: at the next look at whether they live."""

    def alive(self, handle: Handle) -> bool:
        store = RunStore(self.database)
        for run in store.runs(status={"starting"}):
            if run.desired == "stop":
                store.move(run.id, "stopped", {"starting"})
        return True

    def __init__(self, home: Home):
        super().__init__(home)
        self.database = home.database


# Tournaments

ENTER = ("tournament", "--preset", "sinusoid-maml", *SMALL, "--learners", "maml,pretrain", "--tasks", "12")


def test_a_tournament_is_queued_listed_and_stopped(
    document: Callable[..., Any], call: Call, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = Obedient(home)
    monkeypatch.setattr(scheduler, "launcher_of", lambda _: launcher)
    answer = document(*ENTER, "--seeds", "2", "--name", "mine", "--detach")
    store = RunStore(home.database)
    learners = [(store.get(id).learner, store.get(id).config["seed"]) for id in answer["runs"]]
    assert learners == [("maml", 0), ("pretrain", 0), ("maml", 1), ("pretrain", 1)]
    number = str(answer["tournament"])
    assert document("tournament")["tournaments"] == [{"tournament": 1, "name": "mine", "state": "under way"}]
    code, out, _ = call("tournament", number)
    assert code == 0
    assert out.startswith("mine: MAML, Pretrain + fine-tune × 2 seeds, 12 tasks each, under way\n")
    assert "Which scores best: Nothing is tested yet.\nThis is so far: runs are still under way." in out
    assert document("tournament", number, "--stop")["state"] == "0 of 4 runs finished"
    assert {run.status for run in store.runs()} == {"stopped"}


@pytest.mark.usefixtures("patient", "forking")
def test_a_tournament_is_estimated_and_nothing_queued(document: Callable[..., Any], home: Home) -> None:
    answer = document(*ENTER, "--dry-run")
    assert list(answer["learners"]) == list(answer["estimates"]) == ["maml", "pretrain"]
    assert (answer["seeds"], answer["budget"], answer["failed"]) == (3, {"seconds": None, "tasks": 12}, {})
    assert all(one["seconds"] > 0 for one in answer["estimates"].values())
    assert RunStore(home.database).runs() == []


def test_a_tournament_that_is_over_is_answered(document: Callable[..., Any], call: Call, home: Home) -> None:
    found = entered(RunStore(home.database), home.runs_folder)
    for place, run in enumerate(found.runs):
        score(RunStore(home.database), run, 0.9 if place % 2 else 0.8)
    answer = document("tournament", str(found.number))
    assert [(one["learner"], one["tested"], one["any_network"]) for one in answer["learners"]] == [
        *(("protonet", 2, False), ("maml", 2, True))
    ]
    assert [verdict["better"] for verdict in answer["verdicts"]] == ["ProtoNet"]
    _, out, _ = call("tournament", str(found.number))
    assert "Which scores best: ProtoNet: 90.00" in out


# Evaluating


def untimed(result: dict[str, Any]) -> dict[str, Any]:
    """An evaluation's result without how long it took."""
    assert result["seconds"] > 0
    return {**result, "seconds": None}


def test_evaluate(document: Callable[..., Any], call: Call, home: Home) -> None:
    id = stored(home, "evaluation.inner_steps=2")
    result = document("evaluate", str(id))
    assert result.keys() == {
        "run", "family", "split", "episodes", "non_finite", "metric", "mean", "ci95", "curve", "protocol", "median", "quartiles",
        "also",
        "diverged", "remedy", "seconds",
    }  # fmt: skip
    assert (result["run"], result["family"], result["split"], result["metric"]) == (id, "sinusoid", "test", "mse")
    assert (result["episodes"], result["non_finite"]) == (30, 0)
    assert [point["step"] for point in result["curve"]] == [0, 1, 2]
    summary = ("mean", "ci95", "median", "quartiles", "diverged")
    assert result["curve"][-1] == {"step": 2, **{key: result[key] for key in summary}}
    assert untimed(result) == untimed(RunStore(home.database).get(id).test)  # the run's own test once more
    changes = ("--split", "val", "--episodes", "7", "--set", "evaluation.k_shot=3", "--set", "evaluation.inner_steps=0")
    other = document("evaluate", str(id), *changes)
    assert (other["split"], other["episodes"], other["protocol"]["k_shot"]) == ("val", 7, 3)
    assert len(other["curve"]) == 1
    code, out, err = call("evaluate", str(id))
    assert code == 0
    assert out.startswith("test mean squared error ")
    assert "evaluating" in err


def test_evaluate_with_several_numbers_of_shots(document: Callable[..., Any], call: Call, home: Home) -> None:
    id = stored(home)
    answer = document("evaluate", str(id), "--shots", "1,5,999", "--episodes", "7")
    assert [(one["protocol"]["k_shot"], one["episodes"]) for one in answer["results"]] == [(1, 7), (5, 7)]
    assert list(answer["left_out"]) == ["999"]
    kept = RunStore(home.database).evaluations(id, split="test")
    assert [test.result["protocol"]["k_shot"] for test in kept] == [1, 5]
    code, out, _ = call("evaluate", str(id), "--shots", "1,999", "--episodes", "7")
    assert code == 0
    assert out.splitlines()[0].startswith("  1-shot  mean squared error ")
    assert out.splitlines()[1].startswith("Left out: 999 shots (")
    refused = document("evaluate", str(id), "--shots", "1", "--split", "val", status=2)["error"]
    assert refused["path"] == "split"


def test_the_hardest_tasks_and_classes_are_listed(document: Callable[..., Any], call: Call, home: Home) -> None:
    id, store = stored(home), RunStore(home.database)
    pairs = [{"class": "a", "taken_for": "b", "count": 7, "of": 15}]
    confusion = {"pairs": pairs, "classes": [{"class": "a", "right": 8, "of": 15}], "matrix": None, "looks": {}}
    scores = np.array([0.5, 2.0, np.nan, 0.25], np.float32)
    evaluated(store, home, store.get(id), scores, curve(), diverged=[1], confusion=confusion)
    found = document("tasks", str(id))
    assert (found["run"], found["split"], found["episodes"], found["metric"]) == (id, "test", 4, "mse")
    assert [one["episode"] for one in found["worst"]] == [2, 1, 0, 3]
    assert [one["score"] for one in found["worst"]] == [None, 2.0, 0.5, 0.25]
    assert (found["not_finite"], found["diverged"], found["pairs"]) == ([2], [1], pairs)
    assert found["spread"]["median"] == 0.5
    code, out, _ = call("tasks", str(id))
    assert code == 0 and "task     1  2" in out and "not finite: tasks 2" in out and "diverged: tasks 1" in out
    assert "a for b: 7 of 15 queries" in out and "a: 8 of 15 queries right" in out


def test_what_is_not_a_number_becomes_null(document: Callable[..., Any], home: Home) -> None:
    id = stored(home)
    for file in home.artifacts(RunStore(home.database).get(id)).checkpoints().glob("best-*/weights.safetensors"):
        weights = safetensors.torch.load_file(file)
        safetensors.torch.save_file({name: value * math.nan for name, value in weights.items()}, file)
    result = document("evaluate", str(id))
    assert (result["mean"], result["ci95"], result["non_finite"]) == (None, None, 30)
    nothing = {"mean": None, "ci95": None, "median": None, "quartiles": [None, None], "diverged": 0}
    assert result["curve"][0] == {"step": 0, **nothing}


def test_tasks_that_diverged_are_said_with_a_way_out(call: Call, document: Callable[..., Any], home: Home) -> None:
    id = stored(home, "algorithm.inner_lr=0.5", "evaluation.inner_steps=6", "model.widths=[40, 40]")
    result = document("evaluate", str(id))
    assert 0 < result["diverged"] < 30
    code, out, _ = call("evaluate", str(id))
    first, second = out.splitlines()
    said = f"{result['diverged']} of 30 tasks diverged"
    assert code == 0 and f"; {said}, median " in first and len(first) < 160
    assert second.startswith(f"{said}: error more than 100 times the task's own before adapting")
    assert second.endswith("‘Inner steps at test’ (now 6), or train with a lower ‘Inner learning rate’ (now 0.5).")
    _, shown, _ = call("show", str(id))
    assert shown.splitlines()[0].endswith(first.partition("; ")[2])
    assert shown.splitlines()[1].strip() == second


# Bad input and faults

BAD = [
    (("train", "--preset", "nonsense"), 2, "no preset named nonsense", "sinusoid-maml", "preset"),
    (("train", "--preset", "sinusoid-maml", "--set", "training.meta_lrs=1"), 2, "no setting", "training.meta_lr", None),
    (("train", "--preset", "sinusoid-maml", "--set", "family.k_shot=0"), 2, "k_shot = 0", "", "family.k_shot"),
    (("train", "--preset", "sinusoid-maml", "--set", "model=conv4"), 2, "choose mlp", "", "model.name"),
    (("train", "--preset", "sinusoid-maml", "--seed", "-1"), 2, "seed = -1", "", "seed"),
    (("train", "--preset", "sinusoid-maml", "--seeds", "0"), 2, "--seeds", "--help", ""),
    (("train", "--preset", "sinusoid-maml", "--set", "device=cuda"), 2, "device cuda does not exist", "cpu", "device"),
    (("train",), 2, "None of --preset, --from", "preset or a run", "preset"),
    (("train", "--preset", "sinusoid-maml", "--from", "1"), 2, "Both --preset and --from", "Give one", "preset"),
    (("train", "--from", "99"), 2, "Run 99 does not exist", "runs", "run"),
    (("train", "--from", "0"), 2, "--from", "--help", ""),
    (("train", "--continue", "7@first"), 2, "names no checkpoint", "7@best", "continue"),
    (("train", "--continue", "7", "--from", "7"), 2, "Both --from and --continue", "Give one", "preset"),
    (("train", "--continue", "99"), 2, "Run 99 does not exist", "runs", "run"),
    (("list", "colours"), 2, "no list of colours", "presets", "what"),
    (("show", "99"), 2, "Run 99 does not exist", "runs", "run"),
    (("show", "first"), 2, "RUN", "--help", ""),
    (("stop", "99"), 2, "Run 99 does not exist", "runs", "run"),
    (("resume", "99"), 2, "Run 99 does not exist", "runs", "run"),
    (("delete", "99"), 2, "Run 99 does not exist", "runs", "run"),
    (("evaluate", "99"), 2, "Run 99 does not exist", "runs", "run"),
    (("evaluate", "99", "--split", "exam"), 2, "no split named exam", "train, val, test", "split"),
    (("tasks", "99"), 2, "Run 99 does not exist", "runs", "run"),
    (("tasks", "99", "--split", "train"), 2, "no scores of single tasks of train", "test or val", "split"),
    (("download", "mnist"), 2, "no family named mnist", "omniglot", "family"),
    (("stop",), 2, "one run, or --all", "--all and none", "run"),
    (("stop", "1", "--all"), 2, "one run, or --all", "--all and none", "run"),
    (("evaluate", "1", "--shots", "one"), 2, "no numbers of shots", "1,2,5,10", "shots"),
    (("tournament", "99"), 2, "There is no tournament 99", "core tournament", "number"),
    (("tournament", "--stop"), 2, "No number is given", "core tournament", "number"),
    (("tournament", "1", "--preset", "sinusoid-maml"), 2, "A start is given along with", "Give one", "number"),
    (("tournament", "--preset", "sinusoid-maml"), 2, "Neither of seconds and tasks", "how many", "seconds"),
    (("tournament", "--preset", "sinusoid-maml", "--tasks", "8"), 2, "ProtoNet cannot take part", "Leave it out", "learners"),
    (("fly",), 2, "fly", "--help", ""),
]  # fmt: skip


@pytest.mark.parametrize("split", ["test", "val"])
def test_a_run_without_scores_of_single_tasks_says_so(document: Callable[..., Any], home: Home, split: str) -> None:
    error = document("tasks", str(stored(home)), "--split", split, status=2)["error"]
    assert "or an early version kept no score of each task" in error["message"]


@pytest.mark.parametrize(("arguments", "status", "message", "remedy", "path"), BAD, ids=lambda value: str(value)[:60])
def test_bad_input(
    arguments: tuple[str, ...], status: int, message: str, remedy: str, path: str | None, call: Call
) -> None:
    code, out, _ = call(*arguments, "--json")
    error = strict(out)["error"]
    assert code == status
    assert error.keys() == {"message", "remedy", "path"}
    assert message in error["message"]
    assert remedy in error["remedy"]
    assert path is None or error["path"] == path
    code, out, err = call(*arguments)  # for people: on stderr, nothing on stdout
    assert (code, out) == (status, "")
    assert message in err
    assert "Traceback" not in err


def test_several_problems_are_each_said_in_a_line(call: Call) -> None:
    wrong = ("--set", "family.k_shot=0", "--set", "training.meta_lr=7")
    code, _, err = call("train", "--preset", "sinusoid-maml", *wrong)
    assert code == 2
    assert [line.partition(":")[0] for line in err.splitlines()] == ["family.k_shot", "training.meta_lr"]


def test_a_finished_run_cannot_be_stopped_or_resumed(document: Callable[..., Any], home: Home) -> None:
    id = str(stored(home))
    for command in ("stop", "resume"):
        error = document(command, id, status=1)["error"]
        assert "is finished and cannot be" in error["message"]
        assert error["remedy"]


def test_a_run_without_a_checkpoint_cannot_be_evaluated(document: Callable[..., Any], launcher: NoWorkers) -> None:
    id = document("train", "--preset", "sinusoid-maml", *SMALL, "--detach")["runs"][0]
    assert launcher.started == [id]
    assert "no checkpoint yet" in document("evaluate", str(id), status=1)["error"]["message"]


def test_what_was_trained_cannot_be_changed_for_an_evaluation(document: Callable[..., Any], home: Home) -> None:
    error = document("evaluate", str(stored(home)), "--set", "algorithm.inner_lr=1", status=2)["error"]
    assert error["path"] == "algorithm.inner_lr"


def test_a_missing_data_set_says_where_it_goes(
    document: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNERLOOP_DATASETS", str(tmp_path))
    error = document("train", "--preset", "omniglot-5w1s-quick", status=1)["error"]
    assert error["path"] == str(tmp_path / "omniglot" / "images_background.zip")
    assert error["path"] in error["message"]
    assert "python -m core download omniglot" in error["remedy"]
    assert "INNERLOOP_DATASETS" in error["remedy"]


def test_a_file_that_is_not_a_database(document: Callable[..., Any], home: Home) -> None:
    file = home.root / "innerloop.db"
    file.write_bytes(b"not a database at all, but long enough to look like one" * 100)
    before = file.read_bytes()
    error = document("runs", status=1)["error"]
    assert "is not a database" in error["message"]
    assert error["remedy"]
    assert file.read_bytes() == before


def test_a_home_that_cannot_be_made(document: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    error = document("runs", "--home", str(tmp_path / "file" / "home"), status=1)["error"]
    assert "cannot be created" in error["message"]
    assert "--home" in error["remedy"]


def test_home_is_named_before_or_after_the_command(call: Call, home: Home, tmp_path: Path) -> None:
    id = stored(home)
    elsewhere = str(tmp_path / "elsewhere")
    assert strict(call("runs", "--json", "--home", elsewhere)[1]) == {"runs": []}
    assert strict(call("runs", "--json")[1])["runs"][0]["run"] == id
    assert strict(call("--home", elsewhere, "runs", "--json")[1]) == {"runs": []}
    assert (tmp_path / "elsewhere" / "innerloop.db").exists()
    assert call("list", "models", "--home", elsewhere)[0] == 0


@pytest.mark.usefixtures("home")
def test_a_bug_shows_its_traceback_and_json_stays_one_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(RunStore, "page", lambda *_, **__: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["innerloop", "runs", "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert ended.value.code == 1
    assert "Traceback" in printed.err and "1 / 0" in printed.err
    assert "ZeroDivisionError" in json.loads(printed.out)["error"]["message"]


def test_a_full_memory_is_said_as_on_the_page(document: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")

    monkeypatch.setattr(RunStore, "page", full)
    error = document("runs", status=1)["error"]
    assert "can't allocate memory" in error["message"]
    assert error["remedy"].endswith(REMEDY)


# Whole commands with real workers


@pytest.fixture
def spawn(
    home: Home, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a command as a person does; its workers are the nursery's. What it left running is ended afterwards."""
    if sys.platform == "linux":
        monkeypatch.setenv(warm.SWITCH, "on")
        warm.place(home).folder.symlink_to(request.getfixturevalue("nursery").folder)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started: list[subprocess.Popen] = []

    def start(*arguments: str) -> subprocess.Popen:
        started.append(
            subprocess.Popen([sys.executable, "-m", "core", "--home", str(home.root), *arguments], cwd=PROJECT, **pipes)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
    for run in RunStore(home.database).runs():
        LocalLauncher(home, grace=0.1).stop(run.handle or {})


def test_train_follows_the_run_to_its_end(
    spawn: Callable[..., subprocess.Popen], document: Callable[..., Any], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is a plain process, and long enough for its meta-step to be recorded."""
    monkeypatch.setenv(warm.SWITCH, "off")
    long = ("--set=training.iterations=60", "--set=training.evaluate_every=60")
    process = spawn("train", "--preset", "sinusoid-maml", *SMALL, *long, "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    answer = strict(out)  # one document and nothing beside it
    assert answer.keys() == SHOWN
    assert (answer["status"], answer["iteration"]) == ("finished", 60)
    assert answer["best"].keys() >= {"iteration", "mean", "ci95"}
    assert answer["test"]["episodes"] == 30
    assert "iteration 60: test mean squared error" in err
    assert "The meta-step is recorded after 5 steps" in home.artifacts(RunStore(home.database).get(1)).log().decode()
    shown = document("show", str(answer["run"]))
    assert {key: shown[key] for key in SHOWN} == answer
    assert "final test of best@" in document("log", str(answer["run"]))["log"]
    assert untimed(document("evaluate", str(answer["run"]))) == untimed(answer["test"])


def test_ctrl_c_stops_the_run_with_a_checkpoint(spawn: Callable[..., subprocess.Popen], home: Home) -> None:
    endless = ("--set=training.iterations=10000000", "--set=training.evaluate_every=10000000")
    process = spawn("train", "--preset", "sinusoid-maml", *SMALL, *endless, "--json")
    store = RunStore(home.database)
    wait_until(lambda: [run for run in store.runs() if run.iteration > 0], timeout=90)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    answer = strict(out)
    assert (process.returncode, answer["status"]) == (1, "stopped")
    assert "python -m core resume 1" in err
    assert list(home.artifacts(store.get(1)).checkpoints().glob("last-*"))


# What a person takes away


@pytest.mark.usefixtures("launcher")
def test_an_exported_config_trains_again(call: Call, home: Home, tmp_path: Path) -> None:
    run = RunStore(home.database).get(stored(home))
    file = tmp_path / "again.json"
    assert call("export", str(run.id), "--what", "config", "--output", str(file))[0] == 0
    code, out, err = call("train", "--config", str(file), "--set", "seed=5", "--set", "device=cpu", "--detach")
    assert code == 0, out + err
    again = RunStore(home.database).runs()[0]
    assert (again.config, again.name) == (run.config | {"seed": 5}, "again")


@pytest.mark.parametrize("what", ["metrics", "evaluations", "episodes", "config", "command", "charts"])
def test_what_is_text_goes_to_stdout(call: Call, home: Home, what: str) -> None:
    run = stored(home)
    code, out, err = call("export", str(run), "--what", what)
    assert (code, err) == (0, "")
    assert out.strip()


def test_files_are_written_whole(call: Call, home: Home, tmp_path: Path) -> None:
    run = stored(home)
    for what, name in (("metrics", "m.parquet"), ("checkpoint", "learner.zip"), ("charts", "c.html")):
        code, _, err = call("export", str(run), "--what", what, "--output", str(tmp_path / name))
        assert (code, err) == (0, f"Written to {tmp_path / name}.\n")
    assert call("report", str(run), "--output", str(tmp_path / "r.html"), "--title", "All of it")[0] == 0
    assert "<title>All of it</title>" in (tmp_path / "r.html").read_text()
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_a_group_is_reported(call: Call, home: Home, tmp_path: Path) -> None:
    store, runs = RunStore(home.database), [stored(home), stored(home)]
    for run in runs:
        store.update(run, group="both")
    assert call("report", "--group", "both", "--output", str(tmp_path / "r.html"))[0] == 0
    assert all(f"#{run} done" in (tmp_path / "r.html").read_text() for run in runs)


@pytest.mark.parametrize(
    ("arguments", "text", "remedy"),
    [
        (("export", "77"), "Run 77 does not exist", "python -m core runs"),
        (("export", "1", "--what", "all"), "nothing named all", "Choose metrics"),
        (("export", "1", "--output", "m.xlsx"), "neither .csv nor .parquet", "Name the file so"),
        (("export", "1", "--what", "checkpoint"), "not text", "--output"),
        (("export", "1", "--output", "/no/such/folder/m.csv"), "cannot be written", "folder that exists"),
        (("export", "1", "--what", "config", "--output", ""), "names no file", "folder that exists"),
        (("report",), "report takes runs, or --group", "Give the numbers"),
        (("report", "1", "--group", "g"), "report takes runs, or --group", "Give the numbers"),
        (("report", "--group", "nobody's"), "no run in a group nobody's", "show RUN"),
        (("report", "1", "--output", "/no/such/folder/r.html"), "cannot be written", "folder that exists"),
        (("train", "--config", "none.json"), "cannot be read", "export RUN --what config"),
        (("train", "--config", "none.json", "--preset", "x"), "Both --preset and --config", "Give one"),
    ],
)
def test_what_cannot_be_taken_away_is_said(
    call: Call, home: Home, arguments: tuple[str, ...], text: str, remedy: str
) -> None:
    config = tiny("sinusoid").model_dump(mode="json")
    RunStore(home.database).create(config, "new", folder_root=home.runs_folder, datasets=home.datasets)
    code, _, err = call(*arguments)
    assert code == 2
    assert text in err and remedy in err
