"""A chart whose zoom, pan and hidden traces survive every update: Plotly.react in a component of our own.

``st.plotly_chart`` forgets all three whenever its data changes (Streamlit 1.67). Here the layout carries a constant
``uirevision``, and Plotly keeps what the reader has done to the chart for as long as that stays the same.
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

JS = """
let loading = null;
function loadPlotly() {  // once a page, from Streamlit's static files
  if (window.Plotly) return Promise.resolve(window.Plotly);
  return loading ??= new Promise((done, failed) => {
    const script = document.createElement('script');
    script.src = new URL('app/static/plotly.min.js', document.baseURI).href;
    script.onload = () => done(window.Plotly);
    script.onerror = () => { loading = null; failed(new Error('plotly.min.js could not be loaded')); };
    document.head.appendChild(script);
  });
}
const decode = (text, Type) => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new Type(bytes.buffer);
};
const points = t => t.y.length / 5.33;  // base64 of four bytes a point
function trace(t, colors) {
  const color = colors[t.color % colors.length];
  const made = {type: 'scatter', mode: t.mode, name: t.name, x: decode(t.x, Float64Array), y: decode(t.y, Float32Array),
    line: {color, width: points(t) > 300 ? 1.4 : 2, dash: t.dash}, marker: {color, size: t.mode === 'markers' ? 7 : 6}, connectgaps: false};
  if (t.error) made.error_y = {type: 'data', array: decode(t.error, Float32Array), color, thickness: 1.2, width: 3};
  return made;
}
function layout(data, style) {
  const value = (name, other) => style.getPropertyValue(name).trim() || other;
  const grid = value('--st-border-color', '#ddd'), text = value('--st-text-color', '#333');
  const axis = {gridcolor: grid, linecolor: grid, zeroline: false, automargin: true, tickfont: {size: 12}};
  return {uirevision: 'constant', height: data.height, margin: {l: 56, r: 14, t: data.traces.length > 1 ? 34 : 10, b: 44},
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', font: {color: text, size: 13, family: value('--st-font', 'sans-serif')},
    xaxis: {...axis, showgrid: false, rangemode: 'tozero', dtick: data.few_steps ? 1 : undefined, title: {text: data.x_title, standoff: 8, font: {size: 13}}},
    yaxis: {...axis, title: {text: data.y_title, standoff: 8, font: {size: 13}}, ticksuffix: data.suffix, type: data.log_y ? 'log' : 'linear',
      exponentformat: 'power', dtick: data.log_y ? 1 : undefined},
    showlegend: data.traces.length > 1, legend: {orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0, bgcolor: 'rgba(0,0,0,0)'},
    separators: '.\u202f', hovermode: 'x unified', hoverlabel: {bgcolor: value('--st-secondary-background-color', '#fff'), bordercolor: grid}};
}
export default function ({data, parentElement}) {
  const host = parentElement.querySelector('.host');
  if (!data) { host.remove(); (window.requestIdleCallback ?? setTimeout)(loadPlotly); return; }
  host.setAttribute('aria-label', data.label);
  host.style.minHeight = data.height + 'px';
  const draw = (Plotly) => {
    const style = getComputedStyle(host);
    const colors = style.getPropertyValue('--st-chart-categorical-colors').split(',').map(c => c.trim()).filter(Boolean);
    Plotly.react(host, data.traces.map(t => trace(t, colors.length ? colors : ['#4f6bed'])), layout(data, style),
      {displayModeBar: false, responsive: true, doubleClick: 'reset', scrollZoom: false});
    host.dataset.points = data.traces.reduce((n, t) => n + decode(t.y, Float32Array).length, 0);
  };
  loadPlotly().then(draw).catch(error => { host.textContent = 'The chart cannot be drawn: ' + error.message; });
}
"""
_chart = st.components.v2.component(
    "live_chart", html='<div class="host" role="img" style="width:100%"></div>', js=JS, isolate_styles=False
)


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
    _chart(key=key, height=height, data=encode(chart, height))


def encode(chart: Chart, height: int) -> dict[str, Any]:
    """What the browser gets: arrays as base64 of float64 x and float32 y, a quarter of their size as JSON."""
    return {
        "traces": [_encode_trace(trace) for trace in chart.traces],
        "x_title": chart.x_title,
        "y_title": chart.y_title,
        "suffix": chart.suffix,
        "log_y": chart.log_y,
        "few_steps": chart.steps and max((trace.x.max() for trace in chart.traces), default=0) <= 12,
        "label": chart.label,
        "height": height,
    }


def _encode_trace(trace: Trace) -> dict[str, Any]:
    named = {"name": trace.name, "mode": trace.mode, "color": trace.color, "dash": trace.dash}
    arrays = {"x": _base64(trace.x, np.float64), "y": _base64(trace.y, np.float32)}
    return named | arrays | {"error": None if trace.error is None else _base64(trace.error, np.float32)}


def _base64(values: np.ndarray, dtype: type) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()
