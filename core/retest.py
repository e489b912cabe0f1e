"""Testing trained runs once more for a page: one after the other, each by a process of its own, the results in the store."""

import tempfile
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.elsewhere import Question, Start, Unanswered, spawned
from core.runs.home import Home
from core.runs.store import RunStore
from data.errors import InnerloopError

SECONDS = 3600.0  # the most that one test may take
PROGRESS = "progress"  # the file in which a process says how far it is


@dataclass(frozen=True)
class Retest:
    """A test to be. assignments: what is changed of the run's own protocol, as by ``--set``. done: its share, in [0, 1], None
    while it waits. problem: why it failed; empty if it did not.
    """

    run: int
    assignments: tuple[str, ...]
    done: float | None = None
    problem: str = ""

    @property
    def over(self) -> bool:
        return bool(self.problem)


class Retests:
    """All that this server has had tested again. Any thread may ask; its own thread lives as long as one waits.

    start: how processes are made.
    """

    def __init__(self, home: Home, start: Start = spawned):
        self.home, self.start, self._lock = home, start, threading.Lock()
        self._known: dict[int, Retest] = {}  # by run, in the order in which they are asked for
        self._file: Path | None = None
        self._thread: threading.Thread | None = None

    def ask(self, wishes: Sequence[Retest]) -> None:
        """Have these tested, each run once. One that waits or is under way is not asked for twice. Returns at once."""
        with self._lock:
            for wish in wishes:
                known = self._known.get(wish.run)
                if known is None or known.over:
                    self._known.pop(wish.run, None)
                    self._known[wish.run] = wish
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="retests", daemon=True)
                self._thread.start()

    def of(self, runs: Sequence[int]) -> list[Retest]:
        """Those of these runs that wait, are under way, or have failed."""
        with self._lock:
            found = [self._known[run] for run in runs if run in self._known]
            fraction = _read(self._file)
        return [one if one.done is None or one.over else replace(one, done=fraction) for one in found]

    def _work(self) -> None:
        while (wish := self._next()) is not None:
            problem = ""
            try:
                self._test(wish)
            except InnerloopError as error:
                problem = str(error)
            except Unanswered as error:
                problem = f"{error} The server's log may say more."
            except Exception:
                traceback.print_exc()
                problem = "It could not be tested. The server's log says why."
            with self._lock:
                self._file = None
                if problem:
                    self._known[wish.run] = replace(wish, problem=problem)
                else:
                    del self._known[wish.run]

    def _next(self) -> Retest | None:
        with self._lock:
            for run, wish in self._known.items():
                if not wish.over:
                    self._known[run] = replace(wish, done=0.0)
                    return wish
            self._thread = None
            return None

    def _test(self, wish: Retest) -> None:
        with tempfile.TemporaryDirectory(prefix="innerloop-") as folder:
            self._file = Path(folder) / PROGRESS
            asked = {"run": wish.run, "assignments": list(wish.assignments), "progress": str(self._file)}
            Question("core.retest:score_here", asked, SECONDS, self.home.environment(), self.start).answer()


def _read(file: Path | None) -> float:
    """How far the process is, in [0, 1]."""
    with suppress(OSError, ValueError):
        return float(file.read_text()) if file else 0.0
    return 0.0  # it has said nothing yet


def score_here(asked: dict[str, Any]) -> None:
    """One test in the process that was started for it: its result is stored beside the run's own."""
    from core.trained import evaluate_run

    home, file = Home.find(), Path(asked["progress"])
    store = RunStore(home.database, home.root)
    run = store.get(asked["run"])

    def tick(fraction: float) -> None:
        beside = file.with_suffix(".part")
        beside.write_text(f"{fraction:.3f}")
        beside.replace(file)

    result = evaluate_run(home, run, assignments=asked["assignments"], tick=tick)
    own = store.evaluations(run.id, split="test")
    store.add_evaluation(
        *(
            run.id,
            own[0].iteration if own else run.iteration,
            result.split,
            result.metric.name,
            result.mean,
            result.ci95,
        ),
        episodes=result.episodes,
        non_finite=result.non_finite,
        checkpoint=result.protocol["checkpoint"],
        result=result.as_json(run.id),
        scores=result.scores,
    )
