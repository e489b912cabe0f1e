"""A person's own network, tried out as its path is typed: by a process of its own, as at launch, and never by the server."""

import os
from pathlib import Path

import streamlit as st

from core.algorithms.base import algorithms
from core.config.run import RunConfig
from core.elsewhere import forked
from core.models.base import ModelError
from core.models.module import PROJECT, names
from core.trial import tried
from pages.parts import session

AGAIN = 600.0  # seconds after which an answer is asked for anew, even if the file is the same: it may import others
# All that a network has to fit. How long it trains, say, changes nothing of that.
SEEN = {
    **dict.fromkeys(("family", "model", "algorithm", "batch_statistics"), True),
    "evaluation": {"n_way", "k_shot", "n_query", "inner_steps"},
}


def check(config: RunConfig) -> None:
    """Whether the network can be built and learn these tasks. Raises ModelError, which says so at the field that is wrong.

    Asked at every rerun: an answer is kept for as long as settings and file stay the same.
    """
    if config.model.name != "module" or not algorithms()[config.algorithm.name].uses_network:
        return
    module, _ = names(config.model.path)  # what is no path at all is known without a process
    with st.spinner("Trying your network out …"):
        if problem := _problem(config.model_dump_json(include=SEEN), changed(module), str(session.home().root)):
            raise ModelError(*problem)


def changed(module: str) -> float:
    """When the file of a module was last written, in seconds since the epoch; 0 where it is not found. Imports nothing."""
    folders = [str(PROJECT), *filter(None, os.environ.get("INNERLOOP_PATH", "").split(os.pathsep))]
    places = [Path(folder, *module.split(".")) for folder in folders]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists()]
    return files[0].stat().st_mtime if files else 0.0


@st.cache_data(max_entries=64, ttl=AGAIN, show_spinner=False)
def _problem(parts: str, written: float, root: str) -> tuple[str, str, str] | None:  # noqa: ARG001 - asked anew for others
    home = session.home()
    try:
        tried(RunConfig.model_validate_json(parts), home.folders, forked(home))
    except ModelError as error:
        return error.message, error.remedy, error.path
    return None
