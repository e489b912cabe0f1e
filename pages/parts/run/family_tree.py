"""Lineage: the runs that a run was made from and those made from it, each with what it has otherwise and its score."""

import streamlit as st

from core.runs.facts import Facts
from core.runs.schema import Run
from core.runs.tree import Branch, tree
from data.language import tr
from pages.parts import readable, say, session, theme

DEEPEST = 8  # generations that are set in from the edge, see theme.css


def card(run: Run) -> None:
    """Nothing where the run has no relatives."""
    found = tree(session.store(), run)
    if not found.branches:
        return
    with theme.card("lineage", tr("Lineage")):
        if found.earlier:
            st.caption(tr("… and runs before these: open the first to see them."))
        for branch in found.branches:
            with st.container(key=f"generation-{min(branch.depth, DEEPEST)}-{branch.number}"):
                _row(branch, run)
        if found.later:
            st.caption(tr("… and more: open one of these to see what was made from it."))


def _row(branch: Branch, here: Run) -> None:
    if branch.run is None:
        say.caption(tr("#{number}, which was deleted", number=branch.number))
        return
    one = branch.run
    best = one.test or one.best
    score = readable.scored(Facts.of(one).metric, best) if best else tr(one.status)
    remark = " · ".join(filter(None, [branch.words, score]))
    name = f"#{one.id} {one.name}"
    if one.id == here.id:
        say.name(name, tr("{remark} · this run", remark=remark))
        return
    st.page_link("pages/run.py", label=say.named(name, remark), query_params={"run": str(one.id)})
