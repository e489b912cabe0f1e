"""Beside the Launch button: how long these settings take and how much memory, and what would make it less."""

import html
import uuid
from functools import partial

import streamlit as st

from core import about
from core.config.run import RunConfig
from core.costs import Costs
from core.elsewhere import forked
from core.forecast import Forecast
from core.forecast_line import ForecastLine
from core.runs import warm
from core.runs.outlook import outlook
from core.training.build import cores_before
from core.trial import own_code
from data.errors import InnerloopError
from data.language import mark, plural, tr
from pages.parts import readable, say, session
from pages.parts.redraw import redraw
from pages.parts.train.draft import Draft

OWNER = "train-forecasts"  # session state: under which name this page asks
LOOK = 0.5  # seconds between two looks whether it is measured


@st.cache_resource(show_spinner=False)
def _line(costs: str, datasets: str) -> ForecastLine:  # noqa: ARG001 - one for each place
    home = session.home()
    return ForecastLine(Costs(home.costs), home.folders, forked(home), coming=partial(warm.coming, home))


def line() -> ForecastLine:
    """The one that measures for all pages of this server."""
    home = session.home()
    return _line(str(home.costs), str(home.datasets))


def owner() -> str:
    return st.session_state.setdefault(OWNER, uuid.uuid4().hex)


def stop_measuring() -> None:
    line().leave(owner())


class ForecastView:
    """What is known of a run to be. What is not is being measured, and then the page is drawn anew; nothing waits for it."""

    def __init__(self, current: Draft, config: RunConfig, seeds: int):
        """seeds: how many runs there will be."""
        self.current, self.config, self.seeds = current, config, seeds
        home = session.home()
        self.meets = outlook(session.store(), home, config.device, cores_before(config, home.folders), seeds)
        self.slot, self.problem = self.meets.slot, ""
        try:
            self.found = line().known(config, self.slot)
        except InnerloopError as error:
            self.found, self.problem = None, str(error)

    def figures(self) -> None:
        """One line: ``about 6 min · 0.4 GB on CPU · 2 threads``."""
        if self.found is not None:
            st.html(
                f'<div class="forecast" role="status" title="{html.escape(_parts(self.found))}">{self._said()}</div>'
            )
        elif self.problem:
            told(tr("Time and memory are unknown. {problem}", problem=self.problem))
        elif self.slot.startswith("cuda") and self.meets.occupant is not None:
            told(
                tr(
                    "Time and memory are measured once run {id} has left {slot}.",
                    id=self.meets.occupant.id,
                    slot=self.slot,
                )
            )
        elif self._may_run():
            self._measured(tr("Measuring a few iterations …"))

    def remarks(self) -> None:
        """Below the button: how far it can be trusted, whom it waits for, what helps."""
        if self.found is None:
            return
        if not self.found.fits:
            there = tr("this machine") if self.slot == "cpu" else self.slot
            say.warning(
                tr("It will not fit: {there} has {room} of memory.", there=there, room=about.size(self.found.room)),
                "memory",
            )
        for text in self._remarks(self.found):
            say.caption(text)
        for advice in self.found.advice:
            st.button(
                say.plain(self.found.words(advice)),
                key=f"advice-{advice.name}",
                icon=":material/bolt:",
                type="tertiary",
                help=tr("Set it so in the form."),
                on_click=self.current.change,
                args=(advice.changes,),
            )
        if not self.found.whole:
            self._measured(tr("Measuring what would make it less …"))

    def _said(self) -> str:
        one = self.found.estimate
        where = ["CPU", plural("{n} thread", "{n} threads", one.threads)] if self.slot == "cpu" else [self.slot]
        each = tr(" each") if self.seeds > 1 else ""
        time, memory = html.escape(about.roughly(one.seconds) + each), html.escape(about.size(one.memory))
        return tr(
            "<b>{time}</b> · <b>{memory}</b> on {where}", time=time, memory=memory, where=html.escape(" · ".join(where))
        )

    def _remarks(self, found: Forecast) -> list[str]:
        one, said, wanted = found.estimate, [], self.config.training.iterations
        if one.training and one.iterations < wanted:
            some, all_ = readable.count(one.iterations), readable.count(wanted)
            said.append(tr("About {some} of {all} iterations fit the time budget.", some=some, all=all_))
        if self.config.family.frozen_network:
            said.append(tr("{text}.", text=say.first_upper(tr(about.FROZEN))))
        if one.busy:
            training = self.meets.occupant and tr("run {id} is training", id=self.meets.occupant.id)
            said.append(tr("Measured while {why}, so rather long.", why=training or tr("the processor was busy")))
        if self.meets.words:
            said.append(tr("{text}.", text=say.first_upper(self.meets.words)))
        if self.meets.sharing:
            said.append(tr("{text}.", text=say.first_upper(self.meets.sharing)))
        return said

    def _may_run(self) -> bool:
        """What is one's own is code, which runs for long when somebody asks for it and not because a path is typed."""
        if not own_code(self.config):
            return True
        pressed = st.button(
            tr("Measure time and memory"),
            key="measure-own",
            icon=":material/timer:",
            type="tertiary",
            help=tr("Runs a few iterations of your code in a process of its own."),
        )
        return pressed or line().measures(owner(), self.config, self.slot)

    def _measured(self, text: str) -> None:
        """Have it measured, and look from time to time whether it is."""
        line().want(owner(), self.config, self.slot)

        def look() -> None:
            if not line().measures(owner(), self.config, self.slot):
                redraw()
            told(text, "measuring")

        st.fragment(look, run_every=LOOK)()


def _parts(found: Forecast) -> str:
    """What the time is made of, for a tooltip."""
    one = found.estimate
    parts = {
        mark("training"): one.training,
        mark("validation"): one.validation,
        mark("tuning"): one.tuning,
        mark("test"): one.test,
    }
    told = tr(", ").join(f"{tr(part)} {about.duration(seconds)}" for part, seconds in parts.items() if seconds)
    return tr("{told}; from {steps} iterations.", told=told, steps=one.steps) if one.steps else tr("{text}.", text=told)


def told(text: str, kind: str = "") -> None:
    st.html(f'<div class="forecast {kind}" role="status">{html.escape(text)}</div>')
