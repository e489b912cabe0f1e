"""What a person typed becomes a config, or a sentence at each field that says what is wrong and what would be right."""

from typing import Any

import pytest

from core.config.checks import ConfigError, Problem, parse
from core.config.presets import PRESETS
from core.config.run import RunConfig
from core.runs import hardware
from tests.core.tiny import tiny, values


def problems(base: str, *assignments: str) -> dict[str, Problem]:
    with pytest.raises(ConfigError) as caught:
        parse(values(base, *assignments))
    return {problem.path: problem for problem in caught.value.problems}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_is_valid_and_survives_json(preset) -> None:
    config = parse(preset.config)
    assert isinstance(config, RunConfig)
    assert parse(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("base", "assignment", "path", "words"),
    [
        ("doodles", "family.n_way=1", "family.n_way", "n_way = 1: the smallest value is 2."),
        ("doodles", "family.k_shot=101", "family.k_shot", "k_shot = 101: the largest value is 100."),
        ("sinusoid", "algorithm.inner_lr=0", "algorithm.inner_lr", "inner_lr = 0: it has to be greater than 0."),
        ("sinusoid", "training.meta_lr=1.5", "training.meta_lr", "meta_lr = 1.5: the largest value is 1."),
        ("sinusoid", "training.schedule=steps", "training.schedule", "is not one of the choices"),
        ("sinusoid", "training.iterations=many", "training.iterations", "iterations = 'many' is not a whole number."),
        ("sinusoid", "algorithm.inner_lr=NaN", "algorithm.inner_lr", "inner_lr = nan"),
        ("sinusoid", "training.meta_lr=Infinity", "training.meta_lr", "meta_lr = inf"),
        ("sinusoid", "model.widths=[8, 0]", "model.widths", "0: the smallest value is 1."),
        ("sinusoid", "model.widths=7", "model.widths", "widths = 7"),
        ("conv4", "model.downsampling=pool", "model.downsampling", "is not one of the choices"),
        ("sinusoid", "family=omniglott", "family.name", "There is no family named 'omniglott'."),
        ("sinusoid", "family=5", "family.name", "There is no family named '5'."),
        ("sinusoid", "algorithm=mamel", "algorithm.name", "There is no algorithm named 'mamel'."),
        ("sinusoid", "model=resnet", "model.name", "There is no model named 'resnet'."),
        ("sinusoid", "device=gpu", "device", "There is no device 'gpu'."),
        ("sinusoid", "batch_statistics=running", "batch_statistics", "is not one of the choices"),
        ("sinusoid", "seed=-1", "seed", "seed = -1: the smallest value is 0."),
    ],
)
def test_a_value_out_of_range_is_said_at_its_field(base: str, assignment: str, path: str, words: str) -> None:
    found = problems(base, assignment)
    assert list(found) == [path]
    assert words in found[path].message


def test_all_problems_are_said_at_once() -> None:
    found = problems("doodles", "family.n_way=1", "training.iterations=0", "evaluation.episodes=1")
    assert set(found) == {"family.n_way", "training.iterations", "evaluation.episodes"}


def test_an_unknown_setting_and_a_missing_one() -> None:
    complete = values("doodles")
    with pytest.raises(ConfigError, match=r"no setting family\.shots"):
        parse({**complete, "family": {**complete["family"], "shots": 3}})
    with pytest.raises(ConfigError, match="family is missing"):
        parse({key: value for key, value in complete.items() if key != "family"})
    with pytest.raises(ConfigError, match="family"):
        parse({**complete, "family": {"n_way": 5}})


@pytest.mark.parametrize("value", [None, 3, "doodles", []])
def test_a_branch_that_is_not_an_object(value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({**values("doodles"), "family": value})
    assert caught.value.path.startswith("family")


CONTRADICTIONS = [
    (
        ("family.k_shot=10", "family.n_query=15"),
        "family.n_query",
        "exceeds the 20 examples per class of doodles; lower",
    ),
    (("family.k_shot=10", "family.n_query=15"), "family.n_query", "n_query to 10 or less"),
    (("evaluation.n_query=19",), "evaluation.n_query", "k_shot + n_query = 21 exceeds"),
    (("evaluation.k_shot=20",), "evaluation.k_shot", "lower k_shot to 17 or less"),
    (("family.k_shot=30", "family.n_query=15"), "family.k_shot", "lower k_shot to 5 or less"),
    (("family.k_shot=30", "evaluation.n_query=17"), "family.k_shot", "lower k_shot to 3 or less"),
    (
        ("algorithm=protonet", "family.n_way=13", "evaluation.n_way=3"),
        "family.n_way",
        "exceeds the 12 training classes of doodles",
    ),
    (("family.n_way=7",), "family.n_way", "exceeds the 6 validation classes"),
    (("algorithm=pretrain", "evaluation.n_way=7"), "evaluation.n_way", "exceeds the 6 validation classes"),
    (("evaluation.n_way=5",), "evaluation.n_way", "MAML learns an output layer for 3 classes"),
    (
        ("algorithm=snail", "evaluation.k_shot=3"),
        "evaluation.k_shot",
        "trained with 2 shots reads at most 2 of a class, not 3",
    ),
    (("training.schedule=cosine", "training.final_lr=0.5"), "training.final_lr", "0.5 is above meta_lr = 0.001"),
]


@pytest.mark.parametrize(("assignments", "path", "words"), CONTRADICTIONS)
def test_settings_that_do_not_fit_each_other(assignments: tuple[str, ...], path: str, words: str) -> None:
    assert words in problems("doodles", *assignments)[path].message


def test_a_network_that_cannot_read_the_tasks() -> None:
    assert "choose mlp" in problems("sinusoid", "model=conv4")["model.name"].message


def test_what_looks_like_a_contradiction_and_is_none() -> None:
    assert tiny("doodles", "evaluation.n_way=3").test_shape.n_way == 3
    assert tiny("doodles", "algorithm=pretrain", "evaluation.n_way=5").test_shape.n_way == 5
    assert tiny("sinusoid", "training.final_lr=0.5").training.schedule == "constant"
    assert tiny("doodles", "family.k_shot=10", "family.n_query=10", "evaluation.n_query=10").family.k_shot == 10


def test_a_test_task_takes_from_training_what_is_left_open() -> None:
    assert tiny("doodles").test_shape == (3, 2, 3)
    assert tiny("doodles", "evaluation.k_shot=1", "evaluation.n_query=9").test_shape == (3, 1, 9)


def test_a_device_that_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = problems("sinusoid", "device=cuda")["device"]
    assert "CUDA_VISIBLE_DEVICES is ''" in found.message
    assert "auto" in found.remedy


def test_a_device_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "slots", lambda: ["cuda:0", "cuda:1", "cpu"])
    for device in ("cuda", "cuda:1", "auto", "cpu"):
        assert tiny("sinusoid", f"device={device}").device == device
    assert "cuda:2 does not exist" in problems("sinusoid", "device=cuda:2")["device"].message


def test_processes_that_cannot_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows what is said can launch."""
    cpu = ["cpu"]
    gpus = ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cpu"]
    two = "training.processes=2"
    for there, given, path, words, remedy, following in (
        (cpu, ("algorithm=pretrain", two), "training.processes", "does not train on tasks", "to 1", "training.processes=1"),
        (cpu, ("algorithm=scratch", two), "training.processes", "does not train on tasks", "to 1", "training.processes=1"),
        (cpu, ("training.processes=4",), "training.meta_batch_size", "4 processes cannot divide 3 tasks", "to 4 or more",
         "training.meta_batch_size=4"),
        (gpus, (two, "device=auto"), "training.processes", "device auto is cuda:0 here", "device to cpu.", "device=cpu"),
        (gpus, ("algorithm=pretrain", "device=cuda:all"), "device", "4 processes", "device to cuda.", "device=cuda"),
        (gpus, ("device=cuda:all",), "training.meta_batch_size", "4 processes cannot divide 3 tasks", "device to cuda",
         "training.meta_batch_size=4"),
    ):  # fmt: skip
        monkeypatch.setattr(hardware, "slots", lambda there=there: there)
        problem = problems("doodles", *given)[path]
        assert words in problem.message
        assert remedy in problem.remedy
        tiny("doodles", *given, following)


def test_processes_that_can_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "slots", lambda: ["cuda:0", "cpu"])
    assert tiny("doodles", "training.processes=3").training.processes == 3
    assert tiny("doodles", "algorithm=pretrain", "device=cuda:all"), "there is but one"
    monkeypatch.setattr(hardware, "slots", lambda: ["cuda:0", "cuda:1", "cpu"])
    assert tiny("doodles", "device=cuda:all").device == "cuda:all"


def test_an_error_reads_as_one_line_a_field() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(values("doodles", "family.n_way=1", "seed=-1"))
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["family.n_way", "seed"]
    assert caught.value.path == "family.n_way"
