"""The figure of cost against work, from made-up numbers."""

import pytest

from benchmarks.cost import AXES, BASE, MIB, Cost, figure, workload
from benchmarks.workloads import config_of


def test_every_axis_has_a_column_whose_curve_goes_through_the_base() -> None:
    costs = {axis: [Cost(0.001 * value, value * MIB) for value in values] for axis, (_, _, values) in AXES.items()}
    drawn = figure(costs, "light", "made up")
    rings = [trace for trace in drawn.data if trace.marker.symbol == "circle-open"]
    assert [ring.x[0] for ring in rings] == [base for _, base, _ in AXES.values() for _ in range(2)]
    assert all(ring.y[0] == ring.x[0] for ring in rings)  # ms above, MiB below, both as large as what grows
    titles = {axis.title.text for axis in drawn.select_xaxes()}
    assert titles >= {title for title, _, _ in AXES.values()}


@pytest.mark.parametrize(
    ("axis", "value"), [(axis, value) for axis, (_, _, values) in AXES.items() for value in values]
)
def test_every_point_is_a_config_that_can_run(axis: str, value: int) -> None:
    config = config_of(workload(**BASE | {axis: value}))
    assert config.family.n_query == 5


def test_what_is_measured_is_what_the_axes_say() -> None:
    config = workload(**BASE | {"n_way": 20, "inner_steps": 8}).config
    assert (config["algorithm"]["inner_steps"], config["model"]["filters"]) == (8, 64)
    assert workload(**BASE | {"n_way": 20}).family["n_way"] == 20
