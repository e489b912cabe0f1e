"""The engine: learners, models, trainer, evaluation, run store, scheduler, worker, charts, command line.

``from core import load`` is its way in from a program of your own, see ``core/library.py``.
"""

from typing import Any

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    if name == "load":  # not before it is asked for: it imports torch, which most of the app does without
        from core.library import load

        return load
    raise AttributeError(f"module 'core' has no attribute {name!r}")
