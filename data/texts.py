"""What families of texts share: a split's texts in one place, and as integers, padded to the longest of a batch."""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from data import frozen, table
from data.config import setting
from data.encoder import AT, EncodedConfig, Encoder
from data.examples import ByClass, Choice, Examples
from data.family import SPLITS, OnProgress, Split
from data.given import Given, Queries, check_classes, check_queries, lines_asked, lines_of, readable
from data.language import ENGLISH, speaking, tr
from data.spec import InputSpec
from data.words import PADDING, PIECES, Lexicon


class TextsConfig(EncodedConfig):
    """What every family of texts has beside the shape of its tasks."""

    longest: int = setting(32, "Longest text", unit="words", ge=1, le=512, advanced=True)
    """Words of a text that are read; what follows is cut off."""
    vocabulary: int = setting(4096, "Vocabulary", unit="indices", ge=64, le=2**20, step=1024, advanced=True)
    """Indices that words and their pieces share by chance: with more of them fewer mean two things, and networks are larger."""

    @property
    def input_spec(self) -> InputSpec:
        if self.encoder:
            return InputSpec((self.encoder_size,))
        return InputSpec((self.longest, PIECES), "integer", self.vocabulary, PADDING)


@dataclass(frozen=True)
class TextPool(Examples):
    """A split's texts, one class after another.

    words: int64 (texts, longest), their words by number. lengths: int64 (texts,), how many they are. pieces: int64
    (words, PIECES), each word's indices. texts: as they were written. names: of the classes. vectors: what a frozen encoder makes
    of them, float32 (texts, size), where there is one.
    """

    words: Tensor
    lengths: Tensor
    pieces: Tensor
    counts: Tensor
    texts: Sequence[str] = ()
    names: Sequence[str] = ()
    vectors: Tensor | None = None

    @classmethod
    def of(cls, by_class: Mapping[str, Sequence[str]], config: TextsConfig) -> "TextPool":
        lexicon = Lexicon(config.vocabulary, config.longest)
        texts = [text for some in by_class.values() for text in some]
        words, lengths = lexicon.numbers(texts)
        counts = torch.tensor([len(some) for some in by_class.values()], dtype=torch.int64)
        return cls(words, lengths, lexicon.pieces(), counts, texts, list(by_class))

    def to(self, device: torch.device) -> "TextPool":
        moved = {name: getattr(self, name).to(device) for name in ("words", "lengths", "pieces", "counts")}
        return replace(self, **moved, vectors=None if self.vectors is None else self.vectors.to(device))

    def tokens(self, numbers: Tensor, longest: int) -> Tensor:
        """Texts by their numbers (…), cut to so many words: int64 (…, longest, PIECES)."""
        # Rows by index_select are gathered in a quarter of the time that indexing takes.
        words = self.words.index_select(0, numbers.flatten())[:, :longest]
        return self.pieces.index_select(0, words.flatten()).view(*numbers.shape, longest, PIECES)


class Texts(ByClass):
    """N-way K-shot classification of texts. An input is a text's words, and of each word its indices: see ``data.words``.

    A batch is as long as its longest text, support and query alike. Where there is a frozen encoder, an input is its vector
    instead; the tasks that a seed draws are the same either way, and so is their hash, which is of words.
    """

    config: TextsConfig

    looks_like = "texts"

    @abstractmethod
    def by_class(self, split: Split) -> Mapping[str, Sequence[str]]:
        """A split's texts by the name of their class. Raises DataError where a file is missing or damaged."""

    def remarks(self) -> list[str]:
        """What whoever trains on these texts should know of them: sentences."""
        return []

    def load(self, split: Split, progress: OnProgress) -> TextPool:
        progress(0.0, tr("Reading texts"))
        pool = TextPool.of(self.by_class(split), self.config)
        with speaking(ENGLISH):  # as all that is logged
            for remark in self.remarks():
                self.warn(remark)
        return replace(pool, vectors=self.features(pool)) if self.config.encoder else pool

    @cached_property
    def made_with(self) -> str:
        return Encoder(self.config, self.datasets).key() if self.config.encoder else ""

    def features(self, pool: TextPool) -> Tensor:
        """What the frozen encoder makes of each text of a split, out of the cache; the first time it is computed."""
        encoder = Encoder(self.config, self.datasets, self.device)
        frozen.unchanged(encoder.key(), self.made_with, AT)
        key = f"{self.made_with} {json.dumps(pool.texts)}"
        return frozen.features(
            self.cache,
            key,
            (len(pool.texts), self.config.encoder_size),
            lambda some: encoder(pool.texts[some]),
            self.progress,
        )

    def inputs(self, pool: TextPool, parts: tuple[Tensor, ...]) -> list[Tensor]:
        if pool.vectors is not None:
            return [pool.vectors.index_select(0, numbers.flatten()).unflatten(0, numbers.shape) for numbers in parts]
        longest = max(1, *(int(pool.lengths[numbers].max()) for numbers in parts))
        return [pool.tokens(numbers, longest) for numbers in parts]

    def hashed_inputs(self, split: Split, numbers: Tensor) -> Tensor:
        """Uncut, so that no other task of a batch makes a difference."""
        return self.pool(split).tokens(numbers, self.config.longest).cpu()

    def looks(self, split: Split, numbers: Tensor) -> list[str]:
        texts = self.pool(split).texts
        return [texts[number] for number in numbers.tolist()]

    def names(self, split: Split) -> list[str]:
        return list(self.pool(split).names)

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Any texts as a network takes them: int64 (texts, longest, PIECES), or the frozen encoder's float32 (texts, size)."""
        if self.config.encoder:
            return self._encoder(texts)
        lexicon = Lexicon(self.config.vocabulary, self.config.longest)
        words, _ = lexicon.numbers(texts)
        return lexicon.pieces()[words].to(self.device)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.config, self.datasets, self.device)

    @property
    def columns(self) -> tuple[str, str]:
        """Names of the columns of texts and of labels, in a person's table."""
        return "text", "label"

    def given(self, source: Path) -> Given:
        """Of a table with a row a text, or of a folder with a .txt file a class and a line a text."""
        by_class, remarks = _of_folder(source) if source.is_dir() else _of_table(source, self.columns)
        check_classes(source, by_class, tr("Give it texts of another label, or the folder another .txt file."))
        return replace(self.shown(by_class), remarks=tuple(remarks))

    def shown(self, by_class: Mapping[str, Sequence[str]]) -> Given:
        """A support set of texts in memory. Raises DataError where they make none."""
        check_classes(tr("What was given"), by_class, tr("Give examples of another class."))
        texts = [text for some in by_class.values() for text in some]
        labels = [label for label, some in enumerate(by_class.values()) for _ in some]
        return Given(self.tokens(texts), torch.tensor(labels, device=self.device), tuple(by_class))

    def given_queries(self, files: Sequence[str]) -> Queries:
        """Each file holds a text a line."""
        texts, remarks = lines_asked(files)
        return replace(self.queried(texts), remarks=tuple(remarks))

    def queried(self, texts: Sequence[str]) -> Queries:
        """What is asked with texts. Raises InputError for none."""
        check_queries(len(texts))
        return Queries(self.tokens(texts), tuple(texts))

    def written(self, drawn: Choice) -> list[tuple[str, list[str], list[str]]]:
        """The first task that was drawn, as people read it: of each class its name, and its texts to learn from and to answer."""
        pool = self.pool(drawn.split)
        first = drawn.examples[0].cpu()
        classes = torch.bucketize(first[:, 0].contiguous(), pool.counts.cpu().cumsum(0), right=True)
        rows = [[pool.texts[number] for number in row] for row in first.tolist()]
        names = [pool.names[number] for number in classes.tolist()]
        return [(name, row[: drawn.k_shot], row[drawn.k_shot :]) for name, row in zip(names, rows, strict=True)]

    def stand_in(self) -> int:
        """One text of noise, as long as there may be, in the place of each, so that any number of them takes no memory."""
        longest, generator = self.config.longest, torch.Generator().manual_seed(0)
        pieces = torch.randint(1, self.config.vocabulary, (longest, PIECES), generator=generator).to(self.device)
        for split in SPLITS:
            counts = self.counted(split)
            words = torch.arange(longest, device=self.device).expand(int(counts.sum()), longest)
            lengths = torch.full((1,), longest, device=self.device).expand(len(words))
            vectors = pieces.new_zeros((1, *self.input_spec.shape)).float() if self.config.encoder else None
            vectors = vectors if vectors is None else vectors.expand(len(words), -1)
            self._pools[split] = TextPool(words, lengths, pieces, counts, vectors=vectors)
        held = [one.words if one.vectors is None else one.vectors for one in self._pools.values()]
        return sum(each.numel() * each.element_size() for each in held)


def _of_folder(folder: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Texts by class, and remarks. Raises DataError."""
    by_class, remarks = {}, []
    for file in sorted(folder.glob("*.txt")):
        with readable(file, tr("Give a file of text with one example a line, in UTF-8, or take it out."), "support"):
            by_class[file.stem], said = lines_of(file)
        remarks += said
    return by_class, remarks


def _of_table(file: Path, columns: tuple[str, str]) -> tuple[dict[str, list[str]], list[str]]:
    """The same of a table. What of it has no text or no label is left out."""
    titles = tr(" and ").join(columns)
    remedy = tr(
        "Give a table with the columns {titles} ({extensions}), or a folder with a .txt file a class.",
        titles=titles,
        extensions=table.EXTENSIONS,
    )
    with readable(file, remedy, "support"):
        rows, remark = table.rows_of(file, *columns)
    by_class: dict[str, list[str]] = {}
    whole = [(" ".join(text.split()), " ".join(label.split())) for text, label in rows]
    for text, label in whole:
        if text and label:
            by_class.setdefault(label, []).append(text)
    empty = len(whole) - sum(map(len, by_class.values()))
    left_out = table.unlabelled(empty) if empty else ""
    return dict(sorted(by_class.items())), [one for one in (remark, left_out) if one]
