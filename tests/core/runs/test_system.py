"""What a run takes of its machine, as metrics."""

from core.runs.system import CPU, GPU, GPU_MEMORY, MEMORY, System, throughput

LOAD = {"cpu_percent": 150.0, "memory": 5e8}


def values(rows: list[tuple[int, float, str, float]]) -> dict[str, float]:
    return {key: value for *_, key, value in rows}


def test_the_first_window_is_where_counting_begins() -> None:
    system = System("tasks", 4)
    assert system.rows(1, 7.0, LOAD) == []
    rows = system.rows(11, 9.0, LOAD)
    assert {row[:2] for row in rows} == {(11, 9.0)}
    assert values(rows) == {CPU: 150.0, MEMORY: 5e8, "system/tasks_per_second": 20.0}


def test_a_gpu_has_curves_of_its_own_as_far_as_it_says_something() -> None:
    system = System("examples", 8)
    system.rows(1, 0.0, {})
    told = LOAD | {"gpu_percent": None, "gpu_memory": 2e9, "gpu_memory_total": 8e9}
    found = values(system.rows(2, 1.0, told))
    assert GPU not in found and found[GPU_MEMORY] == 2e9
    assert found[throughput("examples")] == 8.0


def test_a_process_that_cannot_be_asked_leaves_its_throughput_alone() -> None:
    system = System("tasks", 1)
    system.rows(1, 0.0, {})
    assert values(system.rows(3, 2.0, {})) == {"system/tasks_per_second": 1.0}


def test_points_come_as_windows_do_and_ever_more_seldom() -> None:
    for seconds, most in ((600, 600), (36_000, 3000)):
        system = System("tasks", 1)
        written = [iteration for iteration in range(seconds) if system.rows(iteration, float(iteration), LOAD)]
        assert most / 2 < len(written) <= most
        assert written[:3] == [1, 2, 3]
