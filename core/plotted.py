"""How a chart reaches a browser: its arrays as text, and the one script that draws them, on pages and in reports alike."""

import base64
from pathlib import Path
from typing import Any

import numpy as np

from core.charts import Chart, Trace

FEW = 12  # steps or iterations that each get a tick of their own: there are no halves of them
JS = Path(__file__).with_name("chart.js").read_text(encoding="utf-8")


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
        "label": chart.label,
        "height": height,
    }


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
