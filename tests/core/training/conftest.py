"""The way that a meta-step takes on a GPU, as far as a processor can go it."""

import pytest

from core.algorithms import forward
from core.models.conv4 import Conv4
from core.training import recording
from core.training.graphed import Graphed
from tests.core.training.graph import again


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way that a learner takes on a GPU, as far as a processor can go it."""
    monkeypatch.setattr(Conv4, "by_pixel", False)
    monkeypatch.setattr(forward, "AS_ONE", ())
    monkeypatch.setattr(forward, "ONE_BY_ONE", ())
    monkeypatch.setattr(
        recording, "repeatable", lambda traced, inputs, *_: Graphed(traced, [i.detach() for i in inputs], again)
    )
