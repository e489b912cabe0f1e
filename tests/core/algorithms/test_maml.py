"""MAML against what can be known without it: a derivation by hand, a textbook's loop, and finite differences."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from core.algorithms import forward
from core.algorithms.forward import ForwardMode
from core.models.base import models
from core.models.conv4 import Conv4Config
from core.models.mlp import MLPConfig
from data.batch import Episodes
from data.family import EpisodeShape
from data.objective import Regression
from data.spec import InputSpec
from tests.core import own_nets
from tests.core.learners import assert_same, made_up, maml, meta_gradient, textbook

PICTURE = InputSpec((1, 28, 28))


def conv4(downsampling: str) -> nn.Module:
    return models()["conv4"].build(Conv4Config(filters=3, downsampling=downsampling), PICTURE, 3)


def mlp() -> nn.Module:
    return models()["mlp"].build(MLPConfig(widths=[7, 5]), PICTURE, 3)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mlp": mlp,
    "conv4-stride": lambda: conv4("stride"),
    "conv4-max-pool": lambda: conv4("max-pool"),
    "embedding, tied and unused parameters": lambda: own_nets.Embedded(PICTURE.shape, 3),
}


@pytest.mark.parametrize(("first_order", "factor"), [(False, 1 - 2 * 0.1), (True, 1.0)])
@pytest.mark.parametrize("mode", ["stacked", "loop"])
def test_the_gradient_derived_by_hand(mode: ForwardMode, first_order: bool, factor: float) -> None:
    """dL/dw = 2 (w' − b) (1 − 2α), w' = w − 2α(w − a), from MAML's docstring; first order drops the last factor."""
    a, b, rate = torch.tensor([2.0, -1.0]).double(), torch.tensor([0.5, 3.0]).double(), 0.1
    learner = maml(lambda: nn.Linear(1, 1, bias=False), "sinusoid", mode, inner_lr=rate, first_order=first_order)
    w = learner.model.weight.item()
    one = torch.ones(2, 1, 1, dtype=torch.float64)  # two tasks of one point, x = 1
    gradient = meta_gradient(learner, Episodes(one, a.view(2, 1, 1), one, b.view(2, 1, 1), Regression()))["weight"]
    adapted = w - 2 * rate * (w - a)
    assert gradient.item() == pytest.approx((2 * (adapted - b) * factor).mean().item(), rel=1e-12)


@pytest.mark.parametrize("inner_steps", [1, 3])
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_stacked_gradient_equals_the_textbooks_loop(network: str, first_order: bool, inner_steps: int) -> None:
    learner = maml(NETWORKS[network], inner_lr=0.3, inner_steps=inner_steps, first_order=first_order)
    episodes = made_up(tasks=3)
    ours = meta_gradient(learner, episodes)
    theirs = textbook(learner.model, episodes, inner_lr=0.3, inner_steps=inner_steps, first_order=first_order)
    assert_same(ours, theirs)


@pytest.mark.parametrize("kinds", [(), ("cpu",)], ids=["layer by layer", "as one"])
@pytest.mark.parametrize("many", [1, 100], ids=["one by one", "stacked"])
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("network", ["conv4-stride", "conv4-max-pool"])
def test_every_way_through_conv4_has_the_textbooks_gradient(
    network: str, first_order: bool, many: int, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of pictures with large even parts, as drawings have them: pooling has to choose among equal values."""
    monkeypatch.setattr(forward, "MANY_EXAMPLES", many)
    monkeypatch.setattr(forward, "AS_ONE", kinds)
    learner = maml(NETWORKS[network], inner_lr=0.3, inner_steps=2, first_order=first_order)
    with torch.no_grad():
        learner.model.block2[1].weight[0] = -0.5  # a channel that BatchNorm turns over
    noise = made_up()
    episodes = replace(noise, support_x=noise.support_x.clamp(0, 1), query_x=noise.query_x.clamp(0, 1))
    ours = meta_gradient(learner, episodes)
    theirs = textbook(learner.model, episodes, inner_lr=0.3, inner_steps=2, first_order=first_order)
    assert_same(ours, theirs, rtol=1e-10)


@pytest.mark.parametrize("statistics", ["transductive", "support"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_loop_over_tasks_gives_the_same_gradient(network: str, statistics: str) -> None:
    episodes = made_up()
    ours, theirs = (
        meta_gradient(maml(NETWORKS[network], mode=mode, statistics=statistics, inner_lr=0.3, inner_steps=2), episodes)
        for mode in ("stacked", "loop")
    )
    assert_same(ours, theirs)


def test_a_recurrent_network_has_the_textbooks_gradient_too() -> None:
    learner = maml(lambda: own_nets.Recurrent(PICTURE.shape, 3), mode="loop", inner_lr=0.3, inner_steps=2)
    episodes = made_up()
    assert_same(meta_gradient(learner, episodes), textbook(learner.model, episodes, inner_lr=0.3, inner_steps=2))


def test_second_and_first_order_differ() -> None:
    episodes = made_up()
    second, first = (meta_gradient(maml(mlp, inner_lr=0.3, first_order=order), episodes) for order in (False, True))
    assert not torch.allclose(second["1.weight"], first["1.weight"], rtol=1e-3)


@pytest.mark.parametrize("statistics", ["transductive", "support"])
@pytest.mark.parametrize("network", ["mlp", "conv4-stride"])
def test_the_gradient_is_the_slope_of_the_meta_loss(network: str, statistics: str) -> None:
    """Central differences along a random direction: these see the Hessian term and the statistics' own gradient."""
    learner, episodes = maml(NETWORKS[network], statistics=statistics, inner_lr=0.5, inner_steps=2), made_up()
    gradient = meta_gradient(learner, episodes)
    generator = torch.Generator().manual_seed(0)
    ways = {n: torch.randn(p.shape, generator=generator).double() for n, p in learner.model.named_parameters()}

    def loss_at(distance: float) -> float:
        with torch.no_grad():
            for name, p in learner.model.named_parameters():
                p += distance * ways[name]
        loss = learner.meta_loss(episodes)[0].item()
        with torch.no_grad():
            for name, p in learner.model.named_parameters():
                p -= distance * ways[name]
        return loss

    slope = (loss_at(1e-6) - loss_at(-1e-6)) / 2e-6
    assert slope == pytest.approx(sum((gradient[n] * ways[n]).sum().item() for n in ways), rel=1e-5)


def test_dropout_draws_for_each_task_and_the_test_draws_nothing() -> None:
    learner = maml(lambda: own_nets.Dropped(PICTURE.shape, 3), inner_lr=0.3)
    one = made_up(tasks=1)
    twins = Episodes(*(t.expand(2, *t.shape[1:]) for t in one.tensors), one.objective)
    noisy, quiet = learner.train(), None
    first, second = noisy.predict(noisy.adapt(twins, 1), twins.query_x)
    assert not torch.equal(first, second)
    quiet = learner.eval()
    first, second = quiet.predict(quiet.adapt(twins, 1), twins.query_x)
    assert torch.equal(first, second)
    assert_same(meta_gradient(quiet, one), textbook(learner.model, one, inner_lr=0.3, inner_steps=1))


def test_an_unused_parameter_stays_as_it_is() -> None:
    learner, episodes = maml(NETWORKS["embedding, tied and unused parameters"], inner_lr=0.3), made_up()
    state = learner.adapt(episodes, 2)
    assert torch.equal(state.weights["unused"], torch.ones(2, 3).double())
    assert not torch.equal(state.weights["head.bias"][0], state.weights["head.bias"][1])


def test_the_report_holds_the_losses_before_and_after_adapting() -> None:
    learner, episodes = maml(mlp, inner_lr=0.3, inner_steps=3), made_up()
    loss, report = learner.meta_loss(episodes)
    with torch.no_grad():
        before = learner.predict(learner.adapt(episodes, 0), episodes.support_x)
    assert report.support_loss.item() == pytest.approx(
        episodes.objective.loss(before, episodes.support_y).mean().item()
    )
    assert report.query_loss.item() == loss.item()
    assert not report.query_loss.requires_grad
    adapted = learner.predict(learner.adapt(episodes, 3), episodes.query_x)
    right = (adapted.argmax(-1) == episodes.query_y).double().mean().item()
    assert report.query_score.item() == pytest.approx(right)


def test_one_task_and_one_shot() -> None:
    learner = maml(mlp, inner_lr=0.3)
    episodes = made_up(tasks=1, shape=EpisodeShape(3, 1, 1))
    assert_same(meta_gradient(learner, episodes), textbook(learner.model, episodes, inner_lr=0.3, inner_steps=1))
