"""A trained learner as one file, to keep or to give away: its weights, its config, and a card that says what it is."""

import json
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from core.errors import RunError
from core.handover import again, card
from core.runs.artifacts import Artifacts
from core.runs.schema import Run
from core.training import checkpoint
from core.training.checkpoint import Checkpoint, CheckpointError
from data.language import tr

WEIGHTS, CONFIG, LEARNER, CARD = "weights.safetensors", "config.json", "learner.json", "card.md"
LARGEST_TEXT = 10_000_000  # bytes of the parts that are text


@dataclass(frozen=True)
class Bundle:
    """What such a file holds. forward: how tasks were adapted, stacked or loop. choice: see ``Algorithm.choice``. label: which
    weights, as ``best@1200``. made_with: see ``TaskFamily.made_with``.
    """

    weights: dict[str, Tensor]
    config: dict[str, Any]
    forward: str
    choice: dict[str, Any]
    label: str
    made_with: str = ""


def write(run: Run, artifacts: Artifacts, target: BinaryIO, which: str = "") -> None:
    """The run's best checkpoint, else its last, into an open file, copied in small pieces. Raises RunError without any.

    which: another one, ``last`` or an iteration; CheckpointError where there is none such.
    """
    folder, tried = artifacts.checkpoints(), None
    while (saved := _asked_for(folder, which)) not in (None, tried):
        try:
            held, weights = _held(saved), (saved.folder / WEIGHTS).open("rb")
        except FileNotFoundError:  # rotated away by a training that goes on
            tried = saved
            continue
        with weights:
            _fill(run, saved, held, weights, target)
        return
    if tried:
        raise CheckpointError(
            tr("The checkpoint {folder} is not whole.", folder=tried.folder),
            tr("Train the run again."),
            str(tried.folder),
        )
    raise RunError(
        tr("Run {id} has no checkpoint to take away.", id=run.id), tr("Wait for its first validation, or resume it.")
    )


def _asked_for(folder: Path, which: str) -> Checkpoint | None:
    if which:
        return checkpoint.named(folder, which)
    return checkpoint.newest(folder, "best") or checkpoint.newest(folder, "last")


def _held(saved: Checkpoint) -> dict[str, Any]:
    """What the learner chose and what its inputs were made with, without reading the optimizer's state beside it."""
    try:
        state = torch.load(saved.folder / "state.pt", weights_only=True, map_location="cpu", mmap=True)
        return {"choice": state["algorithm"], "made_with": state.get("made_with", "")}
    except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            tr("The checkpoint {folder} cannot be read.", folder=saved.folder),
            tr("Train the run again."),
            str(saved.folder),
        ) from error


def _fill(run: Run, saved: Checkpoint, held: dict[str, Any], weights: BinaryIO, target: BinaryIO) -> None:
    learner = {"run": run.id, "name": run.name, "checkpoint": saved.label, "forward": run.forward, **held}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # weights do not compress
        archive.writestr(CARD, card.text(run, saved.label))
        archive.writestr(CONFIG, again.config_text(run))
        archive.writestr(LEARNER, json.dumps(learner, indent=2))
        with archive.open(WEIGHTS, "w", force_zip64=True) as place:
            while piece := weights.read(2**20):
                place.write(piece)


def read(path: Path) -> Bundle:
    """What ``write`` made. Raises CheckpointError for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            config, learner = (json.loads(_text(archive, name)) for name in (CONFIG, LEARNER))
            weights = safetensors.torch.load(archive.read(WEIGHTS))
        choice, label, made_with = learner["choice"], learner["checkpoint"], learner.get("made_with", "")
        return Bundle(weights, dict(config), str(learner["forward"]), dict(choice), str(label), str(made_with))
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError, SafetensorError, RecursionError) as error:
        remedy = tr("Make it with `python -m core export RUN --what checkpoint --output FILE.zip`.")
        raise CheckpointError(tr("{path} holds no learner of Innerloop's.", path=path), remedy, str(path)) from error


def _text(archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > LARGEST_TEXT:
        raise ValueError(name)
    return archive.read(name).decode()
