"""What is searched for among the runs: one text, which the address carries (``/runs?q=score>0.9``) and the menus beside it write
into.
"""

import streamlit as st

from core.runs.run_lists import RunFilter
from core.runs.search import EXAMPLE, STATES, chosen, with_choice
from data.errors import InputError
from data.language import mark, plural, tr
from pages.parts import say, session
from pages.parts.runs.pager import turn_to_first_page

QUERY = "q"  # of the address
TEXT = "filter-text"  # session state: the search as it is shown
WRONG = "search-problem"  # session state: why a search could not be kept


def filters() -> None:
    """The row of filters; what they hold is read back by ``wanted``."""
    query = st.query_params.get(QUERY, "")
    text, status, family, learner = st.columns([2, 2, 1, 1])
    store = session.store()
    session.follow(TEXT, query)
    text.text_input(
        tr("Search"),
        query,
        key=TEXT,
        placeholder=tr("words, tag:paper, score>0.9 …"),
        icon=":material/search:",
        help=say.plain(
            tr(
                "Such as {example}. A minus leaves out what follows it; is:archived and is:deleted look there.",
                example=EXAMPLE,
            )
        ),
        on_change=lambda: look_for(st.session_state[TEXT]),
    )
    st.session_state["filter-status"] = states = [word for word in chosen(query, "status") if word in STATES]
    status.multiselect(
        tr("Status"),
        STATES,
        states,
        key="filter-status",
        placeholder=tr("any"),
        format_func=tr,
        on_change=_pick,
        args=("status",),
    )
    for place, field, names in ((family, "family", store.families()), (learner, "learner", store.learners())):
        values = chosen(query, field)
        value = values[0] if len(values) == 1 and values[0] in names else None
        st.session_state[f"filter-{field}"] = value
        place.selectbox(
            say.plain(tr(field.capitalize())),
            names,
            None if value is None else names.index(value),
            key=f"filter-{field}",
            placeholder=tr("any"),
            on_change=_pick,
            args=(field,),
        )
    for problem in store.search(query).problems:
        say.wrong(problem)


def wanted() -> RunFilter:
    return RunFilter(st.session_state.get(TEXT) or "")


def look_for(text: str) -> None:
    """A callback: the address says what is searched for, and the fields follow it."""
    if text.strip():
        st.query_params[QUERY] = text.strip()
    else:
        st.query_params.pop(QUERY, None)
    turn_to_first_page()


def _pick(field: str) -> None:
    """A menu's callback."""
    value = st.session_state[f"filter-{field}"]
    values = value if isinstance(value, list) else [value] if value else []
    look_for(with_choice(st.query_params.get(QUERY, ""), field, values))


def saved_searches() -> None:
    """A menu of the searches that were given a name, and a name for the one that is shown."""
    query = st.query_params.get(QUERY, "")
    with st.popover(tr("Searches"), icon=":material/bookmark:", key="saved-searches"):
        kept = session.store().searches()
        for name, text in kept.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    say.plain(name),
                    key=f"search-{name}",
                    help=say.plain(text or tr("all runs")),
                    on_click=look_for,
                    args=(text,),
                    width="stretch",
                )
                st.button(
                    tr("Forget"),
                    key=f"forget-{name}",
                    icon=":material/delete:",
                    help=say.plain(tr("Forget the search {name}", name=name)),
                    type="tertiary",
                    on_click=session.store().forget_search,
                    args=(name,),
                )
        if not kept:
            st.caption(tr("Searches that you name are kept here."))
        say.caption(tr("Now: {query}", query=query) if query else tr("Search for something to keep it."))
        st.text_input(tr("Name"), key="search-name", disabled=not query)
        st.button(
            tr("Keep this search"),
            key="keep-search",
            icon=":material/bookmark_add:",
            disabled=not query,
            on_click=_keep,
        )
        say.wrong(st.session_state.pop(WRONG, ""))


def _keep() -> None:
    try:
        session.store().keep_search(st.session_state["search-name"], st.query_params.get(QUERY, ""))
    except InputError as error:
        st.session_state[WRONG] = str(error)


def elsewhere(shown: int) -> None:
    """How many archived and deleted runs match too, to look at. shown: how many there are in the list."""
    text, store = st.session_state.get(TEXT) or "", session.store()
    asked = {word.lower() for word in chosen(text, "is")}
    others = {
        word: store.count(RunFilter(f"{text} is:{word}"))
        for word in (mark("archived"), mark("deleted"))
        if word not in asked
    }
    if not asked & {"archived", "deleted"} and not any(others.values()):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="runs-elsewhere"):
        for word, number in others.items():
            if number and not asked & {"archived", "deleted"}:
                label = (
                    plural("{n} {which} matches too", "{n} {which} match too", number, which=tr(word))
                    if shown
                    else tr("{n} {which}", n=number, which=tr(word))
                )
                _link(label, f"{text} is:{word}".strip(), word)
        if asked & {"archived", "deleted"}:
            _link(tr("Back to all runs"), "", "all")


def _link(label: str, text: str, name: str) -> None:
    icon = {"archived": "archive", "deleted": "delete", "all": "arrow_back"}[name]
    if st.button(say.plain(label), key=f"show-{name}", icon=f":material/{icon}:", type="tertiary"):
        look_for(text)
        st.rerun()  # the whole page: the search above says it
