"""Which method for me?, ``/tournament?id=7``: a tournament and its answer. Without a number: where one is begun, and the list."""

import streamlit as st

from core.tournament.record import Tournament, tournament
from data.language import tr
from pages.parts import router, say, session, theme
from pages.parts.announced import importing_torch
from pages.parts.tournament import answered, earlier

NUMBER = "id"  # of the address


def asked() -> Tournament | None:
    """The tournament that the address names; None where it names none, or one that is not there, which is said."""
    number = st.query_params.get(NUMBER, "")
    if not number:
        return None
    found = next((tournament(session.store(), one) for one in session.numbered(number)), None)
    if found is None:
        text = tr("It may have been deleted, or the address has a slip in it. The list below has those there are.")
        say.warning(tr("There is no tournament {number}. {text}", number=number[:20], text=text))
    return found


router.require()
st.title(tr("Which method for me?"), anchor=False)
if found := asked():
    answered.show(found)
else:
    with st.container():
        with importing_torch():
            from pages.parts.tournament.form import tournament_form

        tournament_form()
    with theme.card("tournaments", tr("Earlier tournaments")):
        earlier.listed()
