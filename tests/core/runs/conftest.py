"""What the store's tests share: an empty database of either kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine

from tests.core.runs import postgres

_numbers = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """PostgreSQL, started for the first test that asks for it."""
    if reason := postgres.absent():
        pytest.skip(reason)
    with postgres.serving() as address:
        yield address


@contextmanager
def empty_database(server: URL) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield server.set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")  # whoever may still be connected
    engine.dispose()


@pytest.fixture
def postgres_url(server: URL) -> Iterator[str]:
    """The address of a database of its own on PostgreSQL."""
    with empty_database(server) as address:
        yield address


@pytest.fixture
def second_postgres_url(server: URL) -> Iterator[str]:
    """Another one."""
    with empty_database(server) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'innerloop.db'}"
    return request.getfixturevalue("postgres_url")
