"""Curves of other tools beside the runs that are compared: ``&curves=1a2b3c4d``. Brought, named, laid on a chart, taken away."""

from pathlib import Path

import streamlit as st

from core import foreign
from core.comparing.overlay import JUDGED
from core.foreign import Series
from core.imported import PLACES, Curves, Imported
from core.runs.names import problem_of_name
from data.errors import InnerloopError
from data.extras import install
from data.language import mark, tr
from pages.parts import say, session, theme
from pages.parts.compare.choice import CURVES

PICKED = "curves-picked"  # session state: the widget's choice, which follows the address
UPLOADS = "curves-uploads"  # session state: how many were brought, so that the next one finds the form empty
CSV = mark(
    "A CSV with the columns step and value (name and wall time, if there are), or an event file of TensorBoard’s"
)


def kept() -> Curves:
    return Curves(session.home().curves)


def chosen() -> list[Imported]:
    """Those that the address names and that there are."""
    return kept().some([one.strip() for one in st.query_params.get(CURVES, "").split(",")])


def card(curves: list[Imported]) -> None:
    with theme.card("compare-others", tr("Curves of other tools")):
        known = {one.id: one for one in [*curves, *kept().all()]}
        if known:
            st.session_state[PICKED] = shown = [one.id for one in curves]
            st.multiselect(
                tr("Imported curves"),
                list(known),
                shown,
                key=PICKED,
                format_func=lambda id: known[id].name,
                placeholder=tr("Draw one over these runs"),
                label_visibility="collapsed",
                on_change=_show,
            )
        for one in curves:
            _line(one)
        with st.expander(tr("Import a curve")):
            _form()


def _show() -> None:
    _write(st.session_state[PICKED])


def _write(ids: list[str]) -> None:
    """The address says it, so that it can be passed on."""
    if ids:
        st.query_params[CURVES] = ",".join(ids)
    else:
        st.query_params.pop(CURVES, None)


def _line(one: Imported) -> None:
    """What it is, and what can be done with it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        say.name(one.name, one.origin)
        with st.popover(tr("Change"), icon=":material/edit:"):
            name = st.text_input(tr("Name"), one.name, key=f"curve-name-{one.id}")
            say.wrong(problem_of_name(name))
            place = _place(f"curve-place-{one.id}", one.place)
            st.button(
                tr("Save"),
                key=f"curve-save-{one.id}",
                on_click=_change,
                args=(one.id, name, place),
                disabled=bool(problem_of_name(name)),
            )
            st.button(
                tr("Remove for good"),
                key=f"curve-remove-{one.id}",
                icon=":material/delete:",
                on_click=_remove,
                args=(one.id,),
            )
    say.caption(tr("Drawn dotted. {judged}", judged=tr(JUDGED)))


def _change(id: str, name: str, place: str) -> None:
    with session.shown_errors():  # another tab may have removed it
        kept().change(id, name=name, place=place)


def _remove(id: str) -> None:
    kept().remove(id)
    _write([one.id for one in chosen()])


def _place(key: str, now: str = "loss") -> str:
    return st.selectbox(
        tr("It lies on"), list(PLACES), list(PLACES).index(now), key=key, format_func=lambda place: tr(PLACES[place])
    )


def _form() -> None:
    place = f"upload-{st.session_state.get(UPLOADS, 0)}"
    file = st.file_uploader(say.plain(tr(CSV)), key=f"curve-{place}", max_upload_size=foreign.LARGEST // 2**20)
    if file is None:
        say.caption(tr("Event files need a package more: {install}.", install=install("tensorboard")))
        return
    try:
        series = foreign.read(file.name, file.getvalue())
    except InnerloopError as error:
        say.problem(error)
        return
    which = 0
    if len(series) > 1:
        names = [one.name or tr("without a name") for one in series]
        which = st.selectbox(tr("Curve"), range(len(series)), key=f"curve-which-{place}", format_func=names.__getitem__)
    name = st.text_input(tr("Name"), series[which].name or Path(file.name).stem, key=f"curve-new-{place}-{which}")
    say.wrong(problem_of_name(name))
    on = _place(f"curve-on-{place}")
    st.button(
        tr("Import"),
        key="curve-import",
        type="primary",
        disabled=bool(problem_of_name(name)),
        on_click=_keep,
        args=(name, file.name, on, series[which]),
    )


def _keep(name: str, source: str, place: str, series: Series) -> None:
    one = kept().add(name, source, place, series.steps, series.values, series.seconds)
    st.session_state[UPLOADS] = st.session_state.get(UPLOADS, 0) + 1
    _write([*(each.id for each in chosen()), one.id])
