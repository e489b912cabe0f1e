"""What stands out in a run's numbers: what it is, the numbers it rests on, and a setting that is worth a try."""

import html
from collections.abc import Sequence

import streamlit as st

from core.diagnosis import Diagnosis
from core.runs import lineage
from core.runs.schema import Run
from data.language import tr
from pages.parts import readable, say, theme
from pages.parts.run import same_again


def hint(count: int) -> str:
    """Follows the line that says how the run stands, for whoever does not look further down."""
    if not count:
        return ""
    return (
        tr(" One thing stands out, see below.")
        if count == 1
        else tr(" {count} things stand out, see below.", count=count)
    )


def card(run: Run, found: Sequence[Diagnosis]) -> None:
    """Nothing where nothing stands out."""
    if not found:
        return
    with theme.card("stands-out", tr("What stands out")):
        for number, one in enumerate(found):
            words, button = st.columns([3, 1], vertical_alignment="center")
            with words:
                text, numbers = (html.escape(readable.powers(part)) for part in (one.text, one.numbers))
                st.html(f'<div class="finding">{text}<span class="quiet">{numbers}</span></div>')
            with button:
                proposal(run, one, number)


def proposal(run: Run, one: Diagnosis, number: int) -> None:
    """The button that opens ‘Same again with …’ with the proposed setting."""
    if not one.change:
        return
    settings = ", ".join(f"{lineage.short(path)} {lineage.worded(value)}" for path, value in one.change.items())
    st.button(
        say.plain(tr("Try {settings}", settings=settings)),
        key=f"try-{run.id}-{number}",
        icon=":material/call_split:",
        help=tr("Look at this run’s settings with this one changed, and launch them as a run of its own."),
        width="stretch",
        on_click=same_again.ask,
        args=(run.id, one.change),
    )
