"""What all tests share."""

import os

import pytest

from core.runs.warm import SWITCH


@pytest.fixture(scope="session", autouse=True)
def no_warm_processes() -> None:
    """Hundreds of tests have homes of their own; the processes that would wait in each are for the tests that ask for them."""
    os.environ[SWITCH] = "off"
