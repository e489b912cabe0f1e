"""Numbers and times as people read them. Thousands are set apart by a narrow space, units by a plain one."""

import math
import time
from typing import Any

GAP = "\u202f"  # narrow no-break space
NOTHING = "–"


def duration(seconds: float | None) -> str:
    """Seconds as ``45 s``, ``2 min 10 s``, ``3 h 05 min`` or ``2 d 4 h``."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole % 60:02d} s" if minutes else f"{whole} s"


def count(number: float | None) -> str:
    """A whole number with its thousands apart: ``14 300``."""
    return NOTHING if number is None else f"{number:,.0f}".replace(",", GAP)


def number(value: float | None, digits: int = 3) -> str:
    """A value with so many significant digits, and an exponent only if it is tiny: ``0.187``, ``12.4``, ``1 240``."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= 1000:
        return count(value)
    if value and abs(value) < 1e-4:
        return f"{value:.{digits - 1}e}"
    return f"{float(f'{value:.{digits}g}'):.10f}".rstrip("0").rstrip(".") if value else "0"


def rate(per_second: float | None) -> str:
    """Iterations per second: ``38.4 it/s``, ``1.4 k it/s``; slower than one a second as seconds per iteration."""
    if not per_second or not math.isfinite(per_second):
        return NOTHING
    if per_second >= 1000:
        return f"{per_second / 1000:.1f} k it/s"
    return f"{number(per_second)} it/s" if per_second >= 1 else f"{number(1 / per_second)} s/it"


def size(bytes: float | None) -> str:
    """Bytes as ``512 MiB`` or ``3.1 GiB``."""
    if bytes is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB"):
        if bytes < 1024:
            return f"{bytes:.0f} {unit}"
        bytes /= 1024
    return f"{bytes:.1f} GiB"


def is_share(metric: str) -> bool:
    """Whether a metric lies in [0, 1] and is shown in per cent."""
    return metric == "accuracy"


def score(metric: str, mean: float | None) -> str:
    """A score in the metric's own unit: ``94.8 %`` or ``0.381``."""
    if mean is None or not math.isfinite(mean):
        return NOTHING
    return f"{100 * mean:.1f} %" if is_share(metric) else number(mean)


def interval(metric: str, ci95: float | None) -> str:
    """The half-width of a 95 % interval: ``± 0.4 pt`` (percentage points) or ``± 0.02``."""
    if ci95 is None or not math.isfinite(ci95):
        return ""
    if is_share(metric):
        return f"± {100 * ci95:.1f} pt"
    return f"± {ci95:.1f}" if 1 <= ci95 < 10 else f"± {number(ci95, 2)}"


def scored(result: dict[str, Any] | None) -> str:
    """A score with its interval, in its own unit."""
    if not result:
        return NOTHING
    metric = result["metric"]
    return f"{score(metric, result['mean'])} {interval(metric, result['ci95'])}".strip()


def metric_title(metric: str) -> str:
    return {"accuracy": "accuracy", "mse": "mean squared error"}.get(metric, metric)


def moment(epoch: float | None) -> str:
    """A time of today as ``14:02``, an earlier one with its day."""
    if epoch is None:
        return NOTHING
    then, now = time.localtime(epoch), time.localtime()
    same_day = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if same_day else "%d %b, %H:%M", then)


def setting_value(value: Any) -> str:
    """A config's value in a table."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e15):
        return count(value) if abs(value) >= 10_000 else f"{value:g}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(setting_value(item) for item in value) or NOTHING
    return str(value) or NOTHING
