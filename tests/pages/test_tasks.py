"""Single tasks on the Run page: what the learner makes of them at each validation, and which of the test are hard."""

import numpy as np
import pytest

from core import view_charts
from core.task_scores import TaskScores
from data.metric import accuracy
from data.view import TaskView
from pages.parts.run import hard_tasks
from tests.pages.conftest import as_read
from tests.pages.looks import GATHERED, TRANSLATED, WALKED, curve, evaluated, of_classes, pictures, validated


def test_before_the_first_validation_the_cards_say_what_will_come(app, said, make_run):
    run = make_run("doodles-5w1s", "queued")
    page = said(app("run", run=run.id))
    assert "No task yet" in page and "No scores yet" in page


def test_of_a_run_of_an_earlier_version_it_is_said_that_there_is_nothing(app, said, make_run):
    page = said(app("run", run=make_run("doodles-5w1s").id))
    assert "One task" not in page and "An earlier version made this run" in page


def test_a_live_run_whose_family_shows_nothing_says_so(app, said, make_run):
    assert "Nothing to look at" in said(app("run", run=make_run("doodles-5w1s", "running").id))


def test_a_learner_that_does_not_train_has_no_card_for_it(app, said, make_run):
    assert "One task" not in said(app("run", run=make_run("doodles-5w1s", "running", changed=["algorithm=scratch"]).id))


def test_one_task_is_shown_at_the_newest_validation_and_at_any_other(app, said, make_run, home):
    run = make_run("sinusoid-maml")
    validated(home, run, curve(), curve())
    page = app("run", run=run.id)
    assert "mean squared error 4 before adapting, 1 after 3 steps" in said(page)
    (slider,) = page.get("select_slider")
    assert slider.options == ["0", "2", "3"] and slider.value == 3
    slider.set_value(0).run()
    assert not page.exception and page.get("select_slider")[0].value == 0
    page.get("button_group")[0].set_value(1).run()
    assert not page.exception


def test_the_newest_is_followed_until_another_is_chosen(app, make_run, home):
    run = make_run("sinusoid-maml", "running")
    validated(home, run, curve())
    page = app("run", run=run.id)
    validated(home, run, curve(), at=(5,))
    assert page.run().get("select_slider")[0].value == 5
    page.get("select_slider")[0].set_value(2).run()
    validated(home, run, curve(), at=(6,))
    assert page.run().get("select_slider")[0].value == 2


def test_pictures_say_right_and_wrong_in_signs_and_words(app, said, make_run, home):
    run = make_run("doodles-5w1s")
    validated(home, run, pictures())
    opened = app("run", run=run.id)
    page = said(opened)
    (table,) = [one.body for one in opened.get("html") if "task-pictures" in one.body and "<style>" not in one.body]
    assert "accuracy 25.00 % before adapting, 75.00 % after 5 steps" in page
    assert "Greek/<wbr>&lt;b&gt;alpha" in page and "<b>alpha" not in page
    assert 'title="before adapting taken for class 2, 60 %; after 5 steps right, 60 %"' in page
    assert "<span>✕2 60</span><span>✓ 60</span>" in table and table.count('<figure class="wrong"') == 1
    assert table.count('alt="support of class') == 2 and table.count('alt="query of class') == 4


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (of_classes("texts", texts=["s1", "s2", "<i>q1", "q2", "q3", "q4"]), ["&lt;i&gt;q1", "✕ beta, 60 %", "✓ 60 %"]),
        (
            TRANSLATED,
            [
                '<td dir="auto">zwei</td><td dir="auto">שתיים</td>',
                ">✕ שת<",
                ">✓ שתיים<",
                "after 1 step",
                "after 5 steps",
                "Into Hebrew, in Hebrew script",
                "Support set, 1 examples",
            ],
        ),
        (WALKED, ["accuracy -100.00 %"]),
        (GATHERED, ["accuracy 200.00 % before adapting, 300.00 % after 1 step"]),
        (TaskView("holograms", {}, {0: {"score": 0.5}}), ["It was written by a later version"]),
        (pictures(channels=3), ["query of class 2"]),
    ],
)
def test_every_kind_of_view_is_drawn_whatever_the_family(app, said, make_run, home, view, words):
    run = make_run("doodles-5w1s")
    validated(home, run, view, at=(3,))
    page = app("run", run=run.id)
    text = said(page) + "".join(as_read(one.label) for one in page.get("expander"))
    for one in words:
        assert one in text


def test_the_worst_tasks_are_listed_and_one_is_looked_at(app, said, make_run, home, store):
    run = make_run("doodles-5w1s")
    scores = np.array([0.9, 0.1, np.nan, 0.5, 0.3], np.float32)
    pairs = [{"class": "alpha", "taken_for": "beta", "count": 3, "of": 15}]
    confusion = {"pairs": pairs, "classes": [{"class": "gamma", "right": 4, "of": 15}], "matrix": None}
    confusion["looks"] = {"alpha": np.zeros((1, 28, 28), np.uint8)}
    evaluated(store, home, run, np.nan_to_num(scores, nan=-1), pictures(), confusion=confusion)
    page = app("run", run=run.id)
    text = said(page)
    (radio,) = page.radio
    assert [as_read(one) for one in radio.options] == ["task 2 · -100.00 %", "task 1 · 10.00 %", "task 4 · 30.00 %"]
    assert 'alt="">alpha</td><td>beta</td><td>3 of 15</td>' in text and "<td>gamma</td><td>4 of 15</td>" in text
    radio.set_value(4).run()
    assert not page.exception


def test_of_a_regression_the_tasks_that_were_lost_or_diverged_are_told(app, said, make_run, home, store):
    run = make_run("sinusoid-maml")
    scores = np.array([1.0, 5000.0, np.nan, *np.full(20, 2.0)], np.float32)
    evaluated(store, home, run, scores, curve(), diverged=[1])
    text = said(app("run", run=run.id))
    assert "1 not finite and left out: task 2." in text and "1 diverged: task 1." in text
    assert "23 tasks by mean squared error, logarithmic" in text


def test_a_matrix_is_shown_of_few_classes(app, said, make_run, home, store):
    run = make_run("doodles-5w1s")
    matrix = {"classes": ["a", "b"], "counts": np.array([[7, 1], [0, 8]])}
    evaluated(
        store, home, run, np.ones(4), pictures(), confusion={"pairs": [], "classes": [], "looks": {}, "matrix": matrix}
    )
    assert "<td>a</td><td>7</td><td>1</td>" in said(app("run", run=run.id))


def test_views_of_another_test_are_not_taken_for_this_one(app, said, make_run, home, store):
    run = make_run("doodles-5w1s")
    run = evaluated(store, home, run, np.ones(4), pictures(), episodes_sha256="another", diverged=[3])
    page = app("run", run=run.id)
    assert "Worst tasks" in said(page) and not page.radio and "diverged: task" not in said(page)


def test_the_spread_is_said_in_words_too():
    scores = np.array([0.0, 0.52, 0.53, 1.0])
    html = hard_tasks.histogram(TaskScores("test", 3, "best@3", accuracy(5), scores))
    assert 'aria-label="Tasks by accuracy: 0.00 % to 5.00 %: 1, 50.00 % to 55.00 %: 2, 95.00 % to 100.00 %: 1"' in html
    nothing = hard_tasks.histogram(TaskScores("test", 3, "best@3", accuracy(5), scores * np.nan))
    assert "No task's score was finite." in nothing


def test_a_fit_that_is_far_away_is_left_out_and_said():
    wild = curve()
    wild.said[3]["y"] = np.full(11, 1e19)
    traces = {trace.name: trace for trace in view_charts.fit_chart(wild).traces}
    assert list(traces) == ["truth", "before adapting", "after 1 step", "after 3 steps (beyond the chart)", "support"]
    assert np.isnan(traces["after 3 steps (beyond the chart)"].y).all()


def test_in_the_plane_wrong_queries_are_crosses():
    chart = view_charts.plane_chart(pictures())
    found = {(trace.group, trace.symbol): len(trace.x) for trace in chart.traces}
    assert found == {
        ("class 1", "circle"): 2, ("class 1", "x"): 0, ("class 1", "star"): 1,
        ("class 2", "circle"): 1, ("class 2", "x"): 1, ("class 2", "star"): 1,
    }  # fmt: skip
    assert [trace.name for trace in chart.traces if trace.listed] == ["class 1", "class 2"]


def test_a_validation_that_was_damaged_leaves_the_others_to_choose(app, said, make_run, home):
    run = make_run("sinusoid-maml")
    validated(home, run, curve())
    home.artifacts(run).put_view("val-000000003", b"damaged")
    page = app("run", run=run.id)
    assert "Choose another validation." in said(page)
    page.get("select_slider")[0].set_value(2).run()
    assert "after 3 steps" in said(page)


def test_paths_are_drawn_before_and_after_with_their_goals():
    said = {step: {"paths": [np.full((3, 2), step), np.zeros((2, 2))]} for step in (0, 1, 4)}
    chart = view_charts.paths_chart(TaskView("paths", {"goals": np.array([[1.0, 2.0], [3.0, 4.0]])}, said))
    named = [(trace.name, trace.group, trace.listed, len(trace.x)) for trace in chart.traces]
    assert named == [
        ("before adapting", "before adapting", True, 3),
        ("before adapting, path 2", "before adapting", False, 2),
        ("after 4 steps", "after 4 steps", True, 3),
        ("after 4 steps, path 2", "after 4 steps", False, 2),
        ("goal", "", True, 2),
    ]


def test_returns_are_drawn_step_by_step_before_and_after():
    said = {step: {"returns": [np.arange(3.0), np.arange(2.0) * step]} for step in (0, 2)}
    chart = view_charts.returns_chart(TaskView("returns", {}, said))
    lines, ends = chart.traces[:4], chart.traces[4:]
    assert [(one.mode, one.x.tolist(), one.y.tolist()) for one in ends] == [
        ("markers", one.x[-1:].tolist(), one.y[-1:].tolist()) for one in lines
    ]
    named = [(trace.name, trace.listed, trace.x.tolist(), trace.y.tolist()) for trace in lines]
    assert named == [
        ("before adapting", True, [0, 1, 2], [0, 1, 2]),
        ("before adapting, trajectory 2", False, [0, 1], [0, 0]),
        ("after 2 steps", True, [0, 1, 2], [0, 1, 2]),
        ("after 2 steps, trajectory 2", False, [0, 1], [0, 2]),
    ]
    assert (chart.x_title, chart.y_title) == ("step", "return so far")
