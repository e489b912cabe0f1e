"""What all tests share."""

import os

import pytest

from core.runs.home import PROJECT, Home
from core.runs.warm import SWITCH


@pytest.fixture(scope="session", autouse=True)
def no_warm_processes() -> None:
    """Hundreds of tests have homes of their own; the processes that would wait in each are for the tests that ask for them."""
    os.environ[SWITCH] = "off"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose cache of drawn and decoded pictures all test processes share, and the real data sets if they are there."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pictures"
    home = Home(root, (PROJECT / "../shared/datasets").resolve(), "")
    home.cache.mkdir(parents=True, exist_ok=True)
    return home
