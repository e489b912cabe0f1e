"""Same again with …: the dialog on the Run page, the variant that it launches, and both runs' curves in one chart."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from core.config.checks import parse
from core.runs import hardware, lineage
from core.runs.launchers import LocalLauncher
from core.training import checkpoint
from core.training.build import build_learner, without_data
from core.training.trainer import STATE
from pages.parts import launching

SETTING = "setting-again-{}-{}"


@pytest.fixture(autouse=True)
def one_slot(monkeypatch):
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    monkeypatch.setattr(LocalLauncher, "slots", lambda _: ["cpu"])


def opened(app, run):
    """The run's page with the dialog open."""
    return app("run", run=run.id).button(f"again-{run.id}").click().run()


def setting(page, run, path):
    return page.text_input(SETTING.format(run.id, path))


def complaints(page):
    return [part.value for part in page.get("html") if "field-error" in part.value]


def drawn(page, card):
    """The traces of a card's chart by name, each as (x, dash, faint)."""
    (chart,) = [part for part in page.get("bidi_component") if f"chart-{card}-" in part.proto.id]
    traces = json.loads(chart.proto.mixed.json if chart.proto.WhichOneof("data") == "mixed" else chart.proto.json)[
        "traces"
    ]
    return {one["name"]: (np.frombuffer(base64.b64decode(one["x"])), one["dash"], one["faint"]) for one in traces}


def test_the_dialog_asks_the_most_telling_settings_with_the_runs_values(app, said, make_run):
    run = make_run("sinusoid-maml")
    page = opened(app, run)
    asked = {item.key.split("-", 3)[3]: item.value for item in page.text_input if item.key.startswith("setting-again")}
    assert asked == {
        "algorithm.inner_lr": "0.01", "algorithm.inner_steps": "1", "training.meta_lr": "0.001", "family.k_shot": "5"
    }  # fmt: skip
    assert page.button("launch-variant").disabled
    assert "the same ones would give the same numbers" in said(page)


def test_of_a_run_that_went_on_from_another_it_says_that_it_starts_anew(app, said, store, make_run):
    begun = "It went on from run 5 at iteration 1200."
    assert begun not in said(opened(app, make_run("sinusoid-maml")))
    run = make_run("sinusoid-maml")
    store.update(run.id, facts=run.facts | {"start": {"run": 5, "checkpoint": "last@1200", "iteration": 1200}})
    below_the_command = said(app("run", run=run.id)).count(begun)
    assert 0 < below_the_command < said(opened(app, run)).count(begun)


def test_another_learner_is_asked_what_it_has(app, said, make_run):
    run = make_run("omniglot-5w1s-protonet", changed=["family=doodles", "evaluation.n_way=5"])
    page = opened(app, run)
    said(page)
    assert page.button_group(SETTING.format(run.id, "algorithm.distance")).value == "euclidean"
    assert setting(page, run, "family.n_way").value == "5"


def test_a_wrong_value_is_explained_at_its_field_as_in_the_form(app, make_run):
    run = make_run("doodles-5w1s")
    page = opened(app, run)
    setting(page, run, "training.meta_lr").set_value("7.0").run()
    (first, last) = complaints(page)
    assert "“Meta learning rate” = 7.0: the largest value is 1" in first
    assert "One setting needs a change" in last
    assert page.button("launch-variant").disabled
    setting(page, run, "training.meta_lr").set_value("0.01").run()
    assert complaints(page) == []
    assert not page.button("launch-variant").disabled


def test_a_contradiction_elsewhere_is_said_in_the_dialog(app, said, make_run):
    run = make_run("doodles-5w1s", changed=["evaluation.n_query=16"])
    page = opened(app, run)
    setting(page, run, "family.k_shot").set_value("10").run()
    assert "“Shots” + “Queries”" in said(page)
    assert page.button("launch-variant").disabled


def test_the_variant_is_launched_with_its_parent(app, said, store, make_run, started):
    run = make_run("sinusoid-maml", name="mine")
    page = opened(app, run)
    setting(page, run, "algorithm.inner_lr").set_value("0.02").run()
    assert "mine · inner_lr 0.02" in said(page)
    page.button("launch-variant").click().run()
    made, before = store.runs()
    assert (made.name, made.parent, made.group) == ("mine · inner_lr 0.02", run.id, None)
    assert made.config == before.config | {"algorithm": before.config["algorithm"] | {"inner_lr": 0.02}}
    assert started == [made.id]
    text = said(page)  # its own page, with the dialog closed
    assert "inner_lr 0.02" in page.title[0].value.replace("\\", "")
    assert "Everything else stays" not in text
    assert "launch-variant" not in {button.key for button in page.button}


def trained(run, home, iteration, which="last"):
    """The run with a checkpoint of this iteration, which a training can go on from."""
    config = parse(run.config)
    algorithm = build_learner(config, without_data(config), "loop")
    state = dict.fromkeys(STATE) | {"device": "cpu", "forward": "loop", "validated": iteration, "seconds": 12.0}
    state["optimizer"] = algorithm.optimizer(0.001).state_dict()
    checkpoint.save(home.artifacts(run).checkpoints(), which, iteration, algorithm, state)


def test_an_ended_run_is_continued_from_its_checkpoint(app, store, home, make_run, started):
    run = make_run("sinusoid-maml", name="mine", changed=["training.iterations=3"])
    trained(run, home, 3)
    page = app("run", run=run.id).button(f"fork-{run.id}").click().run()
    assert "From the checkpoint at iteration 3" in page.toggle(f"from-checkpoint-{run.id}").label
    assert page.text_input(f"setting-on-{run.id}-training.iterations").value == "6"
    page.button("launch-variant").click().run()
    made, before = store.runs()
    assert (made.parent, made.iteration, lineage.start(made.facts)) == (before.id, 3, (before.id, 3))
    assert made.config["training"]["iterations"] == 6
    assert started == [made.id]
    labels = [link.proto.label.replace("\\", "") for link in page.get("page_link")]
    assert f"continues #{run.id} from iteration 3 but iterations 6" in labels
    children = " ".join(link.proto.label for link in app("run", run=run.id).get("page_link"))
    assert f"{made.id} continues from 3" in children


def test_of_several_checkpoints_one_is_chosen_to_continue_from(app, store, home, make_run, started):
    run = make_run("sinusoid-maml", changed=["training.iterations=3"])
    trained(run, home, 3)
    trained(run, home, 2, "best")
    trained(run, home, 1, "kept")
    page = app("run", run=run.id).button(f"fork-{run.id}").click().run()
    choice = page.selectbox(f"fork-checkpoint-{run.id}")
    assert choice.options == ["last, iteration 3", "best, iteration 2", "kept, iteration 1"]
    choice.set_value(1).run()
    page.button("launch-variant").click().run()
    made, before = store.runs()
    assert (made.iteration, lineage.start(made.facts), started) == (1, (before.id, 1), [made.id])


def test_a_stopped_run_is_continued_as_it_is_and_counts_as_no_presets_run(app, store, home, make_run, started):
    run = make_run("sinusoid-maml", "stopped")
    trained(run, home, 3)
    page = app("run", run=run.id).button(f"fork-{run.id}").click().run()
    page.button("launch-variant").click().run()
    made, before = store.runs()
    assert (before.facts["preset"], made.facts["preset"]) == ("sinusoid-maml", "")
    assert (made.config, made.iteration, started) == (before.config, 3, [made.id])


def test_the_switch_leads_back_to_the_start(app, said, home, make_run):
    run = make_run("sinusoid-maml", changed=["training.iterations=3"])
    trained(run, home, 3)
    page = app("run", run=run.id).button(f"fork-{run.id}").click().run()
    page.toggle(f"from-checkpoint-{run.id}").set_value(False).run()
    assert "the same ones would give the same numbers" in said(page)
    assert page.button("launch-variant").disabled


def test_what_cannot_be_continued_is_said_in_the_dialog(app, said, store, home, make_run):
    run = make_run("sinusoid-maml", changed=["training.iterations=3"])
    trained(run, home, 3)
    page = app("run", run=run.id).button(f"fork-{run.id}").click().run()
    page.text_input(f"setting-on-{run.id}-training.iterations").set_value("2").run()
    page.button("launch-variant").click().run()
    assert "nothing left to train" in said(page)
    assert store.count() == 1


def test_a_fork_of_a_deleted_run_says_where_it_began(app, said, store, make_run):
    run = make_run("sinusoid-maml", parent=77)
    store.update(run.id, facts=run.facts | {"start": {"run": 77, "checkpoint": "last@1200", "iteration": 1200}})
    assert "from iteration 1200, which was deleted" in said(app("run", run=run.id))


def test_a_second_click_launches_nothing_more(app, store, make_run, monkeypatch):
    """The script that a double click's second half runs sees what the first one saw: the dialog, and its button pressed."""
    run = make_run("sinusoid-maml")
    page = opened(app, run)

    def launch():
        page.session_state["same-again"] = run.id
        page.query_params["run"] = str(run.id)
        page.switch_page("pages/run.py").run()
        setting(page, run, "algorithm.inner_lr").set_value("0.02").run()
        page.button("launch-variant").click().run()

    monkeypatch.setattr(launching, "AGAIN", 1000.0)
    launch()
    launch()
    assert len(store.runs()) == 2
    monkeypatch.setattr(launching, "AGAIN", 0.0)  # as a while later
    launch()
    assert len(store.runs()) == 3


def test_a_variant_waits_for_its_parent_or_has_it_stopped(app, said, store, home, make_run):
    run = make_run("sinusoid-maml", "running", slot="cpu", host=home.host)
    page = opened(app, run)
    setting(page, run, "algorithm.inner_lr").set_value("0.02").run()
    assert "waits in the queue until this run has ended" in said(page)
    page.button("launch-variant").click().run()
    made = store.runs()[0]
    assert (made.status, store.get(run.id).desired) == ("queued", "run")
    assert f"Next in the queue; it starts when #{run.id} {run.name} makes room." in said(page)
    page.button(f"overtake-{made.id}").click().run()
    assert store.get(run.id).desired == "stop"
    assert f"overtake-{made.id}" not in {button.key for button in page.button}


@pytest.fixture
def small(store, home, make_run, monkeypatch):
    """Makes a run that trains on one of two cores."""
    monkeypatch.setattr(hardware, "cores", lambda: 2)

    def make():
        run = make_run("sinusoid-maml", "running", slot="cpu", host=home.host)
        store.update(run.id, facts=run.facts | {"cores": 1})
        return store.get(run.id)

    return make


def test_a_small_runs_variant_trains_beside_it(app, said, store, small):
    run = small()
    page = opened(app, run)
    setting(page, run, "algorithm.inner_lr").set_value("0.02").run()
    assert "waits in the queue" not in said(page)
    assert "stop-first" not in {toggle.key for toggle in page.toggle}
    page.button("launch-variant").click().run()
    made = store.runs()[0]
    assert (made.status, made.parent, store.get(run.id).desired) == ("starting", run.id, "run")


def test_with_all_cores_in_use_the_end_of_any_run_makes_room(app, said, store, small):
    run, second, third = (small() for _ in range(3))
    page = opened(app, run)
    setting(page, run, "algorithm.inner_lr").set_value("0.02").run()
    others = f"#{second.id} {second.name} or #{third.id} {third.name}"
    assert f"waits in the queue until this run, {others} has ended" in said(page)
    page.toggle("stop-first").set_value(True).run()
    page.button("launch-variant").click().run()
    assert store.get(run.id).desired == "stop"
    assert f"it starts when #{run.id} {run.name}, {others} makes room." in said(page)


def test_a_variant_does_not_overtake_a_run_that_waits_for_all_cores(app, said, store, small):
    run, second = small(), small()
    page = opened(app, run)
    setting(page, run, "algorithm.inner_lr").set_value("0.02").run()
    store.create(run.config, "before", folder_root=Path(run.folder), datasets=Path(run.datasets), host=run.host)
    setting(page, run, "algorithm.inner_lr").set_value("0.03").run()
    assert "The new run starts after 1 queued run." in said(page)
    waiting = said(app("run", run=store.runs()[0].id))
    names = f"#{run.id} {run.name} and #{second.id} {second.name}"
    assert f"Next in the queue; it starts when {names} make room." in waiting


def test_the_parent_can_be_stopped_with_the_launch(app, store, home, make_run):
    run = make_run("sinusoid-maml", "running", slot="cpu", host=home.host)
    page = opened(app, run)
    setting(page, run, "algorithm.inner_lr").set_value("0.02").run()
    page.toggle("stop-first").set_value(True).run()
    page.button("launch-variant").click().run()
    assert store.get(run.id).desired == "stop"
    assert store.runs()[0].parent == run.id


def test_the_parents_curves_stand_in_the_same_charts(app, said, make_run):
    parent = make_run("sinusoid-maml", name="before")
    run = make_run("sinusoid-maml", changed=["algorithm.inner_lr=0.02"], parent=parent.id)
    page = app("run", run=run.id)
    said(page)
    assert any(
        f"like #{parent.id} but inner_lr 0.02" in link.proto.label.replace("\\", "") for link in page.get("page_link")
    )
    for card in ("loss", "validation", "adaptation"):
        x, dash, faint = drawn(page, card)[f"#{parent.id} before"]
        assert len(x) and (dash, faint) == ("dash", True), card
    page.toggle(f"beside-{run.id}-{parent.id}").set_value(False).run()
    assert page.query_params["beside"] == "none"
    assert f"#{parent.id} before" not in drawn(page, "loss")
    assert f"#{parent.id} before" not in drawn(app("run", run=run.id, beside="none"), "loss")
    page.toggle(f"beside-{run.id}-{parent.id}").set_value(True).run()
    assert f"#{parent.id} before" in drawn(page, "loss")


def test_the_address_names_any_other_run(app, said, make_run):
    other, run = make_run("sinusoid-maml", name="other"), make_run("sinusoid-maml")
    assert f"#{other.id} other" in drawn(app("run", run=run.id, beside=other.id), "loss")
    for nobody in (run.id, 99, "x"):
        page = app("run", run=run.id, beside=nobody)
        said(page)
        assert len(drawn(page, "loss")) == 2


def test_a_long_parent_does_not_press_a_young_variant_to_the_edge(app, store, make_run):
    parent = make_run("sinusoid-maml", name="before")
    store.add_metrics(parent.id, [(n, 1.0, "train/query_loss", 0.1) for n in (4, 1000, 70_000)])
    run = make_run("sinusoid-maml", "running", parent=parent.id)
    x, *_ = drawn(app("run", run=run.id), "loss")[f"#{parent.id} before"]
    assert x.max() == 3  # the run is at iteration 3
    store.move(run.id, "finished", {"running"})
    x, *_ = drawn(app("run", run=run.id), "loss")[f"#{parent.id} before"]
    assert x.max() == 70_000


def test_a_queued_variant_shows_its_parents_curves_alone(app, home, make_run):
    parent = make_run("sinusoid-maml", name="before")
    busy = make_run("doodles-5w1s", "running", slot="cpu", host=home.host)
    run = make_run("sinusoid-maml", "queued", parent=parent.id, host=home.host)
    page = app("run", run=run.id)
    assert list(drawn(page, "loss")) == list(drawn(page, "adaptation")) == [f"#{parent.id} before"]
    assert f"overtake-{run.id}" not in {button.key for button in page.button}, f"it waits for #{busy.id}"


def test_a_parent_that_is_gone_or_unlike_is_said(app, said, make_run):
    run = make_run("sinusoid-maml", parent=99)
    assert "made from #99, which was deleted" in said(app("run", run=run.id))
    unlike = make_run("doodles-5w1s", parent=run.id)
    page = app("run", run=unlike.id)
    assert any("family doodles" in link.proto.label.replace("\\", "") for link in page.get("page_link"))
    assert len(drawn(page, "loss")) == 2
