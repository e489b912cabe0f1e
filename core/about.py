"""Estimates as people read them: rounded to what they are good for. Free of torch."""

from collections.abc import Callable
from math import floor, log10

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def duration(seconds: float) -> str:
    """``a few seconds``, ``40 s``, ``6 min``, ``2.5 h``, ``3 days``: two digits, and none that would only look exact."""
    if seconds < 7.5:
        return "a few seconds"
    if seconds < 0.95 * MINUTE:
        return f"{5 * round(seconds / 5)} s"
    if round(seconds / MINUTE) < 100:
        return f"{round(seconds / MINUTE)} min"
    if seconds < 1.5 * DAY:
        return f"{_digits(seconds / HOUR)} h"
    return f"{_digits(seconds / DAY)} days"


def size(amount: float) -> str:
    """Bytes as ``60 MB``, ``0.4 GB``, ``12 GB``, in powers of ten."""
    if amount < 0.095e9:
        return f"{max(1, round(amount / 1e7)) * 10} MB"
    return f"{_digits(amount / 1e9, 1 if amount < 0.95e9 else 2)} GB"


def instead(new: float, old: float, spoken: Callable[[float], str]) -> str:
    """``3 min instead of 6 min``; nothing where the two read the same."""
    return "" if spoken(new) == spoken(old) else f"{spoken(new)} instead of {spoken(old)}"


def _digits(value: float, digits: int = 2) -> str:
    places = max(0, digits - 1 - floor(log10(value)))
    return f"{value:.{places}f}".removesuffix(".0") if value < 100 else f"{round(value):,}".replace(",", "\u202f")
