"""How many examples the classes of a split have, and which tasks that is too few for. Free of torch."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """by_count: how many classes there are of each number of examples (infinite where examples are drawn without end)."""

    by_count: Mapping[float, int]

    @classmethod
    def even(cls, classes: int, examples: float) -> "Sizes":
        return cls({examples: classes})

    @classmethod
    def of(cls, counts: Iterable[int]) -> "Sizes":
        """Of each class's number of examples."""
        return cls(Counter(counts))

    @property
    def classes(self) -> int:
        return sum(self.by_count.values())

    def having(self, examples: int) -> int:
        """Classes with so many examples or more."""
        return sum(classes for count, classes in self.by_count.items() if count >= examples)

    def smallest_of(self, classes: int) -> float:
        """Examples that so many classes have, each at least; infinite for none, 0 for more classes than there are."""
        if not classes:
            return math.inf
        return max((count for count in self.by_count if self.having(count) >= classes), default=0)


@dataclass(frozen=True)
class Shortage:
    """A task asks for more than a split has. field: what to lower, n_way, k_shot or n_query, to ``most``."""

    field: str
    message: str
    most: int
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy or f'lower {self.field} to {self.most} or less'}."


def shortages(family: str, split: str, sizes: Sizes, n_way: int, k_shot: int, n_query: int) -> list[Shortage]:
    """Why tasks of this shape cannot be drawn, at most one a field; whoever follows them all ends with tasks that can.

    family: its name. split: what it is called, "validation".
    """
    found = []
    if n_way > sizes.classes:
        message = f"n_way = {n_way} exceeds the {sizes.classes} {split} classes of {family}"
        none = f"add {split} classes" if sizes.classes < 2 else ""
        found.append(Shortage("n_way", message, sizes.classes, none))
    way, needed = min(n_way, sizes.classes), k_shot + n_query
    has = sizes.smallest_of(way)
    if needed <= has:
        return found
    examples = "1 example" if has == 1 else f"{has} examples"
    where = "per class of" if len(sizes.by_count) == 1 else f"that {way} {split} classes have in"
    message = f"k_shot + n_query = {needed} exceeds the {examples} {where} {family}"
    fewer = _fewer_examples(message, int(has), sizes.having(needed), k_shot, n_query)
    return [fewer] if fewer.field == "n_way" else [*found, fewer]


def _fewer_examples(message: str, has: int, enough: int, k_shot: int, n_query: int) -> Shortage:
    """has: examples there are. enough: classes that have as many as were asked for."""
    if k_shot < has:  # one example has to be left for the other field
        return Shortage("n_query", message, has - k_shot)
    if n_query < has:
        return Shortage("k_shot", message, has - n_query)
    if has >= 2:
        return Shortage("k_shot", message, 0, f"lower k_shot and n_query until they add up to {has} or less")
    if enough >= 2:
        return Shortage("n_way", message, enough)
    return Shortage("k_shot", message, 0, "add examples")


def left_out(split: str, sizes: Sizes, k_shot: int, n_query: int) -> str:
    """A sentence about the classes that are too small to be drawn; empty where there are none."""
    needed = k_shot + n_query
    small = sizes.classes - sizes.having(needed)
    if not small:
        return ""
    return f"{small} of {sizes.classes} {split} classes have fewer than {needed} examples and are never drawn."
