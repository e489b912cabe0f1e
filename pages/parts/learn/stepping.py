"""MAML's five steps, and beside them a meta-update of two weights that is gone through step by step. Imports torch."""

import html
from dataclasses import dataclass, field

import streamlit as st

from core.lesson_charts import STAGES, TASK, Stage, update_chart
from core.miniature import START, TASKS, Point, Rates, Update, astray, path, update
from data.language import mark, tr
from pages.parts import say, theme
from pages.parts.learn import numbers
from pages.parts.learn.words import STEPS, said, table
from pages.parts.live_chart import live_chart

WHERE = "learn-stepping"  # session state: how far the visitor is
AT_ONCE = 10  # meta-updates, by one button

INTRODUCTION = mark("""
[Finn, Abbeel & Levine 2017](https://arxiv.org/abs/1703.03400), algorithm 1, on a network of two weights. All numbers are computed
as you go, by the same code that trains runs here.
""")
DIFFERENCES = mark("""
Unlike a run, these meta-updates see the same few tasks again and again, and θ moves by plain gradient descent; runs draw new
tasks for each meta-step and leave the step to Adam. The paper sums over tasks, Innerloop takes the mean.
""")


@dataclass
class Where:
    """path: meta-parameters before each meta-update so far, the one under way last."""

    path: list[Point] = field(default_factory=lambda: [START])
    place: int = 0  # of the stage

    @property
    def stage(self) -> Stage:
        return STAGES[self.place]

    @property
    def first(self) -> bool:
        return self.place == 0 and len(self.path) == 1

    def on(self, found: Update) -> None:
        """One step further; after the last one the next meta-update begins."""
        if self.place + 1 < len(STAGES):
            self.place += 1
        else:
            self.path.append(found.end)
            self.place = 0

    def back(self) -> None:
        """One step back, at the beginning of a meta-update into the one before it."""
        if self.place:
            self.place -= 1
        elif len(self.path) > 1:
            self.path.pop()
            self.place = len(STAGES) - 1

    def run(self, rates: Rates) -> None:
        """AT_ONCE meta-updates from where the one under way began, or as many as do not lead astray."""
        self.path[-1:] = path(self.path[-1], rates, AT_ONCE)
        self.place = 0

    def reset(self) -> None:
        self.path, self.place = [START], 0


@st.fragment
def show() -> None:
    where: Where = st.session_state.setdefault(WHERE, Where())
    left, right = st.columns([1, 1.35], gap="medium")
    with left, theme.card("steps", tr("One meta-update"), height="stretch"), st.container(key="prose-steps"):
        st.markdown(tr(INTRODUCTION))
        formulas = st.container()
        rates = _rates()
        st.caption(tr(DIFFERENCES))
    with formulas:
        for stage, step in STEPS.items():
            _step(stage, step.first_order if rates.first_order and step.first_order else step.formula, where.stage)
    with right, theme.card("stepping", height="stretch"):
        found = update(where.path[-1], rates)
        _buttons(where, found, rates)
        _told(where, found, rates)
        live_chart(update_chart(found, where.stage, rates, where.path[:-1]), key="stepping", height=430)
        _numbers(found, where.stage, rates)


def _step(stage: Stage, formula: str, now: Stage) -> None:
    with st.container(key=f"step-{'now-' if stage == now else ''}{stage}"):
        say.name(tr(STEPS[stage].title))
        st.latex(formula)


def _rates() -> Rates:
    start = Rates()
    inner, meta = st.columns(2)
    tasks, order = st.columns(2, vertical_alignment="bottom")
    return Rates(
        inner.slider(tr("Inner rate α"), 0.05, 0.5, start.inner_lr, 0.05, key="learn-inner-lr"),
        meta.slider(tr("Outer rate β"), 0.1, 1.0, start.meta_lr, 0.1, key="learn-meta-lr"),
        tasks.select_slider(tr("Tasks"), range(2, len(TASKS) + 1), start.tasks, key="learn-task-count"),
        order.toggle(
            tr("First order"), start.first_order, key="learn-first-order", help=tr("Leaves the second derivatives out.")
        ),
    )


def _buttons(where: Where, found: Update, rates: Rates) -> None:
    stuck, first = astray(found.end), where.first
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(tr("Back"), key="learn-back", icon=":material/arrow_back:", disabled=first, on_click=where.back)
        st.button(
            tr("Next"),
            key="learn-next",
            icon=":material/arrow_forward:",
            type="primary",
            disabled=stuck,
            on_click=where.on,
            args=(found,),
        )
        st.button(
            tr("10 meta-updates"),
            key="learn-run",
            icon=":material/fast_forward:",
            type="tertiary",
            disabled=stuck,
            on_click=where.run,
            args=(rates,),
        )
        st.button(
            tr("Reset"),
            key="learn-reset",
            icon=":material/restart_alt:",
            type="tertiary",
            disabled=first,
            on_click=where.reset,
        )
    if stuck:
        say.warning(tr("It diverges: each step leads further away. Lower a rate, or reset."))


def _told(where: Where, found: Update, rates: Rates) -> None:
    """What just happened, in a few sentences."""
    say.heading(tr("Meta-update {n} · {title}", n=len(where.path), title=tr(STEPS[where.stage].title)))
    st.html(f'<div class="step-said" role="status">{html.escape(said(found, where.stage, rates))}</div>')


def _numbers(found: Update, stage: Stage, rates: Rates) -> None:
    head, rows = table(found, stage, rates)
    colors = [] if stage == "step" else [TASK + place for place in range(rates.tasks)]
    st.html(numbers.table(head, rows, colors))
