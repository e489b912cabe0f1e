"""The page that asks which method to take: where a tournament is begun, and its answer."""

import sys

import pytest

from core.tournament.record import tournament, tournaments
from pages.parts import trust
from pages.parts.compare import verdicts
from tests.core.tournament.made_up import entered, score
from tests.pages.conftest import as_read


@pytest.fixture
def over(store, home):
    """A tournament with one clear winner."""
    found = entered(store, home.runs_folder, seeds=2)
    for run in found.runs:
        score(store, run, 0.9 if run.learner == "protonet" else 0.8)
    return tournament(store, found.number)


def test_one_is_started_on_a_preset_with_the_learners_that_are_ticked(app, said, store):
    page = app("tournament")
    assert "None yet" in said(page)
    assert {box.key for box in page.checkbox if box.value} == {"enter-maml", "enter-protonet", "enter-pretrain"}
    page.selectbox("tournament-tasks").set_value("sinusoid-maml").run()
    page.number_input("tournament-seeds").set_value(2)
    page.radio("tournament-budget").set_value("Equal tasks").run()
    page.number_input("tournament-budget-tasks").set_value(64).run()
    assert "2 learners × 2 = 4" in said(page)
    page.button("start-tournament").click().run()
    (found,) = tournaments(store, 5)
    assert (found.name, found.budget.tasks, found.planned) == ("sinusoid-maml", 64, 4)
    assert [run.learner for run in found.runs] == ["maml", "pretrain"] * 2
    assert dict(page.query_params) == {"id": str(found.number)}
    assert "Nothing is tested yet." in said(page)


def test_those_that_do_not_fit_are_grey_and_why_is_said(app, said):
    page = app("tournament")
    page.selectbox("tournament-tasks").set_value("sinusoid-maml").run()
    assert page.checkbox("unfit-protonet").disabled and not page.checkbox("unfit-protonet").value
    assert "ProtoNet is for classification, and sinusoid is regression." in said(page)
    assert not page.checkbox("enter-maml").disabled


def test_fewer_than_two_learners_are_no_tournament(app, said):
    page = app("tournament")
    for name in ("maml", "protonet"):
        page.checkbox(f"enter-{name}").uncheck()
    page.run()
    assert "Choose two learners at least." in said(page)
    assert page.button("start-tournament").disabled


def test_what_is_not_measured_is_being_measured(app, said, wanted):
    page = app("tournament")
    assert "Measuring a few iterations of MAML" in said(page)
    assert [config.algorithm.name for config in wanted.values()] == ["maml"]


def test_the_tasks_of_a_run_or_of_the_draft_on_train_are_taken(app, said, make_run):
    run = make_run("doodles-5w1s", changed=["family.n_way=3"], name="three")
    page = app("tournament", **{"from": run.id})
    assert page.selectbox("tournament-tasks").value == str(run.id)
    assert "Doodles, 3-way 1-shot." in said(page)
    page = app("train", preset="sinusoid-maml").switch_page("pages/tournament.py").run()
    assert any(option.startswith("As set up on Train: ") for option in page.selectbox("tournament-tasks").options)
    assert "There is no run 99" in said(app("tournament", **{"from": 99}))


def test_a_draft_that_needs_a_change_and_what_is_refused_here_are_not_taken(app, said, monkeypatch):
    page = app("train", preset="sinusoid-maml")
    page.session_state["train-draft"].values["training"]["meta_lr"] = -1
    page = page.switch_page("pages/tournament.py").run()
    page.selectbox("tournament-tasks").set_value("as on Train").run()
    assert "The settings on Train need a change." in said(page)
    assert not [button for button in page.button if button.key == "start-tournament"]
    monkeypatch.setattr(trust, "refusal", lambda _: {"model": "Switched off here."})
    page.selectbox("tournament-tasks").set_value("doodles-5w1s").run()
    assert "Switched off here." in said(page)


def test_the_answer_stands_at_its_own_address(app, said, over):
    page = app("tournament", id=over.number)
    text = said(page)
    assert "MAML, ProtoNet × 2 seeds, 12 tasks each; finished." in text
    assert "ProtoNet: 90.00 ± 0.00 % (2 seeds), better than MAML by 10.0 ± " in text
    assert "ProtoNet is better than MAML by 10.0" in text  # the verdict
    table = page.dataframe[0].value
    assert list(table["Learner"]) == ["ProtoNet", "MAML"]
    assert list(table["Kind"]) == ["model-dependent", "model-agnostic"]
    (listed,) = [link for link in app("tournament").get("page_link") if f"#{over.number} " in as_read(link.label)]
    assert f"id={over.number}" in listed.proto.query_string


def test_the_answer_needs_no_torch(app, over, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("pages.parts.tournament.form")]:
        monkeypatch.delitem(sys.modules, name)
    assert not app("tournament", id=over.number).exception
    assert "pages.parts.tournament.form" not in sys.modules


def test_other_numbers_of_shots_are_asked_for(app, said, over, store, monkeypatch):
    asked = []
    monkeypatch.setattr("core.retest.Retests.ask", lambda _, wishes: asked.extend(wishes))
    page = app("tournament", id=over.number)
    page.button("test-shots").click().run()
    assert [(wish.run, wish.shots) for wish in asked] == [(run.id, (1, 5, 10)) for run in sorted_runs(over)]
    for run in over.runs:
        for k in (1, 5, 10):
            score(store, run, 0.5 + 0.04 * k, k_shot=k)
    page = app("tournament", id=over.number)
    assert "To score on average as ProtoNet does with 2 shots (90.00 %), MAML needs 10." in said(page)
    assert not [button for button in page.button if button.key == "test-shots"]


def sorted_runs(found):
    return sorted(found.runs, key=lambda run: (run.learner != "protonet", run.id))


def test_it_is_stopped_as_a_whole_and_resumed(app, said, store, home):
    found = entered(store, home.runs_folder)
    page = app("tournament", id=found.number)
    assert "Answer so far" in said(page)
    (progress,) = (as_read(one.proto.text) for one in page.get("progress"))
    assert progress.startswith("0 of 4 runs ended · about 3") and "#1 maml · mine starting" in progress
    page.button("stop-tournament").click().run()
    assert {run.desired for run in store.runs()} == {"stop"}
    for run in store.runs():
        store.move(run.id, "stopped", {"queued", "starting"})
    page = app("tournament", id=found.number)
    assert "0 of 4 runs finished" in said(page)
    page.button("resume-tournament").click().run()
    assert {run.desired for run in store.runs()} == {"run"}


def test_a_number_that_there_is_none_of_is_said_beside_the_form(app, said):
    page = app("tournament", id="99")
    assert "There is no tournament 99." in said(page)
    assert page.button("start-tournament")


def test_what_was_left_out_is_said_and_not_asked_for_again(app, said, over, monkeypatch):
    from core.retest import Retest

    left = Retest(over.runs[0].id, (), (1, 5, 10), remark="Left out: 10 shots (too many).")
    monkeypatch.setattr(verdicts.retests().__class__, "of", lambda _, runs: [left] if left.run in runs else [])
    text = said(app("tournament", id=over.number))
    assert f"Run #{left.run}: Left out: 10 shots (too many)." in text
