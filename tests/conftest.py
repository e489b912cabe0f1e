"""What all tests share, also those of other test processes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runs import warm
from core.runs.home import PROJECT, Home


@pytest.fixture(scope="session", autouse=True)
def no_warm_processes() -> None:
    """Hundreds of tests have homes of their own; the processes that would wait in each are for the tests that ask for them."""
    os.environ[warm.SWITCH] = "off"


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def pictures(common: Path) -> Home:
    """A home whose cache of drawn and decoded pictures all share, and the real data sets if they are there."""
    home = Home(common / "pictures", (PROJECT / "../shared/datasets").resolve(), "")
    home.cache.mkdir(parents=True, exist_ok=True)
    return home


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """End the warm process of the fixture ``nursery``, after all test processes."""
    yield
    if "PYTEST_XDIST_WORKER" not in os.environ and hasattr(session.config, "_tmp_path_factory"):
        root = session.config._tmp_path_factory.getbasetemp() / "nursery"
        if root.exists():
            warm.end(Home.find(root))
