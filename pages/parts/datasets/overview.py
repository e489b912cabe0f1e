"""All data sets on the left, the one that was chosen on the right. Apart from the page because it imports torch."""

from dataclasses import replace

import streamlit as st

from core import datasets
from core.datasets import DataSet
from data.family import TaskFamily
from data.language import tr
from pages.parts import readable, say, session, theme
from pages.parts.datasets.details import details
from pages.parts.datasets.importing import import_card

CHOSEN = "set"  # in the address


def overview() -> None:
    there = datasets.all_of_them(session.home().folders)
    by_name = {one.name: one for one in there}
    asked = st.query_params.get(CHOSEN, "")
    chosen = by_name.get(asked) or next(one for one in there if not one.missing)
    if asked and asked not in by_name:
        say.info(tr("There is no data set {asked} any more; this is {name}.", asked=asked[:60], name=chosen.name))
    aside, main = st.columns([1, 2.1], gap="medium")
    with aside:
        list_card(there, chosen)
        import_card([one.name for one in there if one.imported])
    with main:
        details(filled(chosen))


def filled(one: DataSet) -> DataSet:
    """The set with the settings that a person has to give, asked for here and kept in the address."""
    if not one.kind.asked:
        return one
    given = {}
    with theme.card("asked-of-set", tr("Yours")):
        for name, column in zip(one.kind.asked, st.columns(len(one.kind.asked)), strict=True):
            field = one.kind.Config.model_fields[name]
            before = st.query_params.get(name, field.default)
            given[name] = column.text_input(
                say.plain(tr(field.title)),
                before,
                key=f"asked-{one.name}-{name}",
                help=say.plain(tr(" ".join(field.description.split()))),
                max_chars=500,
            ).strip()
            if given[name] != field.default:
                st.query_params[name] = given[name]
            else:
                st.query_params.pop(name, None)
    return replace(one, settings=given)


def list_card(there: list[DataSet], chosen: DataSet) -> None:
    with theme.card("datasets", tr("Data sets")):
        for one in there:
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                pressed = st.button(
                    say.named(title(one)) if one == chosen else say.plain(title(one)),
                    key=f"choose-set-{one.name}",
                    type="tertiary",
                    icon=":material/folder_open:" if one == chosen else ":material/folder:",
                )
                say.caption(state(one), st.container(width="content"))
            if pressed:
                st.query_params.from_dict({CHOSEN: one.name})
                st.rerun()


def title(one: DataSet) -> str:
    """A set of one's own goes by the name that it was given."""
    return one.name if one.imported else tr(one.kind.title)


def state(one: DataSet) -> str:
    if one.missing:
        return tr("not here")
    if one.kind.own_code(one.config):
        return tr("code of yours")
    size = one.bytes(session.home().folders)
    if size or one.kind.group == "your own":
        return readable.size(size) if size else tr("a file of yours")
    return tr("made up") if one.kind.licence == TaskFamily.licence else tr("comes along")
