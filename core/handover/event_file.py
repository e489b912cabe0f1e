"""A run as an event file of TensorBoard's, written with its own package. Free of torch.

The file has the training curves under their keys (``train/query_loss``), each validation and test with the half-width of its
95 % interval (``val/accuracy``, ``val/accuracy_ci95``), the settings as hyperparameters, and config and command as text. Scores
are in the metric's stored unit (accuracy in [0, 1]). Wall times are the training's seconds, counted from the run's creation.
"""

import io
import math
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from core.handover import again
from core.runs.lineage import flat, worded
from core.runs.schema import Run
from core.runs.store import RunStore
from data.extras import missing
from data.language import tr

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

VERSION = "brain.Event:2"  # of the format, as every event file begins


def folder(run: Run) -> str:
    """What the run is called in TensorBoard, which names runs by their folders."""
    return f"innerloop-run-{run.id}"


def file(run: Run) -> str:
    """A name by which TensorBoard knows an event file."""
    return f"events.out.tfevents.{int(run.created):010d}.innerloop.{run.id}"


def zipped(run: Run, store: RunStore, target: BinaryIO) -> None:
    """The file in its folder, to be unpacked where TensorBoard looks. Raises MissingExtra."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{folder(run)}/{file(run)}", content(run, store))


def content(run: Run, store: RunStore) -> bytes:
    """The file's bytes. Raises MissingExtra where the package is not there."""
    try:
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise missing("tensorboard", tr("TensorBoard’s event files")) from error
    buffer = io.BytesIO()
    records = RecordWriter(buffer)
    for event in _events(run, store):
        records.write(event.SerializeToString())
    records.flush()
    return buffer.getvalue()


def _events(run: Run, store: RunStore) -> Iterator["Event"]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    yield Event(wall_time=run.created, file_version=VERSION)
    settings = {path: _plain(value) for path, value in flat(again.config(run)).items()}
    yield Event(wall_time=run.created, summary=hparams_pb(settings, folder(run), run.created))
    for tag, text in {"config": f"```json\n{again.config_text(run)}```", "command": f"`{again.command(run)}`"}.items():
        yield Event(wall_time=run.created, summary=Summary(value=[_text(tag, text)]))
    for _, iteration, key, value, seconds in store.metric_rows(run.id):
        yield _scalar(run.created + seconds, iteration, key, value)
    scored = store.evaluations(run.id)
    for one in scored:
        for tag, value in _scores(one.split, one.metric, one.mean, one.ci95).items():
            yield _scalar(one.created, one.iteration, tag, value)
    if run.test and not any(one.split == "test" for one in scored):  # a row of which only the result was kept
        for tag, value in _scores("test", *(run.test[part] for part in ("metric", "mean", "ci95"))).items():
            yield _scalar(run.ended or run.created, run.iteration, tag, value)


def _scalar(time: float, step: int, tag: str, value: float | None) -> "Event":
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    found = Summary.Value(tag=tag, simple_value=math.nan if value is None else value)
    return Event(wall_time=time, step=step, summary=Summary(value=[found]))


def _scores(split: str, metric: str, mean: float | None, ci95: float | None) -> dict[str, float | None]:
    return {f"{split}/{metric}": mean, f"{split}/{metric}_ci95": ci95}


def _text(tag: str, text: str) -> Any:
    """A text as the plugin of that name reads it: Markdown."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.text.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    return Summary.Value(tag=tag, metadata=create_summary_metadata("", ""), tensor=make_tensor_proto([text.encode()]))


def _plain(value: Any) -> bool | float | str:
    """A setting as hyperparameters can be: switches, numbers and texts."""
    return value if isinstance(value, bool | int | float | str) else worded(value)
