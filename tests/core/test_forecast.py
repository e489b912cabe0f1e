"""What is said before a launch: from measurements that are kept or made, and which changes are worth telling."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from core import forecast
from core.config.run import RunConfig
from core.costs import Costs
from core.elsewhere import Died, Forked, Process, Question, TookTooLong, forked
from core.forecast import Forecaster, ProbeError, measure_here
from core.runs import hardware
from core.runs.home import Home
from core.training.probe import Cost
from data.places import Folders
from tests.core.tiny import tiny

GB = 10**9


class Measuring:
    """Answers in place of another process. cost: of a config. Remembers the configs of each question."""

    def __init__(self, cost: Callable[[RunConfig], Cost | dict[str, Any]]):
        self.cost, self.asked = cost, []

    def __call__(self, question: Question) -> list[dict[str, Any]]:
        configs = [RunConfig.model_validate(values) for values in question.asked["configs"]]
        self.asked.append(configs)
        found = [self.cost(config) for config in configs]
        return [{"cost": dataclasses.asdict(one)} if isinstance(one, Cost) else one for one in found]


def cost_of(config: RunConfig) -> Cost:
    """A tenth of a second an inner step, half of it in first order; memory by the network's width."""
    step = 0.1 * config.algorithm.inner_steps * (0.5 if config.algorithm.first_order else 1)
    memory = int(config.model.widths[0] * GB)
    return Cost(step, 0.001, 0.0, 0, False, memory, threads=1, steps=9, tasks=3, share=1.0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process is given its time, however busy the machine is."""
    monkeypatch.setattr(forecast, "SECONDS", 600.0)


@pytest.fixture
def forecaster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Forecaster]:
    monkeypatch.setattr(hardware, "memory_of", lambda _: 50 * GB)

    def make(ask: Callable[[Question], Any]) -> Forecaster:
        return Forecaster(Costs(tmp_path / "costs.json"), Folders(tmp_path, tmp_path), ask)

    return make


def long(*assignments: str) -> RunConfig:
    """A thousand seconds of a step."""
    common = ("training.iterations=10000", "training.evaluate_every=10000", "model.widths=[40]")
    return tiny("sinusoid", *common, *assignments)


def test_a_short_run_that_fits_is_measured_once_and_needs_no_advice(forecaster) -> None:
    asked = Measuring(cost_of)
    one, config = forecaster(asked), tiny("sinusoid")
    assert one.known(config, "cpu") is None
    found = one.forecast(config, "cpu")
    assert (found.fits, found.wanting, found.whole, found.advice) == (True, False, True, ())
    assert one.known(config, "cpu") == found
    assert asked.asked == [[config]]


def test_what_was_measured_on_a_busy_processor_is_measured_once_more(forecaster) -> None:
    shares = iter([0.3, 1.0])

    def of(config: RunConfig) -> Cost:
        return dataclasses.replace(cost_of(config), share=next(shares))

    asked, config = Measuring(of), tiny("sinusoid")
    assert not forecaster(asked).forecast(config, "cpu").estimate.busy
    assert asked.asked == [[config], [config]]


def test_a_processor_that_stays_busy_is_said_to_be(forecaster) -> None:
    asked, config = Measuring(lambda config: dataclasses.replace(cost_of(config), share=0.3)), tiny("sinusoid")
    assert forecaster(asked).forecast(config, "cpu").estimate.busy
    assert asked.asked == [[config], [config]]


def test_another_rate_or_length_is_not_measured_anew(forecaster) -> None:
    asked = Measuring(cost_of)
    one = forecaster(asked)
    few = one.forecast(tiny("sinusoid", "training.iterations=4"), "cpu")
    many = one.known(tiny("sinusoid", "training.iterations=8", "algorithm.inner_lr=0.5"), "cpu")
    assert many.estimate.training == 2 * few.estimate.training
    assert len(asked.asked) == 1


def test_a_long_run_is_told_what_shortens_it_the_most_helpful_first(forecaster) -> None:
    asked = Measuring(cost_of)
    config = long("algorithm.inner_steps=5")
    found = forecaster(asked).forecast(config, "cpu")
    assert [advice.changes for advice in found.advice] == [
        {"algorithm.inner_steps": 2},
        {"algorithm.first_order": True},
    ]
    assert found.words(found.advice[1]) == "first order: 42 min instead of 83"
    # Its own time is taken again beside that of the changes.
    assert [one == config for one in asked.asked[1]] == [True] + [False] * (len(asked.asked[1]) - 1)


def test_half_the_network_helps_one_that_does_not_fit(forecaster) -> None:
    config = tiny("sinusoid", "model.widths=[64]")
    found = forecaster(Measuring(cost_of)).forecast(config, "cpu")
    assert not found.fits
    (advice,) = found.advice
    assert advice.changes == {"model.widths": [32]}
    assert found.words(advice) == "32 units: 32 GB instead of 64"
    document = found.as_json()
    assert (document["fits"], document["memory"], document["memory_there"]) == (False, 64 * GB, 50 * GB)
    assert document["advice"][0]["changes"] == {"model.widths": [32]}
    assert document["advice"][0]["memory"] == 32 * GB


def test_while_the_changes_are_measured_the_rest_is_known(forecaster) -> None:
    one = forecaster(Measuring(cost_of))
    one._measure([long()], "cpu")
    found = one.known(long(), "cpu")
    assert (found.wanting, found.whole, found.advice) == (True, False, ())
    assert found.estimate.training == 1000


def test_a_change_that_cannot_be_measured_is_left_out(forecaster) -> None:
    def cost(config: RunConfig) -> Cost | dict[str, Any]:
        if config.algorithm.first_order:
            return {"error": {"message": "It cannot.", "remedy": "", "path": ""}}
        return cost_of(config)

    found = forecaster(Measuring(cost)).forecast(long("algorithm.inner_steps=4"), "cpu")
    assert (found.whole, [advice.name for advice in found.advice]) == (True, ["fewer_steps"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TookTooLong(), "did not come to an end within 60 s"),
        (Died(-9), r"by signal 9 \(SIGKILL\); it may have run out of memory"),
        (OSError(12, "Cannot allocate memory"), "No process could be started to measure it: Cannot allocate memory"),
    ],
)
def test_a_process_that_gives_no_answer_is_a_message_and_is_not_asked_again_at_once(forecaster, error, said) -> None:
    asked = []

    def ask(question: Question) -> None:
        asked.append(question)
        raise error

    one = forecaster(ask)
    for _ in range(2):
        with pytest.raises(ProbeError, match=said) as caught:
            one.forecast(tiny("sinusoid"), "cpu")
        assert caught.value.remedy
    assert len(asked) == 1


def test_the_measuring_process_answers_for_each_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "_keep_within", lambda _: None)  # of this process, which has other tests to do
    good, bad = tiny("sinusoid"), tiny("doodles", "model=module", "model.path=no_such_module_anywhere:Net")
    asked = {
        "configs": [one.model_dump(mode="json") for one in (good, bad)],
        "folders": [str(tmp_path)] * 2,
        "slot": "cpu",
    }
    first, second = measure_here(asked)
    assert Cost(**first["cost"]).step > 0
    assert "no_such_module_anywhere" in second["error"]["message"]


@pytest.mark.usefixtures("patient")
def test_a_real_process_measures_a_tiny_run(tmp_path: Path) -> None:
    one = Forecaster(Costs(tmp_path / "costs.json"), Folders(tmp_path, tmp_path))
    found = one.forecast(tiny("sinusoid"), "cpu")
    assert found.fits
    assert found.estimate.training > 0
    assert 50e6 < found.estimate.memory < 5e9  # torch alone takes some hundred MB
    assert found.estimate.threads == 1


@pytest.mark.usefixtures("patient", "forking")
@pytest.mark.parametrize(
    ("inside", "said"), [("os._exit(3)", "measured it ended {how}"), ("raise ValueError('small')", "small")]
)
def test_a_network_that_ends_its_process_is_a_message(
    tmp_path: Path, home: Home, write_module, inside: str, said: str
) -> None:
    code = f"""
import os
from torch import nn

class Net(nn.Module):
    def __init__(self, input_shape, outputs):
        super().__init__()
        {inside}
"""
    config = tiny("doodles", "model=module", f"model.path={write_module(code)}:Net")
    started: list[Process] = []

    def start(function: str, folder: Path, variables: Mapping[str, str]) -> Process:
        started.append(forked(home)(function, folder, variables))
        return started[-1]

    one = Forecaster(Costs(tmp_path / "costs.json"), Folders(tmp_path, tmp_path), start=start)
    with pytest.raises(ProbeError) as raised:
        one.forecast(config, "cpu")
    # Where the nursery could not fork, the process is our own child, whose exit code is known.
    assert said.format(how="early" if isinstance(started[0], Forked) else "with code 3") in str(raised.value)


def test_a_network_that_hangs_is_a_message(tmp_path: Path, write_module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "SECONDS", 1.0)
    config = tiny("doodles", "model=module", f"model.path={write_module('import time; time.sleep(1000)')}:Net")
    one = Forecaster(Costs(tmp_path / "costs.json"), Folders(tmp_path, tmp_path))
    with pytest.raises(ProbeError, match="within 1 s"):
        one.forecast(config, "cpu")
