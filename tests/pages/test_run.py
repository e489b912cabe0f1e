"""The Run page."""

import base64
import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete

from core import charts
from core.plotted import encode
from core.runs.outline import Outline
from core.runs.schema import evaluations
from core.runs.system import CPU, MEMORY
from pages.parts import readable, session, trust
from pages.parts.run import cards, figures, takeaway
from tests.pages.conftest import as_read


def test_without_a_run_it_points_to_the_list(app, said):
    assert "No run is chosen" in said(app("run"))


@pytest.mark.parametrize("asked", ["77", "abc", "-1", "1e3"])
def test_an_unknown_run_is_said(app, said, asked):
    assert f"There is no run {asked}" in said(app("run", run=asked))


def test_a_finished_run_shows_its_test_and_protocol(app, said, make_run):
    page = said(app("run", run=make_run("doodles-5w1s").id))
    for text in ("80.00 ± 1.00 %", "best@3", "15 queries per class", "a line of the log", "inner_lr", "finished"):
        assert text in page


def test_a_regression_run_is_not_in_per_cent(app, said, make_run):
    page = said(app("run", run=make_run("sinusoid-maml").id))
    assert "0.8" in page
    assert "80.00 ± 1.00 %" not in page


WRECKED = {
    "mean": 9.6148e28, "ci95": 1.9e29, "diverged": 1, "median": 0.4344, "quartiles": [0.1793, 0.8633], "episodes": 2000,
}  # fmt: skip


def test_where_tasks_diverged_the_median_stands_out_and_the_mean_beside_it(app, said, store, make_run):
    run = make_run("sinusoid-maml")
    rule = {"protocol": run.test["protocol"] | {"diverged": "more than before"}, "remedy": "Set fewer steps."}
    store.update(run.id, test=run.test | WRECKED | rule, best=run.best | WRECKED)
    page = said(app("run", run=run.id))
    assert '<span class="big">0.4344</span>' in page
    assert "mean squared error, median; quartiles 0.1793 and 0.8633" in page
    assert f"1 of 2{readable.GAP}000 tasks diverged: more than before." in page and "Set fewer steps." in page
    assert "9.6×10²⁸ ± 1.9×10²⁹" in page and "0 not finite, 1 diverged" in page
    assert "<b>0.4344</b>" in page and "median, at iteration 3" in page


def test_an_older_result_of_which_nobody_counted_what_diverged_is_shown(app, said, store, make_run):
    run = make_run("sinusoid-maml")
    store.update(run.id, test=run.test | {"mean": 5.2338e27, "ci95": 1e28, "non_finite": 2})
    page = said(app("run", run=run.id))
    assert "5.2×10²⁷ ± 1.0×10²⁸" in page
    assert "2 of 600 tasks were left out: their adaptation was not finite. Lower the inner learning rate." in page
    assert "diverged" not in page


@pytest.mark.parametrize(
    ("line", "note", "tone"),
    [
        ([], "no points yet", "off"),
        ([0.5], "the first point", "off"),
        ([0.5, 0.7, 0.5], "as at the start", "off"),
        ([0.5, 0.25], "−0.25 since the start", "good"),
        ([0.5, 3e9], "+3.0×10⁹ since the start", "bad"),
    ],
)
def test_a_loss_that_did_not_change_is_neither_good_nor_bad(make_run, line, note, tone):
    html = figures.loss_figure(make_run("sinusoid-maml", outline=asdict(Outline(means=tuple(line)))))
    assert f'class="figure {tone}"' in html
    assert f">{note}<" in html


def test_a_failed_run_says_why_and_what_to_do(app, said, make_run):
    run = make_run("doodles-5w1s", "failed", error="The loss is not finite.", remedy="Lower inner_lr.")
    page = said(app("run", run=run.id))
    assert "The loss is not finite." in page
    assert "Lower inner_lr." in page


def test_a_queued_run_says_what_it_waits_for(app, said, store, home, make_run):
    busy = make_run("doodles-5w1s", "running", slot="cpu")
    waiting = make_run("sinusoid-maml", "queued")
    store.update(busy.id, host=home.host)
    store.update(waiting.id, desired="pause")
    assert "Paused before it started" in said(app("run", run=waiting.id))
    store.update(waiting.id, desired="run", host="elsewhere")
    assert "It waits for another home" in said(app("run", run=waiting.id))
    store.update(waiting.id, host=home.host)
    page = said(app("run", run=waiting.id))
    assert f"#{busy.id} {busy.name}" in page
    assert "Next in the queue" in page


def test_scratch_has_an_empty_state_instead_of_a_loss(app, said, make_run):
    run = make_run("doodles-5w1s", changed=["algorithm=scratch"])
    page = said(app("run", run=run.id))
    assert "Nothing to train" in page
    assert "Meta-training loss" in page


def test_throughput_counts_tasks_or_examples(app, said, store, make_run):
    run = make_run("doodles-5w1s", "running")
    store.update(run.id, rate=2.0, forward="loop")
    assert "32 tasks a second, in a loop" in said(app("run", run=run.id))
    batches = make_run("doodles-5w1s", "running", changed=["algorithm=pretrain"], rate=2.0, forward="stacked")
    page = said(app("run", run=batches.id))
    assert "128 examples a second" in page
    assert "in a loop" not in page


def test_what_the_time_went_into_is_said_also_of_a_finished_run(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    assert "Time went into" not in said(app("run", run=run.id))
    store.update(run.id, load={"spent": {"data": 4.0, "training": 82.0, "validation": 13.7, "writing": 0.3}})
    page = said(app("run", run=run.id))
    for text in ("data 4 %", "training 82 %", "validation 14 %", "writing &lt; 1 %"):
        assert text in page


ADAPTATIONS = {
    "a start and a test": ("doodles-5w1s", [], True, ["before meta-learning", "newest", "test"]),
    "of an earlier version": ("doodles-5w1s", [], False, ["newest", "test"]),
    "of ordinary training": ("doodles-5w1s", ["algorithm=pretrain"], True, ["before training", "newest", "test"]),
    "nothing to train": ("doodles-5w1s", ["algorithm=scratch"], True, ["validation at 3", "test"]),
}


@pytest.mark.parametrize("case", ADAPTATIONS)
def test_the_adaptation_curve_before_training_is_beside_the_newest(app, store, make_run, monkeypatch, case: str):
    preset, changed, started, names = ADAPTATIONS[case]
    run, drawn = make_run(preset, "running", changed), {}
    monkeypatch.setattr(cards, "live_chart", lambda chart, key, **_: drawn.update({key: chart}))
    if started:
        curve = [{"step": step, "mean": 0.2, "ci95": 0.01} for step in range(3)]
        with store.database.writing() as connection:
            connection.execute(delete(evaluations).where(evaluations.c.run_id == run.id))
        for iteration in (0, 3):
            scored = {"episodes": 100, "checkpoint": f"last@{iteration}", "result": {"curve": curve}}
            store.add_evaluation(run.id, iteration, "val", "accuracy", 0.2, 0.01, **scored)
    assert not app("run", run=run.id).exception
    chart = drawn[f"chart-adaptation-{run.id}"]
    assert [trace.name for trace in chart.traces] == names
    assert len({(trace.color, trace.dash) for trace in chart.traces}) == len(chart.traces)
    assert [moment.iteration for moment in chart.moments] == ([] if "scratch" in str(changed) else [2 - 2 * started, 3])


def test_a_run_and_the_one_beside_it_are_both_drawn_by_their_medians(app, store, make_run, monkeypatch):
    """Tasks of the other one diverged."""
    other, drawn = make_run("sinusoid-maml"), {}
    run = make_run("sinusoid-maml", parent=other.id)
    monkeypatch.setattr(cards, "live_chart", lambda chart, key, **_: drawn.update({key: chart}))
    for one, diverged in ((run, 0), (other, 1)):
        summary = {"median": 0.5, "quartiles": [0.2, 0.9], "diverged": diverged}
        curve = [point | summary for point in one.test["curve"]]
        with store.database.writing() as connection:
            connection.execute(delete(evaluations).where(evaluations.c.run_id == one.id))
        store.update(one.id, test=one.test | {"curve": curve})
    page = app("run", run=run.id)
    chart = drawn[f"chart-adaptation-{run.id}"]
    assert chart.y_title == "mean squared error, median"
    sent = json.loads(json.dumps(encode(chart, 300)))  # Streamlit drops what JSON does not know
    below, above = (np.frombuffer(base64.b64decode(side), np.float32) for side in sent["traces"][0]["error"])
    np.testing.assert_allclose([below, above], [[0.3] * 3, [0.4] * 3], rtol=1e-6)
    assert [(trace.name, trace.y.tolist()) for trace in chart.traces] == [
        ("test", [0.5] * 3),
        (charts.title(other), [0.5] * 3),
    ]
    assert any("median and quartiles" in as_read(part.value) for part in page.markdown)


def test_the_start_alone_is_not_drawn_twice(app, store, make_run, monkeypatch):
    run, drawn = make_run("doodles-5w1s", "running", test=None), {}
    monkeypatch.setattr(cards, "live_chart", lambda chart, key, **_: drawn.update({key: chart}))
    with store.database.writing() as connection:
        connection.execute(delete(evaluations).where(evaluations.c.run_id == run.id))
    result = {"curve": [{"step": step, "mean": 0.2, "ci95": 0.01} for step in range(3)]}
    store.add_evaluation(run.id, 0, "val", "accuracy", 0.2, 0.01, episodes=100, checkpoint="last@0", result=result)
    assert not app("run", run=run.id).exception
    assert [trace.name for trace in drawn[f"chart-adaptation-{run.id}"].traces] == ["before meta-learning"]


def test_smoothing_is_kept_for_the_session_and_shows_the_raw_curve_behind(app, make_run, monkeypatch):
    first, second, drawn = make_run("doodles-5w1s"), make_run("doodles-5w1s"), {}
    monkeypatch.setattr(cards, "live_chart", lambda chart, key, **_: drawn.update({key: chart}))
    page = app("run", run=first.id)
    assert [trace.raw for trace in drawn[f"chart-loss-{first.id}"].traces] == [False, False]
    page.toggle(f"smooth-{first.id}").set_value(True).run()
    assert [trace.raw for trace in drawn[f"chart-loss-{first.id}"].traces] == [True, True, False, False]
    page.switch_page("pages/runs.py").run()
    page.query_params["run"] = str(second.id)
    page.switch_page("pages/run.py").run()
    assert not page.exception
    assert page.toggle(f"smooth-{second.id}").value is True
    assert [trace.raw for trace in drawn[f"chart-loss-{second.id}"].traces] == [True, True, False, False]


def test_what_a_run_took_of_its_machine_is_drawn_where_it_was_measured(app, said, store, make_run, monkeypatch):
    run, drawn = make_run("doodles-5w1s"), {}
    monkeypatch.setattr(cards, "live_chart", lambda chart, key, **_: drawn.update({key: chart}))
    assert "Load, memory and throughput" not in said(app("run", run=run.id))
    rows = ((CPU, 150.0), (MEMORY, 5e8), ("system/tasks_per_second", 90.0))
    store.add_metrics(run.id, [(3, 0.3, key, value) for key, value in rows])
    assert "Load, memory and throughput" in said(app("run", run=run.id))
    charts = [drawn[f"chart-system-{place}-{run.id}"] for place in range(3)]
    assert [(one.y_title, one.traces[0].y.tolist()) for one in charts] == [
        ("processor, 100 % a core", [150]),
        ("memory, GB", [0.5]),
        ("tasks a second", [90]),
    ]


def test_a_run_that_is_over_says_the_pace_of_all_its_training(make_run):
    run = make_run("doodles-5w1s", "finished", rate=0.2, iteration=600, seconds=300.0)
    assert figures.pace(run) == 2.0
    assert figures.pace(make_run("doodles-5w1s", "running", rate=0.2, iteration=600, seconds=300.0)) == 0.2
    assert figures.pace(make_run("doodles-5w1s", "failed", rate=None, iteration=0, seconds=0.0)) is None


def test_a_run_without_a_rate_does_not_say_how_it_ran(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    store.update(run.id, rate=None, iteration=0, forward="loop")
    assert "in a loop" not in said(app("run", run=run.id))


def test_pause_continue_stop_reach_the_store(app, store, make_run):
    run = make_run("doodles-5w1s", "running")
    page = app("run", run=run.id)
    page.button(f"pause-{run.id}").click().run()
    assert store.get(run.id).desired == "pause"
    page.button(f"continue-{run.id}").click().run()
    assert store.get(run.id).desired == "run"
    page.button(f"stop-{run.id}").click().run()
    assert store.get(run.id).desired == "stop"
    assert f"stop-{run.id}" not in {button.key for button in page.button}


def test_a_run_that_this_server_refuses_is_not_resumed(app, said, store, make_run, started, monkeypatch):
    monkeypatch.setenv(trust.SETTING, "off")
    run = make_run("doodles-5w1s", "stopped", changed=["model=module", 'model.path="mine:Net"'])
    page = app("run", run=run.id).button(f"resume-{run.id}").click().run()
    assert "Networks of one's own are switched off" in said(page)
    assert started == [] and store.get(run.id).status == "stopped"


def test_resume_starts_a_worker_again(app, store, make_run, started):
    run = make_run("doodles-5w1s", "stopped")
    app("run", run=run.id).button(f"resume-{run.id}").click().run()
    assert started == [run.id]
    assert store.get(run.id).attempt == 2


def test_a_button_that_comes_too_late_says_so(app, said, store, make_run):
    run = make_run("doodles-5w1s", "running")
    page = app("run", run=run.id)
    store.move(run.id, "finished", {"running"})
    page.button(f"pause-{run.id}").click().run()
    assert "is finished and cannot be paused" in said(page)


def test_a_tick_reads_only_what_is_new(app, said, store, make_run, asked, monkeypatch):
    monkeypatch.setattr(session, "TICK", math.inf)  # a second may pass or not: the look at the queue is not counted
    run = make_run("doodles-5w1s", "running")
    page = app("run", run=run.id)
    asked.clear()
    page.run()
    assert len(asked) < 20, asked
    assert not [statement for statement in asked if "evaluations.result" in statement], "curves decoded again"
    store.add_metrics(run.id, [(4, 0.4, charts.QUERY_LOSS, 0.25)])
    curve = [{"step": step, "mean": 0.2, "ci95": 0.01} for step in range(2)]
    whole = {"metric": "accuracy", "mean": 0.9, "ci95": 0.01, "curve": curve}
    store.add_evaluation(run.id, 4, "val", "accuracy", 0.9, 0.01, episodes=100, checkpoint="last@4", result=whole)
    store.heartbeat(run.id, iteration=4)
    asked.clear()
    page.run()
    assert len([statement for statement in asked if "evaluations.result" in statement]) == 1
    assert "4 / 10" in said(page)
    reader = session.reader()
    assert reader.validations(run.id)[-1].mean == 0.9
    assert reader.series(run.id, charts.QUERY_LOSS)[0].tolist() == [1, 2, 3, 4]


def test_a_log_that_begins_later_is_shown(app, said, home, make_run):
    run = make_run("doodles-5w1s", "running")
    log = home.artifacts(run).log_file
    text = log.read_text()
    log.unlink()
    page = app("run", run=run.id)
    assert "No log yet" in said(page)
    log.write_text(text)
    page.run()
    assert "a line of the log" in said(page)
    assert "No log yet" not in said(page)


def test_a_run_is_renamed_and_noted_from_its_page(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    page = app("run", run=run.id)
    page.button(f"edit-{run.id}").click().run()
    page.text_input(f"edit-name-{run.id}").input("first try")
    page.text_area(f"edit-note-{run.id}").input("too slow")
    page.button("edit-save").click().run()
    assert (store.get(run.id).name, store.get(run.id).note) == ("first try", "too slow")
    assert page.title[0].value == "first try"
    assert "Note: too slow" in said(page)


def test_a_run_that_is_deleted_from_its_page_leaves_for_the_list_with_a_word(app, store, make_run):
    kept, run = make_run("sinusoid-maml"), make_run("doodles-5w1s")
    page = app("run", run=run.id)
    page.button(f"delete-{run.id}").click().run()
    assert store.count() == 2, "it asks first"
    page.button("delete-confirm").click().run()
    assert [one.id for one in store.runs()] == [kept.id]
    assert page.title[0].value == "Runs"
    assert as_read(page.toast[0].value) == f"Run #{run.id} doodles-5w1s is deleted."
    assert not page.run().toast


def test_learners_of_other_good_checkpoints_can_be_taken_away(app, make_run):
    run = make_run("doodles-5w1s")
    assert not [one for one in app("run", run=run.id).get("download_button") if "iteration" in one.proto.label]
    for name in ("kept-000000002-000", "kept-000000001-000", "kept-000000009-000.part"):
        Path(run.folder, "checkpoints", name).mkdir(parents=True)
    labels = [
        one.proto.label for one in app("run", run=run.id).get("download_button") if "iteration" in one.proto.label
    ]
    assert labels == ["Of iteration 1", "Of iteration 2"]


def test_the_lineage_links_to_every_generation(app, said, make_run):
    first = make_run("doodles-5w1s")
    second = make_run("doodles-5w1s", changed=["algorithm.inner_lr=0.3"], parent=first.id)
    third = make_run("doodles-5w1s", parent=second.id)
    page = app("run", run=second.id)
    rows = [as_read(link.proto.label) for link in page.get("page_link") if ":gray[" in link.proto.label]
    assert rows[0].startswith(f"**#{first.id} doodles-5w1s**") and "80.00 ± 1.00 %" in rows[0]
    assert rows[1].startswith(f"**#{third.id} doodles-5w1s** :gray[inner_lr 0.4")
    assert "inner_lr 0.3 · 80.00 ± 1.00 % · this run" in said(page)
    assert "· this run" not in said(app("run", run=make_run("doodles-5w1s").id))


def test_a_run_at_work_cannot_be_deleted_from_its_page(app, make_run):
    run = make_run("doodles-5w1s", "running")
    assert app("run", run=run.id).button(f"delete-{run.id}").disabled


def test_a_dialog_left_open_is_not_drawn_for_another_run(app, make_run):
    one, other = make_run("doodles-5w1s"), make_run("doodles-5w1s")
    page = app("run", run=one.id)
    page.button(f"edit-{one.id}").click().run()
    page.query_params["run"] = str(other.id)
    page.run()
    assert not [field for field in page.text_input if field.key.startswith("edit-name")]


LINES = {
    "running": ({}, "Training; this page may be closed."),
    "paused": ({"desired": "pause"}, "Paused; it keeps its device."),
    "pausing": ({"desired": "pause"}, "Pausing after the iteration"),
    "stopped": ({}, "Stopped. Resume goes on"),
    "finished": ({}, "Finished "),
}


@pytest.mark.parametrize("status", LINES)
def test_a_line_says_how_a_run_stands_whatever_it_does(app, said, make_run, status):
    columns, line = LINES[status]
    run = make_run("doodles-5w1s", "running" if status == "pausing" else status, **columns)
    assert line in said(app("run", run=run.id))


def test_duplicate_opens_train_with_the_config(app, store, make_run):
    run = make_run("sinusoid-maml")
    store.update(run.id, config=run.config | {"seed": 123})
    page = app("run", run=run.id)
    page.button(f"duplicate-{run.id}").click().run()
    assert page.title[0].value == "Train"
    draft = page.session_state["train-draft"]
    assert draft.values["seed"] == 123
    assert draft.values == store.get(run.id).config


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "-1", "٣", "1e3", "2147483648", "0x1", "1;drop"])
@pytest.mark.parametrize("address", [("run", "run"), ("train", "from")])
def test_an_address_with_a_number_that_no_run_has(app, said, address: tuple[str, str], number: str) -> None:
    page, name = address
    assert f"There is no run {number[:20]}" in said(app(page, **{name: number}))


def test_what_may_be_taken_away_stands_at_the_foot(app, said, make_run):
    run = make_run("doodles-5w1s", name="it's mine")
    page = app("run", run=run.id)
    assert "python -m core train --config innerloop-run-1.json --name" in said(page)
    labels = [button.label for button in page.get("download_button")]
    assert [*labels[-10:-3]] == ["Charts", "CSV", "Parquet", "CSV", "Parquet", "CSV", "Parquet"]
    assert labels[-3:] == ["TensorBoard", "Config", "Learner"]


def test_without_tensorboard_its_button_says_how_to_get_it(app, make_run, monkeypatch):
    monkeypatch.setattr(takeaway, "find_spec", lambda _: None)
    page = app("run", run=make_run("doodles-5w1s").id)
    (button,) = (one for one in page.button if one.label == "TensorBoard")
    assert button.disabled and as_read(button.help).endswith("pip install tensorboard==2.21.0")


def test_a_run_without_a_checkpoint_has_no_learner_to_take(app, make_run):
    page = app("run", run=make_run("doodles-5w1s", "queued").id)
    labels = [button.label for button in page.get("download_button")]
    assert "Config" in labels and "Learner" not in labels
