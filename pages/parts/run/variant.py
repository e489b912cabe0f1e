"""The form of a run's variant: its most telling settings. Apart from the dialog around it because it imports torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.config.run import RunConfig
from core.config.telling import REGISTRIES, telling
from core.handover import again
from core.runs import lineage, scheduler
from core.runs.outlook import either, outlook
from core.runs.schema import ENDED, Run
from core.training import checkpoint
from core.training.build import cores_before
from data.language import plural, tr
from data.registry import families
from pages.parts import say, session
from pages.parts.launching import launched
from pages.parts.run import same_again
from pages.parts.run.notice import named
from pages.parts.train import config_form, draft
from pages.parts.train.draft import Draft

ACROSS = 2  # settings in a row
LARGEST_ITERATIONS = 10_000_000


def variant_form(run: Run, change: Mapping[str, Any]) -> None:
    """Settings, what is wrong with them, and the launch. change: settings by path that it starts with otherwise.

    Raises InnerloopError for a config of another version.
    """
    before = draft.complete(run.config)
    saved = start_point(run)
    current = Draft(draft.complete(run.config), run.name, revision=f"{'on' if saved else 'again'}-{run.id}")
    if saved and saved.iteration >= current.values["training"]["iterations"]:
        current.values["training"]["iterations"] = min(2 * saved.iteration, LARGEST_ITERATIONS)
    for path, value in change.items():
        config_form.put(current.values, path, value)
    chosen = fields(current, [*change, *(["training.iterations"] if saved else [])])
    config_form.read(chosen, current.values, current.revision)
    config, problems = current.check()
    changed = lineage.changes(before, current.values)
    anew = "" if saved else again.begun(run)
    say.caption(tr("Everything else stays as in #{id} {name}. {anew}", id=run.id, name=run.name, anew=anew).strip())
    grid(chosen, current, problems)
    current.name = lineage.variant_name(run.name, changed)
    stop_first = config is not None and room(run, config)
    if problem := blocked(current, problems):
        say.wrong(problem)
    elif changed or saved:
        say.caption(tr("It will be called “{name}”.", name=current.name))
    else:
        st.caption(tr("Change a setting: the same ones would give the same numbers."))
    ready = bool(changed or saved) and not problem
    if st.button(
        say.plain(tr("Launch beside #{id}", id=run.id)),
        key="launch-variant",
        type="primary",
        icon=":material/rocket_launch:",
        disabled=not ready,
        width="stretch",
    ):
        start(current, run, stop_first, str(saved.iteration) if saved else "")


def start_point(run: Run) -> checkpoint.Checkpoint | None:
    """The switch, where there is a choice: the checkpoint to go on from, None to start anew."""
    folder = session.home().artifacts(run).checkpoints()
    there = checkpoint.all_of(folder) if run.status in ENDED else []
    by_iteration = {
        one.iteration: one for one in reversed(there) if one.iteration
    }  # of the same, the first that is listed
    if not by_iteration:
        return None
    last = max(by_iteration)
    label = (
        tr("From the checkpoint at iteration {last}", last=last) if len(by_iteration) == 1 else tr("From a checkpoint")
    )
    switch = same_again.switch(run.id)
    if not st.toggle(say.plain(label), st.session_state.get(switch, False), key=switch):
        return None
    if len(by_iteration) == 1:
        return by_iteration[last]
    chosen = st.selectbox(
        tr("Checkpoint"),
        sorted(by_iteration, reverse=True),
        format_func=lambda iteration: tr(
            "{which}, iteration {iteration}", which=by_iteration[iteration].which, iteration=iteration
        ),
        key=f"fork-checkpoint-{run.id}",
    )
    return by_iteration[chosen]


def fields(current: Draft, first: Sequence[str] = ()) -> list[config_form.Field]:
    """The settings of these paths and the run's most telling ones, the most telling one first."""
    every = draft.all_fields(current.values, REGISTRIES)
    by_path = {field.path: field for section in every.values() for field in section}
    return [by_path[path] for path in dict.fromkeys([*first, *telling(current.values)])]


def grid(chosen: Sequence[config_form.Field], current: Draft, problems: Mapping[str, str]) -> None:
    for start in range(0, len(chosen), ACROSS):
        for column, field in zip(st.columns(ACROSS), chosen[start : start + ACROSS], strict=False):
            with column:
                config_form.widget(field, config_form.get(current.values, field.path), current.revision)
                say.wrong(config_form.problem_of(field.path, problems))
    drawn = {field.path for field in chosen}
    for path, text in problems.items():
        if not any(path == at or path.startswith(f"{at}.") for at in drawn):
            say.error(text)


def blocked(current: Draft, problems: Mapping[str, str]) -> str:
    """Why this cannot be launched; empty if it can."""
    if problems:
        return plural("One setting needs a change.", "{n} settings need a change.", len(problems))
    family = families()[current.values["family"]["name"]]
    return (
        tr("{title}'s files are not here any more; Train can fetch them.", title=tr(family.title))
        if family.missing(_data())
        else ""
    )


def _data():
    return session.home().datasets


def room(run: Run, config: RunConfig) -> bool:
    """Say what the variant would have to wait for; whether the run is to be stopped to make room for it."""
    home = session.home()
    meets = outlook(session.store(), home, config.device, cores_before(config, home.folders))
    if meets.ahead:
        say.info(tr("The new run {words}.", words=meets.words), "schedule")
    elif meets.ways:
        names = either(meets.ways, lambda one: tr("this run") if one.id == run.id else named(one))
        text = plural(
            "The new run waits in the queue until {runs} has ended and leaves it the device.",
            "The new run waits in the queue until {runs} have ended and leave it the device.",
            len(meets.ways[-1]),
            runs=names,
        )
        say.info(text, "schedule")
    alone = any([one.id for one in way] == [run.id] for way in meets.ways)
    if run.desired == "stop" or meets.ahead or not alone:
        return False
    label = tr("Stop #{id} to start at once; it can be resumed later", id=run.id)
    return st.toggle(say.plain(label), key="stop-first")


def start(current: Draft, run: Run, stop_first: bool, saved: str) -> None:
    with session.shown_errors():
        with st.spinner(tr("Checking and queueing …")):
            (made,) = launched(current.values, current.name, parent=run.id, checkpoint=saved)
            if stop_first and session.fetch(run.id).status not in ENDED:
                scheduler.stop(session.store(), session.home(), run.id)
        same_again.close()
        st.switch_page("pages/run.py", query_params={"run": str(made.id)})
