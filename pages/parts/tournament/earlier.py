"""The tournaments that there are."""

import streamlit as st

from core.tournament.record import tournaments
from data.language import tr
from pages.parts import readable, say, session, theme

SHOWN = 20


def listed() -> None:
    found = tournaments(session.store(), SHOWN)
    if not found:
        theme.empty(tr("None yet"), tr("Choose tasks and learners above; the answer stays here."))
    for one in found:
        name, state, when = st.columns([6, 2, 2], vertical_alignment="center")
        with name:
            st.page_link(
                "pages/tournament.py",
                label=say.named(one.name, f"#{one.number} · {one.field}"),
                query_params={"id": str(one.number)},
            )
        say.caption(one.state, state)
        say.caption(readable.moment(one.runs[0].created), when)
