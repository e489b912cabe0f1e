"""Whom this server trusts: whether those who open its pages may have it run networks of their own, see SECURITY.md."""

import os

import streamlit as st

from data.errors import InputError

SETTING = "INNERLOOP_OWN_NETWORKS"
ANSWERS = {"on": True, "off": False}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def own_networks() -> bool:
    """Whether a network may be named by its import path, whose code would run with the rights of the server's owner.

    By default where the server listens on loopback alone, so that only this machine's users reach it. Streamlit without an
    address listens on every interface. Raises InputError for a setting that is neither on nor off.
    """
    asked = os.environ.get(SETTING, "").strip().lower()
    if not asked:
        return (st.get_option("server.address") or "") in LOOPBACK
    if asked not in ANSWERS:
        raise InputError(f"{SETTING} is '{asked}'.", "Set it to on or off, or leave it out.", SETTING)
    return ANSWERS[asked]


def refusal(config: dict) -> str:
    """Why a config of plain values may not be launched from a page of this server; empty if it may."""
    if config["model"].get("name") != "module" or own_networks():
        return ""
    return f"Networks of one's own are switched off on this server. Launch the run from its command line, or set {SETTING}=on."
