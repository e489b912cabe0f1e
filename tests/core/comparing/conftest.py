"""What the tests of comparing share: a store that is empty."""

from pathlib import Path

import pytest

from core.runs.store import RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path}/innerloop.db")
