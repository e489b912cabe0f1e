"""What is taken away from a run comes back as it was, and a report says what it is to a stranger."""

import io
import json
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch

from core.comparing.groups import MOST_RUNS
from core.config.facts import facts_of
from core.config.file import read_config
from core.config.overrides import apply
from core.config.presets import preset
from core.errors import RunError
from core.handover import again, bundle, card, tables
from core.handover.report import charts_page, report
from core.handover.sources import SOURCES
from core.launch import changed
from core.library import Learner, load, load_file
from core.runs.home import Home
from core.runs.schema import Run
from core.runs.store import RunStore
from core.training.checkpoint import CheckpointError
from data.errors import InputError
from data.language import speaking
from data.registry import families
from tests.core.tiny import finished, tiny
from tests.data.frozen_nets import frozen_network

HOSTILE = "</script><script>alert(1)</script> <img src=http://evil.invalid/x onerror=alert(2)> {{ 7 * 7 }} \"' `rm -rf`"


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home.database)


def added(store: RunStore, home: Home, *assignments: str, **columns: object) -> Run:
    """A run with three points of a loss, of which nothing was trained."""
    config = tiny(*(assignments or ("doodles",)))
    places = {"folder_root": home.runs_folder, "datasets": home.datasets, "facts": facts_of(config).as_json()}
    run = store.create(config.model_dump(mode="json"), str(columns.pop("name", "a run")), **places)
    store.add_metrics(run.id, [(i, i / 10, "train/query_loss", 1 / i) for i in (1, 2, 3)] + [(3, 0.3, "a", np.nan)])
    if columns:
        store.update(run.id, **columns)
    return store.get(run.id)


# Config and command


@pytest.mark.parametrize("changes", [("doodles",), ("conv4", "algorithm=protonet"), ("sinusoid", "seed=7")])
def test_a_configs_file_is_the_same_config(
    store: RunStore, home: Home, tmp_path: Path, changes: tuple[str, ...]
) -> None:
    run = added(store, home, *changes)
    file = tmp_path / again.config_file(run)
    file.write_text(again.config_text(run))
    assert changed(read_config(file)) == run.config | {"device": "auto"}


@pytest.mark.parametrize(
    "changes",
    [
        ("doodles", "algorithm=scratch", "training.minutes=2.5"),
        ("conv4", "algorithm=protonet", "seed=12", "evaluation.k_shot=1"),
        ("sinusoid", "model=module", 'model.path="own:Net"', 'model.arguments={"a": [1, "b\'c"]}'),
    ],
)
def test_the_command_of_a_preset_is_the_same_config(store: RunStore, home: Home, changes: tuple[str, ...]) -> None:
    run = added(store, home, *changes, name="it's $HOME")
    said = shlex.split(again.command_of_preset(run))
    options = list(zip(said[4::2], said[5::2], strict=True))
    assert said[:4] == ["python", "-m", "core", "train"]
    sets = [value for option, value in options if option == "--set"]
    others = dict(pair for pair in options if pair[0] != "--set")
    seed = f"seed={others['--seed']}"
    assert changed(preset(others["--preset"]).config, [*sets, seed]) == run.config | {"device": "auto"}
    assert others["--name"] == run.name


def test_a_run_that_is_divided_keeps_its_device(store: RunStore, home: Home) -> None:
    """Where there is a GPU, auto would be that, and refuse several processes."""
    run = added(store, home, "doodles", "training.processes=2", "device=cpu")
    assert again.config(run)["device"] == "cpu" and 'device="cpu"' in again.command_of_preset(run)
    assert "device" not in again.config(added(store, home, "doodles", "device=cpu"))


def test_what_was_begun_from_a_checkpoint_says_so_wherever_its_settings_are_taken(store: RunStore, home: Home) -> None:
    run = added(store, home)
    assert again.begun(run) == ""
    begun = {"start": {"run": 5, "checkpoint": "last@1200", "iteration": 1200}}
    store.update(run.id, facts=run.facts | begun)
    run = store.get(run.id)
    said = again.begun(run)
    assert "run 5 at iteration 1200" in said
    assert said in card.text(run, "best@3") and said in report([run], store)


def test_a_presets_own_command_changes_nothing(store: RunStore, home: Home) -> None:
    config = changed(preset("sinusoid-maml").config)
    run = store.create(config, "mine", folder_root=home.runs_folder, datasets=home.datasets)
    assert again.command_of_preset(run) == "python -m core train --preset sinusoid-maml --seed 0 --name mine"
    assert apply(config, again.assignments(config, config)) == config


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"seed": NaN}', "\xff", "[" * 100_000])
def test_a_file_that_is_no_config_is_refused_with_a_way_out(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(InputError) as caught:
        read_config(file)
    assert "export RUN --what config" in caught.value.remedy
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path / "none.json")


# Tables


def test_metrics_are_the_stores_in_either_format(store: RunStore, home: Home) -> None:
    run = added(store, home)
    frame = tables.metrics(run, store)
    assert frame.columns.tolist() == ["iteration", "seconds", "key", "value"]
    assert frame["value"].tolist()[:3] == [1.0, 0.5, 1 / 3]
    assert np.isnan(frame["value"].iloc[3])
    pandas.testing.assert_frame_equal(pandas.read_csv(io.BytesIO(tables.as_csv(frame))), frame, check_dtype=False)
    pandas.testing.assert_frame_equal(
        pandas.read_parquet(io.BytesIO(tables.as_parquet(frame))), frame, check_dtype=False
    )


def test_evaluations_and_single_scores_are_the_stores(store: RunStore, home: Home) -> None:
    run = added(store, home)
    result = {"median": 0.5, "quartiles": [0.4, 0.6], "protocol": {"episodes_sha256": "abc", "checkpoint": "best@3"}}
    scores = np.array([0.25, np.nan, 0.75], np.float32)
    kept = {"episodes": 3, "non_finite": 1, "checkpoint": "best@3", "result": result, "scores": scores}
    store.add_evaluation(run.id, 3, "val", "accuracy", 0.5, 0.1, **kept)
    store.add_evaluation(run.id, 3, "test", "accuracy", 0.4, 0.2, episodes=3)
    first, second = tables.evaluations(run, store).to_dict("records")
    assert (first["mean"], first["ci95"], first["median"], first["quartile_high"]) == (0.5, 0.1, 0.5, 0.6)
    assert (second["split"], second["mean"]) == ("test", 0.4)
    assert pandas.isna(second["median"])
    episodes = tables.episodes(run, store)
    np.testing.assert_array_equal(episodes["score"], scores)
    assert episodes["episode"].tolist() == [0, 1, 2]
    assert set(episodes["sha256"]) == {"abc"}


def test_the_tables_of_a_run_that_measured_nothing_are_empty(store: RunStore, home: Home) -> None:
    run = store.create({"seed": 1}, "old", folder_root=home.runs_folder, datasets=home.datasets)
    for table in tables.TABLES.values():
        frame = table(run, store)
        assert len(frame) == 0
        assert tables.as_csv(frame).decode().strip() == ",".join(frame.columns)
        assert tables.as_parquet(frame)


# A learner in a file


@pytest.fixture
def bundled(home: Home, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Run, Path]]:
    run, _ = finished(home, *getattr(request, "param", ("doodles",)))
    file = tmp_path / "learner.zip"
    with file.open("wb") as place:
        bundle.write(run, home.artifacts(run), place)
    yield run, file


@pytest.mark.parametrize("bundled", [("conv4",), ("doodles", "algorithm=scratch")], indirect=True)
def test_it_answers_as_the_run_does(bundled: tuple[Run, Path], home: Home) -> None:
    run, file = bundled
    there = load(run.id, home=home)
    home.artifacts(run).delete()  # the file alone is enough
    here = load_file(file, home=home)
    tasks = there.family.sample("test", there.trained.config.test_shape, 1, torch.Generator().manual_seed(0))
    assert torch.equal(answers(there, tasks), answers(here, tasks))
    assert here.trained.checkpoint == there.trained.checkpoint
    assert here.trained.algorithm.choice == there.trained.algorithm.choice


def test_it_keeps_to_the_frozen_network_that_it_was_trained_on(home: Home, tmp_path: Path) -> None:
    run, _ = finished(home, "doodles", *frozen_network(home.root))
    with (tmp_path / "learner.zip").open("wb") as place:
        bundle.write(run, home.artifacts(run), place)
    assert load_file(tmp_path / "learner.zip", home=home).input_shape == (6,)
    frozen_network(home.root, seed=1)
    with pytest.raises(CheckpointError, match="frozen network is another one"):
        load_file(tmp_path / "learner.zip", home=home)


def answers(learner: Learner, tasks) -> torch.Tensor:
    return learner.predict(learner.adapt(tasks.support_x[0], tasks.support_y[0]), tasks.query_x[0])


def test_its_card_says_what_it_is(bundled: tuple[Run, Path]) -> None:
    run, file = bundled
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["card.md", "config.json", "learner.json", "weights.safetensors"]
        card, config = archive.read("card.md").decode(), json.loads(archive.read("config.json"))
    assert config == again.config(run)
    for said in ("# a run", "load_file", "MAML", "mlp", "made up by Innerloop", "never tested", "torch "):
        assert said in card, said


def test_what_holds_no_learner_is_refused(bundled: tuple[Run, Path], home: Home, tmp_path: Path) -> None:
    _, file = bundled
    file.write_bytes(file.read_bytes()[:2000])
    for path in (file, tmp_path / "none.zip", tmp_path):
        with pytest.raises(CheckpointError, match="holds no learner") as caught:
            load_file(path, home=home)
        assert "--what checkpoint" in caught.value.remedy


def test_a_run_without_a_checkpoint_has_none_to_take_away(store: RunStore, home: Home) -> None:
    run = added(store, home)
    with pytest.raises(RunError, match="no checkpoint"):
        bundle.write(run, home.artifacts(run), io.BytesIO())


def test_every_familys_data_have_a_source() -> None:
    assert families().keys() == SOURCES.keys()


# The report


def test_a_report_says_all_of_a_run(home: Home, store: RunStore) -> None:
    run, result = finished(home, "doodles")
    store.update(run.id, note="Seen on a Sunday", test=result.as_json(run.id), iteration=4, device="CPU · 2 threads")
    text = report([store.get(run.id)], store, notes="By hand")
    score = result.metric.text(result.mean, result.ci95)
    for said in (score, "By hand", "Seen on a Sunday", "support set", "queries", "95 % interval",
                 "3-way, 2-shot", "made up by Innerloop", "CPU · 2 threads", "torch ", again.config_file(run)):  # fmt: skip
        assert said in text, said
    assert len(text.encode()) < 6e6
    assert text.count("plotly.js v") <= 2


def test_a_report_is_in_its_readers_language_and_a_card_is_not(home: Home, store: RunStore) -> None:
    run, result = finished(home, "doodles")
    store.update(run.id, test=result.as_json(run.id), iteration=4)
    run = store.get(run.id)
    english = report([run], store), card.text(run, "best@3")
    with speaking("zh"):
        chinese = report([run], store), card.text(run, "best@3")
    assert '<html lang="zh">' in chinese[0] and "<b>支持集</b>" in chinese[0] and "support set" not in chinese[0]
    assert again.config_file(run) in chinese[0] and "支持集" not in english[0] and english[1] == chinese[1]


def test_markup_in_names_and_notes_is_only_text(store: RunStore, home: Home) -> None:
    columns = {"name": HOSTILE, "note": HOSTILE, "error": HOSTILE, "device": HOSTILE}
    runs = [added(store, home, **columns), added(store, home, "doodles", "seed=3", **columns)]
    text = report(runs, store, title=HOSTILE, notes=HOSTILE)
    assert "<script>alert" not in text
    assert "<img" not in text.replace("<image", "").partition("<script>")[0]
    assert "{{ 7 * 7 }}" in text


def test_where_the_files_of_a_run_lie_is_in_no_report(store: RunStore, home: Home) -> None:
    run = added(store, home)
    error = f"{run.folder}/checkpoints is full, as {home.datasets}/omniglot and {home.root}/cache are."
    store.update(run.id, error=error)
    text = report([store.get(run.id)], store)
    assert "the run&#39;s folder/checkpoints is full, as the data sets/omniglot and the home/cache are." in text
    assert str(home.root) not in text


def test_of_several_runs_it_says_what_differs(store: RunStore, home: Home) -> None:
    runs = [added(store, home), added(store, home, "doodles", "algorithm.inner_lr=0.25")]
    text = report(runs, store)
    assert "2 runs compared" in text
    assert "<td>algorithm.inner_lr</td><td>0.1</td><td>0.25</td>" in text
    assert text.count('class="verdict"') == 1 and "has runs without a test" in text


@pytest.mark.parametrize("columns", [{"error": "It broke.", "remedy": "Mend it."}, {"facts": None}])
def test_a_failed_run_and_one_of_an_old_version_are_reported(store: RunStore, home: Home, columns: dict) -> None:
    text = report([added(store, home, **columns)], store)
    assert "It was not tested." in text
    assert columns.get("error", "") in text


def test_a_run_of_which_nothing_is_known_is_reported(store: RunStore, home: Home) -> None:
    run = store.create({"seed": 1}, "old", folder_root=home.runs_folder, datasets=home.datasets)
    store.update(run.id, test={"metric": "mse", "mean": None, "ci95": None, "episodes": 5})
    text = report([store.get(run.id)], store)
    assert "not finite" in text and "Nothing was measured" in text
    assert charts_page(run, store)


def test_no_run_and_too_many_are_refused(store: RunStore, home: Home) -> None:
    run = added(store, home)
    for runs in ([], [run] * (MOST_RUNS + 1)):
        with pytest.raises(InputError) as caught:
            report(runs, store)
        assert caught.value.remedy
