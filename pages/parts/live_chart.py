"""A chart whose zoom, pan and hidden traces survive every update: Plotly.react in a component of our own.

``st.plotly_chart`` forgets all three whenever its data changes (Streamlit 1.67). Here the layout carries a constant
``uirevision``, and Plotly keeps what the reader has done to the chart for as long as that stays the same. What its curves are is
said in ``core/charts.py``.
"""

import base64
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.charts import Chart, Trace

FEW = 12  # steps or iterations that each get a tick of their own: there are no halves of them
HTML = '<div class="host" role="img" style="width:100%"></div>'
JS = Path(__file__).with_suffix(".js").read_text()
_chart = st.components.v2.component("live_chart", html=HTML, js=JS, isolate_styles=False)


def provide_plotly(static: Path) -> None:
    """Copy plotly.js from the installed plotly package into the folder that Streamlit serves as app/static.

    Finds the package without importing it, which would take half a second.
    """
    source = Path(find_spec("plotly").submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    target = static / "plotly.min.js"
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    static.mkdir(exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=static)
    os.close(handle)
    shutil.copyfile(source, beside)
    Path(beside).chmod(0o644)
    Path(beside).replace(target)  # two servers may start at once: a reader sees a whole file or none


def preload() -> None:
    """Fetch plotly.js while the reader is still on a page without charts, so that the first chart appears at once."""
    _chart(key="preload", height=1, data=None)


def live_chart(chart: Chart, key: str, height: int = 300) -> None:
    """Draw a chart, or bring the one with this key up to date. height: pixels."""
    send(encode(chart, height), key)


def send(encoded: dict[str, Any], key: str) -> None:
    """The same with what ``encode`` gave: for those who know that their chart is as it was at the last tick."""
    _chart(key=key, height=encoded["height"], data=encoded)


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
