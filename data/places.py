"""Where a family's files are, and how those who read them tell how far they are. Free of torch."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

OnProgress = Callable[[float, str], None]  # fraction in [0, 1], what is going on


class Folders(NamedTuple):
    """datasets: where data sets are looked for (may be read-only). cache: where decoded ones and indices are kept."""

    datasets: Path
    cache: Path

    @property
    def own(self) -> Path:
        """Where a person's own data sets go if ``datasets`` is read-only: the home's own folder of data sets."""
        return self.cache.parent / "datasets"
