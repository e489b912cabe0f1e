"""The row of figures at the top of the Run page: progress, best score, loss, throughput, device."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core import charts
from core.schema import ENDED, Evaluation, Run
from core.series import SeriesReader
from pages.parts import format, theme
from pages.parts.run_cards import PHASES, iterations, trains

SAMPLES = 120  # of throughput and memory, one a second while the page is open; the store keeps only the latest


def metric_cards(run: Run, evaluations: Sequence[Evaluation], reader: SeriesReader) -> None:
    rates, memories = samples(run)
    progress, best, loss, rate, device = st.columns(5)
    with progress, theme.card("progress", height="stretch"):
        progress_figure(run)
    with best:
        best_figure(run, evaluations)
    with loss:
        loss_figure(run, reader)
    with rate:
        note = "not started" if run.rate is None else f"tasks {'in a loop' if run.forward == 'loop' else 'stacked'}"
        text = "Meta-steps per second while training, and whether the tasks of a meta-batch run stacked in one pass."
        figure("Throughput", format.rate(run.rate), note, text, rates)
    with device:
        device_figure(run, memories)


def figure(
    label: str,
    value: str,
    note: str | None,
    help: str,
    line: Sequence[float] = (),
    *,
    color: str = "off",
    kind: str = "line",
) -> None:
    """One figure with a remark under it and, from two points on, a line."""
    drawn = list(line) if len(line) > 1 else None
    options: dict[str, Any] = {"chart_data": drawn, "chart_type": kind, "delta_color": color, "delta_arrow": "off"}
    st.metric(label, value, note, border=True, height="stretch", help=help, **options)


def samples(run: Run) -> tuple[list[float], list[float]]:
    """Throughput and memory as this page has seen them, oldest first; nothing once the run has ended."""
    seen = st.session_state.setdefault(f"samples-{run.id}", [])
    if run.status in ENDED:
        seen.clear()
    elif run.status == "running" and run.rate and (not seen or seen[-1][0] != run.heartbeat):
        load = run.load or {}
        seen.append((run.heartbeat, run.rate, load.get("gpu_memory") or load.get("memory") or 0))
        del seen[:-SAMPLES]
    return [rate for _, rate, _ in seen], [memory for _, _, memory in seen]


def progress_figure(run: Run) -> None:
    total = iterations(run)
    done = min(run.iteration / total, 1.0) if total and trains(run) else float(run.status == "finished")
    note = f"{format.count(run.iteration)} / {format.count(total)}" if trains(run) else "nothing to train"
    if run.status in ENDED:
        label, value = "Training time", format.duration(run.seconds)
    elif run.status == "running" and run.phase == "training" and run.remaining is not None:
        label, value = "Time left", format.duration(run.remaining)
    elif run.status == "running" and run.phase in ("loading", "tuning", "testing"):
        done = min((run.load or {}).get("fraction") or 0.0, 1.0)  # of this phase
        label, value = PHASES[run.phase].capitalize(), f"{100 * done:.0f} %"
    else:
        label, value = "Progress", f"{100 * done:.0f} %"
    help = "Iterations done, of those planned. The final test comes after them."
    st.metric(label, value, note, delta_color="off", delta_arrow="off", help=help)
    st.progress(done)


def best_figure(run: Run, evaluations: Sequence[Evaluation]) -> None:
    metric, best = charts.metric_of(run), run.best
    note = (
        f"{format.interval(metric, best['ci95'])} at {format.count(best['iteration'])}" if best else "not validated yet"
    )
    figure(
        f"Best validation {'accuracy' if metric == 'accuracy' else 'error'}",
        format.score(metric, best["mean"] if best else None),
        note,
        "The best so far on frozen validation tasks, its 95 % interval, and the iteration it was reached at.",
        [one.mean for one in evaluations if one.mean is not None],
        color="green" if best else "off",
        kind="area",
    )


def loss_figure(run: Run, reader: SeriesReader) -> None:
    outline = charts.spark(reader, run.id, charts.QUERY_LOSS)
    change = outline[-1] - outline[0] if len(outline) > 1 else 0.0
    note = (
        f"{'−' if change < 0 else '+'}{format.number(abs(change), 2)} since the start" if outline else "no points yet"
    )
    color = "off" if not outline else "green" if change <= 0 else "red"
    value = format.number(outline[-1] if outline else None)
    figure("Query loss", value, note, "Loss on the query set after adapting, latest window.", outline, color=color)


def device_figure(run: Run, memories: Sequence[float]) -> None:
    load = run.load or {}
    gpu = load.get("gpu_memory")
    percent = load.get("gpu_percent") if gpu else load.get("cpu_percent")
    note = run.device or run.slot or "no device yet"
    note += f" · {percent:.0f} %" if percent is not None and run.status not in ENDED else ""
    text = "Memory in use and the load of the run's device; 100 % of a processor is one core."
    if gpu:
        text += f" The GPU has {format.size(load.get('gpu_memory_total'))}."
    figure("GPU memory" if gpu else "Memory", format.size(gpu or load.get("memory")), note, text, memories)
