"""The Train page: the form made from the config's fields, its messages, and the launch."""

import json
import os
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from core.algorithms.base import algorithms
from core.config.checks import ConfigError, parse
from core.config.overrides import apply
from core.config.presets import PRESETS, preset
from core.config.run import RunConfig
from core.config.suited import suited_to
from core.costs import Costs, key_of
from core.elsewhere import spawned
from core.forecast import ProbeError
from core.forecast_line import ForecastLine
from core.models.base import ModelError, models
from core.runs import hardware
from core.training.probe import Cost
from core.training.saving import SAVINGS
from data.language import speaking
from data.registry import families
from pages.parts import pictures
from pages.parts.train import config_form, draft, episode_view, launch_panel
from pages.parts.train import own_code as own_code_part
from pages.parts.train.episode_view import tiles
from pages.parts.train.wording import worded
from tests.data.frozen_nets import frozen_network
from tests.data.made_up_texts import made_up_texts, write_clinc150
from tests.pages.conftest import as_read
from tests.waiting import wait_until

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
    setting(page, "training.iterations").set_value("7").run()
    assert values(page)["training"]["iterations"] == 7
    page.selectbox("train-preset").select("sinusoid-maml").run()
    assert setting(page, "training.iterations").value == "70000"
    assert values(page)["family"]["name"] == "sinusoid"


def test_a_value_out_of_range_is_explained_at_its_field_and_blocks_the_launch(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "training.meta_lr").set_value("7.0").run()
    (first, last) = complaints(page)
    assert "“Meta learning rate” = 7.0" in first
    assert "One setting needs a change" in last
    assert page.button("launch").disabled
    assert setting(page, "training.meta_lr").value == "7"
    setting(page, "training.meta_lr").set_value("0.01").run()
    assert complaints(page) == []
    assert not page.button("launch").disabled


def test_settings_that_contradict_each_other_are_explained(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "family.n_query").set_value("30").run()
    assert any("“Shots” + “Queries” = 31 exceeds" in text for text in complaints(page))
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
    setting(page, "evaluation.k_shot").set_value("5").run()
    assert values(page)["evaluation"]["k_shot"] == 5
    setting(page, "evaluation.k_shot").set_value("").run()
    assert values(page)["evaluation"]["k_shot"] is None


def test_switching_the_learner_and_back_keeps_what_was_typed(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "algorithm.inner_lr").set_value("0.123").run()
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
    assert chosen["algorithm"] == draft.complete(preset("doodles-5w1s-reptile").config)["algorithm"]
    assert setting(page, "algorithm.inner_lr").value == "0.003"
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
    paths = {item.key.split("-", 2)[2] for item in page.text_input if item.key.startswith("setting-")}
    assert "evaluation.episodes" in paths
    assert not {p for p in paths if p.startswith("training.")} | paths & {"evaluation.inner_steps"}


def test_a_setting_appears_with_the_choice_it_belongs_to_and_stays_while_it_is_wrong(app):
    page = app("train", preset="sinusoid-maml")
    setting(page, "training.schedule").set_value("exponential").run()
    setting(page, "training.decay_rate").set_value("5.0").run()
    setting(page, "training.schedule").set_value("constant").run()
    assert any("largest value is 1" in text for text in complaints(page))
    setting(page, "training.decay_rate").set_value("0.5").run()
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


def test_what_does_not_fit_the_family_is_grey_with_the_reason_and_refused_where_it_was_chosen_before(app):
    page = app("train", preset="sinusoid-maml")
    title = families()["sinusoid"].title
    grey = {as_read(group.label): list(group.options) for group in page.button_group if group.disabled}
    assert "ProtoNet" in grey[f"Not for {title}, only for classification"]
    (networks,) = [options for label, options in grey.items() if "reads pictures" in label]
    assert networks == ["Conv4", "ResNet\\-12"]
    (networks,) = [options for label, options in grey.items() if "reads texts" in label]
    assert networks == ["Bag of words", "GRU", "Transformer"]
    assert "ProtoNet" not in page.button_group("choose-algorithm-model-dependent").options
    page = app("train", preset="omniglot-5w1s-protonet")
    assert not [
        group
        for group in page.button_group
        if group.disabled and not {"CNP", "GRU", "Sequence to sequence"} & set(group.options)
    ]
    page.button_group("choose-family-Task family").set_value("sinusoid").run()
    assert any(
        f"ProtoNet is for classification, and {title} is regression. Choose one of ANIL" in text
        for text in complaints(page)
    ), complaints(page)
    assert page.button("launch").disabled
    page.button_group("choose-algorithm-model-agnostic").set_value("maml").run()
    page.button_group("choose-model-Network").set_value("mlp").run()
    assert complaints(page) == []


def test_a_learner_brings_its_own_rates_says_so_and_takes_them_back(app, said):
    page = app("train", preset="doodles-5w1s")
    page.button_group("choose-algorithm-model-agnostic").set_value("reptile").run()
    training = values(page)["training"]
    assert (training["meta_lr"], training["schedule"]) == (1.0, "linear")
    assert (
        "Reptile trains at rates of its own: Meta learning rate 1 instead of 0.003, Schedule linear instead of cosine."
        in said(page)
    )
    page.button("put-rates-back").click().run()
    training = values(page)["training"]
    assert (training["meta_lr"], training["schedule"]) == (0.003, "cosine")
    assert "rates of its own" not in said(page)


def test_a_rate_that_somebody_typed_stays(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "training.meta_lr").set_value("0.02").run()
    page.button_group("choose-algorithm-model-agnostic").set_value("reptile").run()
    training = values(page)["training"]
    assert (training["meta_lr"], training["schedule"]) == (0.02, "linear")
    page.button_group("choose-algorithm-model-agnostic").set_value("maml").run()
    assert values(page)["training"]["schedule"] == "cosine"


def test_a_preset_s_own_rates_come_back_with_its_learner(app):
    page = app("train", preset="article-mlp")
    for name in ("reptile", "maml"):
        page.button_group("choose-algorithm-model-agnostic").set_value(name).run()
    assert values(page) == RunConfig.model_validate(preset("article-mlp").config).model_dump(mode="json")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("1e3", 1000), ("1000.0", 1000), (" 1 000 ", 1000), ("1\u202f000", 1000), ("12,000", 12_000), ("+7", 7)],
)
def test_a_whole_number_may_be_written_as_people_do(app, typed, meant):
    page = app("train", preset="doodles-5w1s")
    setting(page, "training.iterations").set_value(typed).run()
    assert values(page)["training"]["iterations"] == meant
    assert setting(page, "training.iterations").value == str(meant)
    assert complaints(page) == []


@pytest.mark.parametrize("typed", ["10k", "1000.5", "1e", "many", "1,5", "1 00", "nan", "1e999999999", "", "0x10"])
@pytest.mark.parametrize("path", ["training.iterations", "training.meta_lr"])
def test_what_is_no_number_is_refused_at_its_field_and_kept(app, typed, path):
    if (path, typed) == ("training.meta_lr", "1000.5"):
        typed = "0,001"
    page = app("train", preset="doodles-5w1s")
    setting(page, path).set_value(typed).run()
    assert setting(page, path).value == typed
    (first, _) = complaints(page)
    assert "number" in first
    assert page.button("launch").disabled


def test_the_number_of_seeds_survives_a_visit_to_another_page_too(app):
    page = app("train", preset="doodles-5w1s")
    page.number_input("run-seeds").set_value(3).run()
    page.switch_page("pages/home.py").run()
    page.switch_page("pages/train.py").run()
    assert page.number_input("run-seeds").value == 3
    assert as_read(page.button("launch").label) == "Launch 3 runs"


@pytest.mark.parametrize(
    ("name", "words"), [("x" * 500, "has 500 characters"), ("  ", "is empty"), ("a\x07", "printable")]
)
def test_a_name_that_no_run_can_have_is_refused_in_a_word(app, name, words):
    page = app("train", preset="doodles-5w1s")
    (field,) = [one for one in page.text_input if one.key.startswith("run-name")]
    field.set_value(name).run()
    assert any(words in text for text in complaints(page))
    assert page.button("launch").disabled
    page.switch_page("pages/home.py").run()
    page.switch_page("pages/train.py").run()
    assert page.button("launch").disabled


# What a person reads holds no path and no name of code, whatever is wrong. Names of files and of the environment may be.
CODE = re.compile(r"[a-z]+_[a-z]|[a-z]{3,}\.[a-z]|command line")
WRONG = [
    ("doodles-5w1s", {"family.k_shot": 30, "family.n_query": 30}),
    ("doodles-5w1s", {"family.k_shot": 16, "evaluation.k_shot": 19}),
    ("doodles-5w1s", {"family.n_way": 9, "family.val_classes": 6}),
    ("doodles-5w1s", {"family.n_way": 9, "evaluation.n_way": 9, "family.test_classes": 6}),
    ("doodles-5w1s", {"evaluation.n_way": 3}),
    ("doodles-5w1s-snail", {"evaluation.k_shot": 3}),
    ("doodles-5w1s-snail", {"family.k_shot": 19, "evaluation.k_shot": 9, "family.n_query": 15}),
    ("doodles-5w1s-protonet", {"evaluation.inner_steps": 3}),
    ("doodles-5w1s-protonet", {"family.name": "sinusoid"}),
    ("doodles-5w1s", {"training.final_lr": 0.5}),
    ("doodles-5w1s", {"training.processes": 64, "training.meta_batch_size": 2}),
    ("doodles-5w1s-pretrain", {"training.processes": 2}),
    ("doodles-5w1s", {"training.processes": 2, "device": "cuda"}),
    ("doodles-5w1s", {"device": "cuda:all", "training.meta_batch_size": 1}),
    ("doodles-5w1s", {"device": "gpu"}),
    ("doodles-5w1s", {"device": "cuda:7"}),
    ("doodles-5w1s", {"training.evaluate_every": 0, "training.meta_batch_size": "x", "algorithm.inner_lr": 0.0}),
    ("doodles-5w1s", {"model.downsampling": "max-pool", "model.halvings": 9, "evaluation.val_episodes": ""}),
    ("sinusoid-maml", {"evaluation.n_way": 3, "model.widths": [10**6, 10**6]}),
    ("sinusoid-maml", {"model": {"name": "module", "path": "nothing", "arguments": {}}}),
]


@pytest.mark.parametrize(("base", "changes"), WRONG, ids=str)
def test_a_problem_is_told_in_the_words_of_the_form(app, monkeypatch, base, changes):
    monkeypatch.setattr(hardware, "slots", lambda: ["cuda:0", "cuda:1", "cpu"])
    page = app("train", preset=base)
    current = values(page)
    for path, value in changes.items():
        if path == "family.name":
            current["family"] = {**families()[value].Config().model_dump(mode="json")}
        else:
            config_form.put(current, path, value)
    page.session_state["train-draft"].revision += 1
    page.run()
    told = complaints(page) + [as_read(one.value) for one in page.error]
    assert page.button("launch").disabled and len(told) > 1
    for text in told:
        text = re.sub("<[^>]*>|package.module:Class, such as my_nets:Tiny", "", text)
        assert not CODE.search(text), text


def test_the_command_line_keeps_the_paths():
    with pytest.raises(ConfigError, match=r"evaluation\.k_shot: k_shot \+ n_query = 45 exceeds .* lower k_shot to 5"):
        parse(apply(draft.complete(preset("doodles-5w1s").config), ["evaluation.k_shot=30"]))


def test_a_path_stays_what_it_is():
    settings = draft.all_fields(RunConfig.model_validate(preset("doodles-5w1s").config).model_dump(), draft.REGISTRIES)
    text = "/home/maml/omniglot is missing; omniglot needs it, see omniglot/README."
    assert worded(text, "family.name", settings) == (
        "/home/maml/omniglot is missing; Omniglot needs it, see omniglot/README."
    )


def test_what_was_typed_survives_a_visit_to_another_page(app):
    page = app("train", preset="doodles-5w1s")
    setting(page, "family.k_shot").set_value("3").run()
    page.switch_page("pages/home.py").run()
    page.switch_page("pages/train.py").run()
    assert setting(page, "family.k_shot").value == "3"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("把 inner_lr 设为 0.1", "把“内循环学习率”设为 0.1"),
        ("inner_lr 为空。请留空（命令行中为 null）。", "“内循环学习率”为空。请留空。"),
    ],
)
def test_a_problem_is_told_in_chinese_with_the_titles_of_settings(text, told):
    with speaking("zh"):
        assert (
            worded(text, "algorithm", {"algorithm": config_form.fields(algorithms()["maml"].Config, "algorithm")})
            == told
        )


def test_launch_queues_the_run_and_opens_it(app, store, started):
    page = app("train", preset="doodles-5w1s")
    setting(page, "seed").set_value("5").run()
    page.button("launch").click().run()
    (run,) = store.runs()
    assert (run.name, run.config["seed"]) == ("doodles-5w1s", 5)
    assert started == [run.id]
    assert page.title[0].value == "doodles\\-5w1s"


def test_what_keeps_a_run_from_its_launch_is_told_in_the_words_of_the_form(app, monkeypatch):
    def refused(*_):
        raise ModelError("inner_lr = 1 is too large.", "Lower inner_lr.", "algorithm.inner_lr")

    page = app("train", preset="doodles-5w1s")
    monkeypatch.setattr(launch_panel, "launched", refused)
    page.button("launch").click().run()
    assert "Inner learning rate” = 1 is too large. Lower “Inner learning rate”." in as_read(page.error[0].value)


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
    setting(page, "training.iterations").set_value("700000").run()
    assert forecast(page).startswith("about 24 min")
    page.number_input("run-seeds").set_value(2).run()
    assert forecast(page).startswith("about 24 min each")
    assert not page.exception


def test_what_is_not_known_is_measured_while_everything_else_goes_on(app, wanted, store):
    page = app("train", preset="sinusoid-maml")
    assert forecast(page) == "Measuring a few iterations …"
    (config,) = wanted.values()
    assert config.training.meta_batch_size == 25
    setting(page, "training.meta_batch_size").set_value("7").run()
    (config,) = wanted.values()  # instead of the one before
    assert config.training.meta_batch_size == 7
    page.button("launch").click().run()
    assert len(store.runs()) == 1
    assert wanted == {}  # the run has the machine to itself


def test_a_setting_that_is_wrong_is_not_measured(app, wanted):
    page = app("train", preset="sinusoid-maml")
    wanted.clear()
    setting(page, "training.meta_lr").set_value("7.0").run()
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
    setting(page, "training.minutes").set_value("1").run()
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
    setting(page, "training.minutes").set_value("5.0").run()
    assert "About 3\u202f000 of 70\u202f000 iterations fit the time budget." in said(page)
    assert forecast(page).startswith("about 5 min")


def test_what_could_not_be_measured_is_a_sentence_and_no_obstacle(app, monkeypatch):
    def known(*_):
        raise ProbeError("The process that measured it ended <b>so</b>.", "Choose less.")

    monkeypatch.setattr(ForecastLine, "known", known)
    page = app("train", preset="sinusoid-maml")
    assert "Time and memory are unknown. The process that measured it ended &lt;b&gt;so" in forecast(page)
    assert not page.button("launch").disabled


def own_network(page, path):
    page.button_group("choose-model-Network").set_value("module").run()
    return setting(page, "model.path").set_value(path).run()


def test_a_network_of_ones_own_is_measured_only_when_somebody_asks(app, wanted, monkeypatch):
    monkeypatch.setattr(own_code_part, "tried", lambda *_: "stacked")
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


def test_a_network_of_ones_own_is_tried_as_its_path_is_typed(app, store, monkeypatch, tmp_path):
    """By a process of its own, once for what it was asked, and again as its file has changed."""
    monkeypatch.setenv("INNERLOOP_PATH", str(tmp_path))
    asked = []

    def start(*words):
        asked.append(words)
        return spawned(*words)

    monkeypatch.setattr(own_code_part, "forked", lambda _: start)
    file = tmp_path / "typed_nets.py"
    file.write_text(
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self, *_):\n        raise ValueError('no')"
    )
    page = own_network(app("train", preset="sinusoid-maml"), "typed_nets:Net")
    (first, _) = complaints(page)
    assert "ValueError" in first and "constructor takes" in first
    assert page.button("launch").disabled
    assert "typed_nets" not in sys.modules
    assert len(asked) == 1
    setting(page, "training.iterations").set_value("7").run()
    assert len(asked) == 1
    file.write_text(
        "from torch import nn\nclass Net(nn.Sequential):\n"
        "    def __init__(self, shape, outputs):\n        super().__init__(nn.Linear(1, outputs or 1))"
    )
    os.utime(file, (1, 1))
    page.run()
    assert len(asked) == 2
    assert complaints(page) == []
    assert not page.button("launch").disabled
    assert store.runs() == []


def test_what_is_no_path_is_said_without_a_process(app, monkeypatch):
    monkeypatch.setattr(own_code_part, "tried", None)
    page = own_network(app("train", preset="sinusoid-maml"), "my_nets")
    assert "is not an import path" in complaints(page)[0]


@pytest.fixture
def frozen(home, monkeypatch):
    """A frozen network's weights among the data sets; of which configs it was tried out."""
    frozen_network(home.datasets / "weights")
    asked = []
    monkeypatch.setattr(own_code_part, "tried", lambda config, *_: asked.append(config))
    return asked


def pictures_of(page):
    return [part.value for part in page.get("html") if "data:image/png" in part.value]


def test_a_frozen_network_is_a_setting_of_pictures_whose_learners_then_read_vectors(app, store, frozen):
    page = app("train", preset="doodles-5w1s")
    before = pictures_of(page)
    with pytest.raises(AssertionError):
        setting(page, "family.extractor_weights")
    setting(page, "family.extractor").set_value("tests.data.frozen_nets:Small").run()
    assert any("is given no file of weights" in text for text in complaints(page))
    setting(page, "family.extractor_weights").set_value("small.safetensors").run()
    setting(page, "family.extractor_size").set_value("6").run()
    assert frozen == []
    assert any("reads pictures (channels, height, width)" in text for text in complaints(page)), "conv4 does not"
    page.button_group("choose-model-Network").set_value("mlp").run()
    assert complaints(page) == []
    assert [one.family.extractor_size for one in frozen] == [6]
    (unfit,) = [one for one in page.button_group if one.key.startswith("unfit-model") and "reads pictures" in one.key]
    assert unfit.label.startswith("Not for the features of Doodles")
    assert unfit.disabled
    assert pictures_of(page) == before, "the very same task is shown, as pictures"
    setting(page, "family.extractor_mean").set_value("0.5, 0.5, 0.5").run()
    assert values(page)["family"]["extractor_mean"] == [0.5, 0.5, 0.5]
    page.button("launch").click().run()
    assert [run.config["family"]["extractor_mean"] for run in store.runs()] == [[0.5, 0.5, 0.5]]


def test_reading_all_through_a_frozen_network_is_said_to_come_on_top(app, home, frozen, said, monkeypatch):
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    page = app("train", preset="doodles-5w1s")
    page.button_group("choose-model-Network").set_value("mlp").run()
    for name, value in (("", "tests.data.frozen_nets:Small"), ("_weights", "small.safetensors"), ("_size", "6")):
        setting(page, f"family.extractor{name}").set_value(value).run()
    assert complaints(page) == []
    Costs(home.costs).put(key_of(frozen[-1], "cpu"), cost())
    assert "The first time, all examples go through the frozen network before" in said(page.run())


def test_what_is_wrong_with_a_frozen_network_is_said_at_its_field(app, home, monkeypatch):
    def refused(*_):
        raise ModelError(
            "It gives 6 features of a picture, not 512.", "Set extractor_size to 6.", "family.extractor_size"
        )

    monkeypatch.setattr(own_code_part, "tried", refused)
    page = app("train", preset="doodles-5w1s")
    chosen = dict(assignment.split("=") for assignment in frozen_network(home.datasets / "weights")[:2])
    page.session_state["train-draft"].change(chosen)
    page.session_state["train-draft"].choose("model", "mlp", models()["mlp"].Config)
    page.run()
    (first, _) = complaints(page)
    assert "It gives 6 features of a picture, not 512. Set “Features it gives” to 6." in first
    assert page.button("launch").disabled


def test_environments_of_ones_own_are_tried_as_their_path_is_typed(app, said, monkeypatch, tmp_path):
    """By a process of its own; the server imports nothing, and shows none of them."""
    monkeypatch.setenv("INNERLOOP_PATH", str(tmp_path))
    monkeypatch.setattr(own_code_part, "forked", lambda _: spawned)
    file = tmp_path / "typed_tasks.py"
    file.write_text("def make_task(rng):\n    return rng.random()")
    page = app("train", preset="sinusoid-maml")
    page.button_group("choose-family-Task family").set_value("environments").run()
    assert "is not an import path" in complaints(page)[0]
    setting(page, "family.make_task").set_value("typed_tasks:make_task").run()
    assert "is a float, not a gymnasium.Env" in complaints(page)[0]
    assert page.button("launch").disabled
    file.write_text("import gymnasium\ndef make_task(rng):\n    return gymnasium.make('CartPole-v1')")
    os.utime(file, (1, 1))
    page.run()
    assert complaints(page) == []
    assert "which this server does not run" in said(page)
    assert "typed_tasks" not in sys.modules


def test_missing_files_are_named_with_their_place_and_block_the_launch(app, said, home):
    page = app("train", preset="omniglot-5w1s-quick")
    text = said(page)
    for path in families()["omniglot"].missing(home.datasets):
        assert path.name in text
        assert str(path.parent) in text
    assert page.button("launch").disabled


def test_who_asks_for_nothing_starts_from_a_preset_that_can_be_launched(app, home):
    assert not app("train").button("launch").disabled
    for path in families()["omniglot"].missing(home.datasets):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert values(app("train"))["family"]["name"] == "omniglot"


def test_a_download_that_fails_says_why(app, monkeypatch, said):
    from data.errors import DataError

    def fail(_: Path, progress) -> None:
        progress(0.5, "Downloading")
        raise DataError("The network is down.", "Try again.")

    monkeypatch.setattr(families()["omniglot"], "download", fail)
    page = app("train", preset="omniglot-5w1s-quick")
    page.button("download-family").click().run()
    wait_until(lambda: "The network is down. Try again." in said(page.run()))
    assert page.button("download-family")


@pytest.mark.parametrize("name", ["train", "datasets"])
def test_a_download_goes_on_while_pages_change_and_can_be_cancelled(app, monkeypatch, said, home, name):
    go_on, heard = threading.Event(), []

    def slow(_: Path, progress) -> None:
        progress(0.5, "Downloading a.zip")
        go_on.wait(60)
        heard.append("next block")
        progress(0.6, "Downloading a.zip")
        heard.append("whole")

    monkeypatch.setattr(families()["omniglot"], "download", slow)
    page = app(name, **({"preset": "omniglot-5w1s-quick"} if name == "train" else {"set": "omniglot"}))
    page.button("download-family").click().run()
    other = app("datasets", set="omniglot")  # another visitor sees it too
    wait_until(lambda: [bar.proto.text for bar in other.run().get("progress")] == [r"Omniglot\: Downloading a\.zip"])
    assert "download-family" not in {button.key for button in other.button}
    (job,) = launch_panel._downloads(home.datasets).values()
    page.button("cancel-download").click().run()
    assert page.button("download-family") and "could not be downloaded" not in said(page)
    go_on.set()
    job.wait()
    assert heard == ["next block"] and job.error is None


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


def test_a_task_of_texts_is_shown_class_by_class(app, said, home):
    write_clinc150(home.datasets)
    page = app("train", preset="intents-5w1s-protonet")
    page.session_state["train-draft"].change({"family.n_way": 3, "family.n_query": 1})
    page.run()
    (table,) = [part.value for part in page.get("html") if "episode texts" in part.value]
    names = re.findall(r'scope="rowgroup"[^>]*>\d · (\w+)<', table)
    texts = re.findall(r"<td>(.*?)</td>", table)
    assert len(set(names)) == 3 and len(texts) == 6
    for i, name in enumerate(names):
        assert all(re.findall(r">(\w+) \d+<", cell) == [name] for cell in texts[2 * i : 2 * i + 2])  # support, query
    assert "3-way 1-shot, 1 query per class." in said(page)
    page.button("another-episode").click().run()
    assert table not in [part.value for part in page.get("html")]


def own_texts(page, file, **settings):
    """Choose a file of one's own in the form of a page."""
    page.button_group("choose-family-Task family").set_value("own-texts").run()
    shape = {"family.n_way": 2, "family.n_query": 3, "evaluation.n_way": "", "evaluation.n_query": 3}
    for path, value in {"family.file": file, **shape, **settings}.items():
        setting(page, path).set_value(str(value))
    return page.run()


def test_texts_of_ones_own_are_shown_as_text_with_what_was_left_out(app, said, tmp_path):
    hostile = "<img src=x onerror='alert(1)'> **bold** :red[x]"
    rows = [f"{hostile} {label} {i},<b>{label}</b>" for label in "abcdef" for i in range(4)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["said,meant", *rows, "without a label,"]))
    names = {"family.text_column": "said", "family.label_column": "meant"}
    page = own_texts(app("train", preset="intents-5w1s-protonet"), path, **names)
    assert complaints(page) == []
    (table,) = [part.value for part in page.get("html") if "episode texts" in part.value]
    assert "&lt;img src=x" in table and "<img" not in table and "&lt;b&gt;" in table and "<b>" not in table
    assert "1 row without a text or a label was left out." in said(page)
    assert not page.button("launch").disabled


def test_a_file_that_has_changed_is_shown_as_it_is_now(app, said, home):
    path = made_up_texts(home.datasets / "texts" / "mine.csv")
    page = own_texts(app("train", preset="intents-5w1s-protonet"), "mine.csv")
    assert "· class " in said(page)
    path.write_text(path.read_text().replace(",class ", " again,group "))
    os.utime(path, ns=(1, 1))
    text = said(page.run())
    assert "· group " in text and " again<" in text


def test_a_file_that_cannot_be_used_is_said_at_its_field(app, home):
    page = own_texts(app("train", preset="intents-5w1s-protonet"), "")
    assert any("No file of texts is named" in text for text in complaints(page))
    page = own_texts(page, "mine.csv")
    assert any("is missing" in text and str(home.datasets / "texts") in text for text in complaints(page))
    made_up_texts(home.datasets / "texts" / "mine.csv", classes=5)
    assert any("Give it at least 6 classes" in text for text in complaints(page.run()))
    made_up_texts(home.datasets / "texts" / "mine.csv", header=("text", "intent"))
    assert any("has no column &#x27;label&#x27;, only" in text for text in complaints(page.run()))
    assert page.button("launch").disabled


def test_a_learner_that_needs_numbers_is_grey_for_texts(app, home):
    write_clinc150(home.datasets)
    page = app("train", preset="intents-5w1s-protonet")
    grey = {as_read(group.label): list(group.options) for group in page.button_group if group.disabled}
    assert grey["Not for Intents (CLINC150), whose inputs are tokens"] == ["Nearest centroid"]
    assert [options for label, options in grey.items() if "reads real numbers" in label] == [["MLP"]]


def test_a_learner_is_set_as_suits_texts_also_of_ones_own():
    assert suited_to("intents", "protonet")["algorithm"]["distance"] == "cosine"
    assert suited_to("own-texts", "protonet")["algorithm"]["distance"] == "cosine"
    assert suited_to("doodles", "snail")["family"]["name"] == "doodles"
    assert suited_to("own-texts", "snail")["family"]["name"] == "omniglot"
    assert suited_to("sinusoid", "protonet") == {}


def test_a_task_of_acting_shows_start_goal_and_where_an_untrained_policy_goes(app, monkeypatch):
    drawn = []
    monkeypatch.setattr(episode_view, "live_chart", lambda chart, *_: drawn.append(chart))
    page = app("train", preset="navigation-maml")
    assert not page.exception
    *paths, start, goal = drawn[-1].traces
    assert [len(path.x) for path in paths] == 3 * [101] and all(path.x[0] == path.y[0] == 0 for path in paths)
    assert (start.name, start.x.tolist(), start.y.tolist()) == ("start", [0], [0])
    assert goal.name == "goal" and np.abs([*goal.x, *goal.y]).max() <= 0.5
    page.button("another-episode").click().run()
    assert drawn[-1].traces[-1].x != goal.x


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
    address = pictures.strip(tiles(images), dark=True)
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert picture.size == (3 * 28 + 2 * 2, 28)
    assert picture.getpixel((0, 0))[0] < picture.getpixel((30, 0))[0]
    assert picture.getpixel((28, 0))[3] == 0
