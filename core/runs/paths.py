"""Paths in the store are relative to the home wherever they lie in it: a home that is moved or copied keeps its runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.runs.schema import Run


def relative(path: Path, root: Path) -> str:
    """As it is stored: relative to the home at ``root`` if it lies in it, else absolute."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def read_run(row: Mapping[str, Any], root: Path) -> Run:
    """A run's row as a value, with paths absolute again."""
    placed = {name: str(root / row[name]) for name in ("folder", "datasets") if row[name]}
    return Run(**{**row, **placed})
