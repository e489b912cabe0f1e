"""Numbers and times as people read them. Thousands are set apart by a narrow space, units by a plain one."""

import math
import re
import time
from typing import Any

from core import diverged
from data.language import tr
from data.metric import Metric, written

GAP = "\u202f"  # narrow no-break space
NOTHING = "–"
EXPONENT, RAISED = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e(-?\d+)(?!\w)"), str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def duration(seconds: float | None) -> str:
    """Seconds as ``45 s``, ``2 min 10 s``, ``3 h 05 min`` or ``2 d 4 h``."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 10:
        return tr("{seconds:.1f} s", seconds=max(seconds, 0))
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return tr("{days} d {hours} h", days=days, hours=hours)
    if hours:
        return tr("{hours} h {minutes:02d} min", hours=hours, minutes=minutes)
    return (
        tr("{minutes} min {seconds:02d} s", minutes=minutes, seconds=whole % 60)
        if minutes
        else tr("{seconds} s", seconds=whole)
    )


def unbroken(text: str) -> str:
    """A sentence whose scores, ``94.83 ± 0.41 %``, stay in one line."""
    return re.sub(r" (?=[±%])|(?<=±) ", "\u00a0", text)


def count(number: float | None) -> str:
    """A whole number with its thousands apart: ``14 300``."""
    return NOTHING if number is None else f"{number:,.0f}".replace(",", GAP)


def number(value: float | None, digits: int = 3) -> str:
    """A value with so many significant digits, tiny and huge ones with a power: ``0.187``, ``1 240``, ``5.2×10²⁷``."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = written(value, digits)
    return powers(text) if "e" in text or abs(value) < 1000 else count(value)


def powers(text: str) -> str:
    """Numbers with exponents as people write them: ``5.2e27`` as ``5.2×10²⁷``."""
    return EXPONENT.sub(lambda found: f"{found[1]}×10{found[2].translate(RAISED)}", text)


def rate(per_second: float | None) -> str:
    """Iterations per second: ``38.4 it/s``, ``1.4 k it/s``; slower than one a second as seconds per iteration."""
    if not per_second or not math.isfinite(per_second):
        return NOTHING
    if per_second >= 1000:
        return f"{per_second / 1000:.1f} k it/s"
    return f"{number(per_second)} it/s" if per_second >= 1 else f"{number(1 / per_second)} s/it"


def size(amount: float | None) -> str:
    """Bytes as ``512 MiB`` or ``3.1 GiB``."""
    if amount is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def scored(metric: Metric, result: dict[str, Any] | None) -> str:
    """A score with its interval in the metric's own unit, ``94.83 ± 0.41 %``; a dash where there is none."""
    return powers(metric.text(result["mean"], result["ci95"])) if result else NOTHING


def headline(metric: Metric, result: dict[str, Any]) -> tuple[str, str]:
    """The number to show of a result where one stands out, and what it is: the mean, or where tasks diverged the median."""
    if not diverged.count(result):
        return scored(metric, result), tr("95 % interval")
    low, high = (powers(metric.text(one)) for one in result["quartiles"])
    return powers(metric.text(result["median"])), tr("median; quartiles {low} and {high}", low=low, high=high)


def moment(epoch: float | None) -> str:
    """A time of today as ``14:02``, an earlier one with its day."""
    if epoch is None:
        return NOTHING
    then, now = time.localtime(epoch), time.localtime()
    same_day = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if same_day else tr("%d %b, %H:%M"), then)


def setting_value(value: Any) -> str:
    """A config's value in a table."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e15):
        return count(value) if abs(value) >= 10_000 else f"{value:g}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(setting_value(item) for item in value) or NOTHING
    return str(value) or NOTHING
