"""Pictures of one's own from the page: sent by the browser or read from a folder, with progress and a way to stop."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import RunError
from core.import_job import UPLOADED, ImportJob, received
from data.archive import MIB
from data.language import mark, tr
from data.picture_set import LARGEST, NAME, SMALLEST
from data.registry import families
from pages.parts import background, readable, say, session, theme, trust

ROUND = "import-round"  # session state: counts the imports, so that the next one starts with empty fields


@st.cache_resource(show_spinner=False)
def _jobs(root: str) -> dict[str, ImportJob]:  # noqa: ARG001 - those of a home, for all sessions
    """The import that goes on, or the latest one as long as nobody has read how it ended, under the name ``latest``."""
    return {}


def import_card(taken: Collection[str]) -> None:
    """taken: names of the sets there are."""
    jobs = _jobs(str(session.home().root))
    with theme.card("import", tr("Import your own pictures")):
        job = jobs.get("latest")
        if job is not None and job.going_on:
            background.watched(jobs, "latest", "import")
        elif job is not None:
            ended(job, jobs)
        form(jobs, taken)


def ended(job: ImportJob, jobs: dict[str, ImportJob]) -> None:
    """How it ended, until that is read."""
    jobs.pop("latest", None)  # another session may have read it at the same moment
    if job.found is None:
        say.problem(
            job.error
            or RunError(tr("The import has failed; the server's log tells why."), tr("Import the pictures again."))
        )
    else:
        skipped = (
            tr("; {count} files were left out", count=readable.count(job.found["skipped"]))
            if job.found["skipped"]
            else ""
        )
        pictures, classes = (readable.count(job.found[key]) for key in ("count", "classes"))
        say.toast(
            tr(
                "{name} is here: {pictures} pictures of {classes} classes{skipped}.",
                name=job.name,
                pictures=pictures,
                classes=classes,
                skipped=skipped,
            ),
            "check",
        )
        st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
        st.query_params["set"] = job.name
        st.rerun()


def form(jobs: dict[str, ImportJob], taken: Collection[str]) -> None:
    number = st.session_state.setdefault(ROUND, 0)
    say.caption(tr("One folder a class. Whatever is photographed, scanned or drawn becomes a square."))
    sent = st.file_uploader(
        tr("A folder"), accept_multiple_files="directory", max_upload_size=UPLOADED // MIB, key=f"import-files-{number}"
    )
    zipped = st.file_uploader(
        tr("Or a zip of it"), type="zip", max_upload_size=UPLOADED // MIB, key=f"import-zip-{number}"
    )
    path = ""
    if trust.trusted(trust.FILES):
        path = st.text_input(
            tr("Or a folder, zip or CSV of this machine"), key=f"import-path-{number}", placeholder="/home/me/photos"
        )
    name = st.text_input(tr("Name"), key=f"import-name-{number}", placeholder="birds", max_chars=60).strip()
    wanted = settings(number)
    wrong = problem(name)
    say.wrong(wrong if name else "")
    given = [*sent, *([zipped] if zipped else [])] if sent or zipped else []
    replace = st.toggle(tr("Replace a set of this name"), key=f"import-replace-{number}") if name in taken else False
    ready = bool(given or path.strip()) and bool(name) and not wrong and "latest" not in jobs
    if st.button(tr("Import"), key="start-import", type="primary", icon=":material/upload:", disabled=not ready):
        with session.shown_errors():
            jobs["latest"] = begin(name, given, path.strip(), wanted, replace)
            st.rerun()


def settings(number: int) -> dict[str, Any]:
    side, colour = st.columns(2)
    return {
        "side": int(side.number_input(tr("Side, pixels"), SMALLEST, LARGEST, 84, step=28, key=f"import-side-{number}")),
        "grey": {mark("as they are"): None, "grey": True}[
            colour.selectbox(
                tr("Colours"), ["as they are", mark("grey")], format_func=tr, key=f"import-colour-{number}"
            )
        ],
    }


def problem(name: str) -> str:
    """Why a set cannot have this name; empty if it can."""
    if name in families():
        return tr("{name} is the name of a family; choose another.", name=name)
    return (
        ""
        if NAME.fullmatch(name)
        else tr("Use letters, digits, dots, dashes and underscores, a letter or digit first.")
    )


def begin(name: str, given: list, path: str, wanted: dict[str, Any], replace: bool) -> ImportJob:
    """Raises InnerloopError for what cannot be kept."""
    home = session.home()
    if given:
        files = [(file.name, file) for file in given]
        source = received(home, files)
        return ImportJob(home, name, source, wanted, replace=replace, called=mark("an upload"), uploaded=True)
    return ImportJob(home, name, Path(path).expanduser(), wanted, replace=replace)
