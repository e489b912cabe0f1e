"""Inner steps that are computed again instead of kept: the gradients of those that are kept, in flat memory."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core.algorithms.base import Algorithm
from core.algorithms.maml import MAML
from core.models.base import ModelError
from core.training.memory import Peak
from data.batch import Episodes
from tests.core import own_nets
from tests.core.learners import assert_same, made_up, maml, meta_gradient, of

CASES = {
    "maml": (),
    "maml, support statistics": ("batch_statistics=support",),
    "meta-sgd": (),
    "proto-maml": (),
    "maml++, a loss on every step": ("algorithm.multi_step_share=1", "algorithm.running_statistics=true"),
    "maml++, the last step alone": ("algorithm.multi_step_share=0",),
    "maml++, fixed rates": ("algorithm.learn_rates=false", "algorithm.batch_norm_per_step=false"),
}


def learn(learner: Algorithm, episodes: Episodes) -> dict[str, Tensor]:
    """All that a meta-step leaves behind: gradients, buffers and the report."""
    torch.manual_seed(9)
    report = learner.train().learn(episodes)
    found = {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in learner.named_parameters()}
    return {**found, **dict(learner.named_buffers()), "loss": report.query_loss, "before": report.support_loss}


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("case", CASES)
def test_the_gradients_are_those_of_steps_that_are_kept(case: str, steps: int) -> None:
    settings = (*CASES[case], f"algorithm.inner_steps={steps}", "algorithm.inner_lr=0.3")
    name, episodes = case.partition(",")[0], made_up(tasks=3)
    kept, again = (of(name, *settings, f"algorithm.recompute={on}") for on in ("false", "true"))
    assert_same(learn(again, episodes), learn(kept, episodes), rtol=1e-10)


@pytest.mark.parametrize("mode", ["stacked", "loop"])
@pytest.mark.parametrize("network", ["Dropped", "Embedded", "Recurrent"])
def test_so_are_those_of_any_network_dropout_included(network: str, mode: str) -> None:
    if network == "Recurrent" and mode == "stacked":
        pytest.skip("vmap refuses it")

    def build() -> nn.Module:
        return getattr(own_nets, network)((1, 28, 28), 3)

    kept, again = (
        maml(build, mode=mode, inner_lr=0.3, inner_steps=5, recompute=recompute) for recompute in (False, True)
    )
    assert_same(learn(again, made_up(tasks=3)), learn(kept, made_up(tasks=3)), rtol=1e-10)


def test_what_is_drawn_afterwards_is_the_same_too() -> None:
    """Backwards the numbers of forwards are drawn again, and no others."""
    drawn = []
    for recompute in (False, True):
        build = lambda: own_nets.Dropped((1, 28, 28), 3)  # noqa: E731
        learn(maml(build, inner_steps=4, recompute=recompute), made_up())
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)


class Counting(nn.Linear):
    """Answers otherwise at every call."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x.flatten(1)) * self.calls


def test_a_network_that_keeps_something_between_calls_is_refused() -> None:
    learner = maml(lambda: Counting(784, 3), inner_steps=3, recompute=True)
    with pytest.raises(ModelError, match="comes out otherwise") as caught:
        learner.learn(made_up())
    assert caught.value.path == "algorithm.recompute"
    maml(lambda: Counting(784, 3), inner_steps=3).learn(made_up())  # and the remedy works


def peak(learner: Callable[[int], MAML], steps: int, episodes: Episodes) -> int:
    """Bytes that a meta-step of so many inner steps holds at once."""
    one = learner(steps)
    with Peak([*one.parameters(), *episodes.tensors]) as memory:
        meta_gradient(one, episodes)
    return memory.bytes


def test_memory_hardly_grows_with_the_number_of_steps() -> None:
    def learner(recompute: bool) -> Callable[[int], MAML]:
        settings = (f"algorithm.recompute={recompute}".lower(), "model.filters=8")
        return lambda steps: of("maml", *settings, f"algorithm.inner_steps={steps}")

    episodes = made_up(tasks=4)
    kept, again = ([peak(learner(on), steps, episodes) for steps in (5, 40)] for on in (False, True))
    assert kept[1] > 6 * kept[0]
    assert again[1] < 1.2 * again[0]
    assert again[0] < kept[0]
