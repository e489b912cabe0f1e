"""Human against machine: a visitor and learners answer the same twenty questions."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.config.presets import preset
from core.library import Learner
from core.playground import versus as game
from core.playground.fitting import SIGNS
from core.playground.result_card import Row, result_card, seconds, share
from core.playground.versus import ARENAS, Answers, Arena, Game
from data import language
from data.language import ENGLISH, mark, tr
from data.pictures import Pictures
from data.registry import families
from pages.parts import pictures, say, session, theme
from pages.parts.component import of_files
from pages.parts.playground import seed
from pages.parts.playground.players import Player, candidates, choice, nobody, players
from pages.parts.train.episode_view import opened

TITLE, ICON = mark("Human against machine"), ":material/sports_esports:"
TASKS, WAYS, SEED = "tasks", "ways", "seed"  # of the address
CLASSES = (5, 10, 20)
COMPONENT = "versus-game"
TASKS_KEY, WAYS_KEY = "versus-tasks", "versus-ways"  # session state: the widgets' choices, which follow the address
KEPT = 8  # games in memory
QUESTION = mark("Which one is the same sign?")
YOU = mark("You")
PRESET = preset("doodles-5w1s")
_game = of_files(Path(__file__).parent, "game")


def play() -> None:
    arena, ways = terms()
    missing = families()[arena.family].missing(session.home().datasets)
    if missing:
        say.info(tr("The files of {title} are not here. The page Data sets can fetch them.", title=tr(arena.title)))
        st.page_link("pages/datasets.py", label=tr("To the data sets"), query_params={"set": arena.family})
        return
    with theme.card("versus-learners"):
        there = candidates(SIGNS)
        chosen = choice(there, "versus")
        if not there:
            nobody(tr("Nobody to play against yet"), tr("Train a learner on drawn characters, or play alone."), PRESET)
    number = seed.asked(SEED, 1)
    key = f"{arena.family}-{ways}-{number}"
    with st.spinner(tr("Drawing the questions …")):
        drawn = _drawn(opened(arena.config, session.home()), ways, number, key)
    opponents = players(chosen, ways)
    with st.spinner(tr("The learners answer …")):
        whose = [f"{one.candidate.key} {one.learner.trained.checkpoint}" for one in opponents]
        answers = [_answered(one.learner, drawn, who, key) for one, who in zip(opponents, whose, strict=True)]
    st.fragment(played)(arena, drawn, key, opponents, answers)


def terms() -> tuple[Arena, int]:
    """What is played for, as the address has it, and the widgets that change it."""
    asked = st.query_params.get(TASKS, "")
    name = asked if asked in ARENAS else next(iter(ARENAS))
    wanted = st.query_params.get(WAYS, "")
    ways = int(wanted) if wanted in map(str, CLASSES) else ARENAS[name].ways
    st.session_state[TASKS_KEY], st.session_state[WAYS_KEY] = name, ways
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            tr("Signs"),
            list(ARENAS),
            default=name,
            key=TASKS_KEY,
            format_func=lambda one: tr(ARENAS[one].title),
            required=True,
            on_change=_tasks,
        )
        st.segmented_control(tr("To choose from"), CLASSES, default=ways, key=WAYS_KEY, required=True, on_change=_ways)
        st.button(tr("New game"), key="versus-again", icon=":material/casino:", on_click=seed.another, args=(SEED,))
    return ARENAS[name], ways


def _tasks() -> None:
    st.query_params[TASKS] = st.session_state[TASKS_KEY]
    st.query_params.pop(WAYS, None)


def _ways() -> None:
    st.query_params[WAYS] = str(st.session_state[WAYS_KEY])


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _drawn(_family: Pictures, ways: int, number: int, key: str) -> Game:  # noqa: ARG001 - the key says of which family
    return game.drawn(_family, ways, number)


@st.cache_data(max_entries=16 * KEPT, show_spinner=False)
def _answered(_learner: Learner, _drawn: Game, who: str, key: str) -> Answers:  # noqa: ARG001 - who answers which game
    return game.played(_learner.algorithm, _drawn, _learner.steps)


@st.cache_data(max_entries=2 * KEPT, show_spinner=False)
def _strips(_drawn: Game, key: str, dark: bool) -> list[str]:  # noqa: ARG001 - the key says which game it is
    """Of each question its candidates, and after them what is asked for."""
    return [pictures.strip([*shown, asked], dark) for shown, asked in map(_drawn.pictures, range(_drawn.rounds))]


def played(arena: Arena, drawn: Game, key: str, opponents: Sequence[Player], answers: Sequence[Answers]) -> None:
    """The game, and how it stands. Streamlit runs this alone after each answer."""
    mine = game.checked(_sent(key), drawn)
    with theme.card("versus-game"):
        data = _asked(drawn, key, [one.name for one in opponents], answers) | {"answers": _sent(key)}
        _game(key=COMPONENT, data=data, default={"answers": None}, on_answers_change=lambda: None)
    rows = standings(drawn, mine, {one.name: given for one, given in zip(opponents, answers, strict=True)})
    if rows:
        with theme.card("versus-score", tr("How it stands") if len(mine.said) < drawn.rounds else tr("Result")):
            st.html(_table(rows))
            say.caption(tr("After the share its 95 % interval (Wilson). Seconds are the median of an answer's."))
            if len(mine.said) == drawn.rounds:
                keep(arena, drawn, rows)


def _sent(key: str) -> Any:
    """What the browser sent of this game, as it came."""
    sent = (st.session_state.get(COMPONENT) or {}).get("answers") or {}
    return sent.get("given", []) if sent.get("key") == key else []


def _asked(drawn: Game, key: str, names: list[str], answers: Sequence[Answers]) -> dict[str, Any]:
    """All that the browser needs to go through a game by itself."""
    dark = pictures.dark()
    height, width = drawn.tasks.support_x.shape[-2:]
    rounds = [
        {"strip": strip, "right": right, "group": group, "choices": [given.said[number] for given in answers]}
        for number, (strip, right, group) in enumerate(
            zip(_strips(drawn, key, dark), drawn.right, drawn.groups, strict=True)
        )
    ]
    size = {"width": width, "height": height, "ways": drawn.n_way}
    return {"key": key, "dark": dark, "question": tr(QUESTION), "learners": names, "rounds": rounds, **size}


def standings(drawn: Game, mine: Answers, others: Mapping[str, Answers]) -> list[Row]:
    """The visitor's score and the learners' on the questions that the visitor has answered; none before the first."""
    given = len(mine.said)
    if not given:
        return []
    cut = {name: Answers(one.said[:given], one.seconds[:given]) for name, one in others.items()}
    return [Row(name, game.score(drawn, one)) for name, one in {YOU: mine, **cut}.items()]


def _table(rows: Sequence[Row]) -> str:
    cells = "".join(
        f"<tr><td>{html.escape(tr(row.name))}</td><td>{row.words}</td><td>{share(row.score)}</td><td>{seconds(row.score.seconds)}</td></tr>"
        for row in rows
    )
    heads = "".join(f"<th>{html.escape(one)}</th>" for one in (tr("right"), tr("share"), tr("an answer")))
    return f'<table class="scores"><tr><td></td>{heads}</tr>{cells}</table>'


def keep(arena: Arena, drawn: Game, rows: Sequence[Row]) -> None:
    """The result as a picture."""
    below = f"{arena.title}: {drawn.rounds} questions, one example of each of {drawn.n_way} signs"
    asked = [drawn.pictures(number)[1] for number in range(drawn.rounds)]
    with language.speaking(ENGLISH):  # the letters that pictures are written with are Latin
        picture = result_card(TITLE, below, rows, asked)
    st.download_button(
        tr("Keep the result as a picture"),
        picture,
        "innerloop-result.png",
        "image/png",
        key="keep-result",
        icon=":material/image:",
        on_click="ignore",
    )
