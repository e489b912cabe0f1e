"""Code that calls itself MAML and has no inner loop: how to tell, and both trained side by side. Free of torch."""

from collections.abc import Sequence

import streamlit as st

from core import charts, diverged
from core.about import listed
from core.config.presets import preset
from core.runs import views
from core.runs.facts import Facts
from core.runs.schema import ENDED, Run
from core.view_charts import fit_chart
from data.language import mark, plural, tr
from data.view import TaskView
from pages.parts import chips, readable, say, session, theme, trust
from pages.parts.compare import choice
from pages.parts.launching import launched, once
from pages.parts.learn import numbers
from pages.parts.learn.snippets import RIGHT, WRONG
from pages.parts.live_chart import live_chart
from pages.parts.redraw import redraw

PAIR = ("sinusoid-maml", "sinusoid-pretrain")  # presets: MAML, and what code without an inner loop does
STEPS = (0, 1, 5, 10)  # inner steps after which errors are told
LOOKED_AT = 100  # newest runs, among which those of the presets are looked for
REFRESH = 1.0  # seconds between two looks at runs that have not ended

WHAT = mark("""
Popular introductions to MAML come with code that trains **one network on examples of all tasks by ordinary gradient descent**.
The article that Innerloop began with did so. Such code runs and its loss falls, but nothing in it adapts, so that nothing can
learn to adapt: it is the *pretraining* that [Finn et al. 2017](https://arxiv.org/abs/1703.03400), section 5.1, compare MAML with.
""")
TELL = mark(r"""
- Are there **two sets of weights**, $\theta$ and a task's own $\theta'$? The first code below has only `network`.
- Do **support and query** play different parts? There they are one heap.
- Does the loss that is made small come from the **adapted** weights, and does its gradient go back **through** the step?
""")
IMPORTED = mark("grad is of torch.autograd, functional_call of torch.func, mse_loss of torch.nn.functional.")
MEANS = mark(r"""
Before it adapts, the best that such a network can answer to $x$ is the mean of all tasks. Of the sine waves here,
$A \sin(x - \varphi)$ with $A$ from 0.1 to 5 and $\varphi$ from 0 to $\pi$, evenly, that is $-\tfrac{5.1}{\pi} \cos x$: one
curve for all. Fine-tuning has to start from there.
""")


def show() -> None:
    runs = [run for run in session.store().page(limit=LOOKED_AT) if Facts.of(run).preset in PAIR]
    left, right = st.columns(2, gap="medium")
    with (
        left,
        theme.card("mistake", tr("MAML without an inner loop"), height="stretch"),
        st.container(key="prose-mistake"),
    ):
        st.markdown(tr(WHAT))
    with right, theme.card("tell", tr("How to tell"), height="stretch"), st.container(key="prose-tell"):
        st.markdown(tr(TELL))
    left, right = st.columns(2, gap="medium")
    with left, theme.card("wrong", tr("Called MAML, and is not"), height="stretch"):
        st.code(WRONG, language="python")
    with right, theme.card("right", tr("MAML, with one inner step"), height="stretch"):
        st.code(RIGHT, language="python")
        st.caption(tr(IMPORTED))
    left, right = st.columns(2, gap="medium")
    with left, theme.card("means", tr("What it learns instead"), height="stretch"), st.container(key="prose-means"):
        st.markdown(tr(MEANS))
    with right:
        _launch_card([run for run in runs if run.status not in ENDED])
    if tested := newest_tested(runs):
        _errors_card(tested)
        _fits_card(tested)


def newest_tested(runs: Sequence[Run]) -> list[Run]:
    """The newest run of each preset that has a test, in the order of PAIR. runs: newest first."""
    found = {Facts.of(run).preset: run for run in reversed(runs) if run.test}
    return [found[name] for name in PAIR if name in found]


def _launch_card(live: Sequence[Run]) -> None:
    """live: runs of the presets that have not ended."""
    with theme.card("both", tr("See for yourself"), height="stretch"):
        say.caption(
            tr(
                "{presets} train the same network on sine waves of the same distribution, and are tested on the same "
                "tasks.",
                presets=listed([tr(preset(name).title) for name in PAIR], "and"),
            )
        )
        refused = next((text for name in PAIR for text in trust.refusal(preset(name).config).values()), "")
        if refused:
            say.info(refused)
        pressed = st.button(
            tr("Launch both"), key="launch-both", type="primary", icon=":material/play_arrow:", disabled=bool(refused)
        )
        if pressed:
            with st.spinner(tr("Preparing the runs …")), session.shown_errors():
                once("learn-both", _launched)
                st.rerun()
        st.fragment(_under_way, run_every=REFRESH if live else None)([run.id for run in live], _state(live))


def _launched() -> list[Run]:
    return [run for name in PAIR for run in launched(preset(name).config, name)]


def _state(runs: Sequence[Run]) -> list[tuple]:
    return [(run.id, run.status, run.test is None) for run in runs]


def _under_way(ids: Sequence[int], drawn: list[tuple]) -> None:
    """How far the runs are. Streamlit runs this alone, without app.py around it."""
    with session.shown_errors():
        session.tick()
        runs = session.store().runs(ids=ids)
        if _state(runs) != drawn:
            redraw()
        for run in reversed(runs):
            done = f" · {run.iteration / run.iterations:.0%}" if run.iteration and run.iterations else ""
            name, state = st.columns([3, 2], vertical_alignment="center")
            with name:
                st.page_link(
                    "pages/run.py", label=say.named(run.name, f"#{run.id}{done}"), query_params={"run": str(run.id)}
                )
            with state:
                chips.status_chip(run)


def _errors_card(runs: Sequence[Run]) -> None:
    """Test error after some inner steps, of each run with its interval."""
    with theme.card("errors"):
        with theme.heading(tr("What they did")):
            if len(runs) > 1:
                st.page_link(
                    "pages/compare.py",
                    label=tr("Compare"),
                    icon=":material/compare_arrows:",
                    query_params=choice.address(runs),
                )
        metric = Facts.of(runs[0]).metric
        tested = [{point["step"]: point for point in run.test["curve"]} for run in runs]
        steps = [step for step in STEPS if all(step in curve for curve in tested)]
        head = ["", *(plural("{n} step", "{n} steps", step) for step in steps)]
        rows = [
            [tr(Facts.of(run).learner_title), *(readable.headline(metric, curve[step])[0] for step in steps)]
            for run, curve in zip(runs, tested, strict=True)
        ]
        st.html(numbers.table(head, rows))
        median = any(diverged.count(curve[step]) for curve in tested for step in steps)
        say.caption(
            tr(
                "{metric} on {tasks} test tasks after so many gradient steps on the support set, ± the 95 % interval{median}.",
                metric=say.first_upper(tr(metric.title)),
                tasks=readable.count(runs[0].test["episodes"]),
                median=tr("; the median where tasks diverged") if median else "",
            )
        )
        named = [(f"#{run.id} {tr(Facts.of(run).learner_title)}", run, run.test) for run in runs]
        for chart in charts.adaptation_charts(named, list(range(len(runs)))):
            live_chart(chart, key="learn-errors", height=280)


def _fits_card(runs: Sequence[Run]) -> None:
    """The same validation task before and after adapting, of each run."""
    seen = {run.id: _validated(run) for run in runs}
    tasks = min(map(len, seen.values()))
    if not tasks:
        return
    with theme.card("fits"):
        with theme.heading(tr("One task, before and after adapting")):
            task = st.segmented_control(
                tr("Validation task"),
                range(tasks),
                format_func=lambda one: tr("task {number}", number=one + 1),
                default=0,
                required=True,
                key="choose-learn-fit",
                label_visibility="collapsed",
            )
        for column, run in zip(st.columns(len(runs)), runs, strict=True):
            with column:
                say.caption(f"#{run.id} {tr(Facts.of(run).learner_title)}")
                live_chart(fit_chart(seen[run.id][task]), key=f"learn-fit-{run.id}", height=300)


def _validated(run: Run) -> list[TaskView]:
    """The tasks of the best validation that is kept, else of the last one."""
    artifacts = session.home().artifacts(run)
    kept = views.iterations(artifacts)
    best = (run.best or {}).get("iteration")
    return views.validation(artifacts, best if best in kept else kept[-1]) if kept else []
