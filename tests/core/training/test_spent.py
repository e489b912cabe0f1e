"""Where the time goes: each second to one thing at most."""

from core.training.spent import Spent


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_done_inside_is_not_counted_outside() -> None:
    clock = Clock()
    spent = Spent(clock=clock)
    clock.now = 5.0  # before anything began
    with spent.on("training"):
        clock.now += 3.0
        with spent.on("writing"):
            clock.now += 0.5
        with spent.on(None):
            clock.now += 100.0
        clock.now += 1.0
        assert spent.so_far()["training"] == 4.0
    clock.now += 50.0
    assert spent.so_far() == {"data": 0.0, "training": 4.0, "validation": 0.0, "writing": 0.5}


def test_what_is_drawn_in_training_counts_as_data() -> None:
    clock = Clock()
    spent = Spent(clock=clock)

    def draw(tasks: int) -> int:
        clock.now += 1.5
        return tasks

    with spent.on("training"):
        clock.now += 2.0
        assert spent.drawing(draw)(7) == 7
    assert spent.so_far() == {"data": 1.5, "training": 2.0, "validation": 0.0, "writing": 0.0}


def test_an_error_ends_what_was_counted() -> None:
    clock = Clock()
    spent = Spent(clock=clock)
    try:
        with spent.on("validation"):
            clock.now += 2.0
            raise ValueError
    except ValueError:
        clock.now += 10.0
    assert spent.so_far()["validation"] == 2.0


def test_earlier_attempts_count_too() -> None:
    clock = Clock()
    spent = Spent({"data": 1.0, "training": 10.0}, clock)
    with spent.on("training"):
        clock.now += 4.0
    assert spent.so_far() == {"data": 1.0, "training": 14.0, "validation": 0.0, "writing": 0.0}
