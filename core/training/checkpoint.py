"""Checkpoints: weights as safetensors, the rest of the training state beside them, each complete or not there at all.

A save makes a folder of its own, ``last-000001200-002`` for the third save at that iteration, under another name until it
is whole and on the disk. Only then the one before goes, first by its name, so that at every moment there is a whole newest
checkpoint of each kind, whenever the process is killed. Of those that did best on validation several may be kept: the best is
then called ``best`` and the others ``kept``. When one is written is the trainer's to say.
"""

import io
import logging
import os
import re
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from core.algorithms.base import Algorithm
from data.errors import InnerloopError
from data.language import mark, tr

log = logging.getLogger(__name__)

Which = Literal["last", "best", "kept"]
NAME = re.compile(r"(last|best|kept)-(\d{9,18})(?:-(\d{3,9}))?")  # 0.1 wrote no number of the save
REMEDY = mark(
    "Free some space or give the home folder another disk, then resume the run: it goes on from the checkpoint before."
)


class CheckpointError(InnerloopError):
    """A checkpoint cannot be written or read."""


@dataclass(frozen=True)
class Checkpoint:
    """One saved moment of a training. turn: counts the saves at the same iteration, from 0."""

    which: Which
    iteration: int
    folder: Path
    turn: int = 0

    @property
    def label(self) -> str:
        """For people and protocols: ``best@1200``."""
        return f"{self.which}@{self.iteration}"


def save(
    folder: Path,
    which: Which,
    iteration: int,
    algorithm: Algorithm,
    state: dict[str, Any],
    check: Callable[[], None] = lambda: None,
    keep: Collection[int] = (),
) -> Checkpoint:
    """Write a checkpoint, then drop older ones of its kind. Raises CheckpointError; the older one is then still there.

    keep: iterations of which a best or kept one stays, as kept.

    check: called when all is written and nothing is in place; raises if it must not be put there (any more).
    """
    saved = weights(algorithm)
    own = {"algorithm": algorithm.choice or {}, "made_with": algorithm.family.made_with}
    return place(folder, which, iteration, saved, {**own, **state}, check, keep)


def place(
    folder: Path,
    which: Which,
    iteration: int,
    saved: dict[str, Tensor],
    state: dict[str, Any],
    check: Callable[[], None] = lambda: None,
    keep: Collection[int] = (),
) -> Checkpoint:
    """``save`` for weights and a state as ``read`` gives them."""
    made = _next(folder, which, iteration)
    part = made.folder.with_name(f"{made.folder.name}.{os.getpid()}.part")
    try:
        _sweep(folder, which)
        _fill(part, saved, state)
        check()
        part.rename(made.folder)
        _sync(folder)
    except Exception as error:
        shutil.rmtree(part, ignore_errors=True)  # what is half written does not fill the disk further
        if not isinstance(error, OSError):
            raise
        message = tr(
            "The checkpoint of iteration {iteration} could not be written to {folder}: {strerror}.",
            iteration=iteration,
            folder=folder,
            strerror=error.strerror,
        )
        raise CheckpointError(message, REMEDY, str(folder)) from error
    _retire(folder, made, keep)
    return made


def _retire(folder: Path, made: Checkpoint, keep: Collection[int]) -> None:
    """Drop what a new checkpoint takes the place of. A best one that is to stay becomes a kept one."""
    for older in found(folder, made.which):
        stays = older.iteration in keep and older.iteration != made.iteration
        if older != made and made.which == "best" and stays:
            _rename(older.folder, f"kept-{older.iteration:09d}-{older.turn:03d}")
        elif older != made and not (made.which == "kept" and stays):
            _remove(older.folder)
    for one in found(folder, "kept") if made.which == "best" else ():
        if one.iteration not in keep or one.iteration == made.iteration:
            _remove(one.folder)


def _rename(folder: Path, name: str) -> None:
    try:
        folder.rename(folder.with_name(name))
    except OSError as error:  # a kept one of the same name is as good
        log.warning("the checkpoint %s could not be kept: %s", folder, error.strerror)
        _remove(folder)


def _next(folder: Path, which: Which, iteration: int) -> Checkpoint:
    """What a save at this iteration is to make."""
    turn = max((one.turn + 1 for one in found(folder, which) if one.iteration == iteration), default=0)
    return Checkpoint(which, iteration, folder / f"{which}-{iteration:09d}-{turn:03d}", turn)


def _fill(part: Path, saved: dict[str, Tensor], state: dict[str, Any]) -> None:
    """A new folder with all that belongs to a checkpoint, on the disk when this returns."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    part.mkdir(parents=True)
    _write(part / "weights.safetensors", safetensors.torch.save(saved))
    _write(part / "state.pt", buffer.getvalue())
    _sync(part)


def weights(algorithm: Algorithm) -> dict[str, Tensor]:
    """Everything learned, by name, each tensor once: safetensors refuses tied, expanded and channels-last tensors."""
    return {name: value.detach().cpu().contiguous() for name, value in algorithm.learned().items()}


def found(folder: Path, which: Which) -> list[Checkpoint]:
    """Complete checkpoints of a kind, newest last. Whatever else lies there, half-written or a person's copy, is not seen."""
    named = [(NAME.fullmatch(path.name), path) for path in folder.glob(f"{which}-*") if path.is_dir()]
    complete = [Checkpoint(which, int(name[2]), path, int(name[3] or 0)) for name, path in named if name]
    return sorted(complete, key=lambda one: (one.iteration, one.turn))


def newest(folder: Path, which: Which) -> Checkpoint | None:
    checkpoints = found(folder, which)
    return checkpoints[-1] if checkpoints else None


def all_of(folder: Path) -> list[Checkpoint]:
    """Every whole checkpoint of a run: the best, the last, then those kept."""
    return [one for one in (newest(folder, "best"), newest(folder, "last"), *found(folder, "kept")) if one]


def named(folder: Path, which: str) -> Checkpoint:
    """The one that a person names: ``best``, ``last`` or an iteration. Raises CheckpointError with those that there are."""
    there = all_of(folder)
    for one in there:
        if which in (one.which, str(one.iteration)):
            return one
    have = ", ".join(one.label for one in there)
    text = tr("There is no checkpoint {which}.", which=which[:40])
    raise CheckpointError(
        text,
        tr("There is {have}.", have=have) if have else tr("A run writes its first after a validation."),
        str(folder),
    )


def read(checkpoint: Checkpoint) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights and the training state, on the CPU. Raises CheckpointError where a file is missing or damaged."""
    try:
        saved = safetensors.torch.load_file(checkpoint.folder / "weights.safetensors")
        state = torch.load(checkpoint.folder / "state.pt", weights_only=True, map_location="cpu")
    except (OSError, SafetensorError, RuntimeError, EOFError, UnpicklingError) as error:
        raise _unreadable(checkpoint, _reason(error)) from error
    if not isinstance(state, dict) or not isinstance(state.get("algorithm"), dict):
        raise _unreadable(checkpoint, "state.pt holds something else")
    return saved, state


def read_newest(folder: Path, which: Which) -> tuple[Checkpoint, dict[str, Tensor], dict[str, Any]] | None:
    """The newest of a kind with what it holds, also while a training puts newer ones in its place; None without any.

    Raises CheckpointError where the newest is damaged.
    """
    while (saved := newest(folder, which)) is not None:
        try:
            return saved, *read(saved)
        except CheckpointError:
            if newest(folder, which) == saved:  # not rotated away while it was read
                raise
    return None


def load(checkpoint: Checkpoint, algorithm: Algorithm) -> dict[str, Any]:
    """Put the checkpoint's weights into the learner and return the training state. Raises CheckpointError."""
    saved, state = read(checkpoint)
    put(checkpoint, saved, state, algorithm)
    return state


def put(checkpoint: Checkpoint, saved: dict[str, Tensor], state: dict[str, Any], algorithm: Algorithm) -> None:
    """What was read from a checkpoint into the learner. Raises CheckpointError where it is another's."""
    made_with = algorithm.family.made_with
    if state.get("made_with", made_with) != made_with:
        raise CheckpointError(
            tr("The frozen network is another one than when {folder} was written.", folder=checkpoint.folder),
            tr("Put its code and its file of weights back as they were, or start the run anew."),
            str(checkpoint.folder),
        )
    named = algorithm.learned()
    if {n: v.shape for n, v in named.items()} != {n: v.shape for n, v in saved.items()}:
        raise CheckpointError(
            tr("The checkpoint {folder} belongs to another network.", folder=checkpoint.folder),
            tr("Was the class behind model.path changed? Put it back, or start the run anew."),
            str(checkpoint.folder),
        )
    with torch.no_grad():
        for name, value in named.items():
            value.copy_(saved[name])
    try:
        algorithm.choose(state["algorithm"])
    except TypeError as error:
        raise _unreadable(checkpoint, "what was chosen is no choice of this learner's") from error


def _unreadable(checkpoint: Checkpoint, reason: str) -> CheckpointError:
    where = str(checkpoint.folder)
    return CheckpointError(
        tr("The checkpoint {where} cannot be read: {reason}.", where=where, reason=reason),
        tr("Start the run anew."),
        where,
    )


def _reason(error: Exception) -> str:
    """In a few words: torch's own refusals are a page long."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, UnpicklingError):
        return "state.pt holds more than plain values and tensors, or is damaged"
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder last: without it a power cut may undo a rename."""
    if os.name != "posix":  # no folder can be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    """Out of readers' sight first: while its files go, one after the other, it would look whole."""
    try:
        going = folder.with_name(f"{folder.name}.dropped")
        folder.rename(going)
    except OSError as error:  # it stays, and costs no more than its space
        log.warning("the older checkpoint %s could not be removed: %s", folder, error.strerror)
        return
    shutil.rmtree(going, ignore_errors=True)


def _sweep(folder: Path, which: Which) -> None:
    """Remove what killed processes left half-written or half-removed."""
    for path in folder.glob(f"{which}-*"):
        if NAME.fullmatch(path.name.split(".")[0]) and path.suffix in (".part", ".dropped"):
            shutil.rmtree(path, ignore_errors=True)
