"""Checkpoints: weights as safetensors, the rest of the training state beside them, each complete or not there at all."""

import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from core.algorithms.base import Algorithm
from core.algorithms.fine_tune import FineTuner
from data.errors import InnerloopError

Kind = Literal["last", "best"]
REMEDY = (
    "Free some space or give the home folder another disk, then resume the run: it goes on from the checkpoint before."
)


class CheckpointError(InnerloopError):
    """A checkpoint cannot be written or read."""


@dataclass(frozen=True)
class Checkpoint:
    """One saved moment of a training."""

    kind: Kind
    iteration: int
    folder: Path


def save(folder: Path, kind: Kind, iteration: int, algorithm: Algorithm, state: dict[str, Any]) -> Checkpoint:
    """Write a checkpoint, then drop older ones of its kind. Raises CheckpointError; the older one is then still there."""
    target = folder / f"{kind}-{iteration:09d}"
    part = target.with_suffix(".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write(part / "weights.safetensors", safetensors.torch.save(weights(algorithm)))
        buffer = io.BytesIO()
        torch.save({"algorithm": algorithm_state(algorithm), **state}, buffer)
        _write(part / "state.pt", buffer.getvalue())
        shutil.rmtree(target, ignore_errors=True)  # the same iteration again, after a resume
        part.rename(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        message = f"The checkpoint of iteration {iteration} could not be written to {folder}: {error.strerror}."
        raise CheckpointError(message, REMEDY, str(folder)) from error
    for older in found(folder, kind):
        if older.folder != target:
            shutil.rmtree(older.folder, ignore_errors=True)
    return Checkpoint(kind, iteration, target)


def weights(algorithm: Algorithm) -> dict[str, Tensor]:
    """Everything learned, by name, each tensor once: safetensors refuses tied, expanded and channels-last tensors."""
    return {name: value.detach().cpu().contiguous() for name, value in algorithm.learned().items()}


def algorithm_state(algorithm: Algorithm) -> dict[str, Any]:
    """What a learner knows beside its weights: the fine-tuning it chose."""
    return algorithm.get_extra_state() if isinstance(algorithm, FineTuner) else {}


def found(folder: Path, kind: Kind) -> list[Checkpoint]:
    """Complete checkpoints of a kind, newest last. A half-written one ends in .part and is not seen."""
    folders = sorted(p for p in folder.glob(f"{kind}-*") if p.suffix != ".part")
    return [Checkpoint(kind, int(p.name.removeprefix(f"{kind}-")), p) for p in folders]


def newest(folder: Path, kind: Kind) -> Checkpoint | None:
    checkpoints = found(folder, kind)
    return checkpoints[-1] if checkpoints else None


def read(checkpoint: Checkpoint) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights and the training state, on the CPU. Raises CheckpointError where a file is missing or damaged."""
    try:
        saved = safetensors.torch.load_file(checkpoint.folder / "weights.safetensors")
        state = torch.load(checkpoint.folder / "state.pt", weights_only=True, map_location="cpu")
    except (OSError, SafetensorError, RuntimeError, EOFError, UnpicklingError) as error:
        raise CheckpointError(
            f"The checkpoint {checkpoint.folder} cannot be read: {error}", "Start the run anew.", str(checkpoint.folder)
        ) from error
    return saved, state


def load(checkpoint: Checkpoint, algorithm: Algorithm) -> dict[str, Any]:
    """Put the checkpoint's weights into the learner and return the training state. Raises CheckpointError."""
    saved, state = read(checkpoint)
    named = algorithm.learned()
    if {n: v.shape for n, v in named.items()} != {n: v.shape for n, v in saved.items()}:
        raise CheckpointError(
            f"The checkpoint {checkpoint.folder} belongs to another network.",
            "Was the class behind model.path changed? Put it back, or start the run anew.",
            str(checkpoint.folder),
        )
    with torch.no_grad():
        for name, value in named.items():
            value.copy_(saved[name])
    if isinstance(algorithm, FineTuner):
        algorithm.set_extra_state(state["algorithm"])
    return state


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
