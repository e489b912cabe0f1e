"""What is said of launches, and the machine's other work meanwhile."""

import psutil

from benchmarks.busy import busy
from benchmarks.launching import Answered, in_words, usable


def test_launches_are_summed_up_by_their_medians_and_those_without_an_answer_are_counted() -> None:
    answers = [Answered(1.0, 4.0), Answered(3.0, None), Answered(1.5, 6.0)]
    assert in_words(answers) == (
        "first live point 1.5 s (1.0 to 3.0), first validation score 5.0 s (4.0 to 6.0), 1 not within 300 s"
    )
    assert "first validation score never" in in_words([Answered(1.0, None)])


def test_busy_processes_end_with_what_they_disturb() -> None:
    with busy(2):
        spinning = [child for child in psutil.Process().children() if "while True: pass" in child.cmdline()]
        assert len(spinning) == 2
    assert not any(process.is_running() for process in spinning)


def test_a_preset_without_its_data_is_not_usable(tmp_path) -> None:
    assert usable("doodles-5w1s", tmp_path)
    assert not usable("omniglot-5w1s-quick", tmp_path)
