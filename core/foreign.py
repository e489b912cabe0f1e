"""Reading what another tool has measured: a CSV with a column of steps and one of values, or an event file of TensorBoard's."""

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.errors import InputError, shortened
from data.extras import missing
from data.language import mark, tr

if TYPE_CHECKING:
    import pandas

LARGEST = 20 * 2**20  # bytes of a file, as many as pages take
MOST = 1_000_000  # points of all its curves
MOST_CURVES = 200  # in a file
STEP, VALUE, NAME, TIME = ("step", "iteration"), ("value",), ("name", "tag", "run"), ("wall time", "wall_time", "time")
COLUMNS = mark("Give it a first line that names its columns: step, value, and if you like name and wall time.")
EVENTS = ".tfevents."  # is in the name of every event file


@dataclass(frozen=True)
class Series:
    """One curve of a file. name: what the file calls it, "" where it does not. steps, values: (points,) float64, steps ascending.
    seconds: since its first point, (points,), or None.
    """

    name: str
    steps: np.ndarray
    values: np.ndarray
    seconds: np.ndarray | None


def read_path(path: Path) -> list[Series]:
    """The curves of a CSV, an event file, or a folder of these. Raises InputError, or MissingExtra for want of a package."""
    try:
        folder = path.is_dir()
        if not folder and path.stat().st_size > LARGEST:
            raise _too_large()
        content = b"" if folder else path.read_bytes()
    except (OSError, ValueError) as error:  # a null byte in its name
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(
            tr("{path} cannot be read: {why}.", path=shortened(path), why=why), tr("Name a file that exists."), "file"
        ) from error
    return _events(path) if folder else read(path.name, content)


def read(name: str, content: bytes) -> list[Series]:
    """The same of a file's content, whose kind its name tells."""
    if len(content) > LARGEST:
        raise _too_large()
    if EVENTS not in name:
        return _csv(content)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "events.out.tfevents.0").write_bytes(content)
        return _events(Path(folder))


def one_of(series: Sequence[Series], name: str = "") -> Series:
    """The curve of that name; the only one where no name is given. Raises InputError, which names those that there are."""
    found = [one for one in series if one.name == name] if name else list(series)
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.name for one in series)
    text = tr("There are {n} curves in it.", n=len(series))
    if name:
        text = tr("There is no curve named {name}.", name=shortened(name))
    raise InputError(text, tr("Choose one with --series: {names}.", names=names), "series")


def _too_large() -> InputError:
    return InputError(
        tr("The file is larger than {n} MiB.", n=LARGEST // 2**20),
        tr("Leave out points, or give one curve alone."),
        "file",
    )


def _csv(content: bytes) -> list[Series]:
    import pandas  # half a second to import

    try:
        table = pandas.read_csv(
            io.BytesIO(content), dtype=str, keep_default_na=False, skipinitialspace=True, nrows=MOST + 1
        )
    except ValueError as error:  # empty, not UTF-8, more cells in a line than columns
        raise InputError(
            tr("The file is no CSV: {why}", why=shortened(str(error).strip())), tr(COLUMNS), "file"
        ) from error
    if len(table) > MOST:
        raise InputError(
            tr("The file has more than {n} points.", n=MOST), tr("Give every tenth, or one curve alone."), "file"
        )
    if table.empty:
        raise InputError(tr("The file has no points."), tr(COLUMNS), "file")
    columns = {str(column).strip().lower(): column for column in table.columns}
    step, value, name, time = (
        next((columns[one] for one in names if one in columns), None) for names in (STEP, VALUE, NAME, TIME)
    )
    if step is None or value is None:
        there = shortened(", ".join(map(str, table.columns)))
        raise InputError(
            tr("The file has no column {name}; it has {there}.", name="step" if step is None else "value", there=there),
            tr(COLUMNS),
            "file",
        )
    numbers = {part: _numbers(table, column) for part, column in (("step", step), ("value", value))}
    seconds = None if time is None else _numbers(table, time)
    if bad := np.flatnonzero(~np.isfinite(numbers["step"]) | (numbers["step"] < 0)).tolist():
        raise InputError(
            tr("The step in line {number} is not a number from 0 up.", number=bad[0] + 2),
            tr("Correct or remove the line."),
            "file",
        )
    names = np.full(len(table), "", object) if name is None else table[name].to_numpy(object)
    if len(distinct := dict.fromkeys(names)) > MOST_CURVES:
        raise InputError(
            tr("The file names {n} curves.", n=len(distinct)), tr("Give {most} at most.", most=MOST_CURVES), "file"
        )
    return [
        _series(one, numbers["step"][rows], numbers["value"][rows], None if seconds is None else seconds[rows])
        for one in distinct
        for rows in [names == one]
    ]


def _numbers(table: "pandas.DataFrame", column: str) -> np.ndarray:
    """A column as float64; what is empty is not-a-number. Raises InputError with the line of what is no number."""
    import pandas

    texts = table[column].str.strip()
    found = pandas.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    meant = texts.str.lower().isin(["", "nan"]).to_numpy()
    if wrong := np.flatnonzero(np.isnan(found) & ~meant).tolist():
        text = shortened(texts.iloc[wrong[0]])
        raise InputError(
            tr("{text} in line {number} is not a number.", text=text, number=wrong[0] + 2),
            tr("Correct or remove the line."),
            "file",
        )
    return found


def _series(name: str, steps: np.ndarray, values: np.ndarray, seconds: np.ndarray | None) -> Series:
    """In the order of its steps, of which the last measurement counts."""
    order = np.argsort(steps, kind="stable")
    last = order[np.append(np.diff(steps[order]) > 0, True)]
    told = seconds is not None and bool(np.isfinite(seconds).all())
    return Series(name, steps[last], values[last], seconds[last] - seconds[last].min() if told else None)


def _events(folder: Path) -> list[Series]:
    try:
        from tensorboard.backend.event_processing.event_accumulator import SCALARS, TENSORS, EventAccumulator
    except ImportError as error:
        raise missing("tensorboard", tr("TensorBoard’s event files")) from error
    if sum(file.stat().st_size for file in folder.glob(f"*{EVENTS}*")) > LARGEST:
        raise _too_large()
    board = EventAccumulator(str(folder), {SCALARS: MOST, TENSORS: MOST})
    board.Reload()
    found = {tag: [(one.step, one.value, one.wall_time) for one in board.Scalars(tag)] for tag in board.Tags()[SCALARS]}
    found |= _tensors(board, found)
    series = [_series(tag, *np.array(rows, np.float64).T) for tag, rows in found.items()]
    if not series:
        raise InputError(
            tr("There is no curve in it."), tr("Give an event file that has scalars, or the folder of one."), "file"
        )
    return series


def _tensors(board, known) -> dict[str, list[tuple[int, float, float]]]:
    """Scalars as TensorFlow 2 writes them."""
    from tensorboard.util.tensor_util import make_ndarray

    tags = [tag for tag in board.Tags()["tensors"] if tag in board.PluginTagToContent("scalars") and tag not in known]
    return {
        tag: [(one.step, float(make_ndarray(one.tensor_proto)), one.wall_time) for one in board.Tensors(tag)]
        for tag in tags
    }
