"""Addresses of databases: what is wrong is said in a sentence, and what is secret is said nowhere."""

import traceback
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from core.errors import StoreError
from core.runs.address import MOST, masked, parse, without_secrets
from core.runs.home import Home
from core.runs.store import RunStore

SECRET = "hunter2%21 &"
ENCODED = "hunter2%2521+%26"
NOWHERE = "/no/such/socket"  # a folder without a server: refused at once, without a network


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", "not the address of a database"),
        ("", "not the address of a database"),
        ("postgresql+psycopg://host:abc/runs", "something else than a number for its port"),
        ("postgresql+psycopg://[::1/runs", "something else than a number for its port"),
        ("postgresql+psycopg://user:pa@ss:word@host/runs", "something else than a number for its port"),
        ("oracle9://x/y", "kind oracle9"),
        ("mysql://x/y", "kind mysql"),
        ("x" * 80_000 + "://x/y", "kind xxx"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:////no/such/folder/x.db?timeout=abc", "could not convert string to float: 'abc'"),
        (f"postgresql+psycopg:///runs?host={NOWHERE}&connect_timeout=abc", "connect_timeout"),
        (f"postgresql+psycopg:///runs?host={NOWHERE}&colour=red", "colour"),
        (f"postgresql+psycopg:///runs?host={NOWHERE}&port=abc", "non-integer port"),
        (f"postgresql+psycopg://:99999999/runs?host={NOWHERE}", "does not answer"),
        (f"postgresql+psycopg:///runs?host={NOWHERE}", "does not answer"),
        ("postgresql+nosuchdriver://host/runs", "cannot be used"),
        ("sqlite+aiosqlite:////no/such/folder/x.db", "cannot be used"),
        ("sqlite:////no/such/folder/runs.db", "cannot be opened"),
        ("sqlite:////no/such/folder/nul%00.db", "cannot be used"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence(address: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        RunStore(address)
    assert caught.value.remedy
    assert len(caught.value.message) < 2 * MOST
    assert "\n" not in caught.value.message


def test_a_wrong_address_is_said_where_the_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNERLOOP_DATABASE", "postgresql+psycopg://host:abc/runs")
    with pytest.raises(StoreError, match="for its port"):
        Home.find(tmp_path)


SECRETIVE = [
    f"postgresql+psycopg://me:{ENCODED}@/runs?host={NOWHERE}",
    f"postgresql+psycopg:///runs?host={NOWHERE}&password={ENCODED}",
    f"postgresql+psycopg:///runs?host={NOWHERE}&sslpassword={ENCODED}",
    f"postgresql+psycopg:///runs?host={NOWHERE}&service={ENCODED}",
    f"postgresql+psycopg:///runs?host={NOWHERE}&passfile={ENCODED}",
    f"postgresql+psycopg:///runs?host={NOWHERE}&options={ENCODED}",
    f"postgresql+psycopg:///runs?host={NOWHERE}&passwort={ENCODED}",
    f"postgresql+psycopg:///runs?host={NOWHERE}&connect_timeout=x&keepalives={ENCODED}",
    f"postgresql+psycopg://me:a@:{ENCODED}/runs",
]


@pytest.mark.parametrize("address", SECRETIVE)
def test_no_error_and_no_traceback_holds_a_password(address: str) -> None:
    with pytest.raises(StoreError) as caught:
        RunStore(address)
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    for form in (SECRET, ENCODED, "hunter2"):
        assert form not in said.replace(f"RunStore({address!r})", "")


@pytest.mark.parametrize("address", SECRETIVE[:-1])
def test_an_address_is_shown_without_secrets_and_still_tells_where(address: str, tmp_path: Path) -> None:
    for text in (masked(make_url(address)), repr(Home(tmp_path, tmp_path, address))):
        assert "hunter2" not in text
    assert "/runs?" in masked(make_url(address))
    assert NOWHERE.replace("/", "%2F") in masked(make_url(address))


def test_a_password_in_a_drivers_message_is_masked() -> None:
    url = URL.create("postgresql+psycopg", "me", "a", "host", 1, "runs", {"sslpassword": SECRET})
    message = f'connection to "host" failed:\n  bad a in {SECRET!r}, also {ENCODED}\tand banana.\n'
    assert without_secrets(message, url) == "connection to \"host\" failed: bad *** in '***', also *** and banana"
    assert len(without_secrets("x" * 100_000, url)) <= MOST + 1


def test_the_address_of_a_usual_server_is_left_as_it_is() -> None:
    address = "postgresql+psycopg://me@host:5432/runs?connect_timeout=3&sslmode=require"
    assert masked(parse(address)) == address
