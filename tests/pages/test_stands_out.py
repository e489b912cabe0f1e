"""What stands out on the Run page, and the proposal that opens the dialog of a variant with it."""

from tests.pages.conftest import as_read

STEEP = {"step": 1, "mean": 9.0, "ci95": 0.1}
WORSE = {"curve": [{"step": 0, "mean": 3.0, "ci95": 0.1}, STEEP], "episodes": 100}


def hurting(store, make_run, status="finished"):
    """A run whose newest validation is worse after its inner step."""
    run = make_run("sinusoid-maml", status, name="mine", test=None)
    scored = {"episodes": 100, "checkpoint": "best@9", "result": WORSE}
    store.add_evaluation(run.id, 9, "val", "mse", 9.0, 0.1, **scored)
    return run


def proposals(page):
    return {as_read(button.label): button for button in page.button if button.key.startswith("try-")}


def test_a_proposal_opens_the_dialog_with_its_setting_and_is_launched(app, said, store, make_run):
    run = hurting(store, make_run)
    page = app("run", run=run.id)
    text = said(page)
    assert "One thing stands out, see below." in text
    assert "Adapting makes it worse" in text and "3 ± 0.1 before adapting, 9 ± 0.1 after 1 inner step." in text
    proposals(page)["Try inner_lr 0.001"].click().run()
    assert page.text_input(f"setting-again-{run.id}-algorithm.inner_lr").value == "0.001"
    assert "mine · inner_lr 0.001" in said(page)
    page.button("launch-variant").click().run()
    made = store.runs()[0]
    assert (made.parent, made.config["algorithm"]["inner_lr"]) == (run.id, 0.001)


def test_a_proposal_may_be_changed_before_it_is_launched(app, said, store, make_run):
    run = hurting(store, make_run)
    page = app("run", run=run.id)
    proposals(page)["Try inner_lr 0.001"].click().run()
    page.text_input(f"setting-again-{run.id}-algorithm.inner_lr").set_value("0.002").run()
    assert "mine · inner_lr 0.002" in said(page)


def test_a_proposal_of_a_setting_that_is_else_not_asked_comes_first(app, said, store, make_run):
    run = hurting(store, make_run)
    curve = [{"step": step, "mean": mean, "ci95": 0.1} for step, mean in enumerate((3.0, 1.0, 2.0))]
    scored = {"episodes": 100, "checkpoint": "best@9", "result": WORSE | {"curve": curve}}
    store.add_evaluation(run.id, 9, "val", "mse", 2.0, 0.1, **scored)
    page = app("run", run=run.id)
    proposals(page)["Try evaluation.inner_steps 1"].click().run()
    asked = [item.key.split("-", 3)[3] for item in page.text_input if item.key.startswith("setting-again")]
    assert asked[:2] == ["evaluation.inner_steps", "algorithm.inner_lr"]
    assert page.text_input(f"setting-again-{run.id}-evaluation.inner_steps").value == "1"
    assert "mine · evaluation.inner_steps 1" in said(page)


def test_the_dialog_opened_by_its_own_button_proposes_nothing(app, store, make_run):
    run = hurting(store, make_run)
    page = app("run", run=run.id)
    page.button(f"again-{run.id}").click().run()
    assert page.text_input(f"setting-again-{run.id}-algorithm.inner_lr").value == "0.01"


def test_a_live_run_is_judged_at_its_validations(app, said, store, make_run):
    run = hurting(store, make_run, "running")
    page = app("run", run=run.id)
    assert "Training; this page may be closed. One thing stands out, see below." in said(page)
    calm = WORSE | {"curve": [{"step": 0, "mean": 3.0, "ci95": 0.1}, STEEP | {"mean": 1.0}]}
    store.add_evaluation(run.id, 10, "val", "mse", 1.0, 0.1, episodes=100, checkpoint="best@10", result=calm)
    assert "stands out" not in said(page.run()).lower()


def test_where_nothing_stands_out_nothing_is_said(app, said, make_run):
    run = make_run("doodles-5w1s")
    page = app("run", run=run.id)
    assert "stands out" not in said(page).lower()
    assert proposals(page) == {}
