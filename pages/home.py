"""Home: what this is, presets that launch in one click, the device found, recent runs."""

from collections.abc import Sequence

import streamlit as st

from core.config.presets import PRESETS, Preset
from core.runs import hardware
from core.runs.facts import Facts
from core.runs.schema import Run
from data.errors import FILES, InnerloopError
from data.language import mark, tr
from pages.parts import launching, readable, router, say, session, theme
from pages.parts.chips import method, status_chip
from pages.parts.launching import launched
from pages.parts.present.tour_link import tour_link
from pages.parts.prospects import prospect

RECENT = 6
ACROSS = 3  # presets in a row
LOOKED_AT = 50  # finished runs of presets, the newest
INTRODUCTION = mark(
    "Innerloop trains networks that **learn from a handful of examples**. You pick a family of small "
    "tasks and a learner, such as MAML or a plain baseline, and launch it on this machine. While it "
    "trains you watch its loss and its few-shot score live, and when it is done you compare it with "
    "everything you ran before."
)


def start_preset(preset: Preset) -> None:
    """Where files are missing the Data sets page says so, and fetches them; what was set up on Train stays."""
    with st.spinner(tr("Preparing the run …")), session.shown_errors():
        try:
            runs = launched(preset.config, preset.name)
        except InnerloopError as error:
            if error.path != FILES:
                raise
            say.toast(error.message, "download")
            get_files(preset)
        st.switch_page("pages/run.py", query_params={"run": str(runs[0].id)})


def get_files(preset: Preset) -> None:
    st.switch_page("pages/datasets.py", query_params={"set": preset.config["family"]["name"]})


def lacking(preset: Preset) -> bool:
    """Whether files are missing, as far as that is known: families come with torch, which Home does not wait for."""
    return launching.imported() and bool(session.missing_files(preset.config))


def preset_card(preset: Preset, earlier: Sequence[Run]) -> None:
    """earlier: finished runs of presets, newest first."""
    text, measured = prospect(preset, [run for run in earlier if Facts.of(run).preset == preset.name])
    with theme.card(f"preset-{preset.name}", height="stretch"):
        say.heading(tr(preset.title))
        with st.container(height="stretch"):
            say.caption(tr(preset.summary))
        if text:
            say.caption(readable.unbroken(text), help=measured)
        with st.container(horizontal=True, vertical_alignment="center"):
            if lacking(preset):
                if st.button(tr("Get its files"), key=f"get-{preset.name}", icon=":material/download:"):
                    get_files(preset)
            elif st.button(tr("Launch"), key=f"launch-{preset.name}", icon=":material/play_arrow:"):
                start_preset(preset)
            if st.button(tr("Customise"), key=f"customise-{preset.name}", type="tertiary"):
                st.switch_page("pages/train.py", query_params={"preset": preset.name})


def presets() -> None:
    st.markdown(tr("## Start with a preset"))
    featured = [preset for preset in PRESETS if preset.featured]
    earlier = session.store().finished_presets(LOOKED_AT)
    for start in range(0, len(featured), ACROSS):
        for column, preset in zip(st.columns(ACROSS), featured[start : start + ACROSS], strict=False):
            with column:
                preset_card(preset, earlier)


def recent_runs() -> None:
    runs = session.store().page(limit=RECENT)
    with theme.card("recent", tr("Recent runs")):
        if not runs:
            theme.empty(tr("No runs yet"), tr("Launch a preset above; its curves appear within seconds."))
            return
        for run in runs:
            name, state, progress, when = st.columns([4, 2, 2, 2], vertical_alignment="center")
            with name:
                st.page_link(
                    "pages/run.py",
                    label=say.named(run.name, f"#{run.id} · {method(run)}"),
                    query_params={"run": str(run.id)},
                )
            with state:
                status_chip(run)
            best = run.test or run.best
            say.caption(readable.scored(Facts.of(run).metric, best) if best else tr("no score yet"), progress)
            say.caption(readable.moment(run.created), when)
        st.page_link("pages/runs.py", label=tr("All runs"), icon=":material/arrow_forward:", icon_position="right")


def device() -> None:
    with theme.card("device", tr("Device"), height="stretch"):
        say.name(tr(hardware.describe()))
        gpus = hardware.gpus()
        if gpus:
            say.caption(" · ".join(f"cuda:{gpu.index} {readable.size(gpu.memory_total)}" for gpu in gpus))
            st.caption(
                tr("One run trains at a time on each GPU, small networks of several seeds together; the others wait.")
            )
        else:
            st.caption(tr("No GPU was found, so runs train on the processor. The quick presets are made for that."))
            st.caption(tr("Small networks share its cores, a larger one takes them all; the others wait their turn."))


router.require()
st.title("Innerloop", anchor=False)
introduction, machine = st.columns([2.2, 1])
with introduction, theme.card("introduction", height="stretch"), st.container(key="lead"):
    st.markdown(tr(INTRODUCTION))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(tr("Set up a run of your own"), icon=":material/tune:", type="primary", key="own-run"):
            st.switch_page("pages/train.py")
        tour_link("home")
with machine:
    device()
presets()
recent_runs()
