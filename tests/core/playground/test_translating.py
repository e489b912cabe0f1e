"""A language that a visitor chooses: what is filled in, what is read from a line, and what a learner writes."""

from types import SimpleNamespace

import pytest
import torch

from core.library import Learner
from core.playground.translating import first, known, lesson, pair, scored, written
from data.cldr import Language
from data.errors import DataError
from tests.core.playground.untrained import untrained

PAIRS = [
    ("Poland", "Polska"),
    ("May", "maj"),
    ("Italy", "Włochy"),
    ("a name that is too long", "nazwa"),
    ("Monday", "a" * 30),
]


def language(code: str, script: str = "Latin", pairs: int = 3) -> Language:
    return Language(code, code.upper(), script, 0, PAIRS[:pairs])


@pytest.fixture
def learner() -> Learner:
    """Its family knows four languages, of one of which it has too few names."""
    made = untrained("maml", "family.longest=12", base="names")
    every = [language("aa", pairs=5), language("xx", "Thai", 5), language("yy"), language("zz", pairs=1)]
    place_there(made.family, every, {"train": [0], "val": [], "test": [1, 2]})
    return made


def place_there(family, every: list[Language], splits: dict[str, list[int]]) -> None:
    family.every = every
    family.pool = lambda split: SimpleNamespace(places=torch.tensor(splits[split]))


def test_languages_that_are_new_to_a_learner_come_first_and_those_of_most_names(learner: Learner) -> None:
    found = known([learner.family])
    told = [(code, one.split) for code, one in found.items()]
    assert told == [("xx", "test"), ("yy", "test"), ("zz", "test"), ("aa", "train")]
    assert first(found) == "yy", "in letters that a visitor may read"
    assert first({"xx": found["xx"]}) == "xx"


def test_a_language_that_one_of_several_learners_trained_on_is_new_to_none(learner: Learner) -> None:
    other = untrained("maml", "family.longest=12", base="names").family
    place_there(other, learner.family.every, {"train": [1], "val": [2], "test": [0]})
    told = [(code, one.split) for code, one in known([learner.family, other]).items()]
    assert told == [("zz", "test"), ("yy", "val"), ("aa", "train"), ("xx", "train")]


def test_names_that_are_drawn_are_ones_that_the_learner_can_read_and_write(learner: Learner) -> None:
    for seed in range(5):
        drawn = lesson(learner.family, language("yy", pairs=5), 2, 8, seed)
        assert len(drawn.pairs) == 2 and len(drawn.asked) == 1
        assert {name for name, _ in drawn.pairs} | set(drawn.asked) == {"Poland", "May", "Italy"}
        assert drawn == lesson(learner.family, language("yy", pairs=5), 2, 8, seed)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Poland = Polska", ("Poland", "Polska")),
        ("Poland\tPolska", ("Poland", "Polska")),
        ("Poland → Polska", ("Poland", "Polska")),
        ("a = b = c", ("a", "b = c")),
        ("Poland", None),
        ("Poland =", None),
        ("= Polska", None),
    ],
)
def test_a_pair_is_read_from_a_line(line: str, expected: tuple[str, str] | None) -> None:
    assert pair(line) == expected


def test_a_learner_writes_before_and_after_it_adapts(learner: Learner) -> None:
    given = learner.family.shown(PAIRS[:3])
    found = written(learner, given, ["June", "May"])
    assert found.steps == learner.steps > 0 and len(found.before) == len(found.after) == 2
    assert found.after == tuple(learner.translate(learner.adapt(given.inputs, given.targets), ["June", "May"]))
    assert found.before == tuple(learner.translate(learner.adapt(given.inputs, given.targets, 0), ["June", "May"]))
    with pytest.raises(DataError, match="this run writes 1 to 12"):
        written(learner, given, ["a name that is too long"])


def test_only_names_whose_translation_is_known_are_scored() -> None:
    assert scored(["maj", "x"], ["maj", None]) == "100.0" and scored(["x"], [None]) == ""
    assert scored(["maj", "x"], ["maj", "Polska"]) not in ("100.0", "0.0")
