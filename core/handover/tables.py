"""What a run measured as tables, for other programs: one row a value, as CSV or Parquet. Free of torch."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.runs.lineage import flat
from core.runs.schema import Evaluation, Run
from core.runs.store import RunStore
from data.language import mark

if TYPE_CHECKING:
    import pandas

EVALUATION_COLUMNS = (
    "iteration", "split", "checkpoint", "metric", "mean", "ci95", "median", "quartile_low", "quartile_high", "episodes",
    "non_finite", "diverged",
)  # fmt: skip


def metrics(run: Run, store: RunStore) -> "pandas.DataFrame":
    """All metrics of a run: iteration, seconds of training, key (``train/query_loss``), value; NaN where not finite.
    Those under ``system/`` say what the run took of its machine, see ``core.runs.system``.
    """
    import pandas  # half a second to import

    rows = [(iteration, seconds, key, value) for _, iteration, key, value, seconds in store.metric_rows(run.id)]
    kinds = {"iteration": "int64", "seconds": "float64", "value": "float64"}
    return pandas.DataFrame(rows, columns=["iteration", "seconds", "key", "value"]).astype(kinds)


def evaluations(run: Run, store: RunStore) -> "pandas.DataFrame":
    """All evaluations of a run, oldest first. mean, median and quartiles are in the metric's stored unit (accuracy in [0, 1]),
    ci95 is the half-width of the 95 % interval; empty where it was not kept.
    """
    import pandas

    rows = [_row(one) for one in store.evaluations(run.id)]
    if run.test and not any(row["split"] == "test" for row in rows):  # a row of which only the result was kept
        rows.append(_scored(run.test) | {"iteration": run.iteration, "split": "test"})
    return pandas.DataFrame(rows, columns=list(EVALUATION_COLUMNS))


def _row(one: Evaluation) -> dict[str, Any]:
    parts = ("iteration", "split", "checkpoint", "metric", "mean", "ci95", "episodes", "non_finite")
    return _scored(one.result or {}) | {part: getattr(one, part) for part in parts}


def _scored(result: dict[str, Any]) -> dict[str, Any]:
    kept = {part: result.get(part) for part in EVALUATION_COLUMNS if part in result}
    low, high = result.get("quartiles") or (None, None)
    checkpoint = result.get("protocol", {}).get("checkpoint")
    return kept | {"quartile_low": low, "quartile_high": high, "checkpoint": checkpoint}


def runs_table(runs: Sequence[Run]) -> "pandas.DataFrame":
    """A row a run: what it is, its best validation and its test in the metric's stored unit, and each setting by its path."""
    import pandas

    told = ("name", "note", "group", "status", "learner", "family", "starred", "iteration", "seconds")
    rows = [
        {"run": run.id}
        | {name: getattr(run, name) for name in told}
        | {"tags": " ".join(run.tags)}
        | {
            f"{which}.{part}": (getattr(run, which) or {}).get(part)
            for which in ("best", "test")
            for part in ("mean", "ci95")
        }
        | flat(run.config)
        for run in runs
    ]
    return pandas.DataFrame(rows)


def episodes(run: Run, store: RunStore) -> "pandas.DataFrame":
    """The score of each frozen episode, a row each, in their order: those of two runs with the same ``episodes_sha256`` are
    of the same tasks. NaN where a score was not finite. Versions before 0.2 kept none.
    """
    import pandas

    found = [(one, store.scores(one.id)) for one in store.evaluations(run.id)]
    parts = [
        pandas.DataFrame(
            {"iteration": one.iteration, "split": one.split, "checkpoint": one.checkpoint, "sha256": _digest(one)}
            | {"episode": range(len(scores)), "score": scores}
        )
        for one, scores in found
        if scores is not None
    ]
    columns = ["iteration", "split", "checkpoint", "sha256", "episode", "score"]
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame(columns=columns)


def _digest(one: Evaluation) -> str:
    return (one.result or {}).get("protocol", {}).get("episodes_sha256", "")


TABLES = {mark("metrics"): metrics, mark("evaluations"): evaluations, mark("episodes"): episodes}


def as_csv(frame: "pandas.DataFrame") -> bytes:
    return frame.to_csv(index=False).encode()


def as_parquet(frame: "pandas.DataFrame") -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    return content.getvalue()


FORMATS = {"csv": as_csv, "parquet": as_parquet}
