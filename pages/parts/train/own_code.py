"""A person's own network or environments, tried out as the path is typed: by a process of its own, as at launch, and never by
the server.
"""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.config.frozen_network import frozen_files
from core.config.run import RunConfig
from core.elsewhere import forked
from core.models.base import ModelError
from core.trial import own_code, own_parts, tried
from data import language
from data.language import tr
from pages.parts import session

AGAIN = 600.0  # seconds after which an answer is asked for anew, even if the file is the same: it may import others
# All that it has to fit. How long it trains, say, changes nothing of that.
SEEN = {
    **dict.fromkeys(("family", "model", "algorithm", "batch_statistics"), True),
    "evaluation": {"n_way", "k_shot", "n_query", "inner_steps"},
}


def check(config: RunConfig) -> None:
    """Whether these tasks can be made, and the network can learn them. Raises an InnerloopError for the field that is wrong.

    Asked at every rerun: an answer is kept for as long as settings and file stay the same.
    """
    if not own_parts(config):
        return
    files = [one.file() for one in own_code(config)]  # what is no path at all is known without a process
    if config.family.frozen_network:
        files += frozen_files(config.family, session.home().folders)
    with st.spinner(tr("Trying your code out …")):
        parts, root = config.model_dump_json(include=SEEN), str(session.home().root)
        if problem := _problem(parts, changed(files), root, language.current()):
            raise ModelError(*problem)


def changed(files: Sequence[Path | None]) -> tuple[float, ...]:
    """When each of these files was last written, in seconds since the epoch; 0 for one that is not there."""
    return tuple(file.stat().st_mtime if file and file.is_file() else 0.0 for file in files)


@st.cache_data(max_entries=64, ttl=AGAIN, show_spinner=False)
def _problem(parts: str, written: tuple[float, ...], root: str, spoken: str) -> tuple[str, str, str] | None:  # noqa: ARG001 - asked anew for others
    home = session.home()
    try:
        tried(RunConfig.model_validate_json(parts), home.folders, forked(home))
    except ModelError as error:
        return error.message, error.remedy, error.path
    return None
