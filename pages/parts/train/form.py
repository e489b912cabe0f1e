"""The Train page's form. Apart from the page because it imports torch, which the page announces before it does."""

from collections.abc import Mapping

import streamlit as st

from core.algorithms.base import GROUPS, algorithms
from core.config.presets import PRESETS, preset
from core.models.base import models
from data.errors import InputError
from data.registry import families
from pages.parts import say, session, theme
from pages.parts.train import config_form, draft
from pages.parts.train.draft import Draft
from pages.parts.train.launch_panel import episode_card, launch_card

START = "omniglot-5w1s-quick"
PRESET = "train-preset"  # session state: the preset menu
REGISTRIES = {"family": families, "algorithm": algorithms, "model": models}
CHOICES = {"family": "Task family", "algorithm": "Learner", "model": "Network"}
WITHOUT = {"model": "{} takes no network from here.", "training": "{} is not trained."}  # of cards that are left empty
SETTINGS = {"training": "Meta-training", "evaluation": "Evaluation", "run": "Run"}


def train_form() -> None:
    current = start()
    registries = {section: registry() for section, registry in REGISTRIES.items()}
    settings = draft.all_fields(current.values, registries)
    for fields in settings.values():
        config_form.read(fields, current.values, current.revision)
    config, problems = current.check()
    settings = draft.with_effect(settings, current.values, problems)
    form, side = st.columns([1.8, 1], gap="medium")
    with form:
        presets()
        for section, title in (CHOICES | SETTINGS).items():
            with theme.card(section, title):
                if section in registries:
                    choose(current, section, registries[section])
                    config_form.say_problem(problems.get(section, "") or problems.get(f"{section}.name", ""))
                if not settings[section] and section in WITHOUT:
                    say.caption(WITHOUT[section].format(algorithms()[current.values["algorithm"]["name"]].title))
                config_form.section(settings[section], current.values, problems, current.revision)
    with side, st.container(key="side"):
        task = st.container()  # above the launch, but filled after it: the first time, its pictures take seconds
        drawn = {field.path for fields in settings.values() for field in fields}
        launch_card(current, config, problems, elsewhere=not_drawn(problems, drawn))
        with task:
            episode_card(current, config)


def not_drawn(problems: Mapping[str, str], drawn: set[str]) -> list[str]:
    """Problems that belong to no field of the form, so that they are said where it is launched."""
    chosen = set(REGISTRIES) | {f"{section}.name" for section in REGISTRIES}
    places = [(path, text) for path, text in problems.items() if path not in chosen]
    return [text for path, text in places if not any(path == at or path.startswith(f"{at}.") for at in drawn)]


def start() -> Draft:
    """The draft to go on with: the run or preset that the address names, else the last draft, else a preset."""
    asked_run, asked_preset = st.query_params.get("from", ""), st.query_params.get("preset", "")
    for name in ("from", "preset"):
        st.query_params.pop(name, None)  # used up: a later rerun keeps what was typed since
    with session.shown_errors():
        if asked_run:
            if not session.numbered(asked_run):
                raise InputError(f"There is no run {asked_run[:20]}.", "Choose one from the list of runs.", "from")
            run = session.fetch(int(asked_run))
            say.toast(f"Filled in from run #{run.id} {run.name}.", "content_copy")
            return draft.fill(run.config, run.name)
        if asked_preset in {one.name for one in PRESETS}:
            return draft.fill(preset(asked_preset).config, asked_preset)
    return draft.current() or draft.fill(preset(START).config, START)


def presets() -> None:
    def fill() -> None:
        name = st.session_state[PRESET]
        if name:
            draft.fill(preset(name).config, name)
            st.session_state[PRESET] = None

    st.selectbox(
        "Start from a preset",
        [one.name for one in PRESETS],
        index=None,
        key=PRESET,
        on_change=fill,
        format_func=lambda name: f"{name} · {preset(name).title}",
        placeholder="Start from a preset, which fills the whole form",
        label_visibility="collapsed",
    )


def choose(current: Draft, section: str, registry: Mapping[str, type]) -> None:
    """The family, learner or network, as pills; learners by group. A group with nothing in it is left out."""
    chosen = current.values[section]["name"]
    groups = {group: [name for name, item in registry.items() if item.group == group] for group in GROUPS}
    if section != "algorithm":
        groups = {CHOICES[section]: list(registry)}
    groups = {title: names for title, names in groups.items() if names}
    for group, names in groups.items():
        key = f"choose-{section}-{group}"
        st.session_state[key] = chosen if chosen in names else None

        def select(key: str = key) -> None:
            if name := st.session_state[key]:
                current.choose(section, name, registry[name].Config)

        st.pills(
            say.plain(group[0].upper() + group[1:]),
            names,
            key=key,
            on_change=select,
            format_func=lambda name: say.plain(registry[name].title),
            label_visibility="visible" if len(groups) > 1 else "collapsed",
        )
    say.caption(registry[chosen].summary)
