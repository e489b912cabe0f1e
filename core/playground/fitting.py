"""Whose learners each part of the playground takes: names of task families."""

from data.names import Names
from data.pictures import Pictures
from data.registry import families
from data.texts import Texts

POINTS = ("sinusoid",)  # of a curve, which a person drags
SIGNS = ("doodles", "omniglot")  # of 28×28 pixels, which a person draws or tells apart
GOALS = ("navigation",)  # in the plane


def pictured() -> tuple[str, ...]:
    """Those of pictures that a person may bring."""
    return tuple(name for name, family in families().items() if issubclass(family, Pictures))


def written() -> tuple[str, ...]:
    """Those of texts."""
    return tuple(name for name, family in families().items() if issubclass(family, Texts))


def translated() -> tuple[str, ...]:
    """Those of names that are translated."""
    return tuple(name for name, family in families().items() if issubclass(family, Names))
