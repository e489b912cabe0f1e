"""Which runs are compared: as the address says, ``/compare?runs=3,4&groups=maml × 3``. Several groups repeat the word."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from core.runs.run_lists import RunFilter
from core.runs.schema import Run
from data.language import tr
from pages.parts import say, session

RUNS, GROUPS, CURVES = "runs", "groups", "curves"  # of the address
PICKED = "compare-picked"  # session state: the widget's choice, which follows the address
OFFERED = 200  # newest runs that can be picked from; any other is chosen on Runs
Pick = tuple[str, str]  # RUNS and a number, or GROUPS and a name


@dataclass(frozen=True)
class Choice:
    """What the address asks for. picks: those that there are. runs: theirs, each once, in the order of their numbers.
    unknown: what was asked for and is not there, in words.
    """

    picks: list[Pick] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def chosen() -> Choice:
    """The choice as the address has it."""
    store, found = session.store(), Choice()
    words = [word.strip() for word in st.query_params.get(RUNS, "").split(",") if word.strip()]
    known = {run.id: run for run in store.runs(ids=[number for word in words for number in session.numbered(word)])}
    for word in dict.fromkeys(words):
        numbers = [number for number in session.numbered(word) if number in known]
        found.picks.extend((RUNS, str(number)) for number in numbers)
        found.unknown.extend([] if numbers else [tr("run {word}", word=word[:20])])
    for name in dict.fromkeys(filter(None, st.query_params.get_all(GROUPS))):
        members = store.page(RunFilter(group=name))
        known |= {run.id: run for run in members}
        if members:
            found.picks.append((GROUPS, name))
        else:
            found.unknown.append(tr("group {name}", name=name[:60]))
    found.runs.extend(known[number] for number in sorted(known))
    return found


def picker(choice: Choice) -> None:
    """The widget that shows the choice and changes it."""
    newest = session.store().page(limit=OFFERED)
    names = {(RUNS, str(run.id)): f"#{run.id} {run.name}" for run in [*choice.runs, *newest]}
    groups = [(GROUPS, name) for name in session.store().groups()]
    offered = dict.fromkeys([*groups, *names, *choice.picks])  # also what went between two questions to the store
    st.session_state[PICKED] = choice.picks
    st.multiselect(
        tr("Runs and groups"),
        list(offered),
        choice.picks,
        key=PICKED,
        format_func=lambda pick: names.get(pick) or tr("{pick} (group)", pick=pick[1]),
        placeholder=tr("Choose runs or groups of them"),
        label_visibility="collapsed",
        on_change=_write,
    )
    if choice.unknown:
        say.warning(
            tr(
                "There is no {unknown}. It may have been deleted, or the address has a slip in it.",
                unknown=tr(", no ").join(choice.unknown),
            )
        )


def address(runs: Sequence[Run]) -> dict[str, str]:
    """The page's parameters for these runs."""
    return {RUNS: ",".join(str(number) for number in sorted(run.id for run in runs))}


def asked_for() -> dict[str, list[str]]:
    """The address's own parameters that say which runs and curves, for another page that shows the same or leads back."""
    return {word: values for word in ("run", RUNS, GROUPS, CURVES) if (values := st.query_params.get_all(word))}


def _write() -> None:
    """The widget's callback: the address says what was picked, so that it can be passed on and gone back from."""
    picks: list[Pick] = st.session_state[PICKED]
    numbers = [number for kind, number in picks if kind == RUNS]
    wanted = {RUNS: [",".join(numbers)] if numbers else [], GROUPS: [name for kind, name in picks if kind == GROUPS]}
    for word, values in wanted.items():
        if values and values != st.query_params.get_all(word):
            st.query_params[word] = values
        elif not values:
            st.query_params.pop(word, None)
