"""How a run learned to adapt: a curve at each validation, under axes that stay."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import adaptation
from core.comparing.groups import grouped
from core.config.facts import facts_of
from core.handover.report import drawings, report
from core.plotted import ROOM, encode, y_range
from core.runs.schema import Run
from core.runs.series import ADAPTED, SeriesReader
from core.runs.store import RunStore
from tests.core.tiny import tiny


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(f"sqlite:///{tmp_path / 'runs.db'}")


@pytest.fixture
def read(store: RunStore, tmp_path: Path) -> Callable[..., tuple[Run, SeriesReader]]:
    """A run of tiny ``base`` that was validated at these iterations with these curves, and a reader that knows them."""

    def made(
        *curves: tuple[int, Sequence[dict]], base: str = "doodles", changed: Sequence[str] = (), **columns: object
    ):
        config = tiny(base, *changed)
        places = {"folder_root": tmp_path, "datasets": tmp_path, "facts": facts_of(config).as_json()}
        run = store.create(config.model_dump(mode="json"), "one", **places)
        for iteration, curve in curves:
            validate(store, run, iteration, curve)
        store.update(run.id, **({"best": None} | columns))
        reader = SeriesReader(store)
        reader.poll([run.id])
        return store.get(run.id), reader

    return made


def validate(store: RunStore, run: Run, iteration: int, curve: Sequence[dict]) -> None:
    scored = {"episodes": 9, "checkpoint": f"last@{iteration}", "result": {"curve": curve}}
    store.add_evaluation(run.id, iteration, "val", "accuracy", 0.5, 0.1, **scored)


def curve(*means: float, **also: object) -> list[dict]:
    return [{"step": step, "mean": mean, "ci95": 0.01} | also for step, mean in enumerate(means)]


def test_each_validation_is_a_moment_and_what_it_is_looked_at_beside_is_faint(read):
    curves = ((0, curve(0.2, 0.2)), (1000, curve(0.2, 0.9)), (2000, curve(0.2, 0.8)))
    run, reader = read(*curves, best={"iteration": 1000}, test={"curve": curve(0.2, 0.85)})
    chart = adaptation.chart(run, reader)
    shown = [(trace.name, trace.faint, trace.error is None) for trace in chart.traces]
    faint = [("before meta-learning", True, True), ("newest", True, True)]
    assert shown == [*faint, ("test", False, False)]
    assert [(one.iteration, one.label) for one in chart.moments] == [
        (0, "iteration 0, before meta-learning"),
        (1000, "iteration 1\u202f000, best so far"),
        (2000, "iteration 2\u202f000, newest"),
    ]
    np.testing.assert_allclose([one.trace.y for one in chart.moments], [[20, 20], [20, 90], [20, 80]])
    assert all(one.trace.error is not None for one in chart.moments)


def test_the_y_axis_holds_all_moments_with_their_bars(read):
    run, reader = read((0, curve(0.1, 0.2)), (5, curve(0.3, 0.9)), (9, curve(0.4, 0.5)))
    chart = adaptation.chart(run, reader)
    free = ROOM * (91 - 9)
    np.testing.assert_allclose(encode(chart, 300)["y_range"], [9 - free, 91 + free])
    assert encode(replace(chart, moments=()), 300)["y_range"] is None
    nothing = np.full(2, np.nan)
    traces = [replace(trace, y=nothing, error=None) for trace in chart.traces]
    assert y_range(replace(chart, traces=traces, moments=())) is None


def test_divergence_in_one_validation_draws_all_by_medians_on_a_logarithmic_axis(read):
    calm = {"median": 0.5, "quartiles": [0.2, 0.9], "diverged": 0}
    wild = {"median": 5e9, "quartiles": [0.2, 6e9], "diverged": 3}
    run, reader = read((0, curve(4.0, 1e20, **wild)), (3, curve(4.0, 0.5, **calm)), base="sinusoid")
    chart = adaptation.chart(run, reader)
    assert chart.y_title == "mean squared error, median" and chart.log_y
    assert [one.trace.y.tolist() for one in chart.moments] == [[5e9, 5e9], [0.5, 0.5]]
    low, high = y_range(chart)
    assert low < np.log10(0.5) and high > np.log10(6e9)


def test_a_report_has_the_slider_too(read, store):
    run, _ = read((0, curve(0.2, 0.2)), (3, curve(0.2, 0.4)))
    ((_, _), (heading, chart)) = drawings(grouped([run]), store)
    assert heading.endswith("with 95 % intervals; the slider shows it at each validation")
    assert [one.iteration for one in chart.moments] == [0, 3]
    assert ".moments" in report([run], store) and "offerMoments" in report([run], store)


@pytest.mark.parametrize(
    ("changed", "curves"),
    [
        ((), ((3, curve(0.2, 0.4)),)),
        ((), ((0, curve(0.2)), (3, curve(0.4)))),
        (("algorithm=scratch",), ((0, curve(0.2, 0.3)), (3, curve(0.2, 0.4)))),
    ],
)
def test_without_a_way_from_one_curve_to_another_there_is_nothing_to_choose(read, changed, curves):
    run, reader = read(*curves, changed=changed)
    chart = adaptation.chart(run, reader)
    assert chart.moments == () and encode(chart, 300)["y_range"] is None
    assert not any(trace.faint for trace in chart.traces)


def test_a_run_that_was_never_validated_has_no_chart(read):
    assert adaptation.chart(*read()) is None


def test_many_validations_are_thinned_evenly_and_keep_first_best_and_newest(read, store, monkeypatch):
    run, reader = read(*((10 * one, curve(0.2, 0.4)) for one in range(250)), best={"iteration": 1230})
    found = list(reader.adaptations(run.id, 1230))
    assert found == sorted({*range(0, 2500, 80), 1230, 2490})
    assert len(found) <= ADAPTED + 2
    asked = []
    monkeypatch.setattr(store, "curves", lambda numbers: asked.extend(numbers) or {})
    assert list(reader.adaptations(run.id, 1230)) == found and asked == [], "known curves are not read again"
    validate(store, run, 2500, curve(0.2, 0.5))
    reader.poll([run.id])
    assert list(reader.adaptations(run.id, 1230)) == [*found[:-1], 2500] and asked == []


def test_an_iteration_that_was_validated_again_shows_its_newest_curve(read, store):
    run, reader = read((0, curve(0.2, 0.2)), (3, curve(0.2, 0.4)))
    reader.adaptations(run.id)
    validate(store, run, 3, curve(0.2, 0.6))
    reader.poll([run.id])
    assert [one.trace.y.tolist() for one in adaptation.chart(run, reader).moments] == [[20, 20], [20, 60]]
