"""The trial before a launch: a network of one's own runs in a process of its own, and whatever it does is a sentence."""

import sys
from collections.abc import Callable

import pytest

from core import trial
from core.elsewhere import Start, forked
from core.launch import launch
from core.models.base import ModelError
from core.runs import scheduler
from core.runs.facts import cores_of
from core.runs.home import Home
from core.runs.store import RunStore
from core.training import build
from core.training.build import Trial
from core.trial import tried
from tests.core.tiny import tiny, values
from tests.data.frozen_nets import frozen_network

NETWORK = """
import os, signal, time
from torch import nn

{before}

class Net(nn.Module):
    def __init__(self, input_shape, outputs):
        super().__init__()
        {inside}
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, {outputs}))

    def forward(self, x):
        return self.layers(x)
"""


@pytest.fixture
def network(write_module: Callable[[str], str]) -> Callable[..., str]:
    """Writes the network anew; returns its import path."""

    def write(before: str = "", inside: str = "pass", outputs: str = "outputs") -> str:
        return f"{write_module(NETWORK.format(before=before, inside=inside, outputs=outputs))}:Net"

    return write


def own(path: str):
    return tiny("doodles", "model=module", f"model.path={path}")


def test_an_edited_file_counts_at_once_and_is_never_imported_here(network, start: Start) -> None:
    path = network()
    assert tried(own(path), start=start).forward == "stacked"
    network(outputs="outputs + 1")
    with pytest.raises(ModelError, match=r"gives \(4,\) values .* need \(3,\)") as caught:
        tried(own(path), start=start)
    assert (caught.value.path, "outputs" in caught.value.remedy) == ("model", True)
    network(outputs="outputs")
    assert tried(own(path), start=start) == Trial("stacked", cores=1, together=False)
    assert path.partition(":")[0] not in sys.modules


@pytest.fixture
def start(forking: None, home: Home) -> Start:
    """As where a warm process waits."""
    del forking
    return forked(home)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"before": "os._exit(0)"}, "ended the process early"),
        ({"inside": "raise SystemExit(3)"}, "ended the process early"),
        ({"inside": "os.kill(os.getpid(), signal.SIGSEGV)"}, "ended the process early"),
        ({"before": "import no_such_thing"}, "No module 'no_such_thing' was found"),
        ({"inside": "raise ValueError('too [small](x)')"}, "failed: ValueError"),
    ],
)
def test_what_a_network_does_to_its_process_is_a_message(
    network, start: Start, text: dict[str, str], said: str
) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        tried(own(network(**text)), start=start)
    assert caught.value.remedy and caught.value.path.startswith("model")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"inside": "raise SystemExit(3)"}, "ended the process with code 3"),
        ({"inside": "os.kill(os.getpid(), signal.SIGSEGV)"}, r"by signal 11 \(SIGSEGV\)"),
    ],
)
def test_of_a_process_of_ours_it_is_known_how_it_ended(network, text: dict[str, str], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        tried(own(network(**text)))


def test_a_network_that_hangs_is_ended(network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 1.0)
    with pytest.raises(ModelError, match="did not come to an end within 1 s"):
        tried(own(network(before="time.sleep(1000)")))


ENVIRONMENTS = """
import os, time
import gymnasium

def make_task(rng):
    {inside}
    return gymnasium.make("CartPole-v1")
"""


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("pass", ""),
        ("raise SystemExit(3)", "ended the process early"),
        ("1 / 0", "failed as it was made: ZeroDivisionError"),
    ],
)
def test_environments_of_ones_own_are_tried_elsewhere_too(
    write_module: Callable[[str], str], start: Start, inside: str, said: str
) -> None:
    path = f"{write_module(ENVIRONMENTS.format(inside=inside))}:make_task"
    sizes = ("family.k_shot=2", "family.n_query=2", "family.horizon=5", "model.constant_outputs=0")
    config = tiny("navigation", "family=environments", f"family.make_task={path}", *sizes)
    if said:
        with pytest.raises(ModelError, match=said) as caught:
            tried(config, start=start)
        assert caught.value.remedy and caught.value.path == "family.make_task"
    else:
        assert tried(config, start=start) == Trial("stacked", cores=1, together=False)
    assert path.partition(":")[0] not in sys.modules


def test_what_a_network_prints_is_no_answer(network, start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    assert tried(own(network(before="print('{}' * 100000)")), start=start).forward == "stacked"
    said = capfd.readouterr()
    assert (said.out, set(said.err.strip())) == ("", {"{", "}"})
    assert len(said.err) <= 2**16


def test_a_launch_queues_nothing_if_the_trial_fails(network, home: Home) -> None:
    store = RunStore(home.database, home.root)
    config = values("doodles", "model=module", f"model.path={network(before='os._exit(1)')}")
    with pytest.raises(ModelError):
        launch(store, home, config, "hopeless")
    assert store.runs() == []


def test_a_launch_builds_the_learner_once_however_many_seeds(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "reconcile", lambda *_: None)  # nothing is started
    built: list[str] = []
    whole = build.build_learner

    def counted(config, family, mode):
        if family.device.type != "meta":  # counting weights takes no memory and runs nothing
            built.append(mode)
        return whole(config, family, mode)

    monkeypatch.setattr(build, "build_learner", counted)
    runs = launch(RunStore(home.database, home.root), home, values("sinusoid"), "many", seeds=3)
    assert [run.name for run in runs] == ["many seed 0", "many seed 1", "many seed 2"]
    assert {run.group for run in runs} == {"many × 3"}
    assert [cores_of(run) for run in runs] == [1, 1, 1]
    assert built == ["stacked"]


def test_a_frozen_network_is_tried_in_a_process_of_its_own_too(home: Home, start: Start) -> None:
    own = frozen_network(home.root)
    assert tried(tiny("doodles", *own), home.folders, start).forward == "stacked"
    with pytest.raises(ModelError, match="gives 6 features of a picture, not 7") as caught:
        tried(tiny("doodles", *own, "family.extractor_size=7"), home.folders, start)
    assert caught.value.path == "family.extractor_size"
    with pytest.raises(ModelError, match="ended the process") as caught:
        tried(tiny("doodles", *own, "family.extractor=tests.data.frozen_nets:Ending"), home.folders, start)
    assert caught.value.path == "family.extractor"
