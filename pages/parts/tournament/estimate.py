"""Beside the button: what a whole tournament is about to take. What is not known is being measured, learner by learner."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.runs.outlook import outlook
from core.tournament.expected import Expected, expected
from core.tournament.plan import Contestant
from core.trial import own_code
from data.language import tr
from pages.parts import say, session
from pages.parts.redraw import redraw
from pages.parts.train.forecast_view import LOOK, line, owner, told


def estimated(values: dict[str, Any], chosen: Sequence[Contestant], seeds: int) -> Expected:
    """chosen: with a config each."""
    meets = outlook(session.store(), session.home(), values["device"], None)
    found = expected(chosen, seeds, lambda config: line().known(config, meets.slot))
    if found.words:
        told(tr("{text}.", text=say.first_upper(found.words)))
    if any(one.busy for one in found.estimates.values()):
        told(tr("Measured while the processor was busy, so rather long."))
    if found.failed:
        told(found.unknown)
    elif found.unmeasured and any(own_code(one.config) for one in found.unmeasured):
        told(tr("Code of one's own is not measured: it runs when the tournament is started."))
    elif meets.occupant is not None and meets.slot.startswith("cuda") and found.unmeasured:
        told(tr("Time is measured once run {id} has left {slot}.", id=meets.occupant.id, slot=meets.slot))
    elif found.unmeasured:
        _measured(found.unmeasured[0], meets.slot)
    if meets.words:
        told(tr("{text}.", text=say.first_upper(meets.words)))
    return found


def _measured(one: Contestant, slot: str) -> None:
    """Have it measured, and look from time to time whether it is."""
    line().want(owner(), one.config, slot)

    def look() -> None:
        if not line().measures(owner(), one.config, slot):
            redraw()
        told(tr("Measuring a few iterations of {title} …", title=tr(one.title)), "measuring")

    st.fragment(look, run_every=LOOK)()
