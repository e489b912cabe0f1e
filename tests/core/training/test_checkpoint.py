"""Checkpoints: whole or not there, the one before kept until the next is safe, and nothing taken for what it is not."""

import errno
import os
from pathlib import Path

import pytest
import torch

from core.algorithms.maml import MAML
from core.training import checkpoint
from core.training.checkpoint import CheckpointError
from tests.core import own_nets
from tests.core.learners import maml

PICTURE = (1, 28, 28)


def learner(width: int = 6) -> MAML:
    return maml(lambda: own_nets.Plain(PICTURE, 3, width))


def shift(algorithm: MAML, by: float) -> None:
    with torch.no_grad():
        for p in algorithm.parameters():
            p += by


def test_weights_and_state_come_back(tmp_path: Path) -> None:
    ours, state = learner(), {"validated": 3, "best": {"mean": 0.5}, "torch": torch.get_rng_state()}
    shift(ours, 0.25)
    saved = checkpoint.save(tmp_path / "new" / "folder", "last", 7, ours, state)
    theirs = learner()
    loaded = checkpoint.load(saved, theirs)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert {k: loaded[k] for k in ("validated", "best")} == {"validated": 3, "best": {"mean": 0.5}}
    assert torch.equal(loaded["torch"], state["torch"])


@pytest.mark.parametrize("network", [own_nets.Embedded, own_nets.Running, own_nets.Normed])
def test_tied_weights_and_buffers_come_back(tmp_path: Path, network: type) -> None:
    ours, theirs = (maml(lambda: network(PICTURE, 3), mode="loop") for _ in range(2))
    with torch.no_grad():
        for value in (*ours.parameters(), *ours.buffers()):
            value += 1
    checkpoint.load(checkpoint.save(tmp_path, "best", 1, ours, {}), theirs)
    for (name, a), b in zip(ours.learned().items(), theirs.learned().values(), strict=True):
        assert torch.equal(a, b), name
    if network is own_nets.Embedded:
        assert theirs.model.first.weight is theirs.model.second.weight


def test_channels_last_and_expanded_weights_can_be_saved(tmp_path: Path) -> None:
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
            self.register_buffer("wide", torch.ones(1).expand(4))

    ours = maml(Odd)
    saved, _ = checkpoint.read(checkpoint.save(tmp_path, "best", 1, ours, {}))
    assert torch.equal(saved["model.conv.weight"], ours.model.conv.weight.detach())
    assert torch.equal(saved["model.wide"], torch.ones(4).double())


def test_only_the_newest_of_a_kind_is_kept(tmp_path: Path) -> None:
    for iteration in (2, 10, 9_999_999):
        checkpoint.save(tmp_path, "last", iteration, learner(), {})
    checkpoint.save(tmp_path, "best", 2, learner(), {})
    assert [c.iteration for c in checkpoint.found(tmp_path, "last")] == [9_999_999]
    assert checkpoint.newest(tmp_path, "best").iteration == 2
    assert checkpoint.newest(tmp_path / "nowhere", "best") is None


def test_the_same_iteration_can_be_saved_again(tmp_path: Path) -> None:
    ours = learner()
    checkpoint.save(tmp_path, "last", 5, ours, {"attempt": 1})
    shift(ours, 1.0)
    saved = checkpoint.save(tmp_path, "last", 5, ours, {"attempt": 2})
    weights, state = checkpoint.read(saved)
    assert state["attempt"] == 2
    assert torch.equal(weights["model.classify.bias"], ours.model.classify.bias.detach())


@pytest.mark.parametrize("iteration", [5, 6])
def test_a_full_disk_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iteration: int
) -> None:
    ours = learner()
    checkpoint.save(tmp_path, "last", 5, ours, {"attempt": 1})
    weights = {name: value.clone() for name, value in ours.learned().items()}
    shift(ours, 1.0)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CheckpointError, match=f"iteration {iteration} .*No space left") as caught:
            checkpoint.save(tmp_path, "last", iteration, ours, {"attempt": 2})
    assert "space" in caught.value.remedy
    kept = checkpoint.newest(tmp_path, "last")
    assert kept.iteration == 5
    saved, state = checkpoint.read(kept)
    assert state["attempt"] == 1
    assert all(torch.equal(saved[name], value) for name, value in weights.items())
    assert not list(tmp_path.glob("*.part"))  # what was half written does not fill the disk further


def test_a_half_written_one_is_not_seen(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, "last", 5, learner(), {})
    (tmp_path / "last-000000009.part").mkdir()
    assert checkpoint.newest(tmp_path, "last").iteration == 5
    checkpoint.save(tmp_path, "last", 9, learner(), {})
    assert checkpoint.newest(tmp_path, "last").iteration == 9


@pytest.mark.parametrize("file", ["weights.safetensors", "state.pt"])
@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "missing"])
def test_a_damaged_one_is_refused(tmp_path: Path, file: str, damage: str) -> None:
    saved = checkpoint.save(tmp_path, "last", 5, learner(), {})
    path = saved.folder / file
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"garbage": b"no checkpoint " * 30, "truncated": content[:100], "empty": b""}[damage])
    with pytest.raises(CheckpointError, match="cannot be read") as caught:
        checkpoint.load(saved, learner())
    assert caught.value.path == str(saved.folder)


def test_anothers_checkpoint_is_refused(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, "last", 5, learner(), {})
    other = learner(width=7)
    before = other.model.classify.weight.clone()
    with pytest.raises(CheckpointError, match="another network"):
        checkpoint.load(saved, other)
    assert torch.equal(other.model.classify.weight, before)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    saved = checkpoint.save(tmp_path, "last", 5, learner(), {})
    torch.save(Payload(), saved.folder / "state.pt")
    with pytest.raises(CheckpointError):
        checkpoint.load(saved, learner())
    assert not (tmp_path / "executed").exists()
