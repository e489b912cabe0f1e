"""Testing trained runs once more for a page: one after the other, each by a process of its own, the results in the store."""

import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.elsewhere import Question, Start, Unanswered, spawned
from core.runs.home import Home
from core.runs.schema import Run
from core.runs.store import RunStore
from data import language
from data.errors import InnerloopError
from data.language import joined, plural, tr

if TYPE_CHECKING:  # brings torch
    from core.training.evaluation import EvaluationResult

Tick = Callable[[float], None]  # share that is done, in [0, 1]

SECONDS = 3600.0  # the most that one test may take
PROGRESS = "progress"  # the file in which a process says how far it is


@dataclass(frozen=True)
class Retest:
    """A test to be. assignments: what is changed of the run's own protocol, as by ``--set``. shots: numbers of them, with each of
    which it is tested; none for as many as the protocol has. done: its share, in [0, 1], None while it waits. problem: why it
    failed; empty if it did not. remark: which shots were left out, and why. language: in which both are said.
    """

    run: int
    assignments: tuple[str, ...]
    shots: tuple[int, ...] = ()
    done: float | None = None
    problem: str = ""
    remark: str = ""
    language: str = field(default_factory=language.current, compare=False)

    @property
    def over(self) -> bool:
        return bool(self.problem or self.remark)


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
        """Those of these runs that wait, are under way, or have failed or left something out."""
        with self._lock:
            found = [self._known[run] for run in runs if run in self._known]
            fraction = _read(self._file)
        return [one if one.done is None or one.over else replace(one, done=fraction) for one in found]

    def _work(self) -> None:
        while (wish := self._next()) is not None:
            with language.speaking(wish.language):
                problem, remark = self._tried(wish)
            with self._lock:
                self._file = None
                if problem or remark:
                    self._known[wish.run] = replace(wish, problem=problem, remark=remark)
                else:
                    del self._known[wish.run]

    def _tried(self, wish: Retest) -> tuple[str, str]:
        """Its problem and its remark."""
        try:
            return "", self._test(wish)
        except InnerloopError as error:
            return str(error), ""
        except Unanswered as error:
            return joined([str(error), tr("The server's log may say more.")]), ""
        except Exception:
            traceback.print_exc()
            return tr("It could not be tested. The server's log says why."), ""

    def _next(self) -> Retest | None:
        with self._lock:
            for run, wish in self._known.items():
                if not wish.over:
                    self._known[run] = replace(wish, done=0.0)
                    return wish
            self._thread = None
            return None

    def _test(self, wish: Retest) -> str:
        with tempfile.TemporaryDirectory(prefix="innerloop-") as folder:
            self._file = Path(folder) / PROGRESS
            asked = {"run": wish.run, "assignments": list(wish.assignments), "shots": list(wish.shots)}
            asked["progress"] = str(self._file)
            start = self.start
            return Question("core.retest:score_here", asked, SECONDS, self.home.environment(), start).answer() or ""


def _read(file: Path | None) -> float:
    """How far the process is, in [0, 1]."""
    with suppress(OSError, ValueError):
        return float(file.read_text()) if file else 0.0
    return 0.0  # it has said nothing yet


def score_here(asked: dict[str, Any]) -> str:
    """Tests in the process that was started for them: their results are stored beside the run's own. Returns what was left out
    and why.
    """
    home, file = Home.find(), Path(asked["progress"])
    store = RunStore(home.database, home.root)
    run = store.get(asked["run"])

    def tick(fraction: float) -> None:
        beside = file.with_suffix(".part")
        beside.write_text(f"{fraction:.3f}")
        beside.replace(file)

    if shots := asked.get("shots"):
        return left_out(with_shots(home, store, run, shots, asked["assignments"], tick)[1])
    keep(home, store, run, asked["assignments"], tick)
    return ""


def with_shots(
    home: Home,
    store: RunStore,
    run: Run,
    shots: Sequence[int],
    assignments: Sequence[str] = (),
    tick: Tick = lambda _: None,
) -> tuple[list["EvaluationResult"], dict[int, str]]:
    """Test the run's checkpoint with each of these numbers of shots, and keep the results; those that its tasks cannot have, or
    its learner cannot read, are left out, and returned with why.
    """
    from core.trained import fitting

    why = {k: fitting(home, run, [*assignments, f"evaluation.k_shot={k}"]) for k in shots}
    able, found = [k for k in shots if not why[k]], []
    for place, k in enumerate(able):
        part = partial(_part, tick, place, len(able))
        found.append(keep(home, store, run, [*assignments, f"evaluation.k_shot={k}"], part))
    return found, {k: text for k, text in why.items() if text}


def _part(tick: Tick, place: int, parts: int, fraction: float) -> None:
    tick((place + fraction) / parts)


def left_out(why: Mapping[int, str]) -> str:
    """``Left out: 10 shots (k_shot + n_query = 25 exceeds …).``; nothing where nothing is."""
    parts = [plural("{n} shot ({why})", "{n} shots ({why})", k, why=text.rstrip(".。")) for k, text in why.items()]
    return tr("Left out: {parts}.", parts=tr(", ").join(parts)) if parts else ""


def keep(home: Home, store: RunStore, run: Run, assignments: Sequence[str], tick: Tick) -> "EvaluationResult":
    """One test, stored beside the run's own."""
    from core.trained import evaluate_run

    result = evaluate_run(home, run, assignments=assignments, tick=tick)
    own = store.evaluations(run.id, split="test")
    iteration = own[0].iteration if own else run.iteration
    store.add_evaluation(
        *(run.id, iteration, result.split, result.metric.name, result.mean, result.ci95),
        episodes=result.episodes,
        non_finite=result.non_finite,
        checkpoint=result.protocol["checkpoint"],
        result=result.as_json(run.id),
        scores=result.scores,
    )
    return result
