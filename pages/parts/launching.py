"""Launching from a page, by another process as long as this one has not imported torch.

The second half of a double click launches nothing more.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from core.elsewhere import Question, Unanswered, forked
from core.errors import RunError
from core.runs import warm
from core.runs.schema import Run
from data.language import tr
from pages.parts import session

SECONDS = 150.0  # that a launch by another process may take; trying out a network of one's own is among them
AGAIN = 3.0  # seconds after a launch in which the very same wish is one more click on the same button
LAUNCHED = "launched"  # session state: the latest wish, with when it was fulfilled and by which runs


def launched(
    values: dict[str, Any], name: str, seeds: int = 1, parent: int | None = None, checkpoint: str = ""
) -> list[Run]:
    """Queue runs, see ``core.launch.launch`` also for what it raises; those of a moment ago for a wish that is repeated."""
    wish = json.dumps([values, name, seeds, parent, checkpoint], sort_keys=True, default=str)
    return once(wish, lambda: _launch(values, name, seeds, parent, checkpoint))


def once(wish: str, launch: Callable[[], list[Run]]) -> list[Run]:
    """What ``launch`` queues, and for a wish that is repeated at once what it has queued.

    A click that comes while the first one's script is at work is a rerun with the button pressed: without this it would
    launch the same again.
    """
    # Looked up before the launch and changed in place: a script that another click has overtaken ends at its next look
    # into session state, and would end without having noted the launch.
    latest = st.session_state.setdefault(LAUNCHED, {})
    if latest.get("wish") != wish or time.monotonic() - latest["at"] > AGAIN:
        runs = launch()
        latest.update(wish=wish, at=time.monotonic(), runs=runs)
    return latest["runs"]


def imported() -> bool:
    """Whether this process has all that launching takes, torch with it. One that is just importing it has not."""
    return hasattr(sys.modules.get("core.launch"), "launch")


def _launch(values: dict[str, Any], name: str, seeds: int, parent: int | None, checkpoint: str) -> list[Run]:
    """By this process or, as long as it has not imported torch, by the one that waits to fork workers and has it sooner."""
    store, home = session.store(), session.home()
    if not imported():
        warm.prepare(home)
        if warm.awaited(home):
            return _elsewhere(values=values, name=name, seeds=seeds, parent=parent, checkpoint=checkpoint)
    from core.launch import launch

    return launch(store, home, values, name, seeds, parent=parent, checkpoint=checkpoint)


def _elsewhere(**asked: Any) -> list[Run]:
    """By a fork of the home's warm process. Raises RunError where it has died, Refused with the words of what a launch raises."""
    home = session.home()
    question = Question("core.launch:launch_here", asked, SECONDS, home.environment(), forked(home))
    try:
        numbers = question.answer()
    except Unanswered as error:
        text = tr("It is not known whether this was launched. {error}", error=error)
        raise RunError(text, tr("Look whether the run is in the list; if it is not, launch it again.")) from error
    return [session.store().get(number) for number in numbers]
