"""The page that explains: the meta-update that a visitor steps through, what is measured here, and the mistake beside MAML."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import grad
from torch.func import functional_call
from torch.nn.functional import mse_loss

from core.algorithms.base import algorithms
from core.costs import Costs, key_of
from core.miniature import START, Rates, lines, network, path, update
from core.runs import hardware, views
from core.training.probe import Cost
from data.sinusoid import draw_curves
from data.view import Shown
from pages.parts import trust
from pages.parts.learn import cost, mistake, sections, words
from pages.parts.learn.snippets import RIGHT, WRONG
from tests.pages import looks
from tests.pages.conftest import as_read

PAIR = ["sinusoid-maml", "sinusoid-pretrain"]


def step_said(page) -> str:
    """The card's heading and sentence, which say where in a meta-update one is."""
    heading = next(as_read(part.value) for part in page.markdown if "Meta-update" in as_read(part.value))
    sentence = next(part.proto.body for part in page.get("html") if 'class="step-said"' in part.proto.body)
    numbers = next(part.proto.body for part in page.get("html") if 'class="of-step"' in part.proto.body)
    return f"{heading}\n{sentence}\n{numbers}"


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_each_section_opens_by_its_address_and_leads_to_the_next(app, said, section):
    page = app("learn", section=section)
    assert said(page)
    assert page.segmented_control(sections.CHOSEN).value == section
    names = list(sections.SECTIONS)
    if section != names[-1]:
        page.button("next-section").click().run()
        assert dict(page.query_params) == {sections.SECTION: names[names.index(section) + 1]}
        assert not page.exception


def test_without_a_section_or_with_none_that_there_is_it_begins_at_the_beginning(app, said):
    assert "What meta-learning is" in said(app("learn"))
    assert "What meta-learning is" in said(app("learn", section="nonsense"))


def test_steps_forward_and_back_change_the_words_and_the_numbers(app):
    page = app("learn", section="steps")
    assert page.button("learn-back").disabled and page.button("learn-reset").disabled
    seen = [step_said(page)]
    for _ in range(5):
        page.button("learn-next").click().run()
        seen.append(step_said(page))
    assert len(set(seen)) == 6
    found = update(START, Rates())
    for text, number in zip(
        seen[1:5], (found.adapted[0], found.gradient_there[1], found.gradient[2], found.end), strict=True
    ):
        assert words.point(number) in text
    assert "turns by up to 38°" in seen[3]
    assert "Meta-update 2" in seen[5]
    for text in reversed(seen[:5]):
        page.button("learn-back").click().run()
        assert step_said(page) == text


def test_first_order_and_the_rates_change_what_the_next_step_does(app):
    page = app("learn", section="steps")
    page.toggle("learn-first-order").set_value(True).run()
    for _ in range(3):
        page.button("learn-next").click().run()
    assert "the arrows move there and do not turn" in step_said(page)
    assert words.STEPS["back"].first_order in [part.value.strip("$\n") for part in page.get("latex")]
    page.toggle("learn-first-order").set_value(False).run()
    page.slider("learn-inner-lr").set_value(0.4).run()
    page.button("learn-next").click().run()
    assert words.point(update(START, Rates(inner_lr=0.4)).end) in step_said(page)


def test_ten_meta_updates_leave_a_trace_and_reset_takes_it_away(app):
    page = app("learn", section="steps")
    first = step_said(page)
    page.button("learn-run").click().run()
    assert "Meta-update 11" in step_said(page)
    assert words.point(path(START, Rates(), 10)[-1]) in step_said(page)
    page.button("learn-reset").click().run()
    assert step_said(page) == first


def test_what_diverges_is_said_and_goes_no_further(app):
    page = app("learn", section="steps")
    page.toggle("learn-first-order").set_value(True).run()
    page.slider("learn-inner-lr").set_value(0.5).run()
    page.slider("learn-meta-lr").set_value(1.0).run()
    for _ in range(20):
        if page.button("learn-next").disabled:
            break
        page.button("learn-run").click().run()
    assert not page.exception
    assert "It diverges" in page.warning[0].value
    page.button("learn-reset").click().run()
    assert not page.warning


def test_every_learner_is_listed_with_its_paper(app):
    page = app("learn", section="learners")
    listed = "".join(part.proto.body for part in page.get("html"))
    for learner in algorithms().values():
        assert f"<b>{learner.title}</b>" in listed
        assert learner.paper() in listed
    assert algorithms()["maml"].paper() == "https://arxiv.org/abs/1703.03400"
    assert algorithms()["scratch"].paper() == ""


def test_what_a_meta_step_costs_is_measured_when_somebody_asks(app, home, wanted, monkeypatch):
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    page = app("learn", section="limits")
    assert not wanted
    page.button("learn-measure").click().run()
    assert "0 of 4 measured" in as_read(page.get("progress")[0].proto.text)
    (config,) = wanted.values()
    assert (config.algorithm.inner_steps, config.algorithm.first_order) == (1, False)
    parts = {"score": 1e-4, "tuned": 0.0, "candidates": 0, "tunes": False, "threads": 1, "steps": 9, "tasks": 16}
    costs = Costs(home.costs)
    for steps in cost.STEPS:
        for first in (False, True):
            costs.put(
                key_of(cost.config_of(steps, first), "cpu"),
                Cost(step=0.03 * steps * (1 if first else 2), memory=int(4e8), share=1.0, **parts),
            )
    page = app("learn", section="limits")
    text = "".join(part.proto.body for part in page.get("html"))
    for cell in ("<td>60 ms</td><td>30 ms</td><td>× 2.00</td>", "<td>300 ms</td><td>150 ms</td>"):
        assert cell in text, text
    assert "learn-measure" not in {button.key for button in page.button}


def test_what_finished_runs_took_is_said(app, said, store, make_run):
    assert "No finished run yet" in said(app("learn", section="limits"))
    for seconds in (10.0, 20.0, 60.0):
        store.update(make_run("sinusoid-maml").id, iteration=1000, seconds=seconds)
    make_run("sinusoid-maml", "running")
    text = said(app("learn", section="limits"))
    assert "<td>maml · Sinusoid regression</td><td>3</td><td>20 ms</td><td>20 s</td>" in text


def test_both_presets_are_launched_by_one_button_and_not_twice(app, store):
    page = app("learn", section="mistake")
    page.button("launch-both").click().run()
    assert [run.name for run in reversed(store.runs())] == PAIR
    labels = [link.proto.label for link in page.get("page_link")]
    assert all(any(as_read(f"**{name}**") in as_read(label) for label in labels) for name in PAIR)
    page.button("launch-both").click().run()
    assert len(store.runs()) == 2
    assert not page.exception


def test_what_the_server_refuses_is_said_instead(app, said, monkeypatch):
    monkeypatch.setattr(trust, "refusal", lambda _: {"model": "Switched off on this server."})
    page = app("learn", section="mistake")
    assert "Switched off on this server." in said(page)
    assert page.button("launch-both").disabled


def give_test(store, home, run, means):
    curve = [{"step": step, "mean": mean, "ci95": 0.05} for step, mean in zip((0, 1, 5, 10), means, strict=True)]
    store.update(run.id, test=run.test | {"curve": curve, "mean": means[-1]})
    views.keep(home.artifacts(run), Shown("val", 3, [0, 1], [looks.curve(), looks.curve(2)]), 3)


def test_what_they_did_appears_when_such_runs_are_in_the_store(app, said, store, home, make_run):
    assert "What they did" not in said(app("learn", section="mistake"))
    runs = [make_run(name) for name in PAIR]
    make_run("sinusoid-reptile")
    make_run("sinusoid-maml", changed=["training.iterations=5"])
    give_test(store, home, runs[0], (4.0, 0.67, 0.38, 0.35))
    give_test(store, home, runs[1], (3.5, 2.41, 2.23, 2.19))
    page = app("learn", section="mistake")
    text = said(page)
    for numbers in (("4 ± 0.05", "0.67 ± 0.05", "0.38 ± 0.05", "0.35 ± 0.05"), ("3.5 ± 0.05", "2.41 ± 0.05")):
        assert "".join(f"<td>{number}</td>" for number in numbers) in text
    assert "on 600 test tasks" in text
    (link,) = (link for link in page.get("page_link") if link.proto.label == "Compare" and link.proto.query_string)
    assert link.proto.query_string == f"runs={runs[0].id}%2C{runs[1].id}"
    assert page.segmented_control("choose-learn-fit").options == ["task 1", "task 2"]


def test_one_of_them_alone_is_shown_too(app, said, store, home, make_run):
    run = make_run("sinusoid-pretrain")
    give_test(store, home, run, (3.5, 2.41, 2.23, 2.19))
    assert "2.41 ± 0.05" in said(app("learn", section="mistake"))


class Kept:
    """An optimizer that leaves the gradient to be looked at."""

    def __init__(self, model: nn.Module):
        self.model = model

    def zero_grad(self) -> None:
        self.model.zero_grad()

    def step(self) -> None:
        self.gradient = [p.grad.item() for p in self.model.parameters()]


def run_snippet(text: str, name: str, *arguments: object) -> list[float]:
    names = {"torch": torch, "grad": grad, "functional_call": functional_call, "mse_loss": mse_loss}
    exec(text, names)
    line, batch = network(START).model, lines(3)
    tasks = list(zip(*(part.unbind() for part in batch.tensors), strict=True))
    optimizer = Kept(line)
    names[name](line, tasks, optimizer, *arguments)
    return optimizer.gradient


def test_the_code_that_is_shown_as_right_computes_what_the_engine_does():
    assert run_snippet(RIGHT, "meta_step", 0.2) == pytest.approx(update(START, Rates()).meta_gradient, rel=1e-12)


def test_the_code_that_is_shown_as_wrong_is_ordinary_training_on_all_examples():
    line, batch = network(START).model, lines(3).joined()
    mse_loss(line(batch.support_x.flatten(0, 1)), batch.support_y.flatten(0, 1)).backward()
    ordinary = [p.grad.item() for p in line.parameters()]
    found = run_snippet(WRONG, "train_step")
    assert found == pytest.approx(ordinary, rel=1e-12)
    assert np.linalg.norm(np.subtract(found, update(START, Rates()).meta_gradient)) > 0.5


def test_the_mean_of_all_sine_waves_is_as_the_page_says():
    curves, x = draw_curves(200_000, torch.Generator().manual_seed(0)), torch.linspace(-5, 5, 7).unsqueeze(1)
    assert r"$-\tfrac{5.1}{\pi} \cos x$" in mistake.MEANS
    np.testing.assert_allclose(curves(x).mean(0), -5.1 / np.pi * torch.cos(x), atol=0.02)


@pytest.mark.parametrize("text", [WRONG, RIGHT])
def test_code_that_is_shown_is_short_enough_to_be_read_side_by_side(text):
    rows = text.splitlines()
    assert 8 <= len(rows) <= 12 and max(map(len, rows)) <= 64
