"""The store's tables, the plain values that reads return, and the states of a run."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)

# queued -> starting -> running <-> paused -> finished | stopped | failed | lost
ACTIVE = frozenset({"starting", "running", "paused"})  # a worker process exists, or is about to
ENDED = frozenset({"finished", "stopped", "failed", "lost"})
RESUMABLE = frozenset({"stopped", "failed", "lost"})
LARGEST_RUN = 2**31 - 1  # of what every database can number
STATUSES = frozenset({"queued"}) | ACTIVE | ENDED


@dataclass(frozen=True)
class Run:
    """One training. Times are seconds since the epoch, durations seconds; None where it is not known (yet).

    desired: what the user wants, run, pause or stop. phase: loading, training, tuning, testing or "". seconds: training
    time so far over all attempts, without the queue. host: the home it waits in and trains from, see ``Home.host``. slot: the
    device it occupies there, as cpu or cuda:0. load: see ``hardware.load``; as pace the longest time between two signs of
    life, and as spent the seconds that went into data, training, validation and writing, over all attempts. forward: how
    adaptation runs the model, stacked or loop. best: iteration, mean, ci95, metric of the best validation, and, which older
    rows lack, its median, quartiles, diverged and episodes. test: the whole final evaluation. rate: iterations per second.
    attempt: 1, and one more for each resume. revision: one more for each time metrics were cut back, so that readers know to
    start over. owner: whose run it is, where several people share a store.
    facts: see ``Facts``; None for a learner or family unknown when it was stored. family, learner: their names, for
    searching. handle: how the launcher finds the worker. outline: the query loss of the whole run in few values, see
    ``Outline``. tags: a person's own words for it, in order. starred, archived: marked by a person; archived runs are left out of
    ordinary lists. deleted: when it was; such a run can be restored for a while, see ``core.runs.bin``, and is seen nowhere else.
    """

    id: int
    name: str
    note: str
    group: str | None
    config: dict[str, Any]
    status: str
    desired: str
    phase: str
    iteration: int
    iterations: int
    seconds: float
    created: float
    started: float | None
    ended: float | None
    stop_requested: float | None
    host: str | None
    heartbeat: float | None
    slot: str
    device: str
    load: dict[str, Any] | None
    forward: str
    error: str
    remedy: str
    folder: str
    datasets: str
    best: dict[str, Any] | None
    test: dict[str, Any] | None
    parent: int | None
    rate: float | None
    remaining: float | None
    attempt: int
    revision: int
    owner: str | None
    facts: dict[str, Any] | None
    family: str
    learner: str
    handle: dict[str, Any] | None
    outline: dict[str, Any] | None
    tags: tuple[str, ...]
    starred: bool
    archived: bool
    deleted: float | None


@dataclass(frozen=True)
class Evaluation:
    """One evaluation on frozen episodes. ci95: half-width of the 95 % interval. result: curve, protocol and the rest.

    mean: accuracy in [0, 1] or the family's own score. checkpoint: which weights, as ``best@1200``.
    """

    id: int
    run_id: int
    iteration: int
    split: str
    metric: str
    mean: float | None
    ci95: float | None
    episodes: int
    non_finite: int
    checkpoint: str
    result: dict[str, Any] | None
    created: float


@dataclass(frozen=True)
class Score:
    """An evaluation without its curve and protocol, for a line over many of them."""

    id: int
    iteration: int
    metric: str
    mean: float | None
    ci95: float | None
    checkpoint: str


def storable(value: Any) -> Any:
    """The same value with what databases refuse replaced: not-a-number and infinity, which neither JSON nor a chart knows, by
    None; null bytes and undecodable ones, which come with names of files, by signs that stand for them.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value


metadata = MetaData()


class RowNumber(TypeDecorator):
    """An integer of 32 bits, which is what PostgreSQL stores. A number that no row can have stands for no row: people type
    them into addresses and commands, and drivers refuse what is too large in words of their own.
    """

    impl, cache_ok = Integer, True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return value if value is None or 0 < value < 2**31 else 0


class Words(TypeDecorator):
    """Words without blanks, in order and each once, as text with a blank around each: `` maml paper `` contains `` paper ``."""

    impl, cache_ok = Text, True

    def process_bind_param(self, value: Collection[str], dialect: Dialect) -> str:
        return "".join(f" {word}" for word in sorted(set(value))) + " " * bool(value)

    def process_result_value(self, value: str, dialect: Dialect) -> tuple[str, ...]:
        return tuple(value.split())


def _json(name: str) -> Column:
    return Column(name, JSON(none_as_null=True))


def _text(name: str) -> Column:
    return Column(name, Text, nullable=False, default="")


def _mark(name: str) -> Column:
    return Column(name, Boolean, nullable=False, server_default=false())


def _count(name: str, default: int = 0) -> Column:
    return Column(name, Integer, nullable=False, default=default)


# Ids are never used twice (AUTOINCREMENT), also after the newest rows were deleted: an address with ?run=7 must not
# come to mean another run, and a reader that asks for "id > last" must not miss what a resumed run writes.
runs = Table(
    "runs",
    metadata,
    Column("id", RowNumber, primary_key=True),
    _text("name"),
    _text("note"),
    Column("group", Text),
    Column("config", JSON, nullable=False),
    Column("status", Text, nullable=False, default="queued", index=True),
    Column("desired", Text, nullable=False, default="run"),
    _text("phase"),
    _count("iteration"),
    _count("iterations"),
    Column("seconds", Double, nullable=False, default=0.0),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("stop_requested", Double),
    Column("host", Text),
    Column("heartbeat", Double),
    _text("slot"),
    _text("device"),
    _json("load"),
    _text("forward"),
    _text("error"),
    _text("remedy"),
    _text("folder"),
    _text("datasets"),
    _json("best"),
    _json("test"),
    Column("parent", Integer),  # no foreign key: a fork keeps its parent's number when the parent is deleted
    Column("rate", Double),
    Column("remaining", Double),
    _count("attempt", 1),
    _count("revision"),
    Column("owner", Text),
    _json("facts"),
    Column("family", Text, nullable=False, server_default=text("''"), index=True),
    Column("learner", Text, nullable=False, server_default=text("''"), index=True),
    _json("handle"),
    _json("outline"),
    Column("tags", Words, nullable=False, server_default=text("''")),
    _mark("starred"),
    _mark("archived"),
    Column("deleted", Double),
    sqlite_autoincrement=True,
)

metrics = Table(
    "metrics",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Double),  # NULL stands for not-a-number and infinity
    Index("metrics_of_run", "run_id", "id"),
    sqlite_autoincrement=True,
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("iteration", Integer, nullable=False),
    Column("split", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("mean", Double),
    Column("ci95", Double),
    _count("episodes"),
    _count("non_finite"),
    _text("checkpoint"),
    _json("result"),
    Column("created", Double, nullable=False),
    Column("scores", LargeBinary),  # large, and so never read with the row
    sqlite_autoincrement=True,
)

# Searches that a person named, to be asked again.
searches = Table("searches", metadata, Column("name", Text, primary_key=True), _text("query"))

# What a person chose once for all pages, such as the columns of the list of runs.
preferences = Table(
    "preferences", metadata, Column("name", Text, primary_key=True), Column("value", JSON, nullable=False)
)
