"""The Runs page."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from core.config.run import RunConfig
from core.runs.lineage import differences
from core.runs.schema import evaluations, metrics, runs
from core.training.build import build_learner, without_data
from core.training.evaluation import protocol
from pages.parts.runs import compare, table
from pages.parts.runs.compare import unequal_protocol


def choose(page, *ids):
    """Tick the rows of these runs, as a click does."""
    table = page.dataframe[0]
    rows = [list(table.value["#"]).index(id) for id in ids]
    page.session_state[table.key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return page.run()


def names(page):
    return list(page.dataframe[0].value["Run"])


def test_empty_it_says_what_to_do(app, said):
    assert "No runs yet" in said(app("runs"))


def test_it_lists_runs_newest_first(app, make_run):
    make_run("sinusoid-maml")
    make_run("doodles-5w1s", "failed", error="Out of memory.")
    page = app("runs")
    table = page.dataframe[0].value
    assert list(table["Run"]) == ["doodles-5w1s", "sinusoid-maml"]
    assert [list(one) for one in table["Status"]] == [["failed"], ["finished"]]
    assert list(table["Progress"]) == [30.0, 100.0]


def test_a_time_budget_counts_where_it_is_further_than_the_iterations(app, make_run, store):
    budgeted = make_run("doodles-5w1s", "running")
    training = budgeted.config["training"] | {"minutes": 0.5}
    store.update(budgeted.id, config=budgeted.config | {"training": training})
    assert list(app("runs").dataframe[0].value["Progress"]) == [40.0]  # 12 s of 30, and 3 iterations of 10


def test_first_order_is_part_of_a_learners_name_and_can_be_filtered(app, make_run):
    make_run("omniglot-5w1s-fomaml")
    make_run("doodles-5w1s")
    page = app("runs")
    assert list(page.dataframe[0].value["Learner"]) == ["maml", "maml, first order"]
    page.selectbox("filter-learner").set_value("maml, first order").run()
    assert names(page) == ["omniglot-5w1s-fomaml"]


@pytest.mark.parametrize(
    ("key", "value", "left"),
    [
        ("filter-text", "sinus", ["sinusoid-maml"]),
        ("filter-text", "#2", ["doodles-5w1s"]),
        ("filter-text", "remarkable", ["doodles-5w1s"]),
        ("filter-status", ["failed"], ["doodles-5w1s"]),
        ("filter-family", "sinusoid", ["sinusoid-maml"]),
    ],
)
def test_filters(app, make_run, key, value, left):
    make_run("sinusoid-maml")
    make_run("doodles-5w1s", "failed", note="remarkable")
    page = app("runs")
    page.session_state[key] = value
    assert names(page.run()) == left


def test_a_filter_that_matches_nothing_says_so(app, said, make_run):
    make_run("sinusoid-maml")
    page = app("runs")
    page.text_input("filter-text").input("nothing like this").run()
    assert "No run matches" in said(page)


def test_rename_and_note(app, store, make_run):
    run = make_run("doodles-5w1s")
    page = choose(app("runs"), run.id)
    page.button("edit-run").click().run()
    page.text_input(f"edit-name-{run.id}").input("first try")
    page.text_area(f"edit-note-{run.id}").input("too slow")
    page.button("edit-save").click().run()
    assert (store.get(run.id).name, store.get(run.id).note) == ("first try", "too slow")


def test_delete_asks_first(app, store, make_run):
    kept, gone = make_run("doodles-5w1s"), make_run("sinusoid-maml")
    page = choose(app("runs"), gone.id)
    page.button("delete-runs").click().run()
    assert {run.id for run in store.runs()} == {kept.id, gone.id}
    page.button("delete-confirm").click().run()
    assert [run.id for run in store.runs()] == [kept.id]


def test_a_running_one_cannot_be_deleted(app, make_run):
    run = make_run("doodles-5w1s", "running")
    page = choose(app("runs"), run.id)
    assert page.button("delete-runs").disabled
    assert not page.button("stop-runs").disabled


def test_a_choice_stays_with_its_run_when_the_rows_move(app, store, make_run):
    run = make_run("doodles-5w1s")
    page = choose(app("runs"), run.id)
    make_run("sinusoid-maml")
    page.run()
    assert names(page) == ["sinusoid-maml", "doodles-5w1s"]
    page.button("delete-runs").click().run()
    page.button("delete-confirm").click().run()
    assert [left.name for left in store.runs()] == ["sinusoid-maml"]


@pytest.fixture
def many(store, make_run):
    """1100 runs with ten points each, all copies of one."""
    run = make_run("doodles-5w1s")
    with store.database.writing() as connection:
        (row,) = connection.execute(select(runs).where(runs.c.id == run.id)).mappings().all()
        copies = [dict(row) | {"id": id, "name": f"copy {id}"} for id in range(2, 1101)]
        connection.execute(insert(runs), copies)
        point = {"seconds": 0.1, "key": "train/query_loss", "value": 1.0}
        rows = [point | {"run_id": id, "iteration": i} for id in range(2, 1101) for i in range(10)]
        connection.execute(insert(metrics), rows)
        (first,) = connection.execute(select(evaluations).limit(1)).mappings().all()
        scored = [dict(first) | {"id": 10 * id + i, "run_id": id} for id in range(2, 1101) for i in range(3)]
        connection.execute(insert(evaluations), scored)


@pytest.mark.usefixtures("many")
def test_a_thousand_runs_open_on_a_page_of_fifty(app, said, asked):
    page = app("runs")
    assert names(page) == [f"copy {id}" for id in range(1100, 1050, -1)]
    assert "1–50 of 1\u202f100" in said(page)
    asked.clear()
    page.run()
    assert len(asked) < 40, asked
    assert all(len(statement) < 3000 for statement in asked), "a term for each run"
    assert not [statement for statement in asked if "FROM metrics" in statement or "FROM evaluations" in statement]
    whole = [statement for statement in asked if "runs.config" in statement]
    assert whole and all("LIMIT" in statement for statement in whole)


@pytest.mark.usefixtures("many")
def test_pages_are_turned_and_what_is_chosen_stays_so(app, said):
    page = choose(app("runs"), 1100, 1090)
    page.pagination[0].set_value(2).run()
    assert names(page)[0] == "copy 1050"
    assert "51–100 of" in said(page)
    assert "2 of 2 chosen are not on this page." in said(page)
    assert "What differs" in said(page)
    choose(page, 1040)
    assert "2 of 3 chosen are not on this page." in said(page)
    page.pagination[0].set_value(1).run()
    assert "1 of 3 chosen is not on this page." in said(page)
    page.button("clear-runs").click().run()
    assert "What differs" not in said(page)
    assert page.button("delete-runs").disabled


@pytest.mark.usefixtures("many")
def test_a_filter_starts_over_at_the_first_page(app, said):
    page = app("runs")
    page.pagination[0].set_value(22).run()
    assert names(page) == [f"copy {id}" for id in range(50, 1, -1)] + ["doodles-5w1s"]
    page.text_input("filter-text").input("#10").run()
    assert names(page)[0] == "copy 1099"
    assert "1–50 of 111" in said(page)


@pytest.mark.usefixtures("many")
def test_a_page_that_is_no_more_becomes_the_last(app, store):
    page = app("runs")
    page.pagination[0].set_value(22).run()
    with store.database.writing() as connection:
        connection.execute(runs.delete().where(runs.c.id <= 60))
    assert names(page.run())[-1] == "copy 61"


def test_two_runs_are_compared(app, said, make_run):
    first, second = make_run("doodles-5w1s"), make_run("omniglot-5w1s-pretrain")
    page = choose(app("runs"), first.id, second.id)
    assert "What differs" in said(page)
    table = page.dataframe[1].value.set_index("Setting")
    assert list(table.loc["algorithm.name"]) == ["maml", "pretrain"]
    assert "seed" not in table.index


def test_differences_name_paths_and_fill_gaps():
    one = {"seed": 0, "model": {"name": "mlp", "widths": [40]}, "same": {"a": 1}}
    other = {"seed": 0, "model": {"name": "conv4"}, "same": {"a": 1}}
    assert differences([one, other]) == {"model.name": ["mlp", "conv4"], "model.widths": [[40], None]}


def with_test(store, run, **protocol):
    """The run with a test under a protocol like everybody's, but for what is given."""
    usual = {"n_way": 5, "k_shot": 1, "n_query": 15, "inner_steps": 5, "batch_statistics": "queries together"}
    store.update(run.id, test=run.test | {"protocol": usual | protocol})
    return store.get(run.id)


def test_scores_under_different_protocols_are_told_apart(app, make_run, store):
    """By what the tests were taken under, not by the configs: both say of their inner steps ‘as the learner does’."""
    app("runs")  # what all sessions share is there
    left_open = ["evaluation.inner_steps=null"]
    same, longer = (with_test(store, make_run("doodles-5w1s", changed=left_open)) for _ in range(2))
    store.update(longer.id, config=longer.config | {"training": longer.config["training"] | {"iterations": 9}})
    assert unequal_protocol([same, store.get(longer.id)]) == []
    further = with_test(store, make_run("doodles-5w1s", changed=left_open), inner_steps=10)
    assert further.config["evaluation"]["inner_steps"] is same.config["evaluation"]["inner_steps"] is None
    assert unequal_protocol([same, longer, further]) == ["inner steps (#1 5, #2 5, #3 10)"]
    reader = with_test(store, make_run("doodles-5w1s", changed=["algorithm=protonet"]), inner_steps=0)
    assert unequal_protocol([same, reader]) == []  # it has no inner steps that could be other ones
    alone = with_test(store, make_run("doodles-5w1s"), batch_statistics="support")
    assert unequal_protocol([same, alone]) == ["BatchNorm's statistics (#1 queries together, #5 support)"]


def with_its_own_protocol(store, run):
    """The run with the protocol under which its own learner is tested."""
    config = RunConfig.model_validate(run.config)
    learner = build_learner(config, without_data(config), "stacked")
    steps = config.evaluation.inner_steps
    steps = learner.adaptation_steps if steps is None else steps
    said = protocol(learner, config, "test", steps, config.evaluation.episodes, "ab" * 32, "best@7")
    store.update(run.id, test=run.test | {"protocol": said})
    return store.get(run.id)


@pytest.mark.parametrize("network", ["conv4", "mlp"])
def test_maml_beside_protonet_differs_in_nothing_that_protonet_has_no_use_for(app, said, make_run, store, network):
    app("runs")
    names = ["omniglot-5w1s-quick", "omniglot-5w1s-protonet"]
    changed = [f"model={network}", "evaluation.n_way=5"]
    protonet_alone = [] if network == "conv4" else ["batch_statistics=support"]
    runs = [
        with_its_own_protocol(store, make_run(name, changed=[*changed, *more]))
        for name, more in zip(names, ([], protonet_alone), strict=True)
    ]
    together = "BatchNorm's statistics (#1 queries together, #2 support and queries together)"
    assert unequal_protocol(runs) == ([together] if network == "conv4" else [])
    page = choose(app("runs"), *(run.id for run in runs))
    text = said(page)
    assert "inner steps" not in text
    rows = set(page.dataframe[1].value["Setting"])
    assert {"algorithm.name", "algorithm.inner_steps", "training.meta_batch_size"} <= rows
    assert not rows & {"evaluation.inner_steps", "evaluation.n_way", "training.final_lr", "batch_statistics"}


def test_a_schedule_that_one_does_not_have_is_no_difference(app, make_run):
    """Of two runs at a constant rate, one was a moment before set up with an exponential schedule."""
    before = ["training.schedule=constant"]
    runs = [make_run("doodles-5w1s", changed=[*before, f"training.decay_rate={rate}"]) for rate in (0.5, 0.9)]
    page = choose(app("runs"), *(run.id for run in runs))
    assert len(page.dataframe) == 1, "there is no table of differences"


def test_two_protocols_that_had_one_word_are_told_apart(app, make_run, store):
    app("runs")
    runs = [make_run("doodles-5w1s", changed=[f"algorithm={name}"]) for name in ("maml", "protonet")]
    old = [with_test(store, run, batch_statistics="transductive") for run in runs]
    (text,) = unequal_protocol(old)
    assert text == "BatchNorm's statistics (#1 queries together, #2 support and queries together)"


def test_runs_without_a_test_are_judged_by_their_validations(app, said, make_run, store):
    first, second = make_run("doodles-5w1s", "running", test=None), make_run("doodles-5w1s")
    result = store.evaluations(first.id)[-1].result
    protocol = result["protocol"] | {"n_query": 3}
    with store.database.writing() as connection:
        mine = evaluations.c.run_id == first.id
        connection.execute(evaluations.update().where(mine).values(result=result | {"protocol": protocol}))
    page = choose(app("runs"), first.id, second.id)
    assert "queries (#1 3, #2 15)" in said(page)


def test_runs_of_unlike_metrics_are_drawn_apart(app, said, make_run, monkeypatch):
    drawn = []
    monkeypatch.setattr(compare, "live_chart", lambda chart, **_: drawn.append((chart.label.split()[0], chart.y_title)))
    runs = [make_run(name) for name in ("doodles-5w1s", "sinusoid-maml", "doodles-5w1s")]
    page = app("runs")
    drawn.clear()
    said(choose(page, *(run.id for run in runs)))
    units = [("accuracy, %", "mean squared error"), ("cross-entropy, nats", "mean squared error")]
    expected = [("Query", unit) for unit in units[1]]
    expected += [(what, unit) for what in ("Validation", "Score") for unit in units[0]]
    assert drawn == expected


def test_scores_that_a_browsers_table_cannot_hold_are_shown_and_sort(make_run):
    means = [0.7, 9e28, None, 5e27, 1e300, 1e12, 3.0]
    runs = [make_run("sinusoid-maml") for _ in means]
    runs = [replace(run, test=mean and run.test | {"mean": mean}) for run, mean in zip(runs, means, strict=True)]
    style = table.styled(runs)
    values = style.data["Test"].tolist()
    order = sorted((place for place, mean in enumerate(means) if mean), key=values.__getitem__)
    assert order == [0, 6, 5, 3, 1, 4] and max(values[place] for place in order) < 2**53
    assert "9.0×10²⁸ ± 0.01" in style.to_html() and "9.0e28" not in style.to_html()


def test_a_name_or_note_that_is_too_long_is_refused_with_a_word(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    page = choose(app("runs"), run.id)
    page.button("edit-run").click().run()
    page.text_input(f"edit-name-{run.id}").input("x" * 500)
    page.text_area(f"edit-note-{run.id}").input("y" * 2001).run()
    text = said(page)
    assert "has 500 characters" in text and "The note has 2001 characters" in text
    assert page.button("edit-save").disabled
    assert store.get(run.id).name == "doodles-5w1s"
