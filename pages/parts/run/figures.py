"""The row of figures at the top of the Run page: progress, best score, loss, throughput, device.

One piece of HTML for all five: it is drawn again every second, and five ``st.metric`` with their Vega charts take the
browser 60 ms of each (benchmarks/page.py).
"""

import base64
import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from core import charts, diverged
from core.runs.facts import Facts
from core.runs.outline import Outline
from core.runs.schema import ENDED, Run, Score
from data.language import mark, tr
from pages.parts import readable, say
from pages.parts.run.cards import PHASES, done, iterations, trains

SAMPLES = 120  # of throughput and memory, one a second while the page is open; the store keeps only the latest
ACTIVITIES = (mark("data"), mark("training"), mark("validation"), mark("writing"))  # what time goes into, as it is kept
WIDTH, HEIGHT = 200, 36  # of an outline, in its own units: it is stretched to the card


def metric_cards(run: Run, evaluations: Sequence[Score]) -> None:
    rates, memories = samples(run)
    figures = (
        progress_figure(run),
        best_figure(run, evaluations),
        loss_figure(run),
        rate_figure(run, rates),
        device_figure(run, memories),
    )
    st.html(f'<div class="figures">{"".join(figures)}</div>{shares(run)}')


def figure(
    label: str, value: str, note: str, meaning: str, line: Sequence[float] = (), *, tone: str = "off", below: str = ""
) -> str:
    """One figure as HTML: a remark under it and, from two points on, an outline. tone: off, good or bad."""
    label, value, note, meaning = (html.escape(text) for text in (label, value, note, meaning))
    words = f'<span class="label" title="{meaning}">{label}</span><b>{value}</b><span class="note">{note}</span>'
    return f'<section class="figure {tone}" aria-label="{label}">{words}{below or outline(line)}</section>'


def outline(values: Sequence[float]) -> str:
    """A curve as high as two lines of text."""
    if len(values) < 2:
        return ""
    y = np.asarray(values, dtype=float)
    low, high = y.min(), y.max()
    y = HEIGHT - 2 - (HEIGHT - 4) * (y - low) / (high - low) if high > low else np.full(len(y), HEIGHT / 2)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(np.linspace(0, WIDTH, len(y)), y, strict=True))
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none"><polyline '
        f'points="{points}" fill="none" stroke="black" stroke-width="2" vector-effect="non-scaling-stroke"/></svg>'
    )
    # Streamlit lets no SVG elements through; as a mask it also takes the theme's colour.
    address = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    return f'<i class="outline" style="mask-image: url({address})"></i>'


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


def progress_figure(run: Run) -> str:
    share, minutes = done(run), run.config.get("training", {}).get("minutes")
    planned = tr("in {minutes:g} min", minutes=minutes) if minutes else f"/ {readable.count(iterations(run))}"
    note = f"{readable.count(run.iteration)} {planned}" if trains(run) else tr("nothing to train")
    if run.status in ENDED:
        label, value = tr("Training time"), readable.duration(run.seconds)
    elif run.status == "running" and run.phase == "training" and run.remaining is not None:
        label, value = tr("Time left"), readable.duration(run.remaining)
    elif run.status == "running" and run.phase in ("loading", "tuning", "testing"):
        share = min((run.load or {}).get("fraction") or 0.0, 1.0)  # of this phase
        label, value = say.first_upper(tr(PHASES[run.phase])), f"{100 * share:.0f} %"
    else:
        label, value = tr("Progress"), f"{100 * share:.0f} %"
    meaning = tr("Iterations done, of those planned or in the time budget. The final test comes after them.")
    return figure(label, value, note, meaning, below=f'<progress max="1" value="{share:.4f}"></progress>')


def best_figure(run: Run, evaluations: Sequence[Score]) -> str:
    metric, best = Facts.of(run).metric, run.best
    value, what = readable.headline(metric, best) if best else (readable.NOTHING, tr("95 % interval"))
    which = tr("median, ") if diverged.count(best) else ""
    note = (
        tr("{which}at iteration {count}", which=which, count=readable.count(best["iteration"]))
        if best
        else tr("not validated yet")
    )
    return figure(
        tr("Best validation {title}", title=tr(metric.title)),
        value,
        note,
        tr("The best so far on frozen validation tasks, its {what}, and the iteration it was reached at.", what=what),
        [one.mean for one in evaluations if one.mean is not None],
        tone="good" if best else "off",
    )


def loss_figure(run: Run) -> str:
    line = charts.spark(Outline.from_json(run.outline).line)
    change = line[-1] - line[0] if line else 0.0
    note = tr("{change} since the start", change=("−" if change < 0 else "+") + readable.number(abs(change), 2))
    if not change:
        note = (tr("no points yet"), tr("the first point"))[len(line)] if len(line) < 2 else tr("as at the start")
    tone = "good" if change < 0 else "bad" if change > 0 else "off"
    value = readable.number(line[-1] if line else None)
    facts = Facts.of(run)
    label = tr("Query loss") if facts.work == "tasks" else tr("Training loss")
    return figure(
        label,
        value,
        note,
        tr("Loss in the latest window ({query_curve}).", query_curve=tr(facts.query_curve)),
        line,
        tone=tone,
    )


def rate_figure(run: Run, rates: Sequence[float]) -> str:
    text, facts, rate = tr("Iterations per second while training."), Facts.of(run), pace(run)
    if rate is None:
        note = tr("not started") if trains(run) else tr("nothing to train")
    else:
        note = tr(
            "{number} {work} a second", number=readable.number(rate * facts.work_per_iteration), work=tr(facts.work)
        )
        if run.forward == "loop":
            note += tr(", in a loop")
            text += tr(" The network cannot be stacked, so that tasks run one after the other.")
    return figure(tr("Throughput"), readable.rate(rate), note, text, rates)


def pace(run: Run) -> float | None:
    """Iterations a second: the latest while it trains, and of all its training once that is over."""
    over = run.status in ENDED and run.iteration and run.seconds
    return run.iteration / run.seconds if over else run.rate


def shares(run: Run) -> str:
    """What the time so far went into, as HTML: a bar in parts and each of them in words; an empty line before there is any."""
    seconds = (run.load or {}).get("spent") or {}
    whole = sum(seconds.values())
    if not whole:
        return "" if run.status in ENDED else '<div class="shares"></div>'
    parts = {activity: 100 * part / whole for activity, part in seconds.items()}
    bar = "".join(f'<i class="{html.escape(name)}" style="flex-grow: {part:.2f}"></i>' for name, part in parts.items())
    words = "".join(
        f'<span class="{html.escape(name)}">{html.escape(f"{tr(name)} {percent(part)}")}</span>'
        for name, part in parts.items()
    )
    meaning = tr(
        "Data includes reading them once, validation the final test. Pauses, and building the network, count for none of them."
    )
    title, meaning = html.escape(tr("Time went into")), html.escape(meaning)
    return f'<div class="shares" title="{meaning}"><b>{title}</b>{words}<div class="bar">{bar}</div></div>'


def percent(part: float) -> str:
    """A share in [0, 100]; one that is there is not said to be nothing."""
    return "< 1 %" if 0 < part < 0.5 else f"{part:.0f} %"


def device_figure(run: Run, memories: Sequence[float]) -> str:
    load = run.load or {}
    gpu = load.get("gpu_memory")
    percent = load.get("gpu_percent") if gpu else load.get("cpu_percent")
    note = run.device or run.slot or tr("no device yet")
    note += f" · {percent:.0f} %" if percent is not None and run.status not in ENDED else ""
    text = tr("Memory in use and the load of the run's device; 100 % of a processor is one core.")
    if gpu:
        text += tr(" The GPU has {size}.", size=readable.size(load.get("gpu_memory_total")))
    return figure(
        tr("GPU memory") if gpu else tr("Memory"), readable.size(gpu or load.get("memory")), note, text, memories
    )
