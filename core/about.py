"""Estimates as people read them: rounded to what they are good for. Free of torch."""

from collections.abc import Callable, Sequence

from data.language import mark, tr

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
FEW = 7.5  # seconds that are not counted
FROZEN = mark("the first time, all examples go through the frozen network before, which comes on top")
LAST = {"and": mark("{first} and {last}"), "or": mark("{first} or {last}")}


def duration(seconds: float) -> str:
    """``a few seconds``, ``40 s``, ``6 min``, ``2.5 h``, ``3 days``: two digits, and none that would only look exact."""
    if seconds < FEW:
        return tr("a few seconds")
    if seconds < 0.95 * MINUTE:
        return tr("{seconds} s", seconds=5 * round(seconds / 5))
    if round(seconds / MINUTE) < 120:
        return tr("{minutes} min", minutes=round(seconds / MINUTE))
    if seconds < 1.5 * DAY:
        return tr("{hours} h", hours=_digits(seconds / HOUR))
    return tr("{number} days", number=_digits(seconds / DAY))


def roughly(seconds: float) -> str:
    """``about 6 min``; a few seconds are that by themselves."""
    said = duration(seconds)
    return said if seconds < FEW else tr("about {amount}", amount=said)


def size(amount: float) -> str:
    """Bytes as ``60 MB``, ``0.4 GB``, ``12 GB``, in powers of ten."""
    if amount < 0.095e9:
        return f"{max(1, round(amount / 1e7)) * 10} MB"
    return f"{amount / 1e9:.1f} GB" if amount < 0.95e9 else f"{_digits(amount / 1e9)} GB"


def instead(new: float, old: float, spoken: Callable[[float], str]) -> str:
    """``3 min instead of 6``; nothing where the two read the same."""
    now, before = spoken(new), spoken(old)
    if now == before:
        return ""
    unit = f" {now.rpartition(' ')[2]}"
    return tr("{now} instead of {before}", now=now, before=before.removesuffix(unit))


def listed(names: Sequence[str], last: str) -> str:
    """``a``, ``a and b``, ``a, b and c``; last: the word before the last one. Empty for none."""
    if len(names) < 2:
        return "".join(names)
    return tr(LAST[last], first=tr(", ").join(names[:-1]), last=names[-1])


def count(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}".replace(",", "\u202f")


def _digits(value: float) -> str:
    if value >= 9.95:
        return count(round(value))
    return f"{value:.1f}".removesuffix(".0")
