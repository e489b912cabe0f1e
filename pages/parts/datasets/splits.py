"""Which classes of a set of one's own train, validate and test: drawn anew, or class by class."""

from collections.abc import Callable

import streamlit as st

from core.datasets import DataSet
from data import picture_set
from data.errors import InnerloopError
from data.language import mark, tr
from data.picture_set import SHARES, PictureSet
from pages.parts import say, session, theme

WAYS = {"classes": mark("single classes"), "superclasses": mark("whole folders")}


def splits_card(one: DataSet) -> None:
    own = picture_set.find(one.name, session.home().folders)
    with theme.card("set-splits", tr("Which classes train, validate and test")):
        say.caption(tr("Runs that were tested before a change do not compare with those after it."))
        if any(each.superclass for each in own.classes):
            how = st.segmented_control(
                tr("Divide"),
                list(WAYS),
                default="classes",
                format_func=lambda way: tr(WAYS[way]),
                key="split-how",
                required=True,
            )
        else:
            how = "classes"
        with st.container(horizontal=True, vertical_alignment="bottom"):
            seed = st.number_input(tr("Seed"), 0, 2**31 - 1, key="split-seed", width=160)
            if st.button(tr("Draw anew"), key="split-draw", icon=":material/shuffle:"):
                change(
                    own,
                    lambda: picture_set.divided([each.name for each in own.classes], int(seed), how),
                    f"{how}, seed {seed}",
                )
        with st.expander(tr("Class by class")):
            rows = [{"class": each.name, "count": each.count, "split": each.split} for each in own.classes]
            column = st.column_config
            columns = {
                "class": column.TextColumn(tr("class")),
                "count": column.NumberColumn(tr("count")),
                "split": column.SelectboxColumn(tr("split"), options=list(SHARES), required=True),
            }
            edited = st.data_editor(
                rows,
                hide_index=True,
                disabled=["class", "count"],
                column_config=columns,
                key=f"splits-of-{own.name}-{own.by}",
            )
            if st.button(tr("Save"), key="split-save", type="primary", disabled=edited == rows):
                change(own, lambda: {row["class"]: row["split"] for row in edited}, "hand")


def change(own: PictureSet, splits: Callable[[], dict[str, str]], by: str) -> None:
    try:
        picture_set.resplit(own, splits(), by)
    except InnerloopError as error:
        say.problem(error)
    else:
        st.rerun()
