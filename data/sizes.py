"""How many examples the classes of a split have. Free of torch. What that is too few for: see ``shortages``."""

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
