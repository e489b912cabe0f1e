"""What a run took of its machine over its training, as charts."""

from core.charts import POINTS, Chart, Trace, mode
from core.runs.facts import Facts
from core.runs.schema import Run
from core.runs.series import SeriesReader, downsample
from core.runs.system import CPU, GPU, GPU_MEMORY, MEMORY, throughput
from data.language import mark, tr

GIGABYTE = 1e9
SPEED = {  # of what an iteration is made of: the title of its axis, and what the chart shows
    "tasks": (mark("tasks a second"), mark("Tasks a second by iteration")),
    "examples": (mark("examples a second"), mark("Examples a second by iteration")),
}


def system_charts(run: Run, reader: SeriesReader) -> list[Chart]:
    """Load, memory and throughput by iteration, those of them that were measured; of runs of earlier versions none."""
    work = Facts.of(run).work
    speed, by = SPEED.get(work, (f"{work} a second", f"{work.capitalize()} a second by iteration"))
    iteration = tr("iteration")
    busy = _traces(run, reader, ((tr("processor, 100 % a core"), CPU, 0), (tr("GPU"), GPU, 1)), 1.0)
    memory = _traces(run, reader, ((tr("worker"), MEMORY, 0), (tr("whole GPU"), GPU_MEMORY, 1)), GIGABYTE)
    rate = _traces(run, reader, ((tr(speed), throughput(work), 2),), 1.0)
    charts = [
        Chart(busy, iteration, busy[0].name if len(busy) == 1 else tr("load"), tr("Load by iteration"), " %"),
        Chart(memory, iteration, tr("memory, GB"), tr("Memory by iteration")),
        Chart(rate, iteration, tr(speed), tr(by)),
    ]
    return [chart for chart in charts if chart.traces]


def _traces(run: Run, reader: SeriesReader, curves: tuple[tuple[str, str, int], ...], unit: float) -> list[Trace]:
    """curves: name, key and colour of each. unit: what the values are divided by."""
    found = [(name, color, *reader.series(run.id, key)) for name, key, color in curves]
    thin = [(name, color, *downsample(x, y / unit, POINTS)) for name, color, x, y in found if len(x)]
    return [Trace(name, x, y, mode=mode(x), color=color) for name, color, x, y in thin]
