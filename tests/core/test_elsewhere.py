"""Asking another process: its answer, its error, its death, and that nothing of it is left."""

import os
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from core import elsewhere
from core.elsewhere import Cancelled, Died, Question, Refused, TookTooLong
from data.language import ENGLISH, speaking
from tests.waiting import wait_until

HERE = "tests.core.errands"
LONG = 300.0


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_an_answer_comes_from_a_process_at_the_head_of_its_group() -> None:
    assert Question(f"{HERE}:double", 21, LONG).answer() == 42
    value, pid, group = Question(f"{HERE}:surroundings", "COLOUR", LONG, {"COLOUR": "blue"}).answer()
    assert (value, pid == group, pid != os.getpid()) == ("blue", True, True)


def test_the_process_speaks_the_language_in_which_it_is_asked() -> None:
    with speaking("zh"):
        question = Question(f"{HERE}:spoken", None, LONG)
    assert question.answer() == "zh" and Question(f"{HERE}:spoken", None, LONG).answer() == ENGLISH


def test_an_error_keeps_its_words() -> None:
    with pytest.raises(Refused, match="Too much") as caught:
        Question(f"{HERE}:refuse", "Too much.", LONG).answer()
    assert (caught.value.remedy, caught.value.path) == ("Ask for less.", "training.iterations")


@pytest.mark.parametrize(
    ("name", "asked", "how"), [("end", 3, "with code 3"), ("crash", None, "by signal 11 (SIGSEGV)")]
)
def test_a_process_that_ends_without_an_answer_has_died(name: str, asked: int | None, how: str) -> None:
    with pytest.raises(Died) as caught:
        Question(f"{HERE}:{name}", asked, LONG).answer()
    assert caught.value.how == how


def test_one_that_is_cancelled_ends_with_all_that_it_started(tmp_path: Path) -> None:
    question, ended = Question(f"{HERE}:hang", str(tmp_path / "begun"), LONG), []

    def ask() -> None:
        with pytest.raises(Cancelled):
            question.answer()
        ended.append(True)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until((tmp_path / "begun").exists, timeout=LONG)
    child = int((tmp_path / "begun").read_text())
    assert not gone(child)
    question.cancel()
    asking.join(LONG)
    assert ended == [True]
    wait_until(lambda: gone(child), timeout=LONG)


def test_one_that_was_cancelled_before_is_never_started() -> None:
    def start(*_: object) -> None:
        raise AssertionError("it is not to be started")

    question = Question(f"{HERE}:double", 1, LONG, start=start)
    question.cancel()
    with pytest.raises(Cancelled):
        question.answer()


def test_one_that_takes_too_long_is_ended() -> None:
    class Late:
        pid = 2**22 + 1  # beyond any that there is

        def wait(self, timeout: float | None = None) -> int:
            if timeout is None:
                return -9
            raise subprocess.TimeoutExpired("late", timeout)

    with pytest.raises(TookTooLong, match="within 7 s"):
        Question(f"{HERE}:double", 1, 7.0, start=lambda *_: Late()).answer()


def test_it_ends_by_itself_once_the_time_of_its_question_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms: list[int] = []
    monkeypatch.setattr(
        elsewhere.signal, "alarm", alarms.append
    )  # which would end this process, and all its other tests
    (tmp_path / elsewhere.QUESTION).write_text('{"asked": 4, "seconds": 6.5}')
    elsewhere.end_in_time(tmp_path)
    assert alarms == [7 + elsewhere.GRACE]


def test_the_answer_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / elsewhere.QUESTION).write_text('{"asked": 4, "seconds": 500}')
    elsewhere.answer(f"{HERE}:double", tmp_path)
    assert (tmp_path / elsewhere.ANSWER).read_text() == '{"answer": 8}'
    assert sorted(file.name for file in tmp_path.iterdir()) == [elsewhere.ANSWER, elsewhere.QUESTION]
