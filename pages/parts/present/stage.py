"""The stage on which scenes are shown: one component that has all of them, and asks the server for nothing until it is left."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.plotted import SCRIPT, encode
from data.language import tr
from pages.parts.component import component
from pages.parts.present.scenes import SEEN, Scene

HERE = Path(__file__).parent
DRAWING = SCRIPT.replace("export default function", "const drawChart = function") + (HERE / "drawing.js").read_text(
    "utf-8"
)
_stage = component(
    "stage",
    (HERE / "stage.html").read_text(encoding="utf-8"),
    (HERE / "stage.css").read_text(encoding="utf-8"),
    DRAWING + (HERE / "stage.js").read_text("utf-8"),
)


def stage(scenes: Sequence[Scene], key: str) -> bool:
    """Show them over the whole window. Whether somebody has left it, by Escape or the button."""
    return bool(_stage(key=f"stage-{key}", data=sent(scenes), on_left_change=lambda: None).left)


def sent(scenes: Sequence[Scene]) -> dict[str, Any]:
    """What the browser gets: each chart once, and scenes that name theirs by its place."""
    charts = {id(chart): chart for scene in scenes for chart in (scene.chart, scene.beside) if chart}
    places = {known: place for place, known in enumerate(charts)}
    return {
        "charts": [encode(chart, 0) for chart in charts.values()],
        "scenes": [_sent(scene, places) for scene in scenes],
    }


def _sent(scene: Scene, places: dict[int, int]) -> dict[str, Any]:
    parts = ("title", "big", "text", "start", "end", "seconds")
    named = {part: getattr(scene, part) for part in parts} | {"rows": [asdict(row) for row in scene.rows]}
    counted = scene.counted and (scene.counted[0], tr(SEEN[scene.counted[1]]))
    drawn = {"chart": places.get(id(scene.chart)), "beside": places.get(id(scene.beside))}
    return named | drawn | {"counted": counted}
