"""A store as 0.1 left it: its own DDL, word for word, and a run in every status with what it measured."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

LITE = """
CREATE TABLE runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL,
	note TEXT NOT NULL,
	"group" TEXT,
	config JSON NOT NULL,
	status TEXT NOT NULL,
	desired TEXT NOT NULL,
	phase TEXT NOT NULL,
	iteration INTEGER NOT NULL,
	iterations INTEGER NOT NULL,
	seconds DOUBLE NOT NULL,
	created DOUBLE NOT NULL,
	started DOUBLE,
	ended DOUBLE,
	stop_requested DOUBLE,
	host TEXT,
	pid INTEGER,
	pid_created DOUBLE,
	boot_id TEXT,
	heartbeat DOUBLE,
	slot TEXT NOT NULL,
	device TEXT NOT NULL,
	load JSON,
	forward TEXT NOT NULL,
	error TEXT NOT NULL,
	remedy TEXT NOT NULL,
	folder TEXT NOT NULL,
	datasets TEXT NOT NULL,
	best JSON,
	test JSON,
	parent INTEGER,
	rate DOUBLE,
	remaining DOUBLE,
	attempt INTEGER NOT NULL,
	revision INTEGER NOT NULL
);
CREATE INDEX ix_runs_status ON runs (status);
CREATE TABLE evaluations (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	run_id INTEGER NOT NULL,
	iteration INTEGER NOT NULL,
	split TEXT NOT NULL,
	metric TEXT NOT NULL,
	mean DOUBLE,
	ci95 DOUBLE,
	episodes INTEGER NOT NULL,
	non_finite INTEGER NOT NULL,
	checkpoint TEXT NOT NULL,
	result JSON,
	created DOUBLE NOT NULL,
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX ix_evaluations_run_id ON evaluations (run_id);
CREATE TABLE metrics (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	run_id INTEGER NOT NULL,
	iteration INTEGER NOT NULL,
	seconds DOUBLE NOT NULL,
	"key" TEXT NOT NULL,
	value DOUBLE,
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX metrics_of_run ON metrics (run_id, id);
"""
# On PostgreSQL 0.1 said the same in other words.
POSTGRES = LITE.replace("INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "SERIAL PRIMARY KEY").replace(
    "DOUBLE", "DOUBLE PRECISION"
)

MAML = {
    "family": {"name": "omniglot", "n_way": 5, "k_shot": 1, "n_query": 15},
    "model": {"name": "conv4", "width": 64},
    "algorithm": {"name": "maml", "inner_lr": 0.4, "inner_steps": 1, "first_order": True},
    "training": {"iterations": 500, "meta_batch_size": 16},
    "evaluation": {"episodes": 600, "seed": 1},
    "seed": 0,
    "device": "auto",
}
REPTILE = MAML | {"family": {"name": "sinusoid", "k_shot": 10, "n_query": 10}, "algorithm": {"name": "reptile"}}
PRETRAIN = MAML | {"algorithm": {"name": "pretrain", "batch_size": 64}}
PROTONET = MAML | {"algorithm": {"name": "protonet"}, "family": MAML["family"] | {"name": "doodles"}}
UNKNOWN = MAML | {"algorithm": {"name": "my-own", "inner_lr": 1.0}}
RELATION = MAML | {"algorithm": {"name": "relationnet"}}
SCRATCH = REPTILE | {"algorithm": {"name": "scratch"}}
CENTROID = MAML | {"algorithm": {"name": "nearest-centroid"}}
STATUSES = {
    "finished": MAML, "running": REPTILE, "paused": PRETRAIN, "stopped": PROTONET, "failed": UNKNOWN, "lost": RELATION,
    "starting": SCRATCH, "queued": CENTROID,
}  # fmt: skip
TEST = {
    "family": "omniglot",
    "metric": "accuracy",
    "mean": 0.9483,
    "ci95": 0.0041,
    "episodes": 600,
    "non_finite": 0,
    "curve": [{"step": 0, "mean": 0.2, "ci95": 0.001}, {"step": 1, "mean": 0.9483, "ci95": 0.0041}],
    "protocol": {"n_way": 5, "k_shot": 1, "checkpoint": "best@500", "episodes_sha256": "ab" * 32},
}


def run_row(id: int, status: str, config: dict[str, Any], root: Path) -> dict[str, Any]:
    began = status != "queued"
    ended = status in ("finished", "stopped", "failed", "lost")
    return {
        "id": id, "name": f"täsk {id}", "note": "a 'note'\nof two lines", "group": "g" if id % 2 else None,
        "config": json.dumps(config), "status": status, "desired": "stop" if status == "stopped" else "run",
        "phase": "training" if status == "running" else "", "iteration": 100 * id, "iterations": 500, "seconds": 12.5 * id,
        "created": 1.7e9 + id, "started": 1.7e9 + 10 if began else None, "ended": 1.7e9 + 99 if ended else None,
        "stop_requested": 1.7e9 + 98 if status == "stopped" else None, "host": "laptop",
        "pid": 4000 + id if began else None, "pid_created": 1234.5 if began else None, "boot_id": "boot" if began else None,
        "heartbeat": 1.7e9 + 98 if began else None, "slot": "cpu" if began else "", "device": "CPU" if began else "",
        "load": json.dumps({"cpu": 0.5}) if began else None, "forward": "stacked" if began else "",
        "error": "It failed." if status == "failed" else "", "remedy": "Mend it." if status == "failed" else "",
        "folder": str(root / "runs" / str(id)), "datasets": str(root / "datasets"),
        "best": json.dumps({"iteration": 500, "metric": "accuracy", "mean": 0.95, "ci95": 0.004}) if id == 1 else None,
        "test": json.dumps(TEST) if id == 1 else None, "parent": 1 if id == 3 else None, "rate": 9.8 if began else None,
        "remaining": None, "attempt": 2 if status == "paused" else 1, "revision": 1 if status == "paused" else 0,
    }  # fmt: skip


def write(connection: Connection, root: Path) -> None:
    """Make the tables and fill them, over a connection to SQLite or PostgreSQL in a transaction. root: the home."""
    lite = connection.dialect.name == "sqlite"
    for statement in filter(str.strip, (LITE if lite else POSTGRES).split(";")):
        connection.exec_driver_sql(statement)
    for id, (status, config) in enumerate(STATUSES.items(), 1):
        _insert(connection, "runs", run_row(id, status, config, root))
    for iteration in range(1, 501):
        for key, value in (("train/query_loss", 2.0 / iteration), ("train/support_loss", None)):
            row = {"run_id": 1, "iteration": iteration, "seconds": iteration / 10, "key": key, "value": value}
            _insert(connection, "metrics", row)
    scored = {"run_id": 1, "metric": "accuracy", "mean": 0.9483, "ci95": 0.0041, "episodes": 600, "non_finite": 0}
    for split, checkpoint, result in (("val", "last@250", None), ("test", "best@500", json.dumps(TEST))):
        more = {"iteration": int(checkpoint[5:]), "split": split, "checkpoint": checkpoint, "result": result}
        _insert(connection, "evaluations", scored | more | {"created": 1.7e9 + 50})
    if not lite:  # the numbers were given, so the counter has to be told
        connection.exec_driver_sql("SELECT setval('runs_id_seq', 8)")


def _insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})"), row)
