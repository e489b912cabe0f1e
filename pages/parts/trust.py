"""Whom this server trusts: whether those who open its pages may have it run networks and environments of their own, or read
files of theirs, see SECURITY.md.
"""

import os
from collections.abc import Iterable
from pathlib import PurePath

import streamlit as st

from core.runs.schema import Run
from data.errors import InputError
from data.language import mark, tr

SETTING = "INNERLOOP_OWN_NETWORKS"
FILES = "INNERLOOP_OWN_FILES"
ANSWERS = {"on": True, "off": False}
# Of the data sets, by the setting that names something in it.
FOLDERS = {"file": "texts", "extractor_weights": "weights", "encoder": "encoders"}
NO_NETWORKS = mark(
    "Networks of one's own are switched off on this server. Launch the run from its command line, or set {setting}=on."
)
NO_ENVIRONMENTS = mark(
    "Environments of one's own are switched off on this server. Launch the run from its command line, or set {setting}=on."
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def own_networks() -> bool:
    """Whether a network or a maker of tasks may be named by its import path, whose code would run with the rights of the
    server's owner.

    Raises InputError as ``trusted`` does.
    """
    return trusted(SETTING)


def trusted(setting: str) -> bool:
    """Whether visitors may do what this setting is about.

    By default where the server listens on loopback alone, so that only this machine's users reach it. Streamlit without an
    address listens on every interface. Raises InputError for a setting that is neither on nor off.
    """
    asked = os.environ.get(setting, "").strip().lower()
    if not asked:
        return own_machine()
    if asked not in ANSWERS:
        raise InputError(
            tr("{setting} is '{asked}'.", setting=setting, asked=asked),
            tr("Set it to on or off, or leave it out."),
            setting,
        )
    return ANSWERS[asked]


def refusal(config: dict) -> dict[str, str]:
    """Why a config of plain values may not be launched from a page of this server, by path; empty if it may."""
    found = {}
    if config["model"].get("name") == "module" and not own_networks():
        found["model"] = tr(NO_NETWORKS, setting=SETTING)
    if config["family"].get("extractor") and not own_networks():
        found["family.extractor"] = tr(NO_NETWORKS, setting=SETTING)
    if config["family"].get("make_task") and not own_networks():
        found["family.make_task"] = tr(NO_ENVIRONMENTS, setting=SETTING)
    for name, folder in FOLDERS.items():
        if outside(str(config["family"].get(name, ""))) and not trusted(FILES):
            text = tr("Files outside of the data-set folder are switched off on this server.")
            found[f"family.{name}"] = tr(
                "{text} Put it into its folder {folder}, or set {files}=on.", text=text, folder=folder, files=FILES
            )
    return found


def refused(runs: Iterable[Run]) -> str:
    """Why a page of this server may not have these runs compute anything; empty if it may."""
    return next((text for run in runs for text in refusal(run.config).values()), "")


def outside(file: str) -> bool:
    """Whether a family's file may lie anywhere: one that is named without a folder above lies among the data sets."""
    path = PurePath(file.strip())
    return path.is_absolute() or ".." in path.parts


def own_machine() -> bool:
    """Whether only this machine's users reach the server, so that they may have it read folders of theirs."""
    return (st.get_option("server.address") or "") in LOOPBACK
