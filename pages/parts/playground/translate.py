"""Bring, ``?mode=bring&of=translations&language=pl&pairs=5``: a few names with their translations, and others to translate."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.playground.translating import Known, Lesson, first, known, lesson, pair, scored, written
from core.view_charts import after
from data.errors import InnerloopError
from data.language import mark, plural, tr
from data.names import Names
from pages.parts import say, theme
from pages.parts.playground import seed
from pages.parts.playground.players import Candidate, Player, players

LANGUAGE, EXAMPLES, TASK = "language", "pairs", "drawn"  # of the address
OWN = "own"  # a language that only the visitor knows
FIRST, MOST, ASKED = 5, 20, 6  # names to learn from, and to ask for
FIRST_TASK = 1  # that is shown until somebody asks for another one
MOST_TEXT, MOST_LINES = 4000, 50  # characters and lines of a field
WHERE = {"test": mark("new to it"), "val": mark("of its validation"), "train": mark("of its training")}


def play(chosen: Sequence[Candidate]) -> None:
    playing = players(chosen)
    if playing:
        with st.spinner(tr("Reading names in many languages …")):
            languages = known([one.learner.family for one in playing])
        st.fragment(shown)(playing, languages)


def shown(playing: Sequence[Player], languages: Mapping[str, Known]) -> None:
    """What is given, what is asked, and what is written. Streamlit runs this alone at each change."""
    given, asked = st.columns(2, gap="medium")
    with given, theme.card("bring-pairs", tr("A few names and their translations")):
        code = language(languages)
        least = min((one.learner.family for one in playing), key=lambda family: family.config.longest)
        start, key = drawn(least, languages, code)
        pairs = pairs_given(start, key)
    with asked, theme.card("bring-names", tr("Translate these")):
        names = names_asked(start, key)
        if not pairs:
            say.caption(tr("Give a name with its translation first, one pair a line."))
        elif not names:
            say.caption(tr("Then something to ask about."))
        else:
            for one in playing:
                translated(one, languages.get(code), pairs, names)


def language(languages: Mapping[str, Known]) -> str:
    """The code that the address has, and the widget that changes it."""
    asked, codes = st.query_params.get(LANGUAGE, ""), [OWN, *languages]
    st.session_state["bring-language"] = found = asked if asked in codes else first(languages)

    def words(code: str) -> str:
        if code == OWN:
            return tr("A language of your own")
        one = languages[code]
        text = mark("{language}, in {script} script, {where}")
        return tr(text, language=tr(one.language.name), script=tr(one.language.script), where=tr(WHERE[one.split]))

    st.selectbox(
        tr("Language"),
        codes,
        codes.index(found),
        key="bring-language",
        format_func=words,
        on_change=lambda: st.query_params.update({LANGUAGE: st.session_state["bring-language"]}),
    )
    return found


def drawn(family: Names, languages: Mapping[str, Known], code: str) -> tuple[Lesson, str]:
    """Names of the language for the fields to start with, as many to learn from as the visitor wants; and which they are.

    family: of the learner that reads and writes the shortest.
    """
    if code == OWN:
        other = languages[first(languages)].language
        return lesson(family, other, 0, ASKED, FIRST_TASK), f"{OWN}-{family.config.longest}"
    asked = st.query_params.get(EXAMPLES, "")
    st.session_state["bring-examples"] = many = int(asked) if asked in map(str, range(1, MOST + 1)) else FIRST
    with st.container(horizontal=True, vertical_alignment="bottom"):
        examples = st.slider(
            tr("Names to learn from"),
            1,
            MOST,
            many,
            key="bring-examples",
            on_change=lambda: st.query_params.update({EXAMPLES: str(st.session_state["bring-examples"])}),
        )
        st.button(tr("Other names"), key="bring-other", icon=":material/casino:", on_click=seed.another, args=(TASK,))
    number = seed.asked(TASK, FIRST_TASK)
    found = lesson(family, languages[code].language, examples, ASKED, number)
    return found, f"{code}-{examples}-{number}-{family.config.longest}"


def pairs_given(start: Lesson, key: str) -> list[tuple[str, str]]:
    """A field of them. What a visitor changed in it stays until they ask for others, of the same or of another language."""
    text = st.text_area(
        tr("A name = its translation, one pair a line"),
        "\n".join(f"{name} = {own}" for name, own in start.pairs),
        height=160,
        max_chars=MOST_TEXT,
        placeholder="Poland = Polska\nMay = maj",
        key=f"bring-pairs-{key}",
    )
    lines = lines_of(text)
    found = [pair(line) for line in lines]
    if half := [line for line, one in zip(lines, found, strict=True) if one is None]:
        say.caption(
            plural(
                "{n} line, such as “{line}”, is no pair and was left out.",
                "{n} lines, such as “{line}”, are no pairs and were left out.",
                len(half),
                line=half[0][:60],
            )
        )
    return [one for one in found if one]


def names_asked(start: Lesson, key: str) -> list[str]:
    text = st.text_area(
        tr("Names in English, one a line"),
        "\n".join(start.asked),
        height=160,
        max_chars=MOST_TEXT,
        key=f"bring-asked-{key}",
    )
    return lines_of(text)


def lines_of(text: str) -> list[str]:
    """A field's lines that hold something, as many as are taken."""
    found = [line for line in map(str.strip, text.splitlines()) if line]
    if len(found) > MOST_LINES:
        say.caption(tr("The first {most} lines are taken.", most=MOST_LINES))
    return found[:MOST_LINES]


def translated(one: Player, into: Known | None, pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> None:
    """What a learner writes before and after adapting, beside what is known to be right; or why it writes nothing."""
    try:
        found = written(one.learner, one.learner.family.shown(pairs), names)
    except InnerloopError as error:
        say.warning(f"{one.candidate.title}: {error}")
        return
    right = dict(into.language.pairs) if into else {}
    expected = [right.get(name) for name in names]
    columns = {after(step): said for step, said in ((0, found.before), (found.steps, found.after)) if said}
    say.heading(one.name)
    said = [
        [f"✓ {name}" if name == own else name for name, own in zip(one, expected, strict=True)]
        for one in columns.values()
    ]
    known_ = [[own or "" for own in expected]] if any(expected) else []
    head = [tr("name"), *columns, *([tr("in CLDR")] if known_ else [])]
    say.table(head, list(zip(names, *said, *known_, strict=True)))
    if any(expected):
        scores = [f"{title} {scored(said, expected)}" for title, said in columns.items()]
        say.caption(
            plural(
                "chrF {scores}, on {n} name whose translation is known.",
                "chrF {scores}, on {n} names whose translations are known.",
                sum(map(bool, expected)),
                scores=tr(", ").join(scores),
            )
        )
    for remark in found.remarks:
        say.caption(remark)
