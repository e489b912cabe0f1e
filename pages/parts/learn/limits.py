"""What meta-learning needs: many tasks, and time, which is measured on this machine. Imports torch, for what is measured."""

from collections.abc import Sequence

import streamlit as st

from core import about
from core.config.presets import preset
from core.config.run import RunConfig
from core.launch import from_preset
from core.runs.outlook import Outlook, outlook
from core.runs.run_lists import RunFilter
from core.took import took
from core.training.estimate import Estimate
from data.errors import InnerloopError
from pages.parts import readable, say, session, theme
from pages.parts.learn import numbers
from pages.parts.redraw import redraw
from pages.parts.train.forecast_view import LOOK, line, owner, told

MEASURED = "doodles-5w1s"  # the preset whose meta-step is measured
STEPS = (1, 5)  # inner steps of it
ASKED = "learn-measures"  # session state: somebody wants to know
FINISHED = 200  # newest finished runs of which is said what they took

DATA = """
- **Many tasks.** What a single task cannot teach has to be learned from others. Where one function fits all of them without a
  look at the support set, a meta-learner can come to ignore it ([Yin et al. 2020](https://arxiv.org/abs/1912.03820)).
- **Tasks alike.** Test tasks are taken to be of the training tasks' distribution. Across domains an ordinary baseline with
  fine-tuning did better ([Chen et al. 2019](https://arxiv.org/abs/1904.04232)).
- **What is learned may be features.** In MAML's few-shot networks most layers hardly change in the inner loop
  ([Raghu et al. 2020](https://arxiv.org/abs/1909.09157)); good features alone go far
  ([Tian et al. 2020](https://arxiv.org/abs/2003.11539)).
"""
COMPUTE = """
- **A meta-step costs many steps**: the inner loop of each task, and the way back through it. For that all inner steps are kept
  in memory, which grows with their number ([Rajeswaran et al. 2019](https://arxiv.org/abs/1909.04630)), or computed again.
- **Second derivatives** are what first-order MAML leaves out; on mini-ImageNet
  [Finn et al. 2017](https://arxiv.org/abs/1703.03400) found it nearly as good.
- **It can be unstable**, by network and rates ([Antoniou et al. 2019](https://arxiv.org/abs/1810.09502)).
"""


def show() -> None:
    left, right = st.columns(2, gap="medium")
    with left, theme.card("data", "Data", height="stretch"), st.container(key="prose-data"):
        st.markdown(DATA)
    with right, theme.card("compute", "Computing", height="stretch"), st.container(key="prose-compute"):
        st.markdown(COMPUTE)
    left, right = st.columns(2, gap="medium")
    with left, theme.card("cost", "A meta-step on this machine", height="stretch"):
        _cost()
    with right, theme.card("took", "What finished runs took", height="stretch"):
        _took()


def _cost() -> None:
    """What second derivatives cost here; measured once somebody asks for it, and from then on known."""
    wanted = {(steps, first): _config(steps, first) for steps in STEPS for first in (False, True)}
    meets = outlook(session.store(), session.home(), "auto", None)
    try:
        known = {key: _known(config, meets.slot) for key, config in wanted.items()}
    except InnerloopError as error:
        say.problem(error)
        return
    say.caption(
        f"{preset(MEASURED).title}: an iteration of {wanted[STEPS[0], False].training.meta_batch_size} tasks, with second "
        "derivatives and without."
    )
    missing = [wanted[key] for key, found in known.items() if found is None]
    if not missing:
        _costs({key: found for key, found in known.items() if found}, meets.slot)
    elif meets.occupant is not None and meets.slot.startswith("cuda"):
        told(f"It can be measured once run {meets.occupant.id} has left {meets.slot}.")
    elif st.session_state.get(ASKED) or st.button("Measure it now", key="learn-measure", icon=":material/timer:"):
        st.session_state[ASKED] = True
        _measured(missing, len(wanted), meets)


def _config(steps: int, first_order: bool) -> RunConfig:
    settings = [f"algorithm.inner_steps={steps}", f"algorithm.first_order={str(first_order).lower()}"]
    return RunConfig.model_validate(from_preset(preset(MEASURED), settings))


def _known(config: RunConfig, slot: str) -> Estimate | None:
    """Raises ProbeError where it could not be measured."""
    found = line().known(config, slot)
    return found and found.estimate


def _costs(known: dict[tuple[int, bool], Estimate], slot: str) -> None:
    rows = []
    for steps in STEPS:
        second, first = (_step(known[steps, order]) for order in (False, True))
        memory = [about.size(known[steps, order].memory) for order in (False, True)]
        inner = f"{steps} inner step{'' if steps == 1 else 's'}"
        rows.append([inner, _milliseconds(second), _milliseconds(first), f"× {second / first:.2f}", " · ".join(memory)])
    head = ["", "second order", "first order", "ratio", "memory, second · first"]
    st.html(numbers.table(head, rows))
    threads = known[STEPS[0], False].threads
    where = slot if slot != "cpu" else f"CPU, {threads} thread{'' if threads == 1 else 's'}"
    busy = (
        " The processor was busy meanwhile, so that it may well be faster."
        if any(one.busy for one in known.values())
        else ""
    )
    say.caption(f"Measured here, on {where}, in a process of its own.{busy}")


def _step(one: Estimate) -> float:
    """Seconds of an iteration."""
    return one.training / one.iterations


def _milliseconds(seconds: float) -> str:
    return f"{readable.number(1000 * seconds)} ms"


def _measured(missing: Sequence[RunConfig], of: int, meets: Outlook) -> None:
    """Have the first of them measured, and look from time to time whether it is."""
    line().want(owner(), missing[0], meets.slot)

    def look() -> None:
        if not line().measures(owner(), missing[0], meets.slot):
            redraw()
        done = of - len(missing)
        st.progress(done / of, say.plain(f"{done} of {of} measured; each takes some seconds"))

    st.fragment(look, run_every=LOOK)()


def _took() -> None:
    runs = session.store().page(RunFilter("status:finished"), limit=FINISHED)
    found = took(runs)
    if not found:
        theme.empty("No finished run yet", "What runs take here is said as soon as one has finished.")
        return
    rows = [
        [f"{one.learner} · {one.family}", str(one.runs), _milliseconds(one.iteration), readable.duration(one.seconds)]
        for one in found
    ]
    st.html(numbers.table(["learner and tasks", "runs", "an iteration", "a training"], rows))
    say.caption(
        f"Medians of the {readable.count(len(runs))} newest finished runs of this store, whatever their settings."
    )
