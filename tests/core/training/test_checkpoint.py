"""Checkpoints: whole or not there, the one before kept until the next is safe, and nothing taken for what it is not."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def test_of_the_best_those_that_are_to_stay_become_kept_ones(tmp_path: Path) -> None:
    def there() -> list[str]:
        return [one.label for kind in ("best", "kept") for one in checkpoint.found(tmp_path, kind)]

    checkpoint.save(tmp_path, "best", 2, learner(), {}, keep=[2])
    checkpoint.save(tmp_path, "best", 4, learner(), {}, keep=[4, 2])
    assert there() == ["best@4", "kept@2"]
    checkpoint.save(tmp_path, "kept", 6, learner(), {}, keep=[4, 6])
    assert there() == ["best@4", "kept@6"]
    checkpoint.save(tmp_path, "best", 4, learner(), {}, keep=[4, 6])
    assert there() == ["best@4", "kept@6"], "saved again, as a tuned one is"
    assert checkpoint.named(tmp_path, "6").which == "kept"
    with pytest.raises(CheckpointError, match="no checkpoint 2") as caught:
        checkpoint.named(tmp_path, "2")
    assert caught.value.remedy == "There is best@4, kept@6."
    checkpoint.save(tmp_path, "best", 8, learner(), {})
    assert there() == ["best@8"]


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


# Every call by which a save changes what is on the disk, or makes it last.
FILE_OPERATIONS = ("mkdir", "rename", "fsync", "unlink", "rmdir", "write")


def die_at(operation: int) -> None:
    """From now on this process, a child of the test's, is killed at the so many-th file operation, counted from 0."""
    left = [operation]

    def counted(real: Callable) -> Callable:
        def call(*arguments, **options):
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            return real(*arguments, **options)

        return call

    for name in FILE_OPERATIONS[:-1]:
        setattr(os, name, counted(getattr(os, name)))

    def write(path: Path, content: bytes, real: Callable = checkpoint._write) -> None:
        if left[0] == 0:  # in the middle of a file
            path.write_bytes(content[: len(content) // 2])
            os._exit(9)
        left[0] -= 1
        real(path, content)

    checkpoint._write = write


def saved_by_a_child(folder: Path, which: str, iteration: int, state: dict[str, Any], kill_at: int) -> bool:
    """Save in a process that is killed at a file operation; whether it got through."""
    child = os.fork()
    if not child:
        ours = learner()
        shift(ours, 1.0)
        die_at(kill_at)
        checkpoint.save(folder, which, iteration, ours, state)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("which", ["last", "best"])
@pytest.mark.parametrize("iteration", [5, 6])
def test_a_kill_at_any_file_operation_leaves_a_whole_newest_one(tmp_path: Path, which: str, iteration: int) -> None:
    """Before, after and in the middle of each: what is read then is the checkpoint before, or the new one."""
    ours = learner()
    old = ours.model.classify.bias.detach().clone()
    seen, operation, through = set(), 0, False
    while not through:
        folder = tmp_path / str(operation)
        checkpoint.save(folder, which, 5, ours, {"save": "old"})
        through = saved_by_a_child(folder, which, iteration, {"save": "new"}, operation)
        kept, weights, state = checkpoint.read_newest(folder, which)
        assert kept.iteration == (5 if state["save"] == "old" else iteration)
        assert torch.equal(weights["model.classify.bias"], old if state["save"] == "old" else old + 1)
        seen.add(state["save"])
        # Whoever resumes saves again, and what was left half-done is gone.
        checkpoint.save(folder, which, 7, ours, {"save": "next"})
        assert [path.name for path in folder.iterdir()] == [f"{which}-000000007-000"]
        operation += 1
    assert seen == {"old", "new"} and operation > 12


def test_a_reader_never_meets_a_rotated_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between finding a checkpoint and reading it, a training replaces it: the newer one is read."""
    ours = learner()
    checkpoint.save(tmp_path, "best", 5, ours, {"save": 1})
    read, turns = checkpoint.read, []

    def late(saved: checkpoint.Checkpoint):
        if len(turns) < 3:
            turns.append(saved)
            checkpoint.save(tmp_path, "best", 5 + len(turns), ours, {"save": 1 + len(turns)})
        return read(saved)

    monkeypatch.setattr(checkpoint, "read", late)
    kept, _, state = checkpoint.read_newest(tmp_path, "best")
    assert (kept.iteration, state["save"], len(turns)) == (8, 4, 3)


def test_one_of_the_first_release_is_read_and_followed(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, "last", 5, learner(), {"save": "0.1"})
    saved.folder.rename(tmp_path / "last-000000005")
    assert checkpoint.read_newest(tmp_path, "last")[2]["save"] == "0.1"
    checkpoint.save(tmp_path, "last", 5, learner(), {"save": "new"})
    assert checkpoint.read_newest(tmp_path, "last")[2]["save"] == "new"


def test_strays_are_neither_read_nor_removed(tmp_path: Path) -> None:
    strays = ["best-backup", "best-000000900.bak", "best-9", "best-000000900.old", "best-000000900-copy"]
    for name in strays:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "best-000000950").write_text("a file")
    assert checkpoint.newest(tmp_path, "best") is None
    checkpoint.save(tmp_path, "best", 5, learner(), {})
    assert checkpoint.newest(tmp_path, "best").iteration == 5
    assert {path.name for path in tmp_path.iterdir()} == {*strays, "best-000000950", "best-000000005-000"}


@pytest.mark.parametrize("content", [[1, 2], {"algorithm": 3}, "text", {}])
def test_a_state_that_is_none_is_refused_in_a_sentence(tmp_path: Path, content: Any) -> None:
    saved = checkpoint.save(tmp_path, "last", 5, learner(), {})
    torch.save(content, saved.folder / "state.pt")
    with pytest.raises(CheckpointError, match=r"state\.pt holds something else") as caught:
        checkpoint.load(saved, learner())
    assert len(caught.value.message.splitlines()) == 1


def test_torchs_refusals_become_a_sentence(tmp_path: Path) -> None:
    saved = checkpoint.save(tmp_path, "last", 5, learner(), {})
    torch.save({"algorithm": {}, "what": Path("x")}, saved.folder / "state.pt")
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(saved, learner())
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 400


def test_nothing_is_put_in_place_for_another(tmp_path: Path) -> None:
    """A worker that was given up and lives on."""

    class Superseded(Exception):
        pass

    def check() -> None:
        raise Superseded

    checkpoint.save(tmp_path, "last", 5, learner(), {"save": "old"})
    with pytest.raises(Superseded):
        checkpoint.save(tmp_path, "last", 6, learner(), {"save": "new"}, check)
    assert checkpoint.read_newest(tmp_path, "last")[2]["save"] == "old"
