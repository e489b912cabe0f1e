"""Forecasts measured behind the pages' back: one at a time, and for each page only the one it asked for last."""

import math
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.config.run import RunConfig
from core.costs import Costs, key_of
from core.elsewhere import Cancelled, Question, Start, spawned
from core.forecast import Forecast, Forecaster, ProbeError
from core.runs.warm import PATIENCE
from data import language
from data.errors import InnerloopError
from data.language import tr
from data.places import Folders

PAUSE = 0.6  # seconds for which a page may change its mind before a process is started
LOOK = 0.2  # seconds between two looks whether that one is there, or whether a page still is
GONE = 10.0  # seconds after which a page that has not asked again counts as closed: one that waits asks every second or oftener


@dataclass(frozen=True)
class Wish:
    """What a page wants to know. due: by the monotonic clock, when its measuring may begin.

    language: in which it is told why that failed.
    """

    owner: str
    config: RunConfig
    slot: str
    due: float
    language: str


class ForecastLine:
    """Any thread may ask. Its own thread lives as long as somebody waits.

    pause: see PAUSE. coming: whether a process is about to be there that makes ``start`` quick; two that import torch at once
    would both be late.
    """

    def __init__(
        self,
        costs: Costs,
        folders: Folders,
        start: Start = spawned,
        pause: float = PAUSE,
        coming: Callable[[], bool] = lambda: False,
    ):
        self.forecaster = Forecaster(costs, folders, self._ask, start)
        self.pause, self.coming, self._changed = pause, coming, threading.Condition()
        self._wishes: dict[str, Wish] = {}  # by owner, in the order in which they are measured
        self._seen: dict[str, float] = {}  # when each of them asked last, by the monotonic clock
        self._now: Wish | None = None
        self._question: Question | None = None
        self._thread: threading.Thread | None = None

    def known(self, config: RunConfig, slot: str) -> Forecast | None:
        """What can be said at once, see ``Forecaster.known``. Raises ProbeError where measuring failed."""
        return self.forecaster.known(config, slot)

    def want(self, owner: str, config: RunConfig, slot: str) -> None:
        """Have it measured, instead of what the same page wanted before. Returns at once."""
        if self.measures(owner, config, slot):
            return
        with self._changed:
            self._leave(owner)
            self._wishes[owner] = Wish(owner, config, slot, time.monotonic() + self.pause, language.current())
            self._seen[owner] = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="forecasts", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def measures(self, owner: str, config: RunConfig, slot: str) -> bool:
        """Whether this is what the page waits for. It has to ask from time to time, see GONE, or it is measured for nobody."""
        with self._changed:
            wish = self._wishes.get(owner)
            if wish is not None:
                self._seen[owner] = time.monotonic()
        return wish is not None and key_of(wish.config, wish.slot) == key_of(config, slot)

    def leave(self, owner: str) -> None:
        """The page does not want to know any more."""
        with self._changed:
            self._leave(owner)
            self._changed.notify_all()

    def _leave(self, owner: str) -> None:
        self._wishes.pop(owner, None)
        self._seen.pop(owner, None)
        if self._now is not None and self._now.owner == owner and self._question is not None:
            self._question.cancel()

    def _work(self) -> None:
        while (wish := self._next()) is not None:
            try:
                with language.speaking(wish.language):
                    self._measure(wish)
            finally:
                self._done(wish)

    def _measure(self, wish: Wish) -> None:
        try:
            self.forecaster.forecast(wish.config, wish.slot)
        except (Cancelled, InnerloopError):
            pass  # nobody wants to know, or the reason is kept beside the measurements
        except Exception:
            traceback.print_exc()
            error = ProbeError(tr("It could not be found out what this takes."), tr("The server's log says why."))
            self.forecaster.costs.put(key_of(wish.config, wish.slot), error)

    def _next(self) -> Wish | None:
        """The first wish in line once it is due; None, and the thread ends, where nobody waits."""
        with self._changed:
            while self._wishes:
                wish = next(iter(self._wishes.values()))
                if self._closed(wish.owner):
                    self._leave(wish.owner)
                    continue
                left = wish.due - time.monotonic()
                if left <= 0 and (left < -PATIENCE or not self.coming()):
                    self._now = wish
                    return wish
                self._changed.wait(left if left > 0 else LOOK)
            self._thread = None
            return None

    def _done(self, wish: Wish) -> None:
        with self._changed:
            self._now = None
            if self._wishes.get(wish.owner) is wish:
                self._leave(wish.owner)

    def _closed(self, owner: str) -> bool:
        return time.monotonic() - self._seen.get(owner, -math.inf) > GONE

    def _ask(self, question: Question) -> Any:
        with self._changed:
            wish = self._now
            if wish is None or self._wishes.get(wish.owner) is not wish:
                raise Cancelled
            self._question = question
        answered = threading.Event()
        threading.Thread(target=self._watch, args=(wish.owner, answered), name="forecast's page", daemon=True).start()
        try:
            return question.answer()
        finally:
            answered.set()
            with self._changed:
                self._question = None

    def _watch(self, owner: str, answered: threading.Event) -> None:
        """End what is being measured once the page that wants it has been closed: no browser says goodbye."""
        while not answered.wait(LOOK):
            with self._changed:
                if self._closed(owner):
                    self._leave(owner)
                    return
