"""What happens at each stage of a meta-update: its formula, and in words and numbers what has just been computed."""

from dataclasses import dataclass

import numpy as np

from core.lesson_charts import Stage
from core.miniature import TASKS, Point, Rates, Update, turn, update
from data.language import mark, tr

Table = tuple[list[str], list[list[str]]]  # its head, and its rows


@dataclass(frozen=True)
class Step:
    """formula: TeX. first_order: what it is without second derivatives, where that is something else."""

    title: str
    formula: str
    first_order: str = ""


STEPS: dict[Stage, Step] = {
    "start": Step(mark("1. Draw tasks"), r"\mathcal T_i \sim p(\mathcal T), \quad \text{weights } \theta"),
    "inner": Step(mark("2. Inner step"), r"\theta_i' = \theta - \alpha\, \nabla_{\theta} \mathcal L_i(\theta;\, S_i)"),
    "there": Step(mark("3. Ask the queries"), r"\nabla_{\theta_i'} \mathcal L_i(\theta_i';\, Q_i)"),
    "back": Step(
        mark("4. Back through the inner step"),
        r"\begin{aligned} g_i &= (I - \alpha H_i)\, \nabla_{\theta_i'} \mathcal L_i(\theta_i';\, Q_i) \\ "
        r"H_i &= \nabla^2_{\theta} \mathcal L_i(\theta;\, S_i) \end{aligned}",
        r"g_i \approx \nabla_{\theta_i'} \mathcal L_i(\theta_i';\, Q_i)",
    ),
    "step": Step(mark("5. Meta-step"), r"\theta \leftarrow \theta - \beta\, \tfrac{1}{n} \textstyle\sum_i g_i"),
}


def said(found: Update, stage: Stage, rates: Rates) -> str:
    """What happened at this stage, in a few sentences."""
    match stage:
        case "start":
            mean = number(np.mean(found.support_loss))
            return tr(
                "{tasks} tasks, each to fit a line y = w x + b. The star is a task's own line, the rings are its "
                "loss on its support set. All tasks start from the same θ = {start}, where that loss is {mean} on "
                "average.",
                tasks=rates.tasks,
                start=point(found.start),
                mean=mean,
            )
        case "inner":
            return tr(
                "Each task takes one step down its own slope: α = {inner_lr} times its gradient. One θ has become "
                "{tasks} pairs of adapted weights, θ′.",
                inner_lr=number(rates.inner_lr),
                tasks=rates.tasks,
            )
        case "there":
            return tr(
                "Each task is asked about its query set, whose loss the rings are now, at its own θ′: on average it "
                "is {loss}. The arrows go down the gradients there, β = {meta_lr} times as long.",
                loss=number(found.loss),
                meta_lr=number(rates.meta_lr),
            )
        case "back":
            return _carried(found, rates)
    after = update(found.end, rates).loss
    return tr(
        "The mean of the tasks' gradients is {meta_gradient}. θ goes β = {meta_lr} times that downhill, from "
        "{start} to {end}. After adapting from there the query loss is {after} on average, and was {loss}.",
        meta_gradient=point(found.meta_gradient),
        meta_lr=number(rates.meta_lr),
        start=point(found.start),
        end=point(found.end),
        after=number(after),
        loss=number(found.loss),
    )


def _carried(found: Update, rates: Rates) -> str:
    if rates.first_order:
        return tr(
            "First order takes each gradient for one at θ: the arrows move there and do not turn. What is left out is the factor "
            "with the second derivatives, which says how a change of θ changes θ′."
        )
    most = max(turn(*pair)[0] for pair in zip(found.gradient_there, found.gradient, strict=True))
    return tr(
        "Only θ can be changed, and θ′ follows it. So each gradient is carried back through the inner step, "
        "by the factor with the second derivatives: it turns by up to {most:.0f}°. The dotted arrows are "
        "what first order would take.",
        most=most,
    )


def table(found: Update, stage: Stage, rates: Rates) -> Table:
    """The numbers behind it, a row a task; of the meta-step one before it and one after."""
    if stage == "step":
        after = update(found.end, rates).loss
        rows = [[tr("before"), point(found.start), number(found.loss)], [tr("after"), point(found.end), number(after)]]
        return [tr("meta-step"), "θ = (w, b)", tr("query loss after adapting")], rows
    columns: dict[str, list[str]] = {
        tr("task"): [tr("task {number}", number=place + 1) for place in range(rates.tasks)]
    }
    match stage:
        case "start":
            columns[tr("its line (w, b)")] = [point(task.line) for task in TASKS[: rates.tasks]]
            columns[tr("support loss at θ")] = [number(loss) for loss in found.support_loss]
        case "inner":
            columns[tr("gradient at θ")] = [point(one) for one in found.inner_gradient]
            columns["θ′"] = [point(one) for one in found.adapted]
        case "there":
            columns[tr("query loss at θ′")] = [number(loss) for loss in found.query_loss]
            columns[tr("gradient at θ′")] = [point(one) for one in found.gradient_there]
        case "back":
            turns = [turn(*pair) for pair in zip(found.gradient_there, found.gradient, strict=True)]
            columns[tr("gradient at θ′")] = [point(one) for one in found.gradient_there]
            columns[tr("carried back, g")] = [point(one) for one in found.gradient]
            columns[tr("turned by")] = [f"{angle:.0f}°" for angle, _ in turns]
            columns[tr("length")] = [f"× {ratio:.2f}" for _, ratio in turns]
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def number(value: float) -> str:
    """With two decimals, and a minus as wide as a figure."""
    return f"{value:.2f}".replace("-", "−")


def point(of: Point) -> str:
    return f"({number(of.w)},\u00a0{number(of.b)})"
