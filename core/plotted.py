"""How a chart reaches a browser: its arrays as text, and the one script that draws them, on pages and in reports alike."""

import base64
from pathlib import Path
from typing import Any

import numpy as np

from core.charts import Chart, Moment, Trace

FEW = 12  # steps or iterations that each get a tick of their own: there are no halves of them
ROOM = 0.06  # of the height, left free above and below curves whose axis is fixed
_HERE = Path(__file__).parent
SCRIPT = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("chart.js", "moments.js"))
CSS = (_HERE / "moments.css").read_text(encoding="utf-8")


def encode(chart: Chart, height: int) -> dict[str, Any]:
    """What the browser gets: arrays as base64 of float64 x and float32 y, a quarter of their size as JSON."""
    return {
        "traces": [_encode_trace(trace) for trace in chart.traces],
        "x_title": chart.x_title,
        "y_title": chart.y_title,
        "suffix": chart.suffix,
        "log_y": chart.log_y,
        "log_x": chart.log_x,
        "steps": chart.steps,
        "apart": chart.apart,
        "few": not chart.apart and all(bool(trace.x.max(initial=0) <= FEW) for trace in chart.traces),
        "moments": [_encode_moment(moment) for moment in chart.moments],
        "y_range": y_range(chart) if chart.moments else None,
        "plane": chart.plane,
        "label": chart.label,
        "height": height,
    }


def y_range(chart: Chart) -> tuple[float, float] | None:
    """Where the y axis begins and ends for all of a chart's curves and moments with their bars, as Plotly wants it: of a
    logarithmic one the exponents. None where there is nothing finite to draw.
    """
    ends = [
        end for trace in [*chart.traces, *(one.trace for one in chart.moments)] for end in _ends(trace, chart.log_y)
    ]
    reached = np.concatenate([np.empty(0), *ends])
    reached = reached[np.isfinite(reached) & (reached > 0 if chart.log_y else True)]
    if not len(reached):
        return None
    low, high = np.log10([reached.min(), reached.max()]) if chart.log_y else [reached.min(), reached.max()]
    free = ROOM * (high - low) or 0.5
    return float(low - free), float(high + free)


def _ends(trace: Trace, log: bool) -> list[np.ndarray]:
    """A curve's values, and where its bars end: on a logarithmic axis upwards only, as there is no end to them downwards."""
    if trace.error is None:
        return [trace.y]
    below, above = np.broadcast_to(trace.error, (2, len(trace.y)))
    return [trace.y, trace.y + above, *([] if log else [trace.y - below])]


def _encode_moment(moment: Moment) -> dict[str, Any]:
    return {"iteration": moment.iteration, "label": moment.label, "trace": _encode_trace(moment.trace)}


def _encode_trace(trace: Trace) -> dict[str, Any]:
    parts = ("name", "mode", "color", "dash", "listed", "faint", "raw", "group", "symbol")
    named = {part: getattr(trace, part) for part in parts}
    arrays = {"x": _base64(trace.x, np.float64), "y": _base64(trace.y, np.float32)}
    sides = [] if trace.error is None else np.broadcast_to(trace.error, (2, len(trace.y)))
    around = {"low": trace.low, "high": trace.high}
    band = {part: None if y is None else _base64(y, np.float32) for part, y in around.items()}
    return named | arrays | band | {"error": [_base64(side, np.float32) for side in sides]}


def _base64(values: np.ndarray, dtype: type) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()
