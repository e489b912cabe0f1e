"""Whether this server runs networks of their own for those who open its pages."""

from pathlib import Path

import pytest
import streamlit as st

from data import table
from data.errors import InputError
from data.own_texts import OwnTextsConfig
from pages.parts import trust
from tests.core.tiny import values
from tests.data.made_up_texts import made_up_texts


@pytest.mark.parametrize(
    ("address", "asked", "expected"),
    [
        ("127.0.0.1", "", True),
        ("localhost", "", True),
        ("::1", "", True),
        (None, "", False),  # every interface
        ("", "", False),
        ("0.0.0.0", "", False),
        ("192.168.1.5", "", False),
        ("0.0.0.0", "on", True),
        ("127.0.0.1", "off", False),
        ("127.0.0.1", " OFF ", False),
    ],
)
def test_they_run_on_loopback_alone_unless_the_owner_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, address: str | None, asked: str, expected: bool
) -> None:
    monkeypatch.setattr(st, "get_option", lambda name: {"server.address": address}[name])
    monkeypatch.setenv(trust.SETTING, asked)
    assert trust.own_networks() is expected


def test_a_setting_that_is_neither_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trust.SETTING, "maybe")
    with pytest.raises(InputError, match=r"INNERLOOP_OWN_NETWORKS is 'maybe'\. Set it to on or off"):
        trust.own_networks()


@pytest.mark.parametrize("asked", ["on", "off", "maybe"])
def test_the_form_tries_one_only_where_they_are_on(
    app, said, store, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv(trust.SETTING, asked)
    page = app("train", preset="doodles-5w1s")
    page.session_state["train-draft"].values["model"] = {"name": "module", "path": "nets:Net", "arguments": {}}
    page.run()
    assert ("switched off on this server" in said(page)) is (asked == "off")
    assert ("Set it to on or off" in said(page)) is (asked == "maybe")
    assert ("was found. Put its folder" in said(page)) is (asked == "on")
    assert page.button("launch").disabled
    assert store.runs() == []


def test_a_network_of_innerloops_own_is_launched_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trust.SETTING, "off")
    assert trust.refusal(values("sinusoid")) == {}


@pytest.mark.parametrize("asked", ["on", "off"])
def test_environments_of_ones_own_are_code_as_networks_are(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv(trust.SETTING, asked)
    config = values("sinusoid") | {"family": {"name": "environments", "make_task": "tasks:make_task"}}
    assert ("family.make_task" in trust.refusal(config)) is (asked == "off")


@pytest.mark.parametrize(
    ("file", "asked", "expected"),
    [
        ("mine.csv", "off", True),
        ("folder/mine.csv", "off", True),
        ("/etc/passwd.csv", "off", False),
        ("../../mine.csv", "off", False),
        ("a/../../mine.csv", "off", False),
        (" /etc/passwd.csv", "off", False),
        ("/home/me/mine.csv", "on", True),
    ],
)
def test_files_outside_of_the_data_sets_are_read_only_where_the_owner_says_so(
    monkeypatch: pytest.MonkeyPatch, file: str, asked: str, expected: bool
) -> None:
    monkeypatch.setenv(trust.FILES, asked)
    config = values("doodles") | {"family": {"name": "own-texts", "file": file}}
    assert (trust.refusal(config) == {}) is expected
    assert expected or "family.file" in trust.refusal(config)


def test_a_frozen_encoder_runs_no_code_of_its_own_and_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trust.SETTING, "off")
    monkeypatch.setenv(trust.FILES, "off")
    config = values("doodles") | {"family": {"name": "intents", "encoder": "tiny"}}
    assert trust.refusal(config) == {}
    config["family"]["encoder"] = "/home/me/tiny"
    assert "Put it into its folder encoders" in trust.refusal(config)["family.encoder"]


@pytest.mark.parametrize(("networks", "files"), [("on", "on"), ("on", "off"), ("off", "on"), ("off", "off")])
def test_a_frozen_network_is_code_of_ones_own_and_its_weights_are_a_file(
    monkeypatch: pytest.MonkeyPatch, networks: str, files: str
) -> None:
    monkeypatch.setenv(trust.SETTING, networks)
    monkeypatch.setenv(trust.FILES, files)
    own = "family.extractor=nets:make", "family.extractor_weights=/home/me/w.safetensors"
    refused = trust.refusal(values("doodles", *own))
    assert ("Networks of one's own are switched off" in refused.get("family.extractor", "")) is (networks == "off")
    assert ("into its folder weights" in refused.get("family.extractor_weights", "")) is (files == "off")
    assert trust.refusal(values("doodles", "family.extractor_weights=w.safetensors")) == {}


def test_a_refused_file_is_not_looked_at(app, said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = made_up_texts(tmp_path / "secret.csv")
    monkeypatch.setenv(trust.FILES, "off")
    monkeypatch.setattr(table, "read", lambda *_: pytest.fail("read"))
    page = app("train", preset="intents-5w1s-protonet")
    page.session_state["train-draft"].values["family"] = OwnTextsConfig(file=str(path)).model_dump(mode="json")
    page.run()
    assert "Put it into its folder texts" in said(page)
    assert page.button("launch").disabled
