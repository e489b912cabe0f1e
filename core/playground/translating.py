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
    """A language that there are names of. split: ``train`` if a learner trained on it, ``val`` if one was validated on it."""

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


def known(families: Sequence[Names]) -> dict[str, Known]:
    """All languages, by code, for learners of these families: first those new to all, then those with most names."""
    splits: dict[str, Split] = {}
    for split in SPLITS:  # the last one counts
        for family in families:
            splits |= {family.every[place].code: split for place in family.pool(split).places.tolist()}
    found = [Known(one, splits.get(one.code, SPLITS[0])) for one in families[0].every]
    found.sort(key=lambda one: (SPLITS.index(one.split), -len(one.language.pairs), one.language.code))
    return {one.language.code: one for one in found}


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
