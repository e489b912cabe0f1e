"""The address of the store's database: read with a sentence for what is wrong in it, and shown without its secrets."""

import re
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from core.errors import StoreError

REMEDY = "Use sqlite:////absolute/file.db, or postgresql+psycopg://user@host/name with psycopg installed."
# Parts of a query that are shown. A driver takes others, and several hold a password or name a file with one.
PLAIN = frozenset(
    {
        "application_name",
        "connect_timeout",
        "dbname",
        "host",
        "hostaddr",
        "mode",
        "port",
        "sslmode",
        "timeout",
        "uri",
        "user",
    }
)
MOST = 300  # characters of a driver's message that are passed on


def parse(address: str) -> URL:
    """The address as SQLAlchemy takes it. StoreError where it is none; it does not repeat it, for it may hold a password."""
    try:
        url = make_url(address)
    except ArgumentError:
        raise StoreError("INNERLOOP_DATABASE is not the address of a database.", REMEDY) from None
    except ValueError:  # what follows the host's colon: a name, half an IPv6 address, a password with an unescaped @
        message = "The database address has something else than a number for its port."
        raise StoreError(message, "Write [::1] around an IPv6 address, and %40 for an @ in a password.") from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"The store cannot be in a database of the kind {_short(url.drivername)}.", REMEDY)
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise StoreError("A database in memory cannot hold the store: no worker could reach it.", REMEDY)
    return url


def masked(url: URL) -> str:
    """The address for people: passwords and whatever else may be secret are masked."""
    query = {key: value if key in PLAIN else "***" for key, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


def without_secrets(text: str, url: URL) -> str:
    """A driver's message in one line, with what ``masked`` masks masked in it too."""
    secrets = [url.password, *(value for key, value in url.query.items() if key not in PLAIN)]
    flat = [part for one in secrets if one for part in ([one] if isinstance(one, str) else one) if part]
    for secret in sorted(
        {form for one in flat for form in (one, quote(one, safe=""), quote_plus(one))}, key=len, reverse=True
    ):
        # A short one stands inside of ordinary words too.
        pattern = re.escape(secret) if len(secret) > 5 else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(pattern, "***", text)
    return _short(" ".join(text.split()).rstrip("."))


def _short(text: str) -> str:
    return text if len(text) <= MOST else f"{text[:MOST]}…"
