"""Measurements that are kept: by what changes them, for the next process too, and never at the price of an error."""

import dataclasses
import json
from pathlib import Path

import pytest

from core import costs
from core.costs import DOUBTFUL, Costs, key_of
from core.training.probe import Cost
from data.errors import InnerloopError
from data.language import speaking
from tests.core.tiny import tiny

COST = Cost(
    step=0.5, score=0.1, tuned=0.0, candidates=0, tunes=False, memory=10**9, threads=1, steps=7, tasks=3, share=1.0
)
BUSY = dataclasses.replace(COST, share=0.3)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def key(*assignments: str) -> str:
    return key_of(tiny("doodles", *assignments), "cpu")


@pytest.mark.parametrize(
    "assignment",
    [
        "seed=3", "training.iterations=99", "training.meta_lr=0.5", "training.minutes=3", "training.schedule=cosine",
        "training.evaluate_every=3", "evaluation.episodes=77", "evaluation.val_episodes=9", "evaluation.seed=8",
        "algorithm.inner_lr=0.7", "device=auto",
    ],
)  # fmt: skip
def test_what_only_scales_or_steers_is_not_measured_anew(assignment: str) -> None:
    assert key(assignment) == key()


@pytest.mark.parametrize(
    "assignment",
    [
        "family.n_way=2", "family.k_shot=1", "family.n_query=1", "model.widths=[9]", "model=conv4", "algorithm=anil",
        "algorithm.inner_steps=2", "algorithm.first_order=true", "training.meta_batch_size=4", "training.gradient_clip=1",
        "evaluation.n_query=4", "evaluation.inner_steps=7", "batch_statistics=support",
    ],
)  # fmt: skip
def test_what_changes_the_work_is(assignment: str) -> None:
    assert key(assignment) != key()


def test_a_rate_that_is_given_saves_a_baseline_its_search() -> None:
    rates = [
        key("algorithm=pretrain", *more) for more in ((), ("algorithm.finetune_lr=0.1",), ("algorithm.finetune_lr=1",))
    ]
    assert rates[0] != rates[1] == rates[2]


def test_another_slot_or_torch_is_another_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny("sinusoid")
    before = key_of(config, "cpu")
    assert key_of(config, "cuda:0") != before
    monkeypatch.setattr(costs, "machine", lambda: ("another",))
    assert key_of(config, "cpu") != before


def test_it_is_kept_for_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "costs.json"
    one, other = Costs(file), Costs(file)
    assert one.get("a") is None
    one.put("a", COST)
    other.put("b", BUSY)
    assert [Costs(file).get(name) for name in "ab"] == [COST, BUSY]
    assert one.get("b") == BUSY
    assert [path.name for path in file.parent.iterdir()] == ["costs.json"]


def test_an_error_and_a_network_of_ones_own_are_kept_for_us_alone_and_not_for_long(tmp_path: Path) -> None:
    clock, error = Clock(), InnerloopError("It does not fit.")
    kept = Costs(tmp_path / "costs.json", clock)
    kept.put("failed", error)
    kept.put("own", COST, lasting=False)
    assert (kept.get("failed"), kept.get("own")) == (error, COST)
    assert Costs(kept.file).get("own") is None
    clock.now += DOUBTFUL + 1
    assert (kept.get("failed"), kept.get("own")) == (None, None)


def test_a_busy_machine_is_measured_again_after_a_while(tmp_path: Path) -> None:
    clock = Clock()
    kept = Costs(tmp_path / "costs.json", clock)
    kept.put("busy", BUSY)
    kept.put("idle", COST)
    clock.now += DOUBTFUL + 1
    assert (kept.get("busy"), kept.get("idle")) == (None, COST)


def test_success_takes_the_place_of_a_failure(tmp_path: Path) -> None:
    kept = Costs(tmp_path / "costs.json")
    kept.put("a", InnerloopError("Not now."))
    kept.put("a", COST)
    assert kept.get("a") == COST


def test_only_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "MOST", 3)
    clock = Clock()
    kept = Costs(tmp_path / "costs.json", clock)
    for name in "abcde":
        clock.now += 1
        kept.put(name, COST)
    assert json.loads(kept.file.read_text()).keys() == {"c", "d", "e"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"cost": {"step": 1}, "at": 0}}', "\xff"])
def test_a_damaged_file_counts_as_empty_and_is_made_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "costs.json"
    file.write_bytes(text.encode("latin-1"))
    kept = Costs(file)
    assert kept.get("a") is None
    kept.put("b", COST)
    assert Costs(file).get("b") == COST


def test_a_folder_that_cannot_be_written_costs_the_next_process_its_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    kept = Costs(tmp_path / "cache" / "costs.json")
    kept.put("a", COST)
    assert kept.get("a") == COST


def test_why_it_failed_is_kept_by_language_and_forgotten_in_all_once_it_is_measured(tmp_path: Path) -> None:
    kept = Costs(tmp_path / "costs.json")
    with speaking("zh"):
        kept.put("a", InnerloopError("为什么"))
    assert kept.get("a") is None
    kept.put("a", COST)
    with speaking("zh"):
        assert kept.get("a") == COST
