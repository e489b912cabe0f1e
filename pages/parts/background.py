"""Work that goes on behind the pages, an import or a download: where it is, how long it takes yet, and a way to stop it."""

import time
from typing import Protocol

import streamlit as st

from data.language import tr
from pages.parts import readable, say
from pages.parts.redraw import redraw

LOOK = 0.5  # seconds between two looks
SURE = 0.02  # of the work is done before anything is said of the rest
BEGUN = "background-begun"  # session state: by kind the latest work, when this session first saw it, and how far it was


class Job(Protocol):
    """A piece of work that has begun. name: what people call it."""

    name: str
    going_on: bool

    def progress(self) -> tuple[float, str]: ...

    def cancel(self) -> None: ...


def watched(jobs: dict[str, Job], key: str, what: str) -> None:
    """The progress of ``jobs[key]``, which leaves ``jobs`` when it is cancelled. what: ``import``, in the button's key."""
    st.fragment(_watch, run_every=LOOK)(jobs, key, what)


def _watch(jobs: dict[str, Job], key: str, what: str) -> None:
    job = jobs.get(key)
    if job is None or not job.going_on:
        redraw()
        return
    done, text = job.progress()
    left = remaining(what, job, done)
    st.progress(
        min(done, 1.0), say.plain(f"{tr(job.name)}: {text}" + (tr(" · {left} left", left=left) if left else ""))
    )
    if st.button(tr("Cancel"), key=f"cancel-{what}", icon=":material/close:"):
        job.cancel()
        jobs.pop(key, None)
        st.rerun()


def remaining(what: str, job: Job, done: float) -> str:
    """How long the rest takes at the pace since this session first looked; empty where that cannot be told yet."""
    begun = st.session_state.setdefault(BEGUN, {})
    if what not in begun or begun[what][0] is not job:
        begun[what] = job, time.monotonic(), done
    _, since, then = begun[what]
    if done - then < SURE or done >= 1:
        return ""
    return readable.duration((time.monotonic() - since) * (1 - done) / (done - then))
