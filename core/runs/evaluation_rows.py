"""What runs scored on frozen episodes: a row an evaluation, and each episode's score beside it."""

import time
import zlib
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from sqlalchemy import and_, delete, insert, or_, select

from core.runs.database import Database
from core.runs.schema import Evaluation, Score, evaluations, storable

_LIGHT = [evaluations.c[field.name] for field in fields(Score)]
_SHOWN = [column for column in evaluations.c if column.name != "scores"]


class EvaluationRows:
    """The part of the store that keeps evaluations."""

    database: Database

    def add_evaluation(
        self,
        id: int,
        iteration: int,
        split: str,
        metric: str,
        mean: float,
        ci95: float,
        *,
        episodes: int,
        non_finite: int = 0,
        checkpoint: str = "",
        result: dict[str, Any] | None = None,
        scores: np.ndarray | None = None,
    ) -> None:
        """Record an evaluation (see Evaluation for the fields) in place of an older one of the same checkpoint, iteration
        and split: a run that is resumed in its final test scores its tuned checkpoint again. A test under another protocol
        stays beside it. scores: (episodes,) after the last inner step.
        """
        values = {"run_id": id, "iteration": iteration, "split": split, "metric": metric, "mean": mean, "ci95": ci95}
        values |= {"episodes": episodes, "non_finite": non_finite, "checkpoint": checkpoint, "result": result}
        with self.database.writing() as connection:
            same = (evaluations.c[name] == values[name] for name in ("run_id", "iteration", "split", "checkpoint"))
            older = connection.execute(select(evaluations.c.id, evaluations.c.result).where(*same)).tuples().all()
            protocol = _protocol(storable(result))
            replaced = [number for number, one in older if split != "test" or _protocol(one) == protocol]
            connection.execute(delete(evaluations).where(evaluations.c.id.in_(replaced)))
            unseen = {"created": time.time(), "scores": None if scores is None else pack(scores)}
            connection.execute(insert(evaluations).values(storable(values) | unseen))

    def evaluations(self, id: int, split: str | None = None, *, after: int = 0) -> list[Evaluation]:
        """The evaluations of a run, oldest first; only those whose number is beyond ``after``."""
        query = select(*_SHOWN).where(evaluations.c.run_id == id, evaluations.c.id > after).order_by(evaluations.c.id)
        if split is not None:
            query = query.where(evaluations.c.split == split)
        with self.database.reading() as connection:
            return [Evaluation(**row) for row in connection.execute(query).mappings()]

    def evaluation(self, evaluation: int) -> Evaluation | None:
        """One evaluation by its number; None if it is no more."""
        with self.database.reading() as connection:
            row = connection.execute(select(*_SHOWN).where(evaluations.c.id == evaluation)).mappings().one_or_none()
        return None if row is None else Evaluation(**row)

    def curves(self, numbers: Collection[int]) -> dict[int, list[dict[str, Any]]]:
        """The scores after each inner step of these evaluations, by number; of one that kept none there is an empty list."""
        query = select(evaluations.c.id, evaluations.c.result).where(evaluations.c.id.in_(numbers))
        with self.database.reading() as connection:
            return {number: (result or {}).get("curve") or [] for number, result in connection.execute(query)}

    def validations_after(self, lasts: Mapping[int, int]) -> dict[int, list[Score]]:
        """Several runs' validations beyond the one that is known of each, oldest first; no curve or protocol is decoded.

        lasts: the number of the known one by run, 0 for none. Runs without a new one are left out.
        """
        newer = or_(*(and_(evaluations.c.run_id == run, evaluations.c.id > last) for run, last in lasts.items()))
        query = select(evaluations.c.run_id, *_LIGHT).where(evaluations.c.split == "val", newer)
        found: dict[int, list[Score]] = {}
        with self.database.reading() as connection:
            for run, *row in connection.execute(query.order_by(evaluations.c.id)):
                found.setdefault(run, []).append(Score(*row))
        return found

    def scores(self, evaluation: int) -> np.ndarray | None:
        """The score of each episode after the last inner step, (episodes,) float32 in the order of the frozen episodes, by the
        evaluation's number; NaN where it was not finite.

        Two evaluations of the same ``episodes_sha256`` were asked the same questions in the same order, so that their scores
        can be compared in pairs. None for an evaluation without: those of 0.1 kept none.
        """
        query = select(evaluations.c.scores).where(evaluations.c.id == evaluation)
        with self.database.reading() as connection:
            blob = connection.execute(query).scalar_one_or_none()
        return None if blob is None else unpack(blob)


def _protocol(result: dict[str, Any] | None) -> dict[str, Any]:
    return (result or {}).get("protocol", {})


def pack(scores: np.ndarray) -> bytes:
    """(episodes,) as float32, little-endian, compressed: 600 accuracies of 75 queries each take 0.5 to 1.1 kB."""
    plain = np.where(np.isfinite(scores), scores, np.nan).astype("<f4")
    return zlib.compress(plain.tobytes())


def unpack(blob: bytes) -> np.ndarray:
    """What ``pack`` was given, as (episodes,) float32."""
    return np.frombuffer(zlib.decompress(blob), "<f4").astype(np.float32)
