"""One network under many tasks' weights: the two ways agree, and BatchNorm takes its statistics from where it is told."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import vmap

from core.algorithms import forward
from core.algorithms.forward import ForwardMode, TaskForward, stack_weights
from tests.core import own_nets
from tests.core.algorithms.test_maml import NETWORKS, PICTURE
from tests.core.learners import made_up, maml

CONV = "conv4-stride"


class Shared(nn.Module):
    """One BatchNorm layer called twice, each time on other values."""

    def __init__(self):
        super().__init__()
        self.norm, self.head = nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x.flatten(1)[:, :4])
        return self.head(self.norm(h.exp()))


def plain_norms(affine: bool) -> nn.Module:
    """BatchNorm in three dimensions and in two, before a linear layer; layers without weights when not affine."""
    settings = {"affine": affine, "track_running_stats": False}
    return nn.Sequential(
        nn.Flatten(2), nn.BatchNorm1d(1, **settings), nn.Flatten(), nn.Linear(784, 4), nn.BatchNorm1d(4, **settings)
    )


NORMED: dict[str, Callable[[], nn.Module]] = {
    "conv4": NETWORKS[CONV],
    "a layer called twice": Shared,
    "affine": lambda: plain_norms(True),
    "not affine": lambda: plain_norms(False),
}


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(5)
    return build().double()


def apart(model: nn.Module, tasks: int) -> dict[str, Tensor]:
    """Stacked weights that differ from task to task."""
    noise = torch.Generator().manual_seed(1)
    stacked = stack_weights(model, tasks)
    return {n: (w + 0.1 * torch.randn(w.shape, generator=noise).double()).detach() for n, w in stacked.items()}


def test_stacked_weights_are_the_networks_own() -> None:
    model = nn.Linear(2, 3)
    stacked = stack_weights(model, 4)
    assert stacked["weight"].shape == (4, 3, 2)
    stacked["weight"].sum().backward()
    assert torch.equal(model.weight.grad, torch.full((3, 2), 4.0))


@pytest.mark.parametrize("network", NETWORKS)
def test_both_modes_answer_as_the_network_does_task_by_task(network: str) -> None:
    model, x = seeded(NETWORKS[network]), made_up().query_x
    weights = apart(model, 2)
    stacked, loop = (TaskForward(model, mode)(weights, x) for mode in ("stacked", "loop"))
    singly = torch.stack(
        [torch.func.functional_call(model, {n: w[i] for n, w in weights.items()}, (x[i],)) for i in range(2)]
    )
    torch.testing.assert_close(stacked, singly, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(loop, singly, rtol=0, atol=0)
    assert not torch.allclose(stacked[0], stacked[1])


@pytest.mark.parametrize("mode", ["stacked", "loop"])
@pytest.mark.parametrize("network", NORMED)
def test_support_statistics_are_those_of_native_batch_normalisation(network: str, mode: ForwardMode) -> None:
    """Under its own statistics the support set comes out as the native layers give it, transductively."""
    model, x = seeded(NORMED[network]), made_up().support_x
    forward, weights = TaskForward(model, mode), apart(model, 2)
    statistics = forward.statistics(weights, x)
    torch.testing.assert_close(forward.normalised(weights, x, statistics), forward(weights, x), rtol=1e-9, atol=1e-11)
    part = statistics[next(iter(statistics))]
    assert part.shape[0] == 2


def test_the_first_layers_statistics_by_hand() -> None:
    model, x = seeded(NETWORKS[CONV]), made_up().support_x
    weights = apart(model, 2)
    statistics = TaskForward(model, "stacked").statistics(weights, x)
    for task in range(2):
        seen = F.conv2d(x[task], weights["block1.0.weight"][task], weights["block1.0.bias"][task], stride=2, padding=1)
        torch.testing.assert_close(statistics["block1.1.0.mean"][task], seen.mean((0, 2, 3)))
        torch.testing.assert_close(statistics["block1.1.0.variance"][task], seen.var((0, 2, 3), correction=0))


def test_a_network_without_batch_normalisation_has_no_statistics() -> None:
    model, x = seeded(NETWORKS["mlp"]), made_up().query_x
    forward, weights = TaskForward(model, "stacked"), apart(model, 2)
    assert forward.statistics(weights, x) == {}
    assert torch.equal(forward.normalised(weights, x, {}), forward(weights, x))


def test_the_native_layers_come_back_after_given_statistics() -> None:
    model, x = seeded(NETWORKS[CONV]), made_up().support_x
    forward, weights = TaskForward(model, "stacked"), apart(model, 2)
    before = forward(weights, x)
    with pytest.raises(KeyError):
        forward.normalised(weights, x, {"no such layer": torch.zeros(2, 1)})
    assert torch.equal(forward(weights, x), before)


@pytest.mark.parametrize("mode", ["stacked", "loop"])
@pytest.mark.parametrize("network", NORMED)
def test_support_statistics_answer_each_query_alone(network: str, mode: ForwardMode) -> None:
    learner, episodes = maml(NORMED[network], mode=mode, statistics="support", inner_lr=0.3), made_up()
    state = learner.adapt(episodes, 2)
    together = learner.predict(state, episodes.query_x)
    singly = [learner.predict(state, episodes.query_x[:, i : i + 1]) for i in range(episodes.query_x.shape[1])]
    torch.testing.assert_close(together, torch.cat(singly, 1), rtol=1e-6, atol=1e-9)


def test_transductive_statistics_depend_on_the_other_queries() -> None:
    learner, episodes = maml(NETWORKS[CONV], statistics="transductive", inner_lr=0.3), made_up()
    state = learner.adapt(episodes, 2)
    together, fewer = learner.predict(state, episodes.query_x), learner.predict(state, episodes.query_x[:, :4])
    assert not torch.allclose(together[:, :4], fewer, rtol=1e-3)


def test_support_statistics_are_those_of_the_adapted_weights() -> None:
    """And not those that the network had at its start."""
    learner, episodes = maml(NETWORKS[CONV], statistics="support", inner_lr=0.5), made_up()
    start, adapted = (learner.adapt(episodes, steps) for steps in (0, 2))
    forward = learner.forward_tasks
    own = forward.statistics(adapted.weights, episodes.support_x)
    expected = forward.normalised(adapted.weights, episodes.query_x, own)
    assert torch.equal(learner.predict(adapted, episodes.query_x), expected)
    stale = forward.statistics(start.weights, episodes.support_x)
    assert not torch.allclose(forward.normalised(adapted.weights, episodes.query_x, stale), expected, rtol=1e-3)


def test_no_task_leaves_a_trace_in_the_networks_buffers() -> None:
    model, x = seeded(lambda: own_nets.Running(PICTURE.shape, 3)), made_up().query_x
    weights = apart(model, 2)
    same = {name: torch.stack([w[0], w[0]]) for name, w in weights.items()}
    first, second = TaskForward(model, "loop")(same, torch.stack([x[0], x[0]]))
    assert torch.equal(first, second)  # the second task did not start from the first one's running means
    assert torch.equal(model.mean, torch.zeros(6).double())


def test_vmap_refuses_buffers_changed_in_place() -> None:
    """Which is why such a network is run in a loop."""
    model, x = seeded(lambda: own_nets.Running(PICTURE.shape, 3)), made_up().query_x
    with pytest.raises(RuntimeError):
        TaskForward(model, "stacked")(apart(model, 2), x)


def test_a_processor_takes_tasks_of_many_examples_one_by_one_and_answers_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    model = seeded(NORMED["affine"])
    weights, x = apart(model, 2), torch.randn(2, forward.MANY_EXAMPLES, 1, 28, 28, dtype=torch.float64)
    calls = []
    monkeypatch.setattr(forward, "vmap", lambda *a, **k: calls.append(1) or vmap(*a, **k))
    one_by_one = TaskForward(model, "stacked")(weights, x)
    assert not calls
    monkeypatch.setattr(forward, "ONE_BY_ONE", ())
    torch.testing.assert_close(TaskForward(model, "stacked")(weights, x), one_by_one, rtol=1e-9, atol=1e-12)
    assert calls


@pytest.mark.parametrize("kinds", [(), ("cpu",)], ids=["layer by layer", "as one"])
@pytest.mark.parametrize("network", ["conv4-stride", "conv4-max-pool"])
def test_a_network_that_stacks_its_tasks_itself_answers_as_vmap_does(
    network: str, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = seeded(NETWORKS[network]), made_up().query_x
    weights = apart(model, 2)
    own, mapped = TaskForward(model, "stacked"), TaskForward(model, "stacked")
    mapped.stacked_forward = None
    monkeypatch.setattr(forward, "AS_ONE", kinds)
    monkeypatch.setattr(forward, "vmap", None)
    stacked = own(weights, x)
    monkeypatch.setattr(forward, "vmap", vmap)
    torch.testing.assert_close(stacked, mapped(weights, x), rtol=1e-9, atol=1e-12)
