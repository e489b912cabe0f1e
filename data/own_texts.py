"""A person's own texts and labels, out of one file."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch

from data import table
from data.config import setting
from data.errors import DataError
from data.family import SPLITS, Split
from data.language import mark, tr
from data.places import Folders
from data.sizes import Sizes
from data.texts import Texts, TextsConfig

SHARE = 0.2  # of the classes, for validation and for the test each
LEAST = 2  # classes of a split


class OwnTextsConfig(TextsConfig):
    """N-way K-shot tasks over the labels of a file."""

    name: Literal["own-texts"] = "own-texts"
    file: str = setting("", "File")
    """A table with a row a text: .csv, .tsv or .jsonl. Its name in the folder texts of the data-set folder, or its whole path."""
    text_column: str = setting("text", "Column of texts")
    """Name of the column, or in .jsonl of the key, that holds the texts."""
    label_column: str = setting("label", "Column of labels")
    """Name of the column, or in .jsonl of the key, that holds each text's class."""
    split_seed: int = setting(0, "Seed of the split", ge=0, le=2**31 - 1, advanced=True)
    """Divides the classes: a fifth is for validation, a fifth for the test, the rest for training."""


class OwnTexts(Texts):
    """A class is a label; training, validation and test have classes of their own."""

    Config = OwnTextsConfig
    config: OwnTextsConfig
    title = mark("Your own texts")
    summary = mark("Texts with labels, from a CSV, TSV or JSON lines file of yours.")
    group = "your own"
    asked = ("file", "text_column", "label_column")
    licence = mark("your own texts: you know it")

    @classmethod
    def places(cls, config: OwnTextsConfig, folders: Folders) -> list[Path]:  # noqa: ARG003
        return [folders.datasets / "texts"]

    @classmethod
    def version(cls, config: OwnTextsConfig, folders: Folders) -> int:
        path = file_of(config, folders.datasets)
        return path.stat().st_mtime_ns if path.is_file() else 0

    @classmethod
    def sizes(cls, config: OwnTextsConfig, folders: Folders | None) -> dict[Split, Sizes] | None:
        if folders is None:
            return None
        by_class = opened(config, folders.datasets).by_class
        return {
            split: Sizes.of(len(by_class[name]) for name in names) for split, names in divided(config, by_class).items()
        }

    def content(self) -> str:
        by_class = opened(self.config, self.datasets).by_class
        return hashlib.sha256(json.dumps(by_class).encode()).hexdigest()

    def by_class(self, split: Split) -> Mapping[str, Sequence[str]]:
        found = opened(self.config, self.datasets).by_class
        return {name: found[name] for name in divided(self.config, found)[split]}

    @property
    def columns(self) -> tuple[str, str]:
        return self.config.text_column, self.config.label_column

    def remarks(self) -> list[str]:
        return list(opened(self.config, self.datasets).remarks)


def file_of(config: OwnTextsConfig, datasets: Path) -> Path:
    """Where the file is. Raises DataError where none is named."""
    folder = datasets / "texts"
    if not config.file.strip() or "\0" in config.file:
        remedy = tr("Give a file's name in {folder}, or its whole path.", folder=folder)
        raise DataError(tr("No file of texts is named."), remedy, "family.file")
    return folder / config.file.strip()


def opened(config: OwnTextsConfig, datasets: Path) -> table.Table:
    """Raises DataError for a file that cannot be used."""
    return table.read(file_of(config, datasets), config.text_column, config.label_column)


def divided(config: OwnTextsConfig, by_class: Mapping[str, Sequence[str]]) -> dict[Split, list[str]]:
    """Names of each split's classes. Raises DataError for too few to divide."""
    names = sorted(by_class)
    if len(names) < LEAST * len(SPLITS):
        text = tr(
            "The file has {n} classes of two texts or more, and training, validation and test need {least} each.",
            n=len(names),
            least=LEAST,
        )
        raise DataError(text, tr("Give it at least {n} classes.", n=LEAST * len(SPLITS)), "family.file")
    held = max(LEAST, round(SHARE * len(names)))
    order = torch.randperm(len(names), device="cpu", generator=torch.Generator().manual_seed(config.split_seed))
    parts = order.split([len(names) - 2 * held, held, held])
    return {split: [names[i] for i in sorted(part.tolist())] for split, part in zip(SPLITS, parts, strict=True)}
