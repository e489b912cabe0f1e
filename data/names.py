"""Translating names into a language of which a few examples are given: few-shot translation, after Gu et al. 2018.

Meta-Learning for Low-Resource Neural Machine Translation, https://arxiv.org/abs/1808.08437. There sentences are learned from
hundreds of examples; here names from five, which a laptop can.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data import cldr, letters, table
from data.batch import Adapted, Answer
from data.cldr import Language
from data.config import setting
from data.errors import DataError, shortened
from data.examples import Examples, choose
from data.family import SPLITS, EpisodeShape, FamilyConfig, Split, TaskFamily
from data.given import MOST_EXAMPLES, Given, Queries, check_queries, lines_asked, readable
from data.language import mark, plural, tr
from data.letters import BEGINNING, END, PADDING
from data.metric import Metric
from data.places import Folders
from data.shortages import Shortage
from data.sizes import Sizes
from data.spec import InputSpec
from data.view import TaskView

# Popović 2015, chrF2: how many runs of up to six characters an answer and the right one share, over all queries of a task.
CHRF = Metric("chrf", "chrF", True, factor=100.0, digits=1, low=0.0, high=1.0)
EXACT = Metric(
    "exact", "exact match", True, "%", 100.0, 1, 0.0, 1.0
)  # the share of answers that are right to the last sign
COLUMNS = ("name", "translation")  # of a person's own table
SURROGATES = "\ud800", "\udfff"  # halves of signs beyond the first plane, which are none by themselves
UNKNOWN = -1  # the place of a language of a person's own
SHARES: dict[Split, float] = {"train": 0.7, "val": 0.15, "test": 0.15}  # of the groups of languages


class NamesConfig(FamilyConfig):
    """How many names of a language a task shows, and how many it asks for."""

    name: Literal["names"] = "names"
    k_shot: int = setting(5, "Names to learn from (k_shot)", ge=1, le=cldr.LEAST - 1, telling=4)
    """Names with their translations that a task may learn from."""
    n_query: int = setting(10, "Names to translate (n_query)", ge=1, le=cldr.LEAST - 1)
    """Other names of the same language that the adapted network is asked for."""
    longest: int = setting(20, "Longest name", unit="signs", ge=8, le=48, advanced=True)
    """Longer names are left out. A sign of another script than the last one counts twice."""
    split_seed: int = setting(0, "Seed of the split", ge=0, le=2**31 - 1, advanced=True)
    """Draws which languages are trained on, which validate and which are for the test."""

    @property
    def shape(self) -> EpisodeShape:
        return EpisodeShape(1, self.k_shot, self.n_query)

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((self.longest, 2), "integer", letters.VOCABULARY, PADDING, written=True)


@dataclass(frozen=True)
class Translations:
    """Names to translate: integers by ``data.letters``, int64 (tasks, n, length), behind the end of a name PADDING.

    Targets end with END. An input is a name beside what of its translation was written before each place: (length, 2). languages:
    int64 (tasks,), the places of those that are translated into, UNKNOWN for a person's own. longest: integers of an answer.
    """

    support_source: Tensor
    support_target: Tensor
    query_source: Tensor
    query_target: Tensor
    languages: Tensor
    longest: int
    support_x: ClassVar[Tensor | None] = None
    quick_scores: ClassVar[bool] = False

    @property
    def tasks(self) -> int:
        return len(self.languages)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return self.support_source, self.support_target, self.query_source, self.query_target, self.languages

    def support_loss(self, answer: Answer, step: int) -> Tensor:
        return told(answer, self.support_source, self.support_target)

    def query_loss(self, answer: Answer) -> Tensor:
        return told(answer, self.query_source, self.query_target)

    def scores(self, answer: Answer) -> Tensor:
        """chrF in [0, 1] of each task's answers → (tasks,)."""
        return self.scored(answer)[CHRF.name]

    def scored(self, answer: Answer) -> dict[str, Tensor]:
        """chrF, and the share of answers that are exactly right, both in [0, 1] → (tasks,) each."""
        pairs = list(zip(read(self.produced(answer)), read(self.query_target), strict=True))
        found = {CHRF.name: [chrf(said, right) for said, right in pairs], EXACT.name: [exact(*pair) for pair in pairs]}
        return {name: torch.tensor(scores, device=self.languages.device) for name, scores in found.items()}

    @torch.no_grad()
    def produced(self, answer: Answer) -> Tensor:
        """What is written freely, at each place the likeliest → int64 (tasks, n, longest)."""
        source = self.query_source
        tasks, n, length = source.shape
        source = F.pad(source, (0, self.longest - length))
        said = torch.full((tasks, n, self.longest + 1), PADDING, device=source.device)
        said[..., 0] = BEGINNING
        under_way = torch.ones(tasks, n, dtype=torch.bool, device=source.device)
        for place in range(self.longest):
            upto = max(length, place + 1)  # an answer does not depend on padding behind it
            logits = answer(torch.stack([source[..., :upto], said[..., :upto]], -1))[..., place, :]
            said[..., place + 1] = logits.argmax(-1).masked_fill(~under_way, PADDING)
            under_way = under_way & (said[..., place + 1] != END)
            if not under_way.any():
                break
        return said[..., 1:]

    def to(self, device: torch.device | str) -> "Translations":
        return self._each(lambda part: part.to(device))

    def __getitem__(self, tasks: slice) -> "Translations":
        return self._each(lambda part: part[tasks])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Translations":
        return Translations(*map(change, self.tensors), self.longest)


def told(answer: Answer, source: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy of each task's signs → (tasks,), each told the right ones before it (teacher forcing)."""
    logits = answer(beside(source, target))  # (tasks, n, length, vocabulary)
    each = F.cross_entropy(logits.flatten(0, 2), target.flatten(), ignore_index=PADDING, reduction="none")
    return each.view(len(target), -1).sum(1) / (target != PADDING).flatten(1).sum(1)


def beside(source: Tensor, target: Tensor) -> Tensor:
    """Inputs (…, length, 2) in which each place of a translation is told those before it."""
    return torch.stack([source, F.pad(target[..., :-1], (1, 0), value=BEGINNING)], -1)


def read(integers: Tensor) -> list[list[str]]:
    """The texts of each task, from (tasks, n, length)."""
    return [[letters.read(one) for one in task] for task in integers.tolist()]


def chrf(said: Sequence[str], right: Sequence[str]) -> float:
    """Over all of these sentences together, in [0, 1]; their order is one."""
    return _chrf().corpus_score(said, [right]).score / 100


def exact(said: Sequence[str], right: Sequence[str]) -> float:
    """The share of these that are the same, in [0, 1]."""
    return sum(map(str.__eq__, said, right)) / len(right)


@cache
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF as Score  # half a second to import, and not needed before something is scored

    return Score()


def in_integers(language: Language, longest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Names and translations (pairs, longest), how many integers a translation has, and which pairs are not too long."""
    english, own = zip(*language.pairs, strict=True)
    (source, signs), (target, own_signs) = letters.written(english, longest), letters.written(own, longest)
    return source, target, own_signs, (signs <= longest) & (own_signs < longest)  # and an END


@dataclass(frozen=True)
class NamePool(Examples):
    """A split's pairs, one language after another: sources and targets int64 (pairs, longest), the latter with their END.

    places: int64 (languages,), each one's among all there are.
    """

    sources: Tensor
    targets: Tensor
    counts: Tensor
    places: Tensor

    @classmethod
    def of(cls, languages: Mapping[int, Language], longest: int) -> "NamePool":
        """Without names that are too long, and languages that then have too few."""
        sources, targets, counts, places = [], [], [], []
        for place, language in languages.items():
            source, target, own_signs, fitting = in_integers(language, longest)
            if fitting.sum() < cldr.LEAST:
                continue
            target[fitting, own_signs[fitting]] = END
            sources.append(torch.from_numpy(source[fitting])), targets.append(torch.from_numpy(target[fitting]))
            counts.append(int(fitting.sum())), places.append(place)
        return cls(torch.cat(sources), torch.cat(targets), torch.tensor(counts), torch.tensor(places))

    def to(self, device: torch.device) -> "NamePool":
        moved = {name: getattr(self, name).to(device) for name in ("sources", "targets", "counts", "places")}
        return replace(self, **moved)

    def pairs(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Sources and targets (…, longest) of pairs by their numbers (…)."""
        return tuple(
            part.index_select(0, numbers.flatten()).view(*numbers.shape, -1) for part in (self.sources, self.targets)
        )


class Names(TaskFamily):
    """A task is a language: English names with their translations to learn from, and other ones to translate.

    Which language it is, nobody tells: a learner finds out from the examples. Ordinary training mixes the languages likewise.
    Languages that are nearly the same, see ``data.cldr``, are all in one split.
    """

    Config = NamesConfig
    config: NamesConfig
    title = mark("Names in many languages")
    summary = mark(
        "Translate names of countries, languages, currencies and units into a language of which a few are shown."
    )
    kind = "sequence"
    further = (EXACT,)
    licence = "Unicode License v3; CLDR, by way of Babel"
    citation = "Unicode Common Locale Data Repository, https://cldr.unicode.org."

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self._pools: dict[Split, NamePool] = {}

    @classmethod
    def places(cls, config: FamilyConfig, folders: Folders) -> list[Path]:  # noqa: ARG003
        """They come with a package."""
        return []

    @classmethod
    def shortages(
        cls, config: FamilyConfig, shape: EpisodeShape, split: Split, sizes: Mapping[Split, Sizes] | None
    ) -> list[Shortage]:
        found = super().shortages(config, shape, split, sizes)
        if shape.k_shot + shape.n_query > cldr.LEAST:
            text = tr(
                "k_shot + n_query = {n} exceeds the {least} names that every language has",
                n=shape.k_shot + shape.n_query,
                least=cldr.LEAST,
            )
            larger, smaller = ("k_shot", "n_query") if shape.k_shot > shape.n_query else ("n_query", "k_shot")
            least = min(getattr(shape, smaller), cldr.LEAST // 2)
            lowered = {larger: cldr.LEAST - least}
            if least < getattr(shape, smaller):
                lowered[smaller] = least
            found.append(Shortage(larger, text, lowered))
        return found

    def read(self, split: Split) -> None:
        self.pool(split)

    def pool(self, split: Split) -> NamePool:
        """A split's pairs, on the family's device."""
        if split not in self._pools:
            mine = self.languages(split)
            self._pools[split] = NamePool.of(mine, self.config.longest).to(self.device)
        return self._pools[split]

    @cached_property
    def every(self) -> list[Language]:
        """All languages there are, by code."""
        return cldr.languages(self.cache, self.progress)

    def languages(self, split: Split) -> dict[int, Language]:
        """The languages of a split's groups, by their places among all."""
        groups = divided(self.every, self.config.split_seed)[split]
        return {place: one for place, one in enumerate(self.every) if one.group in groups}

    def sample(self, split: Split, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Translations:
        pool = self.pool(split)
        numbers = choose(pool, shape._replace(n_way=1), tasks, generator)[:, 0]  # (tasks, k_shot + n_query)
        return self._batch(pool, numbers.to(self.device), shape.k_shot)

    def _batch(self, pool: NamePool, numbers: Tensor, k_shot: int) -> Translations:
        """Of pairs by their numbers (tasks, n), the first k_shot to learn from."""
        sources, targets = pool.pairs(numbers)
        there = ((sources != PADDING) | (targets != PADDING)).flatten(0, 1).any(0)
        length = int(there.sum())  # of the longest of the batch
        sources, targets = sources[..., :length], targets[..., :length]
        languages = pool.places[torch.bucketize(numbers[:, 0].contiguous(), pool.counts.cumsum(0), right=True)]
        parts = (sources[:, :k_shot], targets[:, :k_shot], sources[:, k_shot:], targets[:, k_shot:])
        return Translations(*parts, languages, self.config.longest)

    def sample_flat(self, split: Split, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Names of all languages mixed, each language as likely as any other: int64 (batch, length) both."""
        batch = self.pooled(split, batch_size, generator)
        return batch.query_source[0], batch.query_target[0]

    def pooled(self, split: Split, batch_size: int, generator: torch.Generator) -> Translations:
        pool = self.pool(split)
        numbers = choose(pool, EpisodeShape(1, 0, 1), batch_size, generator)[:, 0, 0]
        return self._batch(pool, numbers.to(self.device).unsqueeze(0), 0)

    def made_up(self, shape: EpisodeShape, tasks: int, generator: torch.Generator) -> Translations:
        """Two names of each part, in signs of ASCII."""
        del shape
        length = self.config.longest
        parts = [torch.randint(letters.ASCII, letters.PLACE, (tasks, 2, length), generator=generator) for _ in range(4)]
        return Translations(*parts, torch.zeros(tasks, dtype=torch.int64), length).to(self.device)

    def views(self, drawn: Translations, batch: Translations, learner: Sequence[Adapted]) -> list[TaskView]:
        """Every name with its translation, and what the learner writes."""
        del drawn
        produced = {one.step: read(batch.produced(one.answer)) for one in learner}
        return [
            TaskView("translations", given, {step: {"produced": said[task]} for step, said in produced.items()})
            for task, given in enumerate(self.written(batch))
        ]

    def sorts(self, batch: Translations) -> list[str]:
        """By script: what is written with the letters of English is the easiest."""
        return [f"{self.every[place].script} script" for place in batch.languages.tolist()]

    def written(self, batch: Translations) -> list[dict[str, Any]]:
        """Each task as people read it: sources and expected, of which the first ``support`` are to learn from."""
        sources = read(torch.cat([batch.support_source, batch.query_source], 1))
        expected = read(torch.cat([batch.support_target, batch.query_target], 1))
        support = batch.support_source.shape[1]
        return [
            {
                "sources": source,
                "expected": right,
                "support": support,
                "language": self.every[place].name,
                "script": self.every[place].script,
            }
            for source, right, place in zip(sources, expected, batch.languages.tolist(), strict=True)
        ]

    def given(self, source: Path) -> Given:
        """Of a table with the columns name and translation. Rows without one of the two are left out."""
        remedy = tr(
            "Give a table with the columns {titles} ({extensions}).",
            titles=tr(" and ").join(COLUMNS),
            extensions=table.EXTENSIONS,
        )
        with readable(source, remedy, "support"):
            rows, remark = table.rows_of(source, *COLUMNS)
        pairs = [pair for pair in ((cldr.tidy(name), cldr.tidy(own)) for name, own in rows) if all(pair)]
        halves = len(rows) - len(pairs)
        left_out = plural(
            "{n:,} row without a name or its translation was left out.",
            "{n:,} rows without a name or its translation were left out.",
            halves,
        )
        return replace(self.shown(pairs), remarks=tuple(one for one in (remark, left_out if halves else "") if one))

    def shown(self, pairs: Sequence[tuple[str, str]]) -> Given:
        """A support set of names with their translations. Raises DataError for none, for too many, and for too long ones.

        Its inputs are int64 (n, longest, 2), its targets (n, longest).
        """
        if not 0 < len(pairs) <= MOST_EXAMPLES:
            text = mark("{n:,} names with their translations are given, and a task takes 1 to {most:,}.")
            text = tr(text, n=len(pairs), most=MOST_EXAMPLES)
            raise DataError(text, tr("Give a few: five are what the presets are trained on."), "support")
        sources, targets = zip(*pairs, strict=True)
        source, target = self._integers(sources, "support"), self.translated(targets)
        return Given(beside(source, target), target)

    def given_queries(self, files: Sequence[str]) -> Queries:
        """Each file holds a name a line."""
        names, remarks = lines_asked(files)
        return replace(self.queried(names), remarks=tuple(remarks))

    def queried(self, names: Sequence[str]) -> Queries:
        """Names to translate. Raises InputError for none, and DataError for too long ones."""
        check_queries(len(names))
        return Queries(self.tokens(names), tuple(names))

    def tokens(self, names: Sequence[str]) -> Tensor:
        """Any names as a network takes them that has written nothing yet: int64 (names, longest, 2). Raises DataError."""
        source = self._integers(names, "query")
        return beside(source, torch.full_like(source, PADDING))

    def translated(self, names: Sequence[str]) -> Tensor:
        """Translations as a network learns them, with their END: int64 (names, longest). Raises DataError."""
        target = self._integers(names, "support", ends=1)
        ends = (target != PADDING).sum(1)
        target[torch.arange(len(target)), ends] = END
        return target

    def _integers(self, names: Sequence[str], path: str, ends: int = 0) -> Tensor:
        """int64 (names, longest). ends: integers that have to be left behind each. Raises DataError."""
        names, longest = [cldr.tidy(name) for name in names], self.config.longest
        for name in names:
            if any(ord(sign) >= 2**16 or SURROGATES[0] <= sign <= SURROGATES[1] for sign in name):
                text = tr("“{name}” has a sign that cannot be written here.", name=shortened(name, 60))
                raise DataError(text, tr("Leave out emoji, and signs beyond Unicode's first plane."), path)
        integers, signs = letters.written(names, longest)
        for name, count in zip(names, signs.tolist(), strict=True):
            if not 0 < count <= longest - ends:
                text = plural(
                    "“{name}” takes {n} sign, and this run writes 1 to {most}.",
                    "“{name}” takes {n} signs, and this run writes 1 to {most}.",
                    count,
                    name=shortened(name, 60),
                    most=longest - ends,
                )
                remedy = tr(
                    "Give a shorter name (each change of script counts as a sign), or train with a larger longest."
                )
                raise DataError(text, remedy, path)
        return torch.from_numpy(integers).to(self.device)

    def of_own(self, inputs: Tensor, targets: Tensor) -> Translations:
        """One task with this support set, of which nothing is asked yet: inputs (n, longest, 2), targets (n, longest)."""
        source, target = inputs[None, ..., 0], targets[None]
        language = torch.full((1,), UNKNOWN, device=self.device)
        return Translations(source, target, source[:, :0], target[:, :0], language, self.config.longest)

    def fitting(self, language: Language) -> list[tuple[str, str]]:
        """The language's pairs that a learner of this config can read and write."""
        *_, fits = in_integers(language, self.config.longest)
        return [pair for pair, one in zip(language.pairs, fits.tolist(), strict=True) if one]

    @classmethod
    def metric(cls, shape: EpisodeShape) -> Metric:  # noqa: ARG003
        return CHRF

    @classmethod
    def loss_title(cls, shape: EpisodeShape) -> str:  # noqa: ARG003
        return mark("cross-entropy of a sign, nats")

    def outputs(self, shape: EpisodeShape) -> int:
        return letters.VOCABULARY


def divided(languages: Sequence[Language], seed: int) -> dict[Split, set[int]]:
    """Which groups of languages each split has."""
    groups = sorted({one.group for one in languages})
    order = torch.randperm(len(groups), device="cpu", generator=torch.Generator().manual_seed(seed)).tolist()
    first, second = (round(len(groups) * share) for share in (SHARES["train"], SHARES["train"] + SHARES["val"]))
    parts = (order[:first], order[first:second], order[second:])
    return {split: {groups[place] for place in part} for split, part in zip(SPLITS, parts, strict=True)}
