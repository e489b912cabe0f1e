"""The page's sections: the address says which one is open. Each is imported as it is opened, for some need torch."""

from collections.abc import Callable

import streamlit as st

from data.language import mark, tr
from pages.parts import router, say
from pages.parts.announced import importing_torch

SECTION = "section"  # of the address
CHOSEN = "choose-section"  # the widget's key


def show() -> None:
    name = asked()
    st.session_state[CHOSEN] = name
    st.segmented_control(
        tr("Section"),
        list(SECTIONS),
        default=name,
        format_func=lambda one: tr(SECTIONS[one][0]),
        key=CHOSEN,
        required=True,
        label_visibility="collapsed",
        on_change=_opened,
    )
    st.sidebar.html(router.SCROLL.format(f"learn {name}"), unsafe_allow_javascript=True)
    SECTIONS[name][1]()
    onward(name)


def asked() -> str:
    """The section that the address names; the first one where it names none."""
    name = st.query_params.get(SECTION, "")
    return name if name in SECTIONS else next(iter(SECTIONS))


def onward(name: str) -> None:
    """A button to the section after this one."""
    names = list(SECTIONS)
    after = names[names.index(name) + 1 :][:1]
    for following in after:
        st.button(
            say.plain(tr("Next: {section}", section=tr(SECTIONS[following][0]))),
            key="next-section",
            icon=":material/arrow_forward:",
            on_click=_go,
            args=(following,),
        )


def _opened() -> None:
    """The widget's callback."""
    _go(st.session_state[CHOSEN])


def _go(name: str) -> None:
    st.query_params[SECTION] = name


def _idea() -> None:
    from pages.parts.learn import idea

    left, right = st.columns(2, gap="medium")
    with left:
        idea.what()
    with right:
        with importing_torch():
            from pages.parts.learn import tasks
        tasks.card()


def _maml() -> None:
    with importing_torch():
        from pages.parts.learn import stepping
    stepping.show()


def _learners() -> None:
    with importing_torch():
        from pages.parts.learn import learners
    learners.show()


def _uses() -> None:
    from pages.parts.learn import uses

    uses.show()


def _limits() -> None:
    from pages.parts.learn import limits

    limits.what()
    left, right = st.columns(2, gap="medium")
    with right:
        limits.took_card()
    with left:
        with importing_torch():
            from pages.parts.learn import cost
        cost.card()


def _mistake() -> None:
    from pages.parts.learn import mistake

    mistake.show()


SECTIONS: dict[str, tuple[str, Callable[[], None]]] = {
    "idea": (mark("The idea"), _idea),
    "steps": (mark("MAML, step by step"), _maml),
    "learners": (mark("Kinds of learners"), _learners),
    "uses": (mark("Where it is used"), _uses),
    "limits": (mark("What limits it"), _limits),
    "mistake": (mark("A common mistake"), _mistake),
}
