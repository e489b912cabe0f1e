"""What nobody can mean is refused where it enters: exit status 1 or 2, one short message, no traceback, and soon."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli import app as cli
from core.runs import hardware
from core.runs.home import Home
from core.runs.store import RunStore
from data.errors import LONGEST

TRAIN = ("train", "--preset", "sinusoid-maml", "--detach")
HUGE = "9" * 5000
NUMBERS = ("0", "-1", "1.5", "one", "", str(2**31), str(2**63), str(2**64), "9" * 400, HUGE, "٣", "1e3", "0x1", "NaN")
COMMANDS = ("show", "log", "stop", "resume", "delete", "evaluate", "predict", "worker")
SETTINGS = (
    f"training.iterations={HUGE}", f"seed={HUGE}", f"training.meta_lr={HUGE}", f"training.meta_lr=1e{HUGE}",
    "training.iterations=true", "training.iterations=false", "training.meta_batch_size=true", "family.k_shot=true",
    "training.meta_lr=true", "model.widths=[true, 40]", "training.iterations=[1]", "training.iterations={}",
    "training.iterations=1.5", "training.iterations=null", 'training.iterations="many"', "training.meta_lr=NaN",
    "training.meta_lr=Infinity", "training.meta_lr=-Infinity", "training.minutes=1e400", "training.minutes=-1",
    "model.widths=" + "[" * 100_000, "model.widths=" + "[" * 900 + "]" * 900, "model.widths=" + '{"a":' * 900 + "1" + "}" * 900,
    f"model.widths={[4096] * 2000}", f"model.widths={[1] * 33}", "model.widths=[0]", "model.widths=[5000]", "model.widths=40",
    "model.widths=null", "model=module", 'model={"name": "mlp"}', "model=null", "model=[]", "model=0", "model.name=null",
    "family=null", "family=[1]", 'family={"name": {"name": "doodles"}}', "algorithm=true", "algorithm.name=[]",
    "evaluation=5", "evaluation=null", "training=[]", "training=x", "evaluation.seed=-1", f"evaluation.seed={2**31}",
    "evaluation.episodes=1", "device=" + "x" * 80_000, "device=cuda:99999999999999999999", "device=", "device=null",
    "batch_statistics=" + "y" * 9_000, "x" * 80_000 + "=1", "a.b.c.d.e=1", ".=1", "=1", "", "training.", "training..iterations=1",
    "training.iterations", "config=1", "name=x", "model.arguments=1", "training.iterations.x=1", "seed=\ud800", "family=\udcff",
    "family.name=sinusoid\n", "algorithm=" + "m" * 80_000, "schedule=cosine", "training.schedule=[]", "training.final_lr=2",
)  # fmt: skip
OTHERS = (
    ("train",), ("train", "--preset", ""), ("train", "--preset", "x" * 80_000), ("train", "--preset", "\ud800"),
    (*TRAIN, "--seed", "2147483647", "--seeds", "3"), (*TRAIN, "--seed", str(2**31)), (*TRAIN, "--seed", HUGE),
    (*TRAIN, "--seeds", "0"), (*TRAIN, "--seeds", "101"), (*TRAIN, "--seeds", HUGE), (*TRAIN, "--seed", "1.5"),
    (*TRAIN, "--name", ""), (*TRAIN, "--name", "   "), (*TRAIN, "--name", "n" * 80_000), (*TRAIN, "--name", "a\nb"),
    (*TRAIN, "--name", "bell\a"), (*TRAIN, "--name", "null\0byte"), (*TRAIN, "--name", "\udcff"), (*TRAIN, "--nam"),
    ("evaluate", "1", "--episodes", "10" * 15), ("evaluate", "1", "--episodes", HUGE), ("evaluate", "1", "--split", "x" * 80_000),
    ("runs", "extra"), ("runs", "--limit", "-1"), ("runs", "--limit", HUGE), ("runs", "--offset", "-1"),
    ("runs", "--offset", str(2**63)),
    ("list",), ("list", "x" * 80_000), ("list", "\udcff"), ("download", "x" * 80_000), ("download", ""),
    ("results", "--minutes", "0"), ("results", "--minutes", "1e400"), ("results", "--minutes", "1", "--only", "x" * 80_000),
    ("results", "--minutes", "1", "--output", "no\0where"), ("results", "--minutes", "1", "--output", "d" * 5000),
    ("", ), ("x" * 80_000,), ("--home",), ("--no-such-option",), ("\ud800",),
    ("show", "1", "2"), ("worker", "1", "--attempt", HUGE),
    ("worker", "1", "--with", "7"), ("worker", "1", "--with", f"7:{HUGE}"),
)  # fmt: skip
HOMES = ("", "  ", "~nosuchuser/x", "null\0byte", "\udcff\0", "d" * 5000, "/proc/nowhere/x", "/dev/null", "/dev/null/x")
CALLS = (
    [(command, number) for command in COMMANDS for number in NUMBERS]
    + [(*TRAIN, "--set", setting) for setting in SETTINGS]
    + list(OTHERS)
    + [("--home", home, "runs") for home in HOMES]
    + [("runs", "--home", home) for home in HOMES]
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INNERLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(hardware, "slots", lambda: [])  # what gets through by mistake trains nowhere
    monkeypatch.chdir(tmp_path)
    return Home.find()


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys) -> Callable[..., tuple[int, str]]:
    """Exit status and what was said, of a call in this process."""

    def called(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["core", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return called


def name_of(call: tuple[str, ...]) -> str:
    return ascii(" ".join(call))[:70]


@pytest.mark.parametrize("arguments", CALLS, ids=[f"{i}-{name_of(call)}" for i, call in enumerate(CALLS)])
def test_a_malformed_call_is_refused_in_a_sentence(arguments: tuple[str, ...], home: Home, call) -> None:
    status, said = call(*arguments)
    assert status in (1, 2)
    assert "Traceback" not in said
    assert 10 < len(said) < 9 * LONGEST, "says what was wrong, and does not give back what was typed"
    assert RunStore(home.database).runs() == []
    assert [path.name for path in home.root.parent.iterdir()] == ["home"], "nothing is written anywhere else"


def test_there_are_as_many_as_it_takes() -> None:
    assert len(CALLS) >= 200
