"""Runs that nobody trained: a store of any size within a minute, and a live run whose worker is this process."""

import math
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import insert, select

from core.config.checks import parse
from core.config.facts import facts_of
from core.config.presets import preset
from core.runs.home import Home
from core.runs.launchers import identify
from core.runs.outline import Outline
from core.runs.schema import Run, evaluations, runs
from core.runs.store import RunStore

PRESETS = ("sinusoid-maml", "doodles-5w1s", "omniglot-5w1s-protonet", "omniglot-5w1s-fomaml")
KEYS = ("train/support_loss", "train/query_loss")
ADDED = 500  # runs in one statement


def loss(iteration: int) -> float:
    """What every made run measures: a curve that falls, with a ripple."""
    return 3 / math.sqrt(iteration) + (iteration % 97) / 97


def fill(home: Home, count: int, rows: int, validations: int = 20) -> None:
    """``count`` finished runs with ``rows`` metric rows in all and ``validations`` evaluations each, in a SQLite home."""
    store, iterations = RunStore(home.database), rows // count // len(KEYS)
    made = [_finished(store, home, name, iterations) for name in PRESETS[:count]]
    with store.database.writing() as connection:
        every = [dict(row) for row in connection.execute(select(runs).order_by(runs.c.id)).mappings()]
        outline = asdict(Outline().extended(loss(i) for i in range(1, iterations + 1)))
        every = [row | {"outline": outline} for row in every]
        copies = [every[i % len(every)] | {"id": i + 1, "name": f"made {i + 1}"} for i in range(len(made), count)]
        for start in range(0, len(copies), ADDED):
            connection.execute(insert(runs), copies[start : start + ADDED])
        for row in every:
            connection.execute(runs.update().where(runs.c.id == row["id"]).values(outline=outline))
        for run in range(1, count + 1):
            connection.execute(insert(evaluations), _evaluations(run, iterations, validations))
    _measure(Path(store.database.engine.url.database), count, iterations)


def _created(store: RunStore, home: Home, preset_name: str, name: str, **columns: str) -> Run:
    config = parse(preset(preset_name).config)
    places = {"folder_root": home.runs_folder, "datasets": home.datasets}
    return store.create(config.model_dump(mode="json"), name, **places, facts=facts_of(config).as_json(), **columns)


def _finished(store: RunStore, home: Home, name: str, iterations: int) -> int:
    """One run as training leaves it, of which the others are copies."""
    run = _created(store, home, name, name)
    result = _result()
    best = {"iteration": iterations, **{key: result[key] for key in ("metric", "mean", "ci95")}}
    reached = {"iteration": iterations, "iterations": iterations, "seconds": 600.0, "rate": 30.0, "device": "CPU"}
    store.update(run.id, **reached, best=best, test=result | {"run": run.id, "split": "test"}, forward="stacked")
    store.move(run.id, "starting", {"queued"}, started=run.created)
    store.move(run.id, "finished", {"starting"})
    _write_log(run)
    return run.id


def _result() -> dict:
    """An evaluation as large as real ones are."""
    curve = [{"step": step, "mean": 0.2 + 0.07 * step, "ci95": 0.01} for step in range(11)]
    protocol = {"n_way": 5, "k_shot": 1, "n_query": 15, "inner_steps": 10, "checkpoint": "best@1", "chosen": None}
    protocol |= {
        "family": {"split": "own"},
        "batch_statistics": "transductive",
        "episodes_sha256": "ab" * 32,
        "seed": 1,
    }
    scored = {"metric": "accuracy", "mean": 0.9, "ci95": 0.01, "episodes": 600, "non_finite": 0}
    return {"family": "omniglot", "split": "val", **scored, "curve": curve, "protocol": protocol}


def _evaluations(run: int, iterations: int, count: int) -> list[dict]:
    result = _result()
    common = {"run_id": run, "split": "val", "episodes": 600, "non_finite": 0, "created": 0.0, "result": result}
    scored = common | {key: result[key] for key in ("metric", "mean", "ci95")}
    places = [max(1, iterations * (i + 1) // count) for i in range(count)]
    return [scored | {"iteration": place, "checkpoint": f"last@{place}"} for place in places]


def _measure(database: Path, count: int, iterations: int) -> None:
    """The metrics of all runs in one statement, and their index at once afterwards: ten million rows in half a minute."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.create_function("loss", 1, loss, deterministic=True)
        (index,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'metrics_of_run'").fetchone()
        connection.execute("DROP INDEX metrics_of_run")
        counted = "WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < ?)"
        connection.execute(
            f"CREATE TEMP TABLE point AS {counted} SELECT i, loss(i) AS value FROM counted", [iterations]
        )
        connection.execute("CREATE TEMP TABLE named (measured)")
        connection.executemany("INSERT INTO named VALUES (?)", [(key,) for key in KEYS])
        connection.execute(
            "INSERT INTO metrics (run_id, iteration, seconds, key, value)"
            " SELECT runs.id, i, i / 10.0, measured, value FROM runs CROSS JOIN point CROSS JOIN named WHERE runs.id <= ?",
            [count],
        )
        connection.execute(index)


def live(store: RunStore, home: Home, points: int, validations: int = 0) -> int:
    """A run that trains, as far as the server can see, with ``points`` points so far and a log of a megabyte."""
    run = _created(store, home, "sinusoid-maml", "live", host=home.host)
    store.move(run.id, "running", {"queued"}, handle=identify(), slot="cpu")
    iterations = points // len(KEYS)
    store.add_metrics(run.id, [(i, i / 10, key, loss(i)) for i in range(1, iterations + 1) for key in KEYS])
    _write_log(run)
    with store.database.writing() as connection:
        if validations:
            connection.execute(insert(evaluations), _evaluations(run.id, iterations, validations))
    return run.id


def beat(store: RunStore, run: int, iteration: int) -> None:
    """What a worker writes once a second."""
    store.add_metrics(run, [(iteration, iteration / 10, key, loss(iteration)) for key in KEYS])
    store.heartbeat(run, iteration=iteration, rate=1.0, phase="training", seconds=iteration / 10)


def _write_log(run: Run) -> None:
    Path(run.folder, "worker.log").write_text("INFO a line of a log as long as many are\n" * 25_000)
