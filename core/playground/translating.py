"""Names in a language that a visitor chooses: some with their translations to learn from, others to ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.library import Learner
from data.cldr import Language
from data.family import Split
from data.given import Given
from data.names import CHRF, Names, chrf

SEPARATORS = ("\t", "=", "→")  # between a name and its translation, in a line
SPLITS: tuple[Split, ...] = ("test", "val", "train")  # what is new to a learner first


@dataclass(frozen=True)
class Known:
    """A language that a learner's family knows. split: which languages it is among, ``train`` for one that it trained on."""

    language: Language
    split: Split


@dataclass(frozen=True)
class Lesson:
    """pairs: names with their translations, to learn from. asked: other names of the same language."""

    pairs: tuple[tuple[str, str], ...]
    asked: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What a learner writes for each name: ``before`` it adapts, empty where it takes no step, and ``after`` so many steps."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    steps: int
    remarks: tuple[str, ...]


def known(family: Names) -> dict[str, Known]:
    """The languages, by code, those of the test first, and of each split those with most names first."""
    found = [Known(one, split) for split in SPLITS for one in by_size(family, split)]
    return {one.language.code: one for one in found}


def by_size(family: Names, split: Split) -> list[Language]:
    return sorted(family.languages(split).values(), key=lambda one: (-len(one.pairs), one.code))


def first(languages: dict[str, Known]) -> str:
    """The code of the one that is shown until a visitor chooses: new to the learner, and in the letters that English has."""
    return next((code for code, one in languages.items() if one.language.script == "Latin"), next(iter(languages)))


def lesson(family: Names, language: Language, examples: int, asked: int, seed: int) -> Lesson:
    """Names that a seed draws, no name twice, fewer where the language has no more that a learner can read and write."""
    pairs = family.fitting(language)
    order = np.random.default_rng(seed).permutation(len(pairs))
    drawn = [pairs[place] for place in order[: examples + asked]]
    return Lesson(tuple(drawn[:examples]), tuple(name for name, _ in drawn[examples:]))


def pair(line: str) -> tuple[str, str] | None:
    """A name and its translation out of a line such as ``Poland = Polska``; None where one of the two is missing."""
    for separator in SEPARATORS:
        name, found, own = line.partition(separator)
        if found and name.strip() and own.strip():
            return name.strip(), own.strip()
    return None


def written(learner: Learner, given: Given, names: Sequence[str]) -> Written:
    """Raises InputError, DataError, and RunError where adapting diverged."""
    asked = learner.family.queried(names)
    adapted = learner.shown(given)
    before = learner.shown(given, 0).said_of(asked).written if adapted.steps else ()
    after = adapted.said_of(asked)
    return Written(before, after.written, adapted.steps, after.remarks)


def scored(said: Sequence[str], right: Sequence[str | None]) -> str:
    """chrF of the answers whose right one is known, as text; empty where none is."""
    pairs = [(one, other) for one, other in zip(said, right, strict=True) if other is not None]
    return CHRF.text(chrf(*zip(*pairs, strict=True))) if pairs else ""
