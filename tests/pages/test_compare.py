"""The Compare page."""

from contextlib import nullcontext

import numpy as np
import pytest

from core.charts import QUERY_LOSS
from core.comparing.curves import View
from core.comparing.groups import MOST, grouped
from core.comparing.scores import standing
from core.retest import Retest, Retests
from pages.parts import session
from pages.parts.compare import figures, scores
from tests.pages.test_say import HOSTILE


@pytest.fixture
def drawn(monkeypatch):
    """The charts that a page makes, by what they show; one that is made again replaces the one before."""
    charts, encode = {}, figures.encode

    def noted(chart, *size):
        charts[chart.label.split()[0]] = chart
        return encode(chart, *size)

    monkeypatch.setattr(figures, "encode", noted)
    monkeypatch.setattr(scores, "live_chart", lambda chart, *_: charts.__setitem__("trade", chart))
    return charts


@pytest.fixture
def seeds(make_run):
    """Three seeds of one recipe, launched as a group, and two of another."""
    maml = [make_run("sinusoid-maml", changed=[f"seed={seed}"], group="mine") for seed in range(3)]
    return maml + [make_run("sinusoid-pretrain", changed=[f"seed={seed}"]) for seed in range(2)]


def numbers(runs):
    return ",".join(str(run.id) for run in runs)


def test_empty_it_says_what_to_do(app, said, make_run):
    make_run("sinusoid-maml")
    page = app("compare")
    assert "Nothing to compare yet" in said(page)
    assert "tick them in the list of runs" in said(page)


def test_what_is_picked_is_in_the_address(app, make_run):
    runs = [make_run("sinusoid-maml"), make_run("sinusoid-pretrain", group="pre & co, 2")]
    page = app("compare")
    picker = page.multiselect("compare-picked")
    assert picker.options == ["pre & co, 2 (group)", "#2 sinusoid-pretrain", "#1 sinusoid-maml"]
    picker.set_value([("runs", "1")]).run()
    assert dict(page.query_params) == {"runs": "1"}
    picker.set_value([("runs", "1"), ("groups", "pre & co, 2")]).run()
    assert dict(page.query_params) == {"runs": "1", "groups": "pre & co, 2"}
    assert list(table(page)["Seeds"]) == [1] * len(runs)
    picker.set_value([]).run()
    assert dict(page.query_params) == {}


@pytest.mark.usefixtures("seeds")
def test_an_address_is_opened_and_gone_back_to(app):
    page = app("compare", runs="4", groups="mine")
    assert page.multiselect("compare-picked").value == [("runs", "4"), ("groups", "mine")]
    assert list(table(page)["Seeds"]) == [3, 1]
    page.query_params["runs"] = "5"  # as the browser's Back does
    assert page.run().multiselect("compare-picked").value == [("runs", "5"), ("groups", "mine")]


def table(page):
    return next(one.value for one in page.dataframe if "Seeds" in one.value)


def test_what_is_not_there_is_said(app, said, make_run):
    make_run("sinusoid-maml")
    page = app("compare", runs="1,99,1e3,99999999999,-1", groups="gone")
    text = "There is no run 99, no run 1e3, no run 99999999999, no run -1, no group gone."
    assert text in said(page)
    assert list(table(page)["Seeds"]) == [1]


def test_seeds_are_a_group_with_a_band_and_single_on_demand(app, said, seeds, drawn):
    page = app("compare", runs=numbers(seeds))
    said(page)
    assert [(trace.color, trace.faint) for trace in drawn["Query"].traces] == [(0, False), (1, False)]
    assert all(trace.low is not None for trace in drawn["Query"].traces)
    assert "its band ± one standard deviation over them" in said(page)
    page.toggle("seeds").set_value(True).run()
    assert [trace.color for trace in drawn["Query"].traces if trace.faint] == [0, 0, 0, 1, 1]
    page.selectbox("band").set_value("95 % interval").run()
    assert "its band the 95 % interval over them" in said(page)


def test_whether_losses_are_smooth_is_in_the_address(app, said, seeds, drawn):
    page = app("compare", runs=numbers(seeds))
    said(page)
    assert not any(trace.raw for trace in drawn["Query"].traces)
    page.toggle("smoothed").set_value(True).run()
    assert [trace.raw for trace in drawn["Query"].traces] == [True, True, False, False]
    said(app("compare", runs=numbers(seeds[:1]), smoothed="true"))
    assert [trace.raw for trace in drawn["Query"].traces] == [True, False]
    assert not any(trace.raw for trace in drawn["Validation"].traces)


def test_a_group_has_one_colour_in_every_chart(app, said, make_run, drawn):
    runs = [make_run(name) for name in ("doodles-5w1s", "omniglot-5w1s-pretrain")]
    said(app("compare", runs=numbers(runs)))
    for key in ("Query", "Validation", "Score", "trade"):
        own = [trace for trace in drawn[key].traces if trace.listed and "nobody" not in trace.name]
        assert [trace.color for trace in own] == [0, 1]


def test_more_than_can_be_told_apart_are_left_out_and_that_is_said(app, said, make_run):
    runs = [
        make_run("sinusoid-maml", changed=[f"seed={seed}", f"training.iterations={recipe}"])
        for recipe in range(1, MOST + 2)
        for seed in range(2)
    ]
    page = app("compare", runs=numbers(runs))
    assert f"2 of these {len(runs)} runs are left out" in said(page)
    assert list(table(page)["Seeds"]) == [2] * MOST


def test_every_score_says_what_its_interval_is_over(app, said, store, seeds):
    for place, run in enumerate(seeds[:3]):
        store.update(run.id, test=run.test | {"mean": 0.7 + 0.1 * place})
    words = [scores.in_words(one.metric, one.test) for one in map(standing, grouped(store.runs([1, 2, 3, 4])))]
    assert words == ["0.8 ± 0.01 (600 tasks)", "0.8 ± 0.25 (3 seeds)"]
    assert "Each ± is half of a 95 % interval" in said(app("compare", runs="1,2,3,4"))


def test_settings_that_differ_are_listed_and_seeds_are_none(app, said, seeds):
    page = app("compare", runs=numbers(seeds))
    said(page)
    listed = next(one.value for one in page.dataframe if "Setting" in one.value).set_index("Setting")
    assert list(listed.loc["algorithm.name"]) == ["maml", "pretrain"]
    assert "seed" not in listed.index


@pytest.mark.parametrize("network", ["conv4", "mlp"])
def test_maml_beside_protonet_differs_in_nothing_that_protonet_has_no_use_for(app, said, make_run, network):
    changed = [f"model={network}", "evaluation.n_way=5"]
    runs = [make_run(f"omniglot-5w1s-{name}", changed=changed) for name in ("quick", "protonet")]
    page = app("compare", runs=numbers(runs))
    (table,) = (frame.value for frame in page.dataframe if "Setting" in frame.value)
    rows = set(table["Setting"])
    assert {"algorithm.name", "algorithm.inner_steps", "training.meta_batch_size"} <= rows
    assert not rows & {"evaluation.inner_steps", "evaluation.n_way", "training.final_lr", "batch_statistics"}
    assert "differ in inner steps" not in said(page)


def test_a_schedule_that_one_does_not_have_is_no_difference(app, said, make_run):
    """Of two runs at a constant rate, one was a moment before set up with an exponential schedule."""
    before = ["training.schedule=constant"]
    runs = [make_run("doodles-5w1s", changed=[*before, f"training.decay_rate={rate}"]) for rate in (0.5, 0.9)]
    assert "The same settings" in said(app("compare", runs=numbers(runs)))


def add_test(store, run, mean, **changes):
    """A test of 100 tasks with scores around ``mean``, under a protocol like everybody's but for what is given."""
    protocol = {"split": "test", "n_way": 1, "k_shot": 5, "n_query": 100, "inner_steps": 5, "episodes": 100, "seed": 0}
    result = {"metric": "mse", "mean": mean, "ci95": 0.01, "episodes": 100, "protocol": protocol | changes, "curve": []}
    scores = np.random.default_rng(run.id).normal(mean, 0.1, 100)
    store.add_evaluation(
        *(run.id, 3, "test", "mse", mean, 0.01), episodes=100, checkpoint="best@3", result=result, scores=scores
    )


def test_the_verdict_is_said_in_a_sentence(app, said, store, seeds):
    for run, mean in zip(seeds, (0.5, 0.51, 0.49, 0.9, 0.91), strict=True):
        add_test(store, run, mean)
    assert "Maml is better than pretrain by 0.4" in said(app("compare", runs=numbers(seeds)))


def test_unlike_protocols_get_no_verdict_but_a_way_out(app, said, store, make_run, monkeypatch):
    first, second = make_run("sinusoid-maml"), make_run("sinusoid-pretrain")
    add_test(store, first, 0.5)
    add_test(store, second, 0.9, k_shot=10)
    asked = []
    monkeypatch.setattr(Retests, "ask", lambda _, wishes: asked.extend(wishes))
    page = app("compare", runs="1,2")
    assert "No verdict on maml and pretrain" in said(page)
    assert "shots (maml 5, pretrain 10)" in said(page)
    page.button("retest-1-2").click().run()
    (wish,) = asked
    assert wish.run == second.id
    assert "evaluation.k_shot=5" in wish.assignments
    add_test(store, second, 0.9)  # what that test will have stored
    page.run()
    assert "No verdict" not in said(page)
    assert "shots (maml" not in said(page)


def test_networks_of_ones_own_are_not_tested_where_they_are_switched_off(app, said, store, make_run, monkeypatch):
    first, second = make_run("sinusoid-maml"), make_run("sinusoid-pretrain")
    add_test(store, first, 0.5)
    add_test(store, second, 0.9, k_shot=10)
    monkeypatch.setenv("INNERLOOP_OWN_NETWORKS", "off")
    store.update(second.id, config=second.config | {"model": {"name": "module", "path": "mine:Net"}})
    page = app("compare", runs="1,2")
    said(page)
    assert page.button("retest-1-2").disabled


def test_a_run_without_a_test_is_said(app, said, store, make_run):
    add_test(store, make_run("sinusoid-maml"), 0.5)
    make_run("sinusoid-pretrain", "running", test=None)
    assert "pretrain has runs without a test: #2" in said(app("compare", runs="1,2"))


def test_nothing_is_to_be_tested_otherwise_where_a_run_has_no_test(app, said, store, make_run):
    """There is nothing yet that could be tested in another way."""
    tested = make_run("sinusoid-maml", "finished")
    add_test(store, tested, 0.5)
    seeds = [make_run("sinusoid-pretrain", changed=[f"seed={seed}"]) for seed in range(2)]
    add_test(store, seeds[0], 0.5, inner_steps=7)
    text = said(app("compare", runs=numbers([tested, *seeds])))
    assert f"pretrain has runs without a test: #{seeds[1].id}" in text and "To compare them" not in text


def test_tests_under_way_and_those_that_failed_are_said(app, said, make_run, monkeypatch):
    make_run("sinusoid-maml")
    tests = [Retest(1, (), done=0.25)]
    monkeypatch.setattr(Retests, "of", lambda *_: tests)
    page = app("compare", runs="1")
    assert [one.proto.value for one in page.get("progress")] == [25]
    tests[0] = Retest(1, (), problem="The checkpoint is gone.")
    assert "Run #1 could not be tested again. The checkpoint is gone." in said(page.run())


def test_names_are_shown_as_typed(app, said, make_run):
    for preset in ("doodles-5w1s", "sinusoid-maml"):
        make_run(preset, name=HOSTILE, group=HOSTILE)
    page = app("compare", runs="1,2,![x](y)", groups=HOSTILE)
    said(page)
    kinds = ("markdown", "caption", "error", "info", "title", "warning")
    assert all("![x](" not in element.value for kind in kinds for element in page.get(kind))


def test_a_tick_draws_only_what_has_changed(app, said, store, make_run, drawn):
    make_run("sinusoid-maml", "running")
    said(app("compare", runs="1"))
    groups, reader = grouped(store.runs()), session.reader()
    shown = figures.Figures("1", View(), {figure.key: nullcontext() for figure in figures.FIGURES})
    for rows, expected in (
        ([], {"Query", "Validation", "Score"}),
        ([], set()),
        ([(4, 0.4, QUERY_LOSS, 0.2)], {"Query"}),
    ):
        drawn.clear()
        store.add_metrics(1, rows)
        reader.poll([1])
        shown.refresh(groups)
        assert set(drawn) == expected


def test_a_published_number_stands_beside_the_scores_it_is_of(app, said, make_run):
    make_run("omniglot-5w1s-protonet")
    make_run("omniglot-5w1s-maml")
    make_run("doodles-5w1s")
    page = app("compare", runs="1,2,3")
    column = table(page)["Published"]
    assert list(column[:2]) == ["98.8 %, below", "98.7 ± 0.4 %, not comparable"]
    assert list(column.isna()) == [False, False, True]
    assert "below: 80.00 ± 1.00 % lies below 98.8 %, worse by 18.80 points; not known of theirs: " in said(page)
    assert "98.8 %, Snell et al. 2017, 60-way training (V)" in said(page)
    assert "not comparable: split vinyals, theirs finn; " in said(page)


def test_where_no_paper_has_a_number_nothing_is_said_of_any(app, make_run):
    make_run("doodles-5w1s")
    page = app("compare", runs="1")
    assert "Published" not in table(page)
    assert not [one for one in page.expander if "ublished" in one.label]
