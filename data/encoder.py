"""A frozen sentence encoder in front of the learners: each text goes through it once, and tasks are made of its vectors.

It is a folder as the package sentence-transformers writes it, read from the disk alone: nothing is downloaded, no code that lies
in the folder is run, and of weights only safetensors are read.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from data.config import setting
from data.errors import ModelError, shortened
from data.extras import missing
from data.family import ClassificationConfig
from data.frozen import CHUNK, digest
from data.language import mark, tr

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

VERSION = 1  # part of the cache's key: raise it whenever a text is made ready otherwise
FOLDER, PARTS = "encoders", "modules.json"  # of the data sets; what lists the parts of an encoder in its folder
PACKAGE = "sentence-transformers"
AT, AT_SIZE = "family.encoder", "family.encoder_size"


class EncodedConfig(ClassificationConfig):
    """What families of texts have beside the shape of their tasks: a frozen encoder, or none."""

    frozen: ClassVar[str] = "encoder"

    encoder: str = setting("", "Frozen sentence encoder", advanced=True)
    """A folder of sentence-transformers: its name in the folder encoders of the data-set folder, or its whole path. All texts go
    through it once; learners then see its vectors. Empty: none, learners read words.
    """
    encoder_size: int = setting(384, "Features it gives", ge=1, le=65536, advanced=True)
    """How many numbers it gives for a text: 384 for small encoders such as all-MiniLM-L6-v2, 768 for base ones."""


class Encoder:
    """The frozen encoder of a config. It is opened, and its package imported, when a text goes through it."""

    def __init__(self, config: EncodedConfig, datasets: Path, device: torch.device | str = "cpu"):
        self.config, self.datasets, self.device = config, datasets, torch.device(device)

    @cached_property
    def model(self) -> "SentenceTransformer":
        """Raises ModelError with the reason and the way out."""
        folder = encoder_folder(self.config, self.datasets)
        from sentence_transformers import SentenceTransformer  # takes seconds, and is installed by those who need it

        try:
            found = SentenceTransformer(
                str(folder),
                device=str(self.device),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # whatever the package raises for a folder that it cannot use
            text = tr(
                "{folder} cannot be opened: {reason}",
                folder=folder,
                reason=shortened(str(error).strip() or repr(error), 300),
            )
            raise ModelError(text, tr("Save it anew with SentenceTransformer.save_pretrained(path)."), AT) from error
        return found.eval().requires_grad_(False)

    def key(self) -> str:
        """Another one wherever vectors may be others: by all files of the folder. Imports nothing. Raises ModelError."""
        folder = encoder_folder(self.config, self.datasets)
        files = [(str(path.relative_to(folder)), digest(path)) for path in sorted(folder.rglob("*")) if path.is_file()]
        return hashlib.sha256(json.dumps([VERSION, self.config.encoder_size, files]).encode()).hexdigest()

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """float32 (texts, size) on the encoder's device. Raises ModelError where the encoder gives something else."""
        found = self.model.encode(list(texts), batch_size=CHUNK, convert_to_tensor=True, show_progress_bar=False)
        if found.shape[1:] != (self.config.encoder_size,):
            text = tr(
                "{encoder} gives {n} features of a text, not {size}.",
                encoder=self.config.encoder,
                n=found.shape[-1],
                size=self.config.encoder_size,
            )
            raise ModelError(text, tr("Set encoder_size to {n}.", n=found.shape[-1]), AT_SIZE)
        if not found.isfinite().all():
            text = tr("{encoder} gives features that are no finite numbers.", encoder=self.config.encoder)
            raise ModelError(text, tr("Are the weights in its folder whole?"), AT)
        return (
            found.float().clone()
        )  # as a tensor that learners may compute gradients with, which the package does not give

    def try_out(self) -> None:
        """Two texts through it. Raises ModelError where that does not do."""
        self(["one text", "and another one, which is longer"])


def encoder_folder(config: EncodedConfig, datasets: Path) -> Path:
    """Raises ModelError where there is no such folder, where it would run code of its own, or where the package is missing."""
    if find_spec(PACKAGE.replace("-", "_")) is None:
        extra = missing(PACKAGE, mark("Frozen sentence encoders"))
        raise ModelError(extra.message, extra.remedy, AT)
    root, named = datasets / FOLDER, config.encoder.strip()
    folder = root / named
    remedy = tr("Give the name of a folder of sentence-transformers in {root}, or its whole path.", root=root)
    if "\0" in named or not (folder / PARTS).is_file():
        raise ModelError(tr("{folder} holds no {parts}.", folder=folder, parts=PARTS).replace("\0", ""), remedy, AT)
    try:
        kinds = [str(part["type"]) for part in _listed(folder / PARTS)]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(tr("{file} is no list of an encoder's parts.", file=folder / PARTS), remedy, AT) from error
    foreign = [kind for kind in kinds if not kind.startswith("sentence_transformers.")]
    if foreign:
        text = tr(
            "{folder} wants to run {part}, which is no part of sentence-transformers.",
            folder=folder,
            part=shortened(foreign[0]),
        )
        raise ModelError(text, tr("Take an encoder that is made of the package's own parts."), AT)
    return folder


def _listed(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8")))
