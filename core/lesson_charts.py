"""What the page Learn draws: some tasks of a family, and a meta-update in the plane of two weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from core.charts import Chart, Trace
from core.miniature import TASKS, Point, Rates, Update, bowl, moved
from data.language import tr
from data.sinusoid import X_RANGE, Sinusoid, SinusoidConfig

Stage = Literal["start", "inner", "there", "back", "step"]  # of a meta-update, in their order
STAGES: tuple[Stage, ...] = get_args(Stage)
META, TASK, BEFORE = 0, 1, 5  # colours: of the meta-parameters, of the first task, of earlier meta-parameters
LEVELS = (0.08, 0.5, 1.5)  # losses at which contours are drawn
PLANE = ((-3.4, 3.4), (-3.2, 2.8))
SMALL = 1e-3  # shorter than this no arrow is drawn: it would point nowhere


def update_chart(update: Update, stage: Stage, rates: Rates, earlier: Sequence[Point]) -> Chart:
    """A meta-update up to one of its stages. earlier: meta-parameters before it, oldest first.

    Contours are of the loss that the stage is about: of the support set up to the inner step, of the query set from then on.
    Arrows of gradients are β times as long, downhill, so that the meta-step is their mean.
    """
    reached = STAGES.index(stage)
    traces = [_bowl(place, "support" if reached < 2 else "query") for place in range(rates.tasks)]
    if earlier:
        traces.append(
            _line(tr("earlier meta-parameters"), [*earlier, update.start], BEFORE, mode="lines+markers", listed=False)
        )
    for place in range(rates.tasks):
        traces += _of_task(update, place, reached, rates)
    if stage == "step":
        traces += _arrow(tr("meta-step"), update.start, update.end, META)
    here = update.end if stage == "step" else update.start
    traces.append(_line(tr("meta-parameters"), [here], META, mode="markers"))
    text = tr("Two weights: contours of each task's loss, meta-parameters, and this step's arrows")
    return Chart(traces, tr("weight w"), tr("weight b"), text, apart=True, plane=PLANE)


def _of_task(update: Update, place: int, reached: int, rates: Rates) -> list[Trace]:
    group, color, start, adapted = (
        tr("task {number}", number=place + 1),
        TASK + place,
        update.start,
        update.adapted[place],
    )
    there, back = update.gradient_there[place], update.gradient[place]
    traces = [_line(group, [TASKS[place].line], color, mode="markers", symbol="star", group=group)]
    if reached >= 1:
        traces += _arrow(tr("{group}, inner step", group=group), start, adapted, color, group=group, faint=reached > 1)
    if reached in (2, 3):
        dash = "dot" if reached == 3 else "solid"
        end = moved(adapted, there, rates.meta_lr)
        traces += _arrow(
            tr("{group}, gradient at the adapted weights", group=group), adapted, end, color, group=group, dash=dash
        )
    if reached == 3 and not rates.first_order:
        end = moved(start, there, rates.meta_lr)
        traces += _arrow(
            tr("{group}, without second derivatives", group=group),
            start,
            end,
            color,
            group=group,
            dash="dot",
            faint=True,
        )
    if reached >= 3:
        end = moved(start, back, rates.meta_lr)
        traces += _arrow(
            tr("{group}, its meta-gradient", group=group), start, end, color, group=group, faint=reached > 3
        )
    return traces


def _bowl(place: int, part: str) -> Trace:
    x, y = bowl(TASKS[place], part, LEVELS)
    name = tr("task {number}", number=place + 1)
    return Trace(
        tr("{name}, {part} loss", name=name, part=tr(part)),
        x,
        y,
        color=TASK + place,
        listed=False,
        raw=True,
        group=name,
    )


def _arrow(name: str, start: Point, end: Point, color: int, **looks: object) -> list[Trace]:
    if np.hypot(end.w - start.w, end.b - start.b) < SMALL:
        return []
    return [_line(name, [start, end], color, mode="lines+markers", symbol="arrow", listed=False, **looks)]


def _line(name: str, through: Sequence[Point], color: int, **looks: object) -> Trace:
    x, y = np.array(through).T
    return Trace(name, x, y, color=color, **looks)


def tasks_chart(seed: int, tasks: int = 3) -> Chart:
    """Some tasks of the family of sinusoids: each its curve, its support set (stars) and its queries (circles)."""
    family = Sinusoid(SinusoidConfig(k_shot=5, n_query=5), datasets=Path(), cache=Path())
    generator = torch.Generator().manual_seed(seed)
    batch, curves = family.sample_curves("train", family.config.shape, tasks, generator)
    x = torch.linspace(*X_RANGE, 121).unsqueeze(1)  # (points, 1)
    whole, traces = curves(x), []
    for place in range(tasks):
        group = tr("task {number}", number=place + 1)
        traces.append(Trace(group, x[:, 0].numpy(), whole[place, :, 0].numpy(), color=place, group=group, faint=True))
        for part, symbol in (("support", "star"), ("query", "circle-open")):
            given = (getattr(batch, f"{part}_{axis}")[place, :, 0].numpy() for axis in "xy")
            marks = {"mode": "markers", "symbol": symbol, "color": place, "group": group, "listed": False}
            traces.append(Trace(tr("{group}, {part}", group=group, part=tr(part)), *given, **marks))
    return Chart(
        traces, "x", "y", tr("Three tasks: curves, support points as stars and queries as circles"), apart=True
    )
