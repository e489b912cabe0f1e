"""One data set: what it is, whose, its statistics, its classes, a task of it, and what can be done with it."""

import math

import streamlit as st

from core import datasets
from core.datasets import DataSet, SplitFacts
from data import picture_set
from data.errors import InnerloopError
from data.family import SPLIT_TITLES
from data.language import joined, mark, plural, tr
from pages.parts import readable, say, session, theme, trust
from pages.parts.datasets.classes import classes_card
from pages.parts.datasets.inspector import inspector_card
from pages.parts.datasets.splits import splits_card
from pages.parts.run.cards import settings_table
from pages.parts.train.launch_panel import files_missing


def details(one: DataSet) -> None:
    folders = session.home().folders
    about_card(one)
    if one.missing or one.lacking:
        return
    if refused := trust.refusal({"model": {}, "family": one.settings}):  # before anything looks at its files
        say.error(next(iter(refused.values())))
        return
    with session.shown_errors():
        facts = datasets.facts(one, folders)
        if facts:
            statistics_card(one, facts)
        inspector_card(one, facts)
        if facts:
            classes_card(one, facts)
        if one.imported:
            splits_card(one)


def about_card(one: DataSet) -> None:
    kind, folders = one.kind, session.home().folders
    with theme.card("about-set"):
        with theme.heading(one.name if one.imported else tr(kind.title)):
            if st.button(
                tr("Train on it"), key="train-on-set", icon=":material/rocket_launch:", disabled=bool(one.missing)
            ):
                st.switch_page("pages/train.py", query_params={"family": one.family, "set": one.name})
            if one.imported:
                removal(one)
        say.caption(tr(kind.summary))
        size = one.bytes(folders)
        rows = [(tr("Licence"), tr(kind.licence)), (tr("To cite"), kind.citation)]
        rows += (
            [
                (tr("On disk"), readable.size(size)),
                (tr("Folder"), ", ".join(map(str, kind.places(one.config, folders)))),
            ]
            if size
            else []
        )
        if one.imported:
            rows += own_rows(one.name)
        st.html(settings_table([row for row in rows if row[1]]))
        if one.missing:
            files_missing(kind, one.missing)
        if one.lacking:
            say.caption(tr("Say above what it is made of."))
        if one.imported:
            left_out(one.name)


def own_rows(name: str) -> list[tuple[str, object]]:
    own = picture_set.find(name, session.home().folders)
    colour = tr("in colour") if own.channels == 3 else tr("grey")
    return [
        (
            tr("Pictures"),
            tr(
                "{pictures}, {side} × {side} pixels, {colour}",
                pictures=readable.count(own.pictures),
                side=own.side,
                colour=colour,
            ),
        ),
        (tr("Imported from"), tr(own.source)),
        (tr("Imported"), readable.moment(own.added)),
        (tr("Split by"), own.by_said),
        (tr("Hash"), own.hash[:16]),
    ]


def left_out(name: str) -> None:
    """Files that an import could not use, each with the reason, and pictures that are in two classes."""
    own = picture_set.find(name, session.home().folders)
    if own.skipped:
        files = plural("{count} file", "{count} files", own.skipped, count=readable.count(own.skipped))
        with st.expander(say.plain(tr("Left out: {files}", files=files))):
            st.dataframe(
                [{tr("file"): file, tr("reason"): reason} for file, reason in own.reasons_said()], hide_index=True
            )
            if own.skipped > len(own.reasons):
                say.caption(tr("The first {n} of them.", n=len(own.reasons)))
    if twice := len(own.repeated):
        pictures = plural("{count} picture", "{count} pictures", twice, count=readable.count(twice))
        with st.expander(say.plain(tr("In two classes: {pictures}", pictures=pictures))):
            st.dataframe(
                [{tr("file"): file, tr("shows the same as"): other} for file, other in own.repeated], hide_index=True
            )


def removal(one: DataSet) -> None:
    with st.popover(tr("Delete"), icon=":material/delete:"):
        say.caption(
            tr(
                "The pictures that it was imported from stay where they are. Runs that used it cannot be resumed or tested again."
            )
        )
        if st.button(tr("Delete for good"), key="delete-set", type="primary"):
            try:
                picture_set.remove(one.name, session.home().folders)
            except InnerloopError as error:
                say.problem(error)
            else:
                st.query_params.clear()
                st.rerun()


def statistics_card(one: DataSet, facts: list[SplitFacts]) -> None:
    """Classes and examples by split, and what guessing would reach."""
    with theme.card("set-statistics", tr("Statistics")):
        rows = []
        for each in facts:
            some = readable.count(each.smallest)
            if each.smallest != each.largest:
                some = tr("{some} to {largest}", some=some, largest=readable.count(each.largest))
            total = (
                tr("without end")
                if each.examples is None or math.isinf(each.smallest)
                else readable.count(each.examples)
            )
            rows.append(
                {
                    tr("split"): tr(SPLIT_TITLES[each.split]),
                    tr("classes"): each.classes,
                    tr("examples of a class"): some,
                    tr("in all"): total,
                }
            )
        st.dataframe(rows, hide_index=True)
        spec = one.config.input_spec
        shape = " × ".join(map(str, spec.shape))
        padded = spec.dtype == "integer"
        size = mark("An example is at most {shape} numbers.") if padded else mark("An example is {shape} numbers.")
        say.caption(joined([datasets.guessing(one), tr(size, shape=shape)]))
