"""Curves of other tools: read, kept, drawn over a comparison, and never judged."""

import io
import json
import sys

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.metadata import create_summary_metadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

from core import foreign
from core.charts import Chart, Trace
from core.cli import app as cli
from core.comparing.groups import grouped
from core.comparing.overlay import LOSS, SCORES, laid_over
from core.config.facts import facts_of
from core.handover.report import report
from core.imported import Curves
from core.runs.home import Home
from core.runs.store import RunStore
from data.errors import InputError
from data.extras import VERSIONS, MissingExtra
from data.language import speaking, tr
from tests.core.tiny import tiny

HOSTILE = "<script>alert(1)</script> ![x](y) ../../etc"


@pytest.fixture
def curves(home: Home) -> Curves:
    return Curves(home.curves)


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home.database)


@pytest.fixture
def run(store: RunStore, home: Home):
    config = tiny("doodles")
    places = {"folder_root": home.runs_folder, "datasets": home.datasets, "facts": facts_of(config).as_json()}
    made = store.create(config.model_dump(mode="json"), "ours", **places)
    store.add_metrics(made.id, [(i, i / 10, "train/query_loss", 1 / i) for i in (1, 2, 3)])
    return store.get(made.id)


def events(*scalars: tuple[str, int, float]) -> bytes:
    buffer = io.BytesIO()
    records = RecordWriter(buffer)
    records.write(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
    for tag, step, value in scalars:
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        records.write(Event(wall_time=100.0 + step, step=step, summary=summary).SerializeToString())
    tensor = make_tensor_proto(0.5, dtype=np.float32)  # as TensorFlow 2 writes a scalar
    new = Summary.Value(tag="new", tensor=tensor, metadata=create_summary_metadata("new", ""))
    records.write(Event(wall_time=107.0, step=7, summary=Summary(value=[new])).SerializeToString())
    records.flush()
    return buffer.getvalue()


# Reading


def test_a_csv_is_read_in_the_order_of_its_steps_and_empty_values_are_gaps() -> None:
    (one,) = foreign.read("a.csv", b"Wall time,Step,Value\n30,2,0.5\n10,0,2\n20,1,\n40,2,0.25\n")
    assert one.steps.tolist() == [0, 1, 2] and one.seconds.tolist() == [0, 10, 30]
    assert one.values[[0, 2]].tolist() == [2, 0.25] and np.isnan(one.values[1])


def test_a_csv_may_hold_several_curves_by_name() -> None:
    found = foreign.read("a.csv", b"name,iteration,value\nb,1,2\na,1,3\nb,2,4\n")
    assert [(one.name, one.values.tolist(), one.seconds) for one in found] == [("b", [2, 4], None), ("a", [3], None)]
    assert foreign.one_of(found, "a").values.tolist() == [3]
    with pytest.raises(InputError, match="2 curves in it") as caught:
        foreign.one_of(found)
    assert "b, a" in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is no CSV"),
        (b"step,value\n", "has no points"),
        (b"epoch,value\n1,2\n", "no column step; it has epoch, value"),
        (b"step,loss\n1,2\n", "no column value"),
        (b"step,value\n1,2\n2,much\n", "much in line 3 is not a number"),
        (b"step,value\n,2\n", "The step in line 2"),
        (b"step,value\n-1,2\n", "The step in line 2"),
        (b"step,value\ninf,2\n", "The step in line 2"),
        (b"step,value\n1,2,3,4\n1\n1,2,3,4,5\n", "is no CSV"),
        (b"\xff\xfe\x00\x80", "is no CSV"),
    ],
)
def test_what_cannot_be_read_is_said_with_a_way_out(content: bytes, text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        foreign.read("a.csv", content)
    assert caught.value.remedy


def test_what_is_too_large_is_refused_before_it_is_read(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(foreign, "LARGEST", 20)
    monkeypatch.setattr(foreign, "MOST", 1)
    (tmp_path / "a.csv").write_text("step,value\n" + "1,1\n" * 10)
    for attempt in (
        lambda: foreign.read_path(tmp_path / "a.csv"),
        lambda: foreign.read("a.csv", b"step,value\n1,1\n2,2"),
    ):
        with pytest.raises(InputError, match=r"larger than|more than 1 points"):
            attempt()
    monkeypatch.setattr(foreign, "MOST_CURVES", 1)
    monkeypatch.setattr(foreign, "MOST", 9)
    with pytest.raises(InputError, match="names 2 curves"):
        foreign._csv(b"name,step,value\na,1,1\nb,1,1\n")


@pytest.mark.parametrize("name", ["nowhere.csv", "a\0b", "x" * 300])
def test_a_file_that_is_not_there_is_said(tmp_path, name) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        foreign.read_path(tmp_path / name)


def test_an_event_file_is_read_by_tensorboard_old_scalars_and_new(tmp_path) -> None:
    content = events(("loss", 1, 2.0), ("loss", 3, 1.0))
    for found in (foreign.read("events.out.tfevents.1.host", content), _in_folder(tmp_path, content)):
        loss, new = sorted(found, key=lambda one: one.name)
        assert (loss.steps.tolist(), loss.values.tolist(), loss.seconds.tolist()) == ([1, 3], [2, 1], [0, 2])
        assert (new.name, new.steps.tolist(), new.values.tolist()) == ("new", [7], [0.5])


def _in_folder(folder, content: bytes):
    (folder / "events.out.tfevents.1.host").write_bytes(content)
    return foreign.read_path(folder)


@pytest.mark.parametrize("content", [b"", b"no event at all, but long enough for a header", events()[:30]])
def test_a_broken_event_file_has_no_curve(content: bytes) -> None:
    with pytest.raises(InputError, match="no curve in it"):
        foreign.read("events.out.tfevents.1", content)


def test_without_tensorboard_a_csv_is_read_all_the_same(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_accumulator", None)
    assert len(foreign.read("a.csv", b"step,value\n1,2\n")) == 1
    with pytest.raises(MissingExtra) as caught:
        foreign.read("events.out.tfevents.1", b"")
    assert f"pip install tensorboard=={VERSIONS['tensorboard']}" in caught.value.remedy


# Keeping


def test_a_curve_is_kept_renamed_moved_and_removed(curves: Curves) -> None:
    kept = curves.add("theirs", HOSTILE, "loss", np.arange(3.0), np.array([2, np.nan, 1]))
    assert curves.all() == curves.some([kept.id, "../../x", "", kept.id]) == [kept]
    assert kept.values == [2, None, 1] and f"imported from {HOSTILE} on " in kept.origin
    curves.change(kept.id, name="others'", place="score")
    assert [(one.name, one.place) for one in curves.all()] == [("others'", "score")]
    curves.remove(kept.id)
    curves.remove(kept.id)
    curves.remove("../../innerloop")
    assert curves.all() == []
    with pytest.raises(InputError, match="no imported curve"):
        curves.change(kept.id, name="a")


@pytest.mark.parametrize(("name", "place"), [("", "loss"), ("x" * 81, "loss"), ("a\nb", "loss"), ("a", "nowhere")])
def test_no_name_and_no_place_are_refused(curves: Curves, name: str, place: str) -> None:
    with pytest.raises(InputError):
        curves.add(name, "a.csv", place, np.arange(2.0), np.arange(2.0))
    assert curves.all() == []


def test_a_long_curve_is_thinned_and_a_damaged_file_left_out(curves: Curves) -> None:
    values = np.zeros(50_000)
    values[777] = 9
    kept = curves.add("long", "a.csv", "loss", np.arange(50_000.0), values)
    assert len(kept.steps) < 1100 and max(kept.values) == 9
    (curves.folder / "00000000.json").write_text('{"id": 3')
    (curves.folder / "00000001.json").write_text("[]")
    assert curves.all() == [kept]


# Drawing


def chart(**axes: str) -> Chart:
    return Chart(
        [Trace("ours", np.arange(2.0), np.arange(2.0))],
        axes.get("x", "iteration"),
        "y",
        "label",
        axes.get("suffix", ""),
    )


def test_it_lies_dotted_over_the_charts_of_its_kind(curves: Curves, run) -> None:
    loss = curves.add("a", "a.csv", "loss", np.arange(3.0), np.arange(3.0))
    share = curves.add("b", "a.csv", "score", np.arange(3.0), np.array([0.25, 0.5, 1]))
    percent = curves.add("c", "a.csv", "percent", np.arange(3.0), np.array([25, 50, 100.0]))
    all_, groups = [loss, share, percent], grouped([run])
    (drawn,) = laid_over([chart()], all_, LOSS, groups)
    ours, theirs = drawn.traces
    assert (theirs.name, theirs.dash, theirs.symbol, theirs.color) == (
        "a, imported",
        "dot",
        "x",
        1,
    ) and ours.dash == "solid"
    (drawn,) = laid_over([chart(suffix=" %")], all_, SCORES, groups)
    assert [trace.y.tolist() for trace in drawn.traces[1:]] == [[25, 50, 100]] * 2
    (drawn,) = laid_over([chart()], all_, SCORES, groups)
    assert [trace.y.tolist() for trace in drawn.traces[1:]] == [[0.25, 0.5, 1]], "per cent have no place on errors"


def test_in_another_language_it_lies_there_too(curves: Curves, run) -> None:
    curves.add("theirs", "a.csv", "loss", np.arange(3.0), np.ones(3))
    with speaking("zh"):
        (drawn,) = laid_over([chart(x=tr("iteration"))], curves.all(), LOSS, grouped([run]))
    assert drawn.traces[-1].name == "theirs，导入"


def test_on_other_axes_it_is_drawn_only_where_it_has_them(curves: Curves, run) -> None:
    plain = curves.add("a", "a.csv", "loss", np.arange(2.0), np.arange(2.0))
    timed = curves.add("b", "a.csv", "loss", np.arange(2.0), np.arange(2.0), np.array([0.0, 30.0]))
    (drawn,) = laid_over([chart(x="tasks seen")], [plain, timed], LOSS, grouped([run]))
    assert len(drawn.traces) == 1
    (drawn,) = laid_over([chart(x="training time, s")], [plain, timed], LOSS, grouped([run]))
    assert [(trace.name, trace.x.tolist()) for trace in drawn.traces[1:]] == [("b, imported", [0, 30])]


def test_a_report_says_that_it_is_imported_and_not_judged(curves: Curves, run, store) -> None:
    kept = curves.add(HOSTILE, HOSTILE, "loss", np.arange(3.0), np.arange(3.0))
    text = report([run], store, others=[kept])
    assert "Curves of other tools" in text and "It has no episodes, and so cannot be judged" in text
    assert "<script>alert(1)" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "Curves of other tools" not in report([run], store)


# The command line


def called(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["core", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_the_command_line_imports_and_reports(curves, run, home, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "a.csv").write_text("step,value,name\n1,2,a\n1,3,b\n")
    order = ("import", tmp_path / "a.csv", "--name", "theirs", "--home", home.root)
    assert called(monkeypatch, *order) == 2
    assert "Choose one with --series: a, b." in capsys.readouterr().err
    assert called(monkeypatch, *order, "--series", "b", "--on", "score", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    (kept,) = curves.all()
    assert said == {"curve": kept.id, "name": "theirs", "points": 1} and (kept.place, kept.values) == ("score", [3])
    reported = ("report", run.id, "--home", home.root, "--output", tmp_path / "r.html", "--curve")
    assert called(monkeypatch, *reported, kept.id) == 0
    assert "theirs: imported from a.csv" in (tmp_path / "r.html").read_text()
    assert called(monkeypatch, *reported, "nobody") == 2
