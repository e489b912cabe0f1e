"""What second derivatives cost on this machine, measured when somebody asks. Imports torch, for what is measured."""

from collections.abc import Sequence

import streamlit as st

from core.config.presets import preset
from core.config.run import RunConfig
from core.launch import from_preset
from core.runs.outlook import Outlook, outlook
from core.training.estimate import Estimate
from data.errors import InnerloopError
from data.language import plural, tr
from pages.parts import say, session, theme
from pages.parts.learn import numbers
from pages.parts.redraw import redraw
from pages.parts.train.forecast_view import LOOK, line, owner, told

MEASURED = "doodles-5w1s"  # the preset whose meta-step is measured
TASKS = 4  # of an iteration: fewer than the preset's, so that it is measured soon
STEPS = (1, 5)  # inner steps of it
ASKED = "learn-measures"  # session state: somebody wants to know


def card() -> None:
    with theme.card("cost", tr("A meta-step on this machine"), height="stretch"):
        _cost()


def _cost() -> None:
    """What second derivatives cost here; measured once somebody asks for it, and from then on known."""
    wanted = {(steps, first): config_of(steps, first) for steps in STEPS for first in (False, True)}
    meets = outlook(session.store(), session.home(), "auto", None)
    try:
        known = {key: _known(config, meets.slot) for key, config in wanted.items()}
    except InnerloopError as error:
        say.problem(error)
        return
    say.caption(
        tr(
            "{title}: an iteration of {tasks} tasks, with second derivatives and without.",
            title=tr(preset(MEASURED).title),
            tasks=TASKS,
        )
    )
    missing = [wanted[key] for key, found in known.items() if found is None]
    if not missing:
        _costs({key: found for key, found in known.items() if found}, meets.slot)
    elif meets.occupant is not None and meets.slot.startswith("cuda"):
        told(tr("It can be measured once run {id} has left {slot}.", id=meets.occupant.id, slot=meets.slot))
    elif st.session_state.get(ASKED):
        _measured(missing, len(wanted), meets)
    else:
        st.button(tr("Measure it now"), key="learn-measure", icon=":material/timer:", on_click=_ask)


def _ask() -> None:
    """The button's callback."""
    st.session_state[ASKED] = True


def config_of(steps: int, first_order: bool) -> RunConfig:
    settings = [f"algorithm.inner_steps={steps}", f"algorithm.first_order={str(first_order).lower()}"]
    settings.append(f"training.meta_batch_size={TASKS}")
    return RunConfig.model_validate(from_preset(preset(MEASURED), settings))


def _known(config: RunConfig, slot: str) -> Estimate | None:
    """Raises ProbeError where it could not be measured."""
    found = line().known(config, slot)
    return found and found.estimate


def _costs(known: dict[tuple[int, bool], Estimate], slot: str) -> None:
    rows = []
    for steps in STEPS:
        second, first = (_step(known[steps, order]) for order in (False, True))
        took = (numbers.brief(second), numbers.brief(first), f"× {second / first:.2f}")
        rows.append([plural("{n} inner step", "{n} inner steps", steps), *took])
    st.html(numbers.table(["", tr("second order"), tr("first order"), tr("ratio")], rows))
    threads = known[STEPS[0], False].threads
    where = slot if slot != "cpu" else plural("CPU, {n} thread", "CPU, {n} threads", threads)
    say.caption(tr("Measured here, on {where}, in a process of its own.", where=where))
    if any(one.busy for one in known.values()):
        st.caption(tr("The processor was busy meanwhile, so that it may well be faster."))


def _step(one: Estimate) -> float:
    """Seconds of an iteration."""
    return one.training / one.iterations


def _measured(missing: Sequence[RunConfig], of: int, meets: Outlook) -> None:
    """Have the first of them measured, and look from time to time whether it is."""
    line().want(owner(), missing[0], meets.slot)

    def look() -> None:
        if not line().measures(owner(), missing[0], meets.slot):
            redraw()
        done = of - len(missing)
        st.progress(done / of, say.plain(tr("{done} of {of} measured; each takes some seconds", done=done, of=of)))

    st.fragment(look, run_every=LOOK)()
