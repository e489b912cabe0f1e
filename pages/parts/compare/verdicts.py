"""What the scores say of each other in plain sentences, and what can be done where they do not say enough."""

from collections.abc import Sequence

import streamlit as st

from core.comparing.again import way_on
from core.comparing.alike import Tested
from core.comparing.verdict import Verdict, verdicts
from core.elsewhere import forked
from core.retest import Retest, Retests
from core.runs.schema import Run
from data.language import tr
from pages.parts import readable, say, session, theme, trust

SHOWN = 5  # verdicts in sight; the rest is folded away


@st.cache_resource(show_spinner=False)
def _retests(database: str) -> Retests:  # noqa: ARG001 - one for each store
    return Retests(session.home(), forked(session.home()))


def retests() -> Retests:
    """What this server has had tested again, for all of its pages."""
    return _retests(session.home().database)


def verdict_card(found: Sequence[Tested]) -> None:
    """A sentence on each pair of groups, those that are decided first."""
    said = verdicts(found, session.store())
    pairs = [(a, b) for place, a in enumerate(found) for b in found[place + 1 :]]
    ranked = sorted(zip(said, pairs, strict=True), key=lambda item: (not item[0].decided, bool(item[0].reasons)))
    runs = [run for one in found for run in one.group.runs]
    with theme.card("compare-verdict", tr("Verdict")):
        if not ranked:
            theme.empty(tr("One group"), tr("Choose another run or group to have the two compared."))
        for verdict, pair in ranked[:SHOWN]:
            _verdict(verdict, *pair)
        if len(ranked) > SHOWN:
            with st.expander(say.plain(tr("{n} more pairs", n=len(ranked) - SHOWN))):
                for verdict, pair in ranked[SHOWN:]:
                    _verdict(verdict, *pair)
        for test in retests().of([run.id for run in runs]):
            if test.problem:
                say.error(tr("Run #{run} could not be tested again. {problem}", run=test.run, problem=test.problem))


def _verdict(verdict: Verdict, a: Tested, b: Tested) -> None:
    icon, color = ("check_circle", "green") if verdict.decided else ("help", "gray")
    if verdict.reasons:
        icon, color = "balance", "orange"
    st.markdown(say.marked(readable.powers(verdict.sentence), icon, color))
    label, wishes = way_on(verdict, a, b)
    runs = [run for one in (a, b) for run in one.group.runs]
    if not wishes or busy(runs):
        return
    refused = trust.refused(runs)
    st.button(
        say.plain(label),
        key=f"retest-{a.group.runs[0].id}-{b.group.runs[0].id}",
        icon=":material/balance:" if verdict.remedy else ":material/add:",
        help=say.plain(refused or tr("{wishes} once more, beside the tests that there are.", wishes=_number(wishes))),
        disabled=bool(refused),
        on_click=retests().ask,
        args=(wishes,),
    )


def _number(wishes: Sequence[Retest]) -> str:
    return tr("Tests {n} runs", n=len(wishes)) if len(wishes) > 1 else tr("Tests one run")


def busy(runs: Sequence[Run]) -> tuple[int, ...]:
    """The runs of which a test waits or is under way."""
    return tuple(test.run for test in retests().of([run.id for run in runs]) if not test.over)


def progress(runs: Sequence[Run]) -> None:
    """How far the tests are that were asked for; a place without any that has to be written to all the same."""
    st.empty()
    for test in retests().of([run.id for run in runs]):
        if not test.over:
            waits = tr("waiting") if test.done is None else f"{100 * test.done:.0f} %"
            st.progress(test.done or 0.0, say.plain(tr("Testing #{run} again · {waits}", run=test.run, waits=waits)))
