"""Learn, ``/learn?section=steps``: what meta-learning is, for a newcomer, with a meta-update to step through."""

import streamlit as st

from data.language import tr
from pages.parts import router
from pages.parts.learn import sections
from pages.parts.present.tour_link import tour_link

router.require()
st.title(tr("Learn"), anchor=False)
tour_link("learn")
sections.show()
