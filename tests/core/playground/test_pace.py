"""How fast one session may ask."""

import pytest

from core.playground.pace import MOST, SECONDS, Pace
from data.errors import InputError


def test_a_question_too_many_is_refused_until_there_is_time_for_it() -> None:
    at = [0.0]
    pace = Pace(lambda: at[0])
    for number in range(MOST):
        at[0] = SECONDS / 2 * number / MOST
        pace.ask()
    for _ in range(3):
        with pytest.raises(InputError, match="questions came"):
            pace.ask()
    at[0] = SECONDS
    pace.ask()
