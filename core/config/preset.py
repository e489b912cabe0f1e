"""What a preset is. Plain values, free of torch."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A complete config under a name. ``summary`` says in a sentence what to expect of it.

    featured: stands on the Home page, to be launched with one click.
    """

    name: str
    title: str
    summary: str
    group: str
    config: dict[str, Any]
    featured: bool = False
