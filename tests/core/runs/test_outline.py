"""The outline in a run's row is the thinned curve, whatever the portions in which the curve came and was cut back."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.outline import MOST, QUERY_LOSS, Outline
from core.runs.store import RunStore


def thinned(curve: list[float]) -> list[float]:
    """By hand: means of so many consecutive finite values, a power of two, that there are fewer than MOST whole ones."""
    finite = [value for value in curve if math.isfinite(value)]
    every = next(2**k for k in range(64) if len(finite) // 2**k < MOST)
    return [float(np.mean(finite[start : start + every])) for start in range(0, len(finite), every)]


@given(st.lists(st.lists(st.floats(0.0, 1e3) | st.none(), max_size=300), max_size=8))
def test_an_outline_does_not_depend_on_the_portions(portions: list[list[float | None]]) -> None:
    outline = Outline()
    for portion in portions:
        outline = outline.extended(portion)
    whole = [math.nan if value is None else value for portion in portions for value in portion]
    assert outline.line == pytest.approx(thinned(whole), rel=1e-4, abs=1e-9)
    assert len(outline.line) <= MOST


@pytest.fixture
def store(url: str, tmp_path: Path) -> RunStore:
    return RunStore(url, tmp_path)


def drawn(store: RunStore, run: int) -> list[float]:
    return Outline.from_json(store.get(run).outline).line


def test_the_row_follows_what_is_appended_cut_back_and_resumed(store: RunStore, tmp_path: Path) -> None:
    run = store.create({}, "a", folder_root=tmp_path / "runs", datasets=tmp_path).id
    assert store.get(run).outline is None
    loss = [math.nan if i % 50 == 7 else 2.0 + math.cos(i / 90) for i in range(1000)]

    def measure(start: int, end: int) -> None:
        for first in range(start, end, 30):
            keys = (("train/support_loss", 9.0), (QUERY_LOSS, None))
            rows = [(i, 0.1, key, value or loss[i]) for i in range(first, min(first + 30, end)) for key, value in keys]
            store.add_metrics(run, rows)

    measure(0, 1000)
    assert drawn(store, run) == pytest.approx(thinned(loss), rel=1e-4)
    store.truncate_after(run, 333)
    assert drawn(store, run) == pytest.approx(thinned(loss[:334]), rel=1e-4)
    measure(334, 700)
    assert drawn(store, run) == pytest.approx(thinned(loss[:700]), rel=1e-4)
    store.truncate_after(run, -1)
    assert drawn(store, run) == []


def test_what_is_not_a_query_loss_leaves_the_row_alone(store: RunStore, tmp_path: Path) -> None:
    run = store.create({}, "a", folder_root=tmp_path / "runs", datasets=tmp_path).id
    store.add_metrics(run, [(1, 0.1, "train/support_loss", 3.0)])
    assert store.get(run).outline is None
