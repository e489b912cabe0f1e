"""The Train page's form. Apart from the page because it imports torch, which the page announces before it does."""

import re
from collections.abc import Mapping, Sequence

import streamlit as st

from core.algorithms.base import GROUPS, algorithms
from core.config import contradictions
from core.config.presets import PRESETS, preset
from core.config.telling import REGISTRIES
from core.models.base import models
from data.errors import InputError
from data.language import mark, tr
from data.registry import families
from pages.parts import readable, say, session, theme
from pages.parts.train import config_form, draft
from pages.parts.train.draft import Draft
from pages.parts.train.launch_panel import episode_card, launch_card
from pages.parts.train.wording import CHOICES, HEADINGS

START, AT_ONCE = "omniglot-5w1s-quick", "doodles-5w1s"  # presets; the second needs no files
# Kinds of tasks, as they are called in code.
KINDS = (mark("classification"), mark("regression"), mark("sequence"), mark("control"))
PRESET = "train-preset"  # session state: the preset menu
WITHOUT = {
    "model": mark("{learner} takes no network from here."),
    "training": mark("{learner} is not trained."),
}  # of cards that are left empty


def train_form() -> None:
    current = start()
    registries = {section: registry() for section, registry in REGISTRIES.items()}
    settings = draft.all_fields(current.values, REGISTRIES)
    for fields in settings.values():
        config_form.read(fields, current.values, current.revision, current.typed)
    current.follow_data_set()
    config, problems = current.check()
    settings = draft.with_effect(settings, current.values, problems)
    form, side = st.columns([1.8, 1], gap="medium")
    with form:
        presets()
        for section, title in HEADINGS.items():
            with theme.card(section, tr(title)):
                if section in registries:
                    choose(current, section, registries[section])
                    if section == "algorithm":
                        own_rates(current, settings["training"])
                    say.wrong(problems.get(section, "") or problems.get(f"{section}.name", ""))
                if not settings[section] and section in WITHOUT:
                    say.caption(
                        tr(WITHOUT[section], learner=tr(algorithms()[current.values["algorithm"]["name"]].title))
                    )
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
    """The draft to go on with: the run or preset that the address names, else the last draft, else a preset; of the family and
    its data set that the address names."""
    asked_run, asked_preset = st.query_params.get("from", ""), st.query_params.get("preset", "")
    asked_family, asked_set = st.query_params.get("family", ""), st.query_params.get("set", "")
    for name in ("from", "preset", "family", "set"):
        st.query_params.pop(name, None)  # used up: a later rerun keeps what was typed since
    with session.shown_errors():
        if asked_run:
            if not session.numbered(asked_run):
                raise InputError(
                    tr("There is no run {asked_run}.", asked_run=asked_run[:20]),
                    tr("Choose one from the list of runs."),
                    "from",
                )
            run = session.fetch(int(asked_run))
            say.toast(tr("Filled in from run #{id} {name}.", id=run.id, name=run.name), "content_copy")
            return draft.fill(run.config, run.name)
        if asked_preset in {one.name for one in PRESETS}:
            return draft.fill(preset(asked_preset).config, asked_preset)
    current = draft.current() or first_draft()
    if asked_family in families():
        current.choose("family", asked_family, families()[asked_family].Config)
        current.choose_data_set(asked_set)
    return current


def first_draft() -> Draft:
    """What somebody starts from who asked for nothing: a preset that can be launched."""
    name = AT_ONCE if session.missing_files(preset(START).config) else START
    return draft.fill(preset(name).config, name)


def presets() -> None:
    def fill() -> None:
        name = st.session_state[PRESET]
        if name:
            draft.fill(preset(name).config, name)
            st.session_state[PRESET] = None

    st.selectbox(
        tr("Start from a preset"),
        [one.name for one in PRESETS],
        index=None,
        key=PRESET,
        on_change=fill,
        format_func=lambda name: f"{name} · {tr(preset(name).title)}",
        placeholder=tr("Start from a preset, which fills the whole form"),
        label_visibility="collapsed",
    )


def choose(current: Draft, section: str, registry: Mapping[str, type]) -> None:
    """The family, learner or network, as pills; learners by group. A group with nothing in it is left out."""
    chosen = current.values[section]["name"]
    unfit = {name: why for name in registry if name != chosen and (why := misfit(current, section, name))}
    groups = {group: [name for name, item in registry.items() if item.group == group] for group in GROUPS}
    if section != "algorithm":
        groups = {CHOICES[section]: list(registry)}
    groups = {title: [name for name in names if name not in unfit] for title, names in groups.items()}
    for group, names in groups.items():
        if not names:
            continue
        key = f"choose-{section}-{group}"
        shown = chosen if chosen in names else None
        session.follow(key, shown)

        def select(key: str = key) -> None:
            if name := st.session_state[key]:
                current.choose(section, name, registry[name].Config)

        st.pills(
            say.plain(say.first_upper(tr(group))),
            names,
            default=shown,
            key=key,
            on_change=select,
            format_func=lambda name: say.plain(tr(registry[name].title)),
            label_visibility="visible" if section == "algorithm" else "collapsed",
        )
    for why in dict.fromkeys(unfit.values()):
        st.pills(
            say.plain(why),
            [name for name in unfit if unfit[name] == why],
            key=f"unfit-{section}-{why}",
            format_func=lambda name: say.plain(tr(registry[name].title)),
            disabled=True,
        )
    say.caption(tr(registry[chosen].summary))


def misfit(current: Draft, section: str, name: str) -> str:
    """Why a learner or network cannot be had with the family that is chosen; empty where it can. The same for all of a kind."""
    family = current.values["family"]["name"]
    title = tr(families()[family].title)
    frozen = bool(current.values["family"].get(families()[family].Config.frozen))
    if section == "algorithm" and contradictions.not_for(algorithms()[name], family, frozen):
        kinds = algorithms()[name].kinds
        if families()[family].kind in kinds:
            return tr("Not for {title}, whose inputs are tokens", title=title)
        return tr("Not for {title}, only for {kind}", title=title, kind=tr(kinds[0]))
    if section == "model" and (text := contradictions.not_with(models()[name], family, frozen)):
        title = tr("the features of {title}", title=title) if frozen else title
        reads = re.split("[;；]", text.partition(" ")[2])[0]
        return tr("Not for {title}: it {reads}", title=title, reads=reads)
    return ""


def own_rates(current: Draft, settings: Sequence[config_form.Field]) -> None:
    """Say which rates the learner has brought, with a way back."""
    brought = [field for field in settings if field.path in current.brought and field.path not in current.typed]
    if not brought:
        return
    now, before = (
        [readable.setting_value(config_form.get(values, field.path)) for field in brought]
        for values in (current.values, {"training": {path.partition(".")[2]: v for path, v in current.brought.items()}})
    )
    said = tr(", ").join(
        tr("{title} {a} instead of {b}", title=field.title, a=a, b=b)
        for field, a, b in zip(brought, now, before, strict=True)
    )
    with st.container(horizontal=True, vertical_alignment="center", key="own-rates"):
        say.caption(
            tr(
                "{title} trains at rates of its own: {said}.",
                title=tr(algorithms()[current.values["algorithm"]["name"]].title),
                said=said,
            )
        )
        st.button(
            tr("Put back"), key="put-rates-back", type="tertiary", icon=":material/undo:", on_click=current.put_back
        )
