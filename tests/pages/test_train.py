"""The Train page: the form made from the config's fields, its messages, and the launch."""

import json
import re
from pathlib import Path

import pytest
import torch

from core.algorithms.base import algorithms
from core.config.overrides import apply
from core.config.presets import PRESETS, preset
from core.config.run import RunConfig
from core.costs import Costs, key_of
from core.forecast import ProbeError
from core.forecast_line import ForecastLine
from core.models.base import models
from core.runs import hardware
from core.training.probe import Cost
from core.training.saving import SAVINGS
from data.registry import families
from pages.parts.train import config_form, draft
from pages.parts.train.episode_view import picture_strip
from tests.pages.conftest import as_read

REGISTRIES = {"family": families(), "algorithm": algorithms(), "model": models()}


def setting(page, path):
    """The widget of one setting, whichever kind it is."""
    end = f"-{path}"
    for kind in ("number_input", "text_input", "toggle", "selectbox", "button_group"):
        for widget in page.get(kind):
            if (widget.key or "").startswith("setting-") and widget.key.endswith(end):
                return widget
    raise AssertionError(f"no widget for {path}")


def complaints(page):
    return [part.value for part in page.get("html") if "field-error" in part.value]


def values(page):
    return page.session_state["train-draft"].values


@pytest.mark.parametrize("name", [one.name for one in PRESETS])
def test_a_preset_fills_the_form_and_is_left_unchanged_by_it(app, said, name):
    page = app("train", preset=name)
    page.run()
    said(page)
    assert values(page) == RunConfig.model_validate(preset(name).config).model_dump(mode="json")


def test_the_preset_menu_replaces_what_was_typed(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "training.iterations").set_value(7).run()
    assert values(page)["training"]["iterations"] == 7
    page.selectbox("train-preset").select("sinusoid-maml").run()
    assert setting(page, "training.iterations").value == 70_000
    assert values(page)["family"]["name"] == "sinusoid"


def test_a_value_out_of_range_is_explained_at_its_field_and_blocks_the_launch(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "training.meta_lr").set_value(7.0).run()
    (first, last) = complaints(page)
    assert "meta_lr = 7.0" in first
    assert "One setting needs a change" in last
    assert page.button("launch").disabled
    assert setting(page, "training.meta_lr").value == 7.0
    setting(page, "training.meta_lr").set_value(0.01).run()
    assert complaints(page) == []
    assert not page.button("launch").disabled


def test_settings_that_contradict_each_other_are_explained(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "family.n_query").set_value(30).run()
    assert any("k_shot + n_query" in text for text in complaints(page))
    assert page.button("launch").disabled


def test_a_list_that_cannot_be_read_is_explained(app):
    page = app("train", preset="sinusoid-maml")
    setting(page, "model.widths").set_value("40, many").run()
    assert any("many" in text for text in complaints(page))
    setting(page, "model.widths").set_value("32, 16, 8").run()
    assert values(page)["model"]["widths"] == [32, 16, 8]
    assert complaints(page) == []


def test_an_optional_number_can_be_given_and_taken_back(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "evaluation.k_shot").set_value(5).run()
    assert values(page)["evaluation"]["k_shot"] == 5
    setting(page, "evaluation.k_shot").set_value(None).run()
    assert values(page)["evaluation"]["k_shot"] is None


def test_switching_the_learner_and_back_keeps_what_was_typed(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "algorithm.inner_lr").set_value(0.123).run()
    page.button_group("choose-algorithm-baselines").set_value("pretrain").run()
    assert values(page)["algorithm"]["name"] == "pretrain"
    page.button_group("choose-algorithm-model-agnostic").set_value("maml").run()
    assert values(page)["algorithm"]["inner_lr"] == 0.123
    assert complaints(page) == []


def test_another_learner_starts_from_its_own_defaults(app):
    """Fields of the same name must not hand their value over: 0.4 is MAML's rate, and for Reptile's Adam it is absurd."""
    page = app("train", preset="doodles-5w1s")
    page.button_group("choose-algorithm-model-agnostic").set_value("reptile").run()
    chosen = values(page)
    assert chosen["algorithm"] == algorithms()["reptile"].Config().model_dump()
    assert setting(page, "algorithm.inner_lr").value == 0.001
    assert chosen["evaluation"]["inner_steps"] is None  # the preset's were meant for MAML
    assert page.session_state[draft.DRAFT].name == "doodles-reptile"
    assert complaints(page) == []


def test_a_learner_that_brings_its_own_network_shows_no_network_settings(app):
    page = app("train", preset="sinusoid-maml")
    page.button_group("choose-algorithm-model-dependent").set_value("cnp").run()
    with pytest.raises(AssertionError, match=r"no widget for model\.widths"):
        setting(page, "model.widths")
    assert not page.button("launch").disabled


def test_only_settings_with_an_effect_are_shown(app, said):
    page = app("train", preset="omniglot-5w1s-nearest-centroid").run()
    assert "Nearest centroid is not trained." in said(page)
    paths = {item.key.split("-", 2)[2] for item in page.number_input if item.key.startswith("setting-")}
    assert "evaluation.episodes" in paths
    assert not {p for p in paths if p.startswith("training.")} | paths & {"evaluation.inner_steps"}


def test_a_setting_appears_with_the_choice_it_belongs_to_and_stays_while_it_is_wrong(app):
    page = app("train", preset="sinusoid-maml")
    setting(page, "training.schedule").set_value("exponential").run()
    setting(page, "training.decay_rate").set_value(5.0).run()
    setting(page, "training.schedule").set_value("constant").run()
    assert any("largest value is 1" in text for text in complaints(page))
    setting(page, "training.decay_rate").set_value(0.5).run()
    assert complaints(page) == []
    with pytest.raises(AssertionError, match=r"no widget for training\.decay_rate"):
        setting(page, "training.decay_rate")


def test_a_network_that_plays_no_part_is_shown_while_it_is_wrong(app):
    page = app("train", preset="sinusoid-maml")
    setting(page, "model.widths").set_value("40, many").run()
    page.button_group("choose-algorithm-model-dependent").set_value("cnp").run()
    setting(page, "model.widths").set_value("40").run()
    assert not page.button("launch").disabled


def test_what_the_test_was_set_to_comes_back_with_its_family_and_learner(app):
    page = app("train", preset="omniglot-5w1s-protonet")
    for name in ("sinusoid", "omniglot"):
        page.button_group("choose-family-Task family").set_value(name).run()
    assert values(page)["evaluation"]["n_way"] == 5
    page = app("train", preset="omniglot-5w1s-quick")
    for name in ("anil", "maml"):
        page.button_group("choose-algorithm-model-agnostic").set_value(name).run()
    assert values(page)["evaluation"]["inner_steps"] == 3


def test_a_learner_for_other_tasks_is_refused_at_the_learner(app):
    page = app("train", preset="sinusoid-maml")
    page.button_group("choose-algorithm-model-dependent").set_value("protonet").run()
    assert any("ProtoNet is for classification" in text for text in complaints(page))
    assert page.button("launch").disabled


def test_what_was_typed_survives_a_visit_to_another_page(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "family.k_shot").set_value(3).run()
    page.switch_page("pages/home.py").run()
    page.switch_page("pages/train.py").run()
    assert setting(page, "family.k_shot").value == 3


def test_launch_queues_the_run_and_opens_it(app, store, started):
    page = app("train", preset="doodles-5w1s")
    setting(page, "seed").set_value(5).run()
    page.button("launch").click().run()
    (run,) = store.runs()
    assert (run.name, run.config["seed"]) == ("doodles-5w1s", 5)
    assert started == [run.id]
    assert page.title[0].value == "doodles\\-5w1s"


# Time and memory


def cost(step=0.1, memory=4e8, **more):
    whole = {
        "score": 1e-4,
        "tuned": 0.0,
        "candidates": 0,
        "tunes": False,
        "threads": 1,
        "steps": 9,
        "tasks": 25,
        "share": 1.0,
    }
    return Cost(step=step, memory=int(memory), **(whole | more))


@pytest.fixture
def measured(home, monkeypatch):
    """Puts a measurement where the page finds those of an earlier day: ``measured("sinusoid-maml", cost(), "seed=3")``."""
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    monkeypatch.setattr(hardware, "memory_of", lambda _: 8 * 10**9)

    def put(name, found, *changes):
        config = RunConfig.model_validate(apply(draft.complete(preset(name).config), list(changes)))
        Costs(home.costs).put(key_of(config, "cpu"), found)

    return put


def forecast(page):
    """The line beside the button, without its marks."""
    line, *_ = [re.sub("<[^>]*>", "", part.value) for part in page.get("html") if 'class="forecast' in part.value]
    return line


def advice(page):
    return {button.key: as_read(button.label) for button in page.button if (button.key or "").startswith("advice-")}


def test_time_and_memory_of_what_was_measured_before_are_there_at_once(app, measured):
    measured("sinusoid-maml", cost(step=0.002))
    page = app("train", preset="sinusoid-maml")
    assert forecast(page) == "about 2 min · 0.4 GB on CPU · 1 thread"
    setting(page, "training.iterations").set_value(700_000).run()
    assert forecast(page).startswith("about 24 min")
    page.number_input("run-seeds").set_value(2).run()
    assert forecast(page).startswith("about 24 min each")
    assert not page.exception


def test_what_is_not_known_is_measured_while_everything_else_goes_on(app, wanted, store):
    page = app("train", preset="sinusoid-maml")
    assert forecast(page) == "Measuring a few iterations …"
    (config,) = wanted.values()
    assert config.training.meta_batch_size == 25
    setting(page, "training.meta_batch_size").set_value(7).run()
    (config,) = wanted.values()  # instead of the one before
    assert config.training.meta_batch_size == 7
    page.button("launch").click().run()
    assert len(store.runs()) == 1
    assert wanted == {}  # the run has the machine to itself


def test_a_setting_that_is_wrong_is_not_measured(app, wanted):
    page = app("train", preset="sinusoid-maml")
    wanted.clear()
    setting(page, "training.meta_lr").set_value(7.0).run()
    assert wanted == {}
    assert not [part for part in page.get("html") if "forecast" in part.value]


def test_a_change_that_helps_is_told_and_can_be_taken(app, measured, wanted):
    measured("sinusoid-maml", cost())
    page = app("train", preset="sinusoid-maml")
    assert wanted  # what would help is not known yet
    assert advice(page) == {}
    measured("sinusoid-maml", cost(step=0.04), "algorithm.first_order=true")
    for name, saving in SAVINGS.items():
        if name != "first_order":
            changes = saving.changes(RunConfig.model_validate(preset("sinusoid-maml").config))
            measured("sinusoid-maml", cost(), *(f"{path}={json.dumps(value)}" for path, value in changes.items()))
    page.run()
    assert advice(page) == {"advice-first_order": "first order: 47 min instead of 117"}
    page.button("advice-first_order").click().run()
    assert values(page)["algorithm"]["first_order"] is True
    assert setting(page, "algorithm.first_order").value is True
    assert forecast(page).startswith("about 47 min")


def test_what_does_not_fit_is_said(app, measured, said):
    measured("sinusoid-maml", cost(memory=9e9))
    page = app("train", preset="sinusoid-maml")
    assert "It will not fit: this machine has 8 GB of memory." in said(page)
    assert not page.button("launch").disabled  # nobody knows what else will be on the machine then


def test_that_several_seeds_share_the_cores_is_said(app, measured, said, monkeypatch):
    monkeypatch.setattr(hardware, "cores", lambda: 2)
    measured("sinusoid-maml", cost(step=0.002))
    page = app("train", preset="sinusoid-maml")
    page.number_input("run-seeds").set_value(2).run()
    assert "times as long" not in said(page)
    page.number_input("run-seeds").set_value(3).run()
    assert "Shares the processor's cores with other runs, so it may take 1.5 times as long." in said(page)
    setting(page, "training.minutes").set_value(1.0).run()
    assert "times as long" not in said(page), "with a time budget they take turns"


def test_whoever_is_before_it_and_a_busy_processor_are_said(app, measured, said, make_run, store, home):
    run = make_run("doodles-5w1s", "running")
    store.update(run.id, host=home.host, slot="cpu", remaining=700.0)
    measured("sinusoid-maml", cost(share=0.3, step=1e-3))
    text = said(app("train", preset="sinusoid-maml"))
    assert f"Measured while run {run.id} is training, so rather long." in text
    assert f"Starts after run {run.id}, which trains for another 12 min at least." in text


def test_a_time_budget_gives_its_iterations(app, measured, said):
    measured("sinusoid-maml", cost())
    page = app("train", preset="sinusoid-maml")
    setting(page, "training.minutes").set_value(5.0).run()
    assert "About 3\u202f000 of 70\u202f000 iterations fit the time budget." in said(page)
    assert forecast(page).startswith("about 5 min")


def test_what_could_not_be_measured_is_a_sentence_and_no_obstacle(app, monkeypatch):
    def known(*_):
        raise ProbeError("The process that measured it ended <b>so</b>.", "Choose less.")

    monkeypatch.setattr(ForecastLine, "known", known)
    page = app("train", preset="sinusoid-maml")
    assert "Time and memory are unknown. The process that measured it ended &lt;b&gt;so" in forecast(page)
    assert not page.button("launch").disabled


def test_a_network_of_ones_own_runs_only_when_somebody_asks(app, wanted):
    page = app("train", preset="sinusoid-maml")
    page.button_group("choose-model-Network").set_value("module").run()
    wanted.clear()
    setting(page, "model.path").set_value("some_module:Net").run()
    assert wanted == {}
    page.button("measure-own").click().run()
    assert [config.model.path for config in wanted.values()] == ["some_module:Net"]
    page.run()
    assert forecast(page) == "Measuring a few iterations …"


def test_several_seeds_make_a_group(app, store):
    page = app("train", preset="sinusoid-maml")
    page.number_input("run-seeds").set_value(3).run()
    page.button("launch").click().run()
    runs = store.runs()
    assert sorted(run.config["seed"] for run in runs) == [0, 1, 2]
    assert len({run.group for run in runs}) == 1
    assert len({run.name for run in runs}) == 3


def test_a_network_of_ones_own_is_tried_before_launch(app, store, said):
    page = app("train", preset="sinusoid-maml")
    page.button_group("choose-model-Network").set_value("module").run()
    setting(page, "model.path").set_value("no_such_module:Net").run()
    page.button("launch").click().run()
    assert "no_such_module" in said(page)
    assert store.runs() == []


def test_missing_files_are_named_with_their_place_and_block_the_launch(app, said, home):
    page = app("train", preset="omniglot-5w1s-quick")
    text = said(page)
    for path in families()["omniglot"].missing(home.datasets):
        assert path.name in text
        assert str(path.parent) in text
    assert page.button("launch").disabled


def test_a_download_that_fails_says_why(app, monkeypatch, said):
    from data.errors import DataError

    def fail(_: Path, progress) -> None:
        progress(0.5, "Downloading")
        raise DataError("The network is down.", "Try again.")

    monkeypatch.setattr(families()["omniglot"], "download", fail)
    page = app("train", preset="omniglot-5w1s-quick")
    page.button("download-family").click().run()
    assert "The network is down. Try again." in said(page)


def test_a_run_of_another_version_is_refused_with_a_reason(app, store, make_run):
    run = make_run("doodles-5w1s")
    store.update(run.id, config=run.config | {"warp": 9})
    page = app("train", **{"from": run.id})
    assert "warp" in page.error[0].value


def test_another_task_can_be_drawn(app):
    page = app("train", preset="doodles-5w1s")
    before = [part.value for part in page.get("html") if "data:image/png" in part.value]
    page.button("another-episode").click().run()
    after = [part.value for part in page.get("html") if "data:image/png" in part.value]
    assert len(before) == len(after) == 1
    assert before != after


@pytest.mark.parametrize("section", REGISTRIES)
def test_every_setting_has_a_title_and_help(section):
    for item in REGISTRIES[section].values():
        for field in config_form.fields(item.Config, section):
            assert field.help, field.path
            assert field.title != field.path.rpartition(".")[2], field.path


def test_fields_are_read_from_the_config():
    found = {field.path: field for field in config_form.fields(RunConfig.model_fields["evaluation"].annotation, "e")}
    assert (found["e.n_way"].kind, found["e.n_way"].optional, found["e.n_way"].empty) == (
        "integer",
        True,
        "as in training",
    )
    assert found["e.seed"].advanced
    assert found["e.episodes"].label.endswith("tasks")


def test_text_that_is_not_a_list_or_json_is_passed_on_for_the_config_to_refuse():
    listed = config_form.Field("p", "t", "h", "list", "", None, False, False, "")
    parsed = config_form.Field("p", "t", "h", "json", "", None, False, False, "")
    assert config_form._from_widget(listed, "1, 2") == [1, 2]
    assert config_form._from_widget(listed, "1, x") == [1, "x"]
    assert config_form._from_widget(listed, " ") == []
    assert config_form._from_widget(parsed, '{"a": 1}') == {"a": 1}
    assert config_form._from_widget(parsed, "{a") == "{a"


def test_a_family_of_the_same_kind_keeps_the_shape_of_a_task():
    now = draft.Draft(draft.complete(preset("doodles-5w1s").config), "x")
    now.values["family"]["n_way"] = 7
    now.choose("family", "omniglot", families()["omniglot"].Config)
    assert now.values["family"]["n_way"] == 7
    now.choose("family", "sinusoid", families()["sinusoid"].Config)
    assert "n_way" not in now.values["family"]


def test_pictures_are_side_by_side():
    import base64
    import io

    from PIL import Image

    images = torch.zeros(3, 1, 28, 28)
    images[1] = 1
    address = picture_strip(images, dark=True)
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert picture.size == (3 * 28 + 2 * 2, 28)
    assert picture.getpixel((0, 0))[0] < picture.getpixel((30, 0))[0]
    assert picture.getpixel((28, 0))[3] == 0
