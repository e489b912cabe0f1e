"""The figure of cost against work, from made-up numbers."""

from benchmarks.cost import AXES, BASE, MIB, Cost, figure, workload


def test_every_axis_has_a_column_whose_curve_goes_through_the_base() -> None:
    costs = {axis: [Cost(0.001 * value, value * MIB) for value in values] for axis, (_, _, values) in AXES.items()}
    drawn = figure(costs, "light", "made up")
    rings = [trace for trace in drawn.data if trace.marker.symbol == "circle-open"]
    assert [ring.x[0] for ring in rings] == [base for _, base, _ in AXES.values() for _ in range(2)]
    assert all(ring.y[0] == ring.x[0] for ring in rings)  # ms above, MiB below, both as large as what grows
    titles = {axis.title.text for axis in drawn.select_xaxes()}
    assert titles >= {title for title, _, _ in AXES.values()}


def test_what_is_measured_is_what_the_axes_say() -> None:
    config = workload(**BASE | {"n_way": 20, "inner_steps": 8}).config
    assert (config["algorithm"]["inner_steps"], config["model"]["filters"]) == (8, 64)
    assert workload(**BASE | {"n_way": 20}).family["n_way"] == 20
