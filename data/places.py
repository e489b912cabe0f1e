"""Where a family's files are. Free of torch."""

from pathlib import Path
from typing import NamedTuple


class Folders(NamedTuple):
    """datasets: where data sets are looked for (may be read-only). cache: where decoded ones and indices are kept."""

    datasets: Path
    cache: Path
