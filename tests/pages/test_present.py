"""The Present page: which scenes a run and a comparison are told in."""

from dataclasses import replace

import numpy as np
import pytest

from core.charts import QUERY_LOSS
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from data.language import speaking
from pages.parts.present import stage
from pages.parts.present.scenes import scenes
from tests.pages.test_compare import add_test
from tests.pages.test_say import HOSTILE


@pytest.fixture
def told(store: RunStore):
    """The scenes of these runs."""

    def tell(*runs):
        reader = SeriesReader(store)
        reader.poll([run.id for run in runs])
        return scenes(store.runs([run.id for run in runs])[::-1], store, reader)

    return tell


def validated(store, run, iteration, mean):
    curve = [{"step": step, "mean": mean - 0.1 * (2 - step), "ci95": 0.01} for step in range(3)]
    result = run.test | {"mean": mean, "curve": curve, "split": "val"}
    scored = {"episodes": 100, "checkpoint": f"last@{iteration}", "result": result}
    store.add_evaluation(run.id, iteration, "val", run.test["metric"], mean, 0.01, **scored)


def test_a_run_goes_from_the_untrained_start_to_the_final_test(store, make_run, told):
    run = make_run("doodles-5w1s", "queued")
    store.move(run.id, "running", {"queued"})
    store.add_metrics(run.id, [(i, i / 10, QUERY_LOSS, 2 / i) for i in (1, 50, 100)])
    test = make_run("doodles-5w1s").test
    run = replace(run, test=test)
    for iteration, mean in ((0, 0.2), (10, 0.4), (50, 0.6), (80, 0.7), (100, 0.75)):
        validated(store, run, iteration, mean)
    store.update(run.id, test=test)
    opening, loss, start, *on_the_way, final = told(run)
    assert opening.big == "MAML on Doodles" and opening.chart is None
    assert (loss.big, loss.end, loss.counted) == ("1\u202f600 tasks seen", 100, (16, "tasks"))
    assert "went from 2 to 0.02" in loss.text
    assert (start.title, start.big) == (
        "The untrained start",
        "20.00 ± 1.00 %",
    ) and "Guessing reaches 20.00 %" in start.text
    assert [scene.big for scene in on_the_way] == ["60.00 ± 1.00 %", "70.00 ± 1.00 %", "75.00 ± 1.00 %"]
    assert [(scene.start, scene.end) for scene in on_the_way] == [(0, 50), (50, 80), (80, 100)]
    assert on_the_way[1].title == "After 1\u202f280 tasks"
    assert [trace.name for trace in on_the_way[1].beside.traces] == ["untrained", "after training so far"]
    assert (final.title, final.big) == ("The final test", "80.00 ± 1.00 %") and "600 tasks" in final.text
    assert final.chart is start.chart and final.beside.traces[-1].name == "final test"


def test_in_chinese_what_was_seen_is_counted_and_families_are_named_in_chinese(store, make_run, told):
    run = make_run("doodles-5w1s", "queued")
    store.move(run.id, "running", {"queued"})
    store.add_metrics(run.id, [(i, i / 10, QUERY_LOSS, 2 / i) for i in (1, 50, 100)])
    with speaking("zh"):
        _, loss = told(run)
        assert loss.big == "已见 1\u202f600 个任务"
        assert stage.sent([loss])["scenes"][0]["counted"] == (16, "{number} 个任务")
        opening, *_ = told(run, make_run("sinusoid-maml"))
    assert opening.big == "涂鸦、正弦曲线回归上的 2 个学习器"


def test_a_run_that_has_nothing_yet_has_its_opening(make_run, told):
    assert [scene.chart for scene in told(make_run("doodles-5w1s", "queued"))] == [None]


def test_a_learner_without_inner_steps_has_no_chart_of_them(store, make_run, told):
    run = make_run("omniglot-5w1s-protonet")
    one = [{"step": 0, "mean": 0.8, "ci95": 0.01}]
    store.update(run.id, test=run.test | {"curve": one})
    assert told(run)[-1].beside is None and told(run)[-1].big == "80.00 ± 1.00 %"


def test_a_comparison_ends_in_its_scores_and_its_verdict(store, make_run, told):
    runs = [
        make_run(name, changed=[f"seed={seed}"]) for name in ("sinusoid-maml", "sinusoid-pretrain") for seed in (0, 1)
    ]
    for run, mean in zip(runs, (0.9, 0.91, 0.5, 0.51), strict=True):
        add_test(store, run, mean)
    opening, loss, validation, tests, verdict = told(*runs)
    assert opening.big == "2 learners on Sinusoid regression" and [row.score for row in opening.rows] == ["2 seeds"] * 2
    assert len(loss.chart.traces) == 2 and loss.counted is None
    assert validation.beside is None or validation.beside.y_title.startswith(validation.chart.y_title)
    assert [row.name for row in tests.rows] == ["pretrain", "maml"], "the smaller error is the better"
    assert verdict.big.startswith("Pretrain is better than maml by 0.4")


def test_each_chart_is_sent_once(make_run, told):
    shown = told(make_run("doodles-5w1s"))
    sent = stage.sent(shown)
    drawn = {id(chart) for scene in shown for chart in (scene.chart, scene.beside) if chart}
    assert len(sent["charts"]) == len(drawn)
    places = [scene["chart"] for scene in sent["scenes"]]
    assert (
        places[0] is None and len(set(places[2:])) == 1 and sent["charts"][places[-1]]["label"].startswith("Validation")
    )
    assert np.all([set(scene) == set(sent["scenes"][0]) for scene in sent["scenes"]])


def test_the_page_shows_them_and_goes_back_to_where_it_is_of(app, said, make_run, monkeypatch):
    runs = [make_run(name, name=HOSTILE, group=HOSTILE) for name in ("sinusoid-maml", "sinusoid-pretrain")]
    shown = []
    monkeypatch.setattr(stage, "stage", lambda scenes, key: shown.append((len(scenes), key)))
    said(app("present", run=runs[0].id))
    said(app("present", runs=f"{runs[0].id},{runs[1].id}"))
    said(app("present", groups=HOSTILE))
    assert [key for _, key in shown] == ["1", "1-2", "1-2"]
    monkeypatch.setattr(stage, "stage", lambda *_, **__: True)
    assert "Meta-training loss" in said(app("present", run=runs[0].id))
    page = app("present", runs="1,2", curves="1a2b3c4d")
    assert "Verdict" in said(page) and dict(page.query_params) == {"runs": "1,2", "curves": "1a2b3c4d"}


@pytest.mark.parametrize(("address", "text"), [({}, "Nothing to present yet"), ({"run": "99"}, "There is no run 99")])
def test_without_a_run_it_says_where_there_are_some(app, said, address, text):
    page = app("present", **address)
    assert text in said(page)
    assert page.get("page_link")


def test_run_and_compare_lead_to_it(app, make_run, monkeypatch):
    make_run("sinusoid-maml")
    shown = []
    monkeypatch.setattr(stage, "stage", lambda _, key: shown.append(key))
    app("run", run=1).button("present-1").click().run()
    app("compare", runs=1).button("present").click().run()
    assert shown == ["1", "1"]
