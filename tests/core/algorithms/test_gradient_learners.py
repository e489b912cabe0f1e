"""MAML's kin against derivations by hand, textbook loops, another library and finite differences."""

import copy

import higher
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from core.algorithms.anil import ANIL
from core.algorithms.body import last_layer
from core.algorithms.maml_plus_plus import MAMLPlusPlus
from core.algorithms.meta_sgd import MetaSGD
from core.algorithms.proto_maml import ProtoMAML
from core.algorithms.reptile import Reptile
from data.batch import Episodes
from data.objective import Regression
from data.spec import InputSpec
from tests.core.algorithms.test_maml import NETWORKS, mlp
from tests.core.learners import assert_same, gradients, made_up, maml, meta_gradient, of, textbook

NORMED = "conv4-stride"


def task_loss(model: nn.Module, weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(functional_call(model, weights, (x,)), y)


def slope(learner, episodes: Episodes, parameters: dict[str, Tensor], near: float = 1e-6) -> tuple[float, float]:
    """What the gradient says of a step along a random direction, and central differences of the meta-loss.

    near: how far they look; less where the loss has kinks close by.
    """
    learner.zero_grad()
    learner.meta_loss(episodes)[0].backward()
    generator = torch.Generator().manual_seed(0)
    ways = {name: torch.randn(p.shape, generator=generator).double() for name, p in parameters.items()}
    said = sum((p.grad * ways[name]).sum().item() for name, p in parameters.items() if p.grad is not None)

    def loss_at(distance: float) -> float:
        with torch.no_grad():
            for name, p in parameters.items():
                p += distance * ways[name]
        loss = learner.meta_loss(episodes)[0].item()
        with torch.no_grad():
            for name, p in parameters.items():
                p -= distance * ways[name]
        return loss

    return said, (loss_at(near) - loss_at(-near)) / (2 * near)


def learned(learner) -> dict[str, Tensor]:
    return {name: p for name, p in learner.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("inner_steps", [1, 3])
@pytest.mark.parametrize("network", ["mlp", NORMED, "conv4-max-pool"])
def test_mamls_gradient_is_the_one_that_higher_finds(network: str, inner_steps: int) -> None:
    """Grefenstette et al. 2019, an independent implementation (https://github.com/facebookresearch/higher)."""
    learner, episodes = maml(NETWORKS[network], inner_lr=0.3, inner_steps=inner_steps), made_up(tasks=3)
    model = copy.deepcopy(learner.model)
    for task in range(episodes.tasks):
        plain = torch.optim.SGD(model.parameters(), lr=0.3)
        with higher.innerloop_ctx(model, plain, copy_initial_weights=False) as (adapted, inner):
            for _ in range(inner_steps):
                inner.step(F.cross_entropy(adapted(episodes.support_x[task]), episodes.support_y[task]))
            (F.cross_entropy(adapted(episodes.query_x[task]), episodes.query_y[task]) / episodes.tasks).backward()
    assert_same(meta_gradient(learner, episodes), gradients(model))


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("network", ["mlp", NORMED])
def test_anil_adapts_the_output_layer_alone_and_meta_learns_the_body(network: str, at_once: bool) -> None:
    learner, episodes = maml(NETWORKS[network], kind=ANIL, inner_lr=0.3, inner_steps=2), made_up(tasks=3)
    *_, (head_weight, _), (head_bias, _) = learner.model.named_parameters()
    learner.head = {head_weight, head_bias}  # this build knows one size only
    learner.last = last_layer(learner.model, learner.head, InputSpec((1, 28, 28))) if at_once else None
    assert (learner.last is not None) is at_once
    state = learner.adapt(episodes, 2)
    assert state.weights.keys() == learner.head
    for name in learner.head:
        assert not any(
            torch.equal(state.weights[name][task], learner.model.get_parameter(name)) for task in range(3)
        ), name

    model, outer = copy.deepcopy(learner.model), 0.0
    for task in range(episodes.tasks):
        weights = dict(model.named_parameters())
        for _ in range(2):
            loss = task_loss(model, weights, episodes.support_x[task], episodes.support_y[task])
            head = {name: weights[name] for name in learner.head}
            steps = torch.autograd.grad(loss, list(head.values()), create_graph=True)
            weights = weights | {n: w - 0.3 * g for (n, w), g in zip(head.items(), steps, strict=True)}
        outer = outer + task_loss(model, weights, episodes.query_x[task], episodes.query_y[task]) / episodes.tasks
    outer.backward()
    assert_same(meta_gradient(learner, episodes), gradients(model))


@pytest.mark.parametrize(
    ("base", "head"), [("doodles", {"3.weight", "3.bias"}), ("conv4", {"head.weight", "head.bias"})]
)
def test_anil_finds_the_output_layer(base: str, head: set[str]) -> None:
    learner = of("anil", base=base)
    assert learner.head == head
    assert head == {f"{learner.last}.weight", f"{learner.last}.bias"}


@pytest.mark.parametrize("statistics", ["transductive", "support"])
@pytest.mark.parametrize("base", ["doodles", "conv4"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [("anil", ("algorithm.inner_lr=0.3",)), ("pretrain", ("algorithm.finetune=head", "algorithm.finetune_lr=0.3"))],
)
def test_the_output_layer_adapts_alike_whether_the_body_reads_once_or_at_every_step(
    name: str, settings: tuple[str, ...], base: str, statistics: str
) -> None:
    episodes, answers = made_up(), []
    learner = of(name, f"batch_statistics={statistics}", *settings, base=base)
    assert learner.reads_once
    with torch.no_grad():  # as if trained: pretraining's classifier and the network it lends its body to start alike
        generator = torch.Generator().manual_seed(5)
        for p in learner.parameters():
            p.add_(0.1 * torch.randn(p.shape, dtype=p.dtype, generator=generator))
    for last in (learner.last, None):
        learner.last = last
        state = learner.adapt(episodes, 3)
        answers.append(learner.predict(state, episodes.query_x))
    assert answers[0].std() > 0.01
    torch.testing.assert_close(*answers, rtol=1e-9, atol=1e-12)


def test_pretraining_that_fine_tunes_everything_reads_with_the_tasks_own_weights() -> None:
    learner, episodes = of("pretrain", "algorithm.finetune=all", "algorithm.finetune_lr=0.3"), made_up()
    learner.choose({"scope": "all", "lr": 0.3, "steps": 20})
    assert learner.last and not learner.reads_once
    assert learner.adapt(episodes, 1).read is None


class Doubled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_an_output_layer_that_something_follows_or_that_is_not_linear_is_not_taken_for_the_last() -> None:
    linear, followed = nn.Sequential(nn.Linear(4, 3)), nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(-1))
    convolution = nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Conv1d(4, 3, 1), nn.Flatten())
    assert last_layer(linear, {"0.weight", "0.bias"}, InputSpec((4,))) == "0"
    assert last_layer(followed, {"0.weight", "0.bias"}, InputSpec((4,))) is None
    assert last_layer(convolution, {"1.weight", "1.bias"}, InputSpec((4,))) is None
    assert last_layer(linear, set(), InputSpec((4,))) is None
    normalised = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 3)))  # its weight is made of two others
    assert last_layer(normalised, {"0.weight_g", "0.weight_v", "0.bias"}, InputSpec((4,))) is None
    assert last_layer(nn.Sequential(Doubled(4, 3)), {"0.weight", "0.bias"}, InputSpec((4,))) is None


def test_meta_sgds_gradients_by_hand() -> None:
    """w' = w − 2α(w − a), L = (w' − b)²: dL/dα = −4 (w' − b)(w − a), dL/dw = 2 (w' − b)(1 − 2α), as its docstring says."""
    a, b, rate = torch.tensor([2.0, -1.0]).double(), torch.tensor([0.5, 3.0]).double(), 0.1
    learner = maml(lambda: nn.Linear(1, 1, bias=False), "sinusoid", kind=MetaSGD, inner_lr=rate)
    w, one = learner.model.weight.item(), torch.ones(2, 1, 1, dtype=torch.float64)
    gradient = meta_gradient(learner, Episodes(one, a.view(2, 1, 1), one, b.view(2, 1, 1), Regression()))["weight"]
    rate = learner.rates[0].item()  # 0.1 as float32 holds it
    adapted = w - 2 * rate * (w - a)
    assert gradient.item() == pytest.approx((2 * (adapted - b) * (1 - 2 * rate)).mean().item(), rel=1e-12)
    assert learner.rates[0].grad.item() == pytest.approx((-4 * (adapted - b) * (w - a)).mean().item(), rel=1e-12)


@pytest.mark.parametrize("network", ["mlp", NORMED])
def test_meta_sgd_with_one_rate_is_maml_and_its_rates_have_the_slope_of_the_loss(network: str) -> None:
    episodes = made_up()
    learner = maml(NETWORKS[network], kind=MetaSGD, inner_lr=0.25, inner_steps=2)  # 0.25 is exact in float32
    assert_same(meta_gradient(learner, episodes), textbook(learner.model, episodes, inner_lr=0.25, inner_steps=2))
    said, measured = slope(learner, episodes, {f"rate {i}": rate for i, rate in enumerate(learner.rates)})
    assert said == pytest.approx(measured, rel=1e-5)


PLAIN = {"learn_rates": False, "multi_step_share": 0.0, "batch_norm_per_step": False}


@pytest.mark.parametrize("network", ["mlp", NORMED])
def test_maml_plus_plus_with_all_switches_off_is_maml(network: str) -> None:
    learner, episodes = maml(NETWORKS[network], kind=MAMLPlusPlus, inner_lr=0.25, inner_steps=3, **PLAIN), made_up()
    assert_same(meta_gradient(learner, episodes), textbook(learner.model, episodes, inner_lr=0.25, inner_steps=3))


def test_maml_plus_plus_starts_as_maml_even_with_batch_norm_per_step_but_for_what_is_not_adapted() -> None:
    learner = maml(NETWORKS[NORMED], kind=MAMLPlusPlus, inner_lr=0.25, inner_steps=2)
    assert set(learner.owned) == {n for n, _ in learner.model.named_parameters() if ".1." in n}
    episodes = made_up()
    first, second = list(learner.trajectory(episodes, 2, differentiable=True))[1:]
    with torch.no_grad():
        learner.norms[0][1] += 1.0  # the second step's scale of the first layer
    again = list(learner.trajectory(episodes, 2, differentiable=True))[1:]
    assert all(torch.equal(first.weights[n], again[0].weights[n]) for n in first.weights)
    assert not torch.equal(second.weights["head.weight"], again[1].weights["head.weight"])


@pytest.mark.parametrize("progress", [0.0, 0.05, 0.5])
def test_every_number_that_maml_plus_plus_learns_has_the_slope_of_its_loss(progress: float) -> None:
    learner, episodes = maml(NETWORKS[NORMED], kind=MAMLPlusPlus, inner_lr=0.25, inner_steps=3), made_up()
    learner.progress = progress
    said, measured = slope(learner, episodes, learned(learner))
    assert said == pytest.approx(measured, rel=1e-4)


@pytest.mark.parametrize(
    ("progress", "weights"),
    [(0.0, [1 / 3, 1 / 3, 1 / 3]), (0.05, [1 / 6, 1 / 6, 2 / 3]), (0.0999, [0.01, 0.01, 0.98]), (0.1, [0.0, 0.0, 1.0])],
)
def test_maml_plus_pluss_loss_weights(progress: float, weights: list[float]) -> None:
    learner, episodes = maml(mlp, kind=MAMLPlusPlus, inner_lr=0.25, inner_steps=3), made_up()
    learner.progress = progress
    assert learner.step_weights() == pytest.approx(weights)
    states = list(learner.trajectory(episodes, 3, differentiable=False))[1:]
    losses = [
        episodes.objective.loss(learner.predict(state, episodes.query_x), episodes.query_y).mean() for state in states
    ]
    expected = sum(weight * loss for weight, loss in zip(weights, losses, strict=True))
    assert learner.meta_loss(episodes)[0].item() == pytest.approx(expected.item(), rel=1e-6)


def test_maml_plus_pluss_warm_up_is_first_order() -> None:
    settings = {"inner_lr": 0.25, "inner_steps": 2, "first_order_share": 0.5, **PLAIN}
    learner, episodes = maml(mlp, kind=MAMLPlusPlus, **settings), made_up()
    for progress, first_order in ((0.4, True), (0.5, False)):
        learner.progress = progress
        theirs = textbook(learner.model, episodes, inner_lr=0.25, inner_steps=2, first_order=first_order)
        assert_same(meta_gradient(learner, episodes), theirs)


RUNNING = {"inner_lr": 0.25, "inner_steps": 2, "running_statistics": True, "multi_step_share": 0.0}


def unequal_norms(learner: MAMLPlusPlus) -> None:
    """Another scale and shift for every inner step, as training leads to."""
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for values in learner.norms:
            values += 0.3 * torch.randn(values.shape, generator=generator, dtype=values.dtype)


def seen_by_norms(model: nn.Module, weights: dict[str, Tensor], x: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and biased variance of each BatchNorm layer's input, as means over the tasks."""
    norms = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.BatchNorm2d)}
    seen: dict[str, list[Tensor]] = {name: [] for name in norms}
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(inputs[0]))
        for name, layer in norms.items()
    ]
    for task in range(len(x)):
        functional_call(model, {name: w[task] for name, w in weights.items()}, (x[task],))
    for hook in hooks:
        hook.remove()
    flat = {name: [one.detach().transpose(0, 1).flatten(1) for one in inputs] for name, inputs in seen.items()}
    return {
        name: (
            torch.stack([one.mean(1) for one in inputs]).mean(0),
            torch.stack([one.var(1, correction=0) for one in inputs]).mean(0),
        )
        for name, inputs in flat.items()
    }


def test_maml_plus_plus_gathers_what_each_layer_sees_before_and_after_each_step() -> None:
    learner, episodes = maml(NETWORKS[NORMED], kind=MAMLPlusPlus, **RUNNING), made_up()
    unequal_norms(learner)
    states = list(learner.trajectory(episodes, 2, differentiable=False))
    gradient = meta_gradient(learner, episodes)
    for step in range(2):
        own = {name: v[step].expand(2, -1) for name, v in zip(learner.owned, learner.norms, strict=True)}
        before, after = (
            seen_by_norms(learner.model, weights, episodes.support_x)
            for weights in (states[step].weights | own, states[step + 1].weights)
        )
        for i, key in enumerate(learner.gathered):
            layer, _, part = key.rsplit(".", 2)
            which, start = {"mean": (0, 0.0), "variance": (1, 1.0)}[part]
            expected = 0.9 * (0.9 * start + 0.1 * before[layer][which]) + 0.1 * after[layer][which]
            torch.testing.assert_close(getattr(learner, f"running{i}")[step], expected)
    plain = maml(NETWORKS[NORMED], kind=MAMLPlusPlus, **RUNNING | {"running_statistics": False})
    unequal_norms(plain)
    assert_same(gradient, meta_gradient(plain, episodes))  # gathering changes nothing of what is learned


def test_maml_plus_plus_is_tested_with_pytorchs_batch_norm_under_the_statistics_of_each_step() -> None:
    learner, episodes = maml(NETWORKS[NORMED], kind=MAMLPlusPlus, **RUNNING).eval(), made_up()
    unequal_norms(learner)
    assert learner.normalises_by == "running"
    generator = torch.Generator().manual_seed(2)
    for i in range(len(learner.gathered)):
        running = getattr(learner, f"running{i}")
        running.copy_(0.5 + torch.rand(running.shape, generator=generator))

    def network(step: int, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        model = copy.deepcopy(learner.model).eval()
        for i, key in enumerate(learner.gathered):
            layer, _, part = key.rsplit(".", 2)
            layer = model.get_submodule(layer)
            layer.track_running_stats = True
            setattr(
                layer, {"mean": "running_mean", "variance": "running_var"}[part], getattr(learner, f"running{i}")[step]
            )
        return functional_call(model, weights, (x,))

    def norms(step: int) -> dict[str, Tensor]:
        return {name: values[step].detach() for name, values in zip(learner.owned, learner.norms, strict=True)}

    states = list(learner.trajectory(episodes, 2, differentiable=False))
    for task in range(episodes.tasks):
        weights = dict(learner.model.named_parameters())
        for step, state in enumerate(states):
            weights |= norms(max(step - 1, 0))  # those of the step that led here
            theirs = network(max(step - 1, 0), weights, episodes.query_x[task])
            torch.testing.assert_close(learner.predict(state, episodes.query_x)[task], theirs, rtol=1e-8, atol=1e-12)
            if step == 2:
                break
            weights |= norms(step)
            loss = F.cross_entropy(network(step, weights, episodes.support_x[task]), episodes.support_y[task])
            inner = {n: w for n, w in weights.items() if n not in learner.owned}
            steps = torch.autograd.grad(loss, list(inner.values()))
            weights = weights | {n: w - 0.25 * g for (n, w), g in zip(inner.items(), steps, strict=True)}


def test_reptile_moves_the_start_towards_the_mean_of_what_adam_reaches() -> None:
    learner, episodes = maml(mlp, kind=Reptile, inner_lr=0.01, inner_steps=4, inner_batch=5), made_up(tasks=2)
    learner.family.sample = lambda *_: episodes
    start = {name: p.detach().clone() for name, p in learner.model.named_parameters()}
    reached = []
    order = torch.rand(2, 15, generator=torch.Generator().manual_seed(7)).argsort(1)
    for task in range(2):
        model = copy.deepcopy(learner.model)
        adam = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.0, 0.999))
        x = torch.cat([episodes.support_x[task], episodes.query_x[task]])[order[task]]
        y = torch.cat([episodes.support_y[task], episodes.query_y[task]])[order[task]]
        for step in range(4):
            adam.zero_grad()
            F.cross_entropy(model(x[step % 3 :: 3]), y[step % 3 :: 3]).backward()
            adam.step()
        reached.append(dict(model.named_parameters()))
    optimizer = learner.optimizer(0.3)
    learner.meta_step(learner.family.config.shape, 2, torch.Generator().manual_seed(7))
    optimizer.step()
    for name, p in learner.model.named_parameters():
        towards = (reached[0][name] + reached[1][name]) / 2
        torch.testing.assert_close(p, start[name] + 0.3 * (towards - start[name]), rtol=1e-9, atol=1e-12)
        assert not torch.equal(p, start[name])


@pytest.mark.parametrize("statistics", ["transductive", "support"])
def test_proto_maml_before_the_first_step_ranks_as_protonet_does(statistics: str) -> None:
    episodes = made_up()
    wanted = f"batch_statistics={statistics}"
    combined, proto = of("proto-maml", wanted), of("protonet", wanted)
    answers = []
    for learner in (combined, proto):
        state = learner.adapt(episodes, 0)
        if statistics == "transductive":  # ProtoNet normalises support and query as one batch there
            support, query = (
                learner_body(combined)(x.flatten(0, 1)) for x in (episodes.support_x[:1], episodes.query_x[:1])
            )
            labels = F.one_hot(episodes.support_y[:1]).double()
            if learner is proto:
                answers.append(proto.compare(support[None], labels, query[None])[0])
                continue
        answers.append(learner.predict(state, episodes.query_x)[0])
    ours, theirs = answers
    # They differ by ‖f‖², the same for all classes of a query.
    torch.testing.assert_close(ours.log_softmax(-1), theirs.log_softmax(-1))


def learner_body(learner: ProtoMAML) -> nn.Module:
    return learner.model[:2]


@pytest.mark.parametrize("statistics", ["transductive", "support"])
@pytest.mark.parametrize("steps", [0, 2])
def test_proto_mamls_gradient_goes_through_the_prototypes(statistics: str, steps: int) -> None:
    settings = (f"algorithm.inner_steps={steps}", "algorithm.inner_lr=0.003", f"batch_statistics={statistics}")
    learner, episodes = of("proto-maml", *settings), made_up()
    said, measured = slope(learner, episodes, learned(learner), near=1e-8)
    assert said == pytest.approx(measured, rel=1e-4)


@pytest.mark.parametrize("name", ["anil", "meta-sgd", "maml++", "reptile", "proto-maml"])
def test_a_loop_over_tasks_adapts_alike(name: str) -> None:
    episodes = made_up()
    stacked, loop = (
        learner.predict(learner.adapt(episodes, 2), episodes.query_x)
        for learner in (of(name, mode="stacked"), of(name, mode="loop"))
    )
    torch.testing.assert_close(stacked, loop, rtol=1e-9, atol=1e-12)
