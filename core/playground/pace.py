"""How fast one session may ask."""

import time
from collections import deque
from collections.abc import Callable

from data.errors import InputError
from data.language import tr

MOST, SECONDS = 60, 10.0  # questions, in any such stretch of time: more than a hand has strokes


class Pace:
    """Counts a session's questions. now: seconds on a clock that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now, self._asked = now, deque[float](maxlen=MOST)

    def ask(self) -> None:
        """Raises InputError for a question too many, which then does not count."""
        now = self._now()
        if len(self._asked) == MOST and now - self._asked[0] < SECONDS:
            text = tr("More than {n} questions came in {seconds:g} seconds.", n=MOST, seconds=SECONDS)
            raise InputError(text, tr("Wait a moment, and draw on."))
        self._asked.append(now)
