"""Cost against work: seconds and memory of a meta-step as tasks, inner steps, way, shot and filters grow.

    python -m benchmarks.cost [--rounds 5] [--device cpu]

One of them at a time, from a base; each point in a process of its own, under the settings of a worker (see benchmarks/sides.py).
Draws docs/cost-light.png and docs/cost-dark.png with plotly in a headless browser, and prints the numbers.
"""

import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import plotly.graph_objects as go
import typer
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

from benchmarks.sides import Nursery, Order, nurseries
from benchmarks.work import OURS
from benchmarks.workloads import STRIDED, Workload, maml, pictures
from core.runs.hardware import describe
from core.runs.home import PROJECT, Home
from data.places import Folders
from tests.e2e.serving import FLAGS

# What grows, in words, with the base's value and all that are measured. 5 queries a class.
AXES: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "tasks": ("tasks of a meta-batch", 4, (1, 2, 4, 8, 16, 32)),
    "inner_steps": ("inner steps", 1, (1, 2, 4, 8, 16)),
    "n_way": ("classes of a task", 5, (2, 5, 10, 20, 40)),
    "k_shot": ("shots a class", 1, (1, 2, 4, 8, 15)),
    "filters": ("filters of Conv4", 64, (16, 32, 64, 128, 256)),
}
BASE = {name: base for name, (_, base, _) in AXES.items()}
WHAT = "Second-order MAML, Conv4 stride 2, 28×28: 4 tasks, 1 inner step, 5-way 1-shot, 5 queries, 64 filters; one grows at a time"
FIGURE = {"width": 1440, "height": 640}
THEMES = {  # background, text, grid, time, memory: those of the app
    "light": ("#ffffff", "#0f1523", "#dfe3ea", "#4f6bed", "#e07b39"),
    "dark": ("#171d27", "#e5e9f0", "#2a3240", "#8196ff", "#f2a065"),
}
MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """Of one meta-step: median seconds, and bytes of memory at the most."""

    seconds: float
    memory: int


def workload(tasks: int, inner_steps: int, n_way: int, k_shot: int, filters: int) -> Workload:
    model = STRIDED | {"filters": filters}
    return pictures("cost", WHAT, model, maml(inner_steps), n_way, n_query=5, tasks=tasks, k_shot=k_shot)


def measured(nursery: Nursery, values: dict[str, int], device: str, folders: Folders, rounds: int) -> Cost:
    order = Order(workload(**values), OURS, "as a worker", device, folders)
    with nursery.side(order) as side:
        side.answer()  # warms up
        return Cost(statistics.median(side.seconds() for _ in range(rounds)), side.peak())


def all_measured(device: str, rounds: int) -> dict[str, list[Cost]]:
    """By what grows, in the order of AXES' values. The base is measured once for each."""
    found: dict[str, list[Cost]] = {}
    with nurseries(["as a worker"]) as running:
        for axis, (title, _, values) in AXES.items():
            found[axis] = []
            for value in values:
                cost = measured(running["as a worker"], BASE | {axis: value}, device, Home.find().folders, rounds)
                found[axis].append(cost)
                print(f"| {value} {title} | {1000 * cost.seconds:.1f} ms | {cost.memory / MIB:.0f} MiB |", flush=True)
    return found


def figure(costs: dict[str, list[Cost]], theme: str, remark: str) -> go.Figure:
    """A column for each of what grows: time above, memory below, all on the same logarithmic scales."""
    background, text, grid, *colours = THEMES[theme]
    drawn = make_subplots(rows=2, cols=len(AXES), shared_yaxes=True, horizontal_spacing=0.02, vertical_spacing=0.07)
    for column, (axis, (title, base, values)) in enumerate(AXES.items(), 1):
        rows = ([1000 * cost.seconds for cost in costs[axis]], [cost.memory / MIB for cost in costs[axis]])
        for row, (y, colour) in enumerate(zip(rows, colours, strict=True), 1):
            for trace in curves(values, y, base, colour, text):
                drawn.add_trace(trace, row, column)
        ticks = {"tickvals": values, "ticktext": [str(value) for value in values]}
        drawn.update_xaxes(**ticks, row=1, col=column, showticklabels=False)
        drawn.update_xaxes(**ticks, row=2, col=column, title_text=title)
    drawn.update_xaxes(type="log", gridcolor=grid, linecolor=grid, zeroline=False)
    round_ones = [digit * 10**power for power in range(6) for digit in (1, 2, 5)]
    ticks = {"tickvals": round_ones, "ticktext": [f"{value:,}".replace(",", "\u202f") for value in round_ones]}
    drawn.update_yaxes(type="log", gridcolor=grid, linecolor=grid, zeroline=False, **ticks)
    drawn.update_yaxes(title_text="ms a meta-step", row=1, col=1)
    drawn.update_yaxes(title_text="MiB of memory at the most", row=2, col=1)
    drawn.update_layout(
        **FIGURE,
        title={
            "text": f"{WHAT}<br><sup>{remark}; dotted: in proportion to the base, the ringed point</sup>",
            "x": 0.01,
        },
        showlegend=False,
        paper_bgcolor=background,
        plot_bgcolor=background,
        font={"color": text, "size": 13, "family": "sans-serif"},
        margin={"l": 70, "r": 20, "t": 84, "b": 60},
    )
    return drawn


def curves(x: Sequence[int], y: Sequence[float], base: int, colour: str, text: str) -> list[go.Scatter]:
    """What was measured, what would be proportional to the work, and a ring around the base."""
    at_base = y[x.index(base)]
    proportional = [at_base * value / base for value in x]
    shown = [a if min(y) / 2 < a < max(y) * 2 else None for a in proportional]  # no further than the curve's own range
    return [
        go.Scatter(x=x, y=shown, mode="lines", line={"color": text, "dash": "dot", "width": 1}),
        go.Scatter(x=x, y=y, mode="lines+markers", line={"color": colour, "width": 2}, marker={"size": 7}),
        go.Scatter(x=[base], y=[at_base], mode="markers", marker={"color": text, "size": 13, "symbol": "circle-open"}),
    ]


def draw(costs: dict[str, list[Cost]], folder: Path, remark: str) -> None:
    """Write cost-light.png and cost-dark.png, by plotly's own script in a headless browser."""
    script = Path(find_spec("plotly").submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=FIGURE)
        for theme in THEMES:
            page.set_content('<body style="margin: 0"><div id="plot"></div></body>')
            page.add_script_tag(path=script)
            page.evaluate(
                "json => { const {data, layout} = JSON.parse(json);"
                " return Plotly.newPlot('plot', data, layout, {staticPlot: true}).then(() => true) }",
                figure(costs, theme, remark).to_json(),
            )
            page.screenshot(path=folder / f"cost-{theme}.png")
        browser.close()


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Meta-steps that each point is the median of.")] = 5,
    device: Annotated[str, typer.Option(help="cpu or cuda:0 …")] = "cpu",
) -> None:
    remark = f"{describe()}, device {device}, medians of {rounds}"
    print(f"{WHAT}\n{remark}\n\n| | time | memory |\n|---|---|---|")
    draw(all_measured(device, rounds), PROJECT / "docs", remark)


if __name__ == "__main__":
    typer.run(main)
