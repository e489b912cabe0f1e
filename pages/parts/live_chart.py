"""A chart whose zoom, pan and hidden traces survive every update: Plotly.react in a component of our own.

``st.plotly_chart`` forgets all three whenever its data changes (Streamlit 1.67). Here the layout carries a constant
``uirevision``, and Plotly keeps what the reader has done to the chart for as long as that stays the same. What its curves are is
said in ``core/charts.py``, how they are drawn in ``core/chart.js``.
"""

import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.charts import Chart
from core.plotted import CSS, SCRIPT, encode
from pages.parts.component import component

HTML = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
_chart = component("live_chart", HTML, CSS, SCRIPT)


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
    """Draw a chart, or bring the one with this key up to date. height: pixels. A picture of it is called as the key."""
    send(encode(chart, height), key)


def send(encoded: dict[str, Any], key: str) -> None:
    """The same with what ``encode`` gave: for those who know that their chart is as it was at the last tick."""
    _chart(key=key, height=encoded["height"], data=encoded | {"file": f"innerloop-{key}"})
