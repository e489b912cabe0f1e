"""Learners that compare examples, and the baselines beside them, against formulas written out."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.algorithms import forward
from core.algorithms.cnp import Contexts
from core.algorithms.comparing import class_means, cosine, one_hot, squared_distance
from core.algorithms.snail import SNAIL
from core.training.memory import Peak
from data.batch import Episodes
from data.errors import InputError
from data.family import EpisodeShape
from data.objective import Regression
from tests.core.learners import SHAPE, made_up, of, to_learn

COMPARING = ["protonet", "matchingnet", "relationnet", "snail", "proto-maml", "baseline++", "nearest-centroid"]


def unequal() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Support embeddings with 1, 3 and 2 examples a class in no order, their labels, and queries."""
    generator = torch.Generator().manual_seed(5)
    support = torch.randn(2, 6, 4, generator=generator).double()
    labels = torch.tensor([[1, 0, 2, 1, 2, 1], [2, 1, 1, 0, 2, 1]])
    return support, labels, torch.randn(2, 5, 4, generator=generator).double()


def by_class(support: torch.Tensor, labels: torch.Tensor, task: int) -> list[torch.Tensor]:
    return [support[task][labels[task] == k] for k in range(3)]


def test_prototypes_are_class_means_with_unequal_shots() -> None:
    support, labels, _ = unequal()
    means = class_means(support, one_hot(labels, int(labels.max()) + 1, support))
    for task in range(2):
        for k, examples in enumerate(by_class(support, labels, task)):
            torch.testing.assert_close(means[task, k], examples.mean(0))


def test_distances_are_torchs_own() -> None:
    support, _, query = unequal()
    torch.testing.assert_close(squared_distance(query, support), torch.cdist(query, support).square())
    expected = F.cosine_similarity(query.unsqueeze(2), support.unsqueeze(1), dim=-1)
    torch.testing.assert_close(cosine(query, support), expected)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_protonets_probabilities_are_a_softmax_over_distances(distance: str) -> None:
    learner, (support, labels, query) = of("protonet", f"algorithm.distance={distance}"), unequal()
    logits = learner.compare(support, one_hot(labels, int(labels.max()) + 1, support), query)
    for task in range(2):
        centers = torch.stack([examples.mean(0) for examples in by_class(support, labels, task)])
        for i, asked in enumerate(query[task]):
            if distance == "euclidean":
                away = torch.stack([(asked - center).square().sum() for center in centers])
            else:
                away = torch.stack([1 - F.cosine_similarity(asked, center, 0) for center in centers]) * 10
            torch.testing.assert_close(logits[task, i].softmax(0), (-away).softmax(0))


def test_matchingnet_adds_up_the_attention_of_each_class() -> None:
    learner, (support, labels, query) = of("matchingnet", "algorithm.scale=3"), unequal()
    logits = learner.compare(support, one_hot(labels, int(labels.max()) + 1, support), query)
    for task in range(2):
        for i, asked in enumerate(query[task]):
            attention = (3 * F.cosine_similarity(asked[None], support[task])).softmax(0)
            expected = torch.stack([attention[labels[task] == k].sum() for k in range(3)])
            torch.testing.assert_close(logits[task, i].exp(), expected)


@pytest.mark.parametrize("halvings", [2, 4])
def test_relationnet_scores_each_query_beside_the_sum_of_each_class(halvings: int) -> None:
    """Against the relation module's layers on every pair of concatenated maps."""
    learner = of("relationnet", f"model.halvings={halvings}")
    features, generator = learner.relation.layers[0].in_channels // 2, torch.Generator().manual_seed(1)
    size = 7 if halvings == 2 else 2
    support, query = (torch.randn(2, n, features, size, size, generator=generator, dtype=torch.float64) for n in (6, 4))
    labels = torch.tensor([[0, 0, 1, 1, 2, 2]] * 2)
    scores = learner.compare(support, one_hot(labels, int(labels.max()) + 1, support), query)
    assert scores.shape == (2, 4, 3)
    for task in range(2):
        classes = torch.stack([support[task, 2 * k] + support[task, 2 * k + 1] for k in range(3)])
        beside = torch.stack([torch.cat([classes[k], query[task, i]]) for i in range(4) for k in range(3)])
        torch.testing.assert_close(scores[task], learner.relation.layers(beside).view(4, 3))


def test_relationnets_loss_is_the_squared_error_of_its_scores() -> None:
    learner, episodes = of("relationnet"), made_up()
    loss, report = learner.meta_loss(episodes)
    scores = learner.predict(learner.adapt(episodes, 0), episodes.query_x).sigmoid()
    right = torch.zeros_like(scores)
    for task in range(2):
        for i, label in enumerate(episodes.query_y[task]):
            right[task, i, label] = 1
    assert loss.item() == pytest.approx(((scores - right) ** 2).mean().item())
    assert report.query_loss.item() == loss.item()


def snail() -> tuple[SNAIL, torch.Tensor]:
    """The learner, and a task's sequence of seven elements: 3 classes with 2 shots, and a query."""
    return of("snail", "algorithm.filters=4"), torch.randn(1, 7, 64 + 3, dtype=torch.float64, requires_grad=True)


def test_snail_sees_all_of_the_past_and_nothing_of_the_future() -> None:
    learner, x = snail()
    before, last = x[:, :6], x[:, 6:]
    for layer in learner.reader[:-1]:
        before, last = layer(before, last)
    for position, answer in enumerate(learner.reader[-1](torch.cat([before, last], 1))[0]):
        (gradient,) = torch.autograd.grad(answer.sum(), x, retain_graph=True)
        seen = gradient[0].abs().sum(-1) > 0
        assert seen.tolist() == [i <= position for i in range(7)]


def test_snails_convolutions_alone_reach_the_first_example() -> None:
    learner, _ = snail()
    before, last = torch.zeros(1, 6, 64 + 3 + 32).double().requires_grad_(), torch.zeros(1, 1, 64 + 3 + 32).double()
    start = before
    for layer in learner.reader[1:4]:
        before, last = layer(before, last)
    (gradient,) = torch.autograd.grad(last.sum(), start)
    assert (gradient[0].abs().sum(-1) > 0).all()


def test_snails_layers_are_what_the_paper_writes_for_one_whole_sequence() -> None:
    learner, x = snail()
    attention, dense = learner.reader[0], learner.reader[2]
    query, key, value = attention.query(x), attention.key(x), attention.value(x)
    mask = torch.full((7, 7), -torch.inf).triu(1)
    expected = torch.cat([x, ((query @ key.transpose(1, 2)) / 8 + mask).softmax(-1) @ value], -1)
    torch.testing.assert_close(torch.cat(attention(x[:, :6], x[:, 6:]), 1), expected)

    wide = torch.randn(1, 7, 64 + 3 + 32 + 4, dtype=torch.float64)
    both = dense.convolution.weight.unflatten(1, (2, -1)).transpose(1, 2)  # (2 filters, channels, 2), as conv1d has it
    signal = F.pad(wide.transpose(1, 2), (dense.dilation, 0))
    raw = F.conv1d(signal, both, dense.convolution.bias, dilation=dense.dilation).transpose(1, 2)
    expected = torch.cat([wide, raw[..., :4].tanh() * raw[..., 4:].sigmoid()], -1)
    torch.testing.assert_close(torch.cat(dense(wide[:, :6], wide[:, 6:]), 1), expected)


def test_snail_refuses_more_examples_than_its_convolutions_see() -> None:
    """Trained with 3 classes of 2 it reads sequences of 8: two shots, with the query seven elements, but not three."""
    learner = of("snail", "algorithm.filters=4")
    assert learner.most_shots(SHAPE) == 2 and SNAIL.most_shots(EpisodeShape(5, 5, 1)) == 6
    learner.adapt(made_up(shape=EpisodeShape(3, 2, 1)), 0)
    with pytest.raises(InputError, match="reach 7 support examples, and the task has 9"):
        learner.adapt(made_up(shape=EpisodeShape(3, 3, 1)), 0)


def test_snail_shuffles_the_support_set_while_training_and_keeps_pictures_with_their_labels() -> None:
    learner, episodes = of("snail", "algorithm.filters=4"), made_up()
    learner.family.sample = lambda *_: episodes
    drawn = learner.draw(EpisodeShape(3, 2, 3), 2, torch.Generator().manual_seed(0))
    assert not torch.equal(drawn.support_y, episodes.support_y)
    for task in range(2):
        for x, y in zip(drawn.support_x[task], drawn.support_y[task], strict=True):
            (place,) = (episodes.support_x[task] == x).flatten(1).all(1).nonzero()[0].tolist()
            assert episodes.support_y[task, place] == y


def test_labels_know_how_many_classes_there_are_without_looking_for_the_largest() -> None:
    """Looking would make a GPU wait at every step, and a set without the last class would be one class short."""
    labels = torch.tensor([[0, 1, 0]])
    assert one_hot(labels, 3, torch.zeros((), dtype=torch.float64)).tolist() == [[[1, 0, 0], [0, 1, 0], [1, 0, 0]]]


def test_cnp_does_not_depend_on_the_order_of_the_context() -> None:
    learner = of("cnp", base="sinusoid")
    x, y, asked = (torch.randn(2, n, 1, dtype=torch.float64) for n in (6, 6, 4))
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    first, second = (
        learner.distribution(learner.adapt(to_learn(a, b, Regression()), 0), asked)
        for a, b in ((x, y), (x[:, order], y[:, order]))
    )
    for ours, shuffled in zip(first, second, strict=True):
        torch.testing.assert_close(ours, shuffled, rtol=1e-12, atol=1e-12)
    assert (first[1] > 0.1).all()


def test_cnps_loss_is_the_likelihood_that_torch_computes() -> None:
    learner = of("cnp", base="sinusoid")
    x, y, asked, answer = (torch.randn(2, n, 1, dtype=torch.float64) for n in (6, 6, 4, 4))
    mean, deviation = learner.distribution(learner.adapt(to_learn(x, y, Regression()), 0), asked)
    expected = -torch.distributions.Normal(mean, deviation).log_prob(answer).mean()
    loss, report = learner.meta_loss(Episodes(x, y, asked, answer, Regression()))
    assert loss.item() == pytest.approx(expected.item())
    assert report.query_score.item() == pytest.approx(F.mse_loss(mean, answer).item())


def test_cnp_learns_from_contexts_of_all_sizes_and_predicts_them_too() -> None:
    learner = of("cnp", base="sinusoid")
    x, y, asked, answer = (torch.randn(400, n, 1, dtype=torch.float64) for n in (5, 5, 3, 3))
    learner.family.sample = lambda *_: Episodes(x, y, asked, answer, Regression())
    drawn = learner.draw(EpisodeShape(1, 5, 3), 400, torch.Generator().manual_seed(0))
    assert sorted(set(drawn.size.tolist())) == [1, 2, 3, 4, 5]
    assert drawn.query_x.shape == (400, 8, 1)
    assert not torch.equal(drawn.support_x, x)  # which examples are the context is random too

    losses = []
    for task in range(20):  # each with its own context, cut off where it ends
        known = drawn.size[task]
        context = (drawn.support_x[task : task + 1, :known], drawn.support_y[task : task + 1, :known])
        everything = torch.cat([x[task], asked[task]]).sort(0)[0]
        torch.testing.assert_close(drawn.query_x[task].sort(0)[0], everything)
        mean, deviation = learner.distribution(
            learner.adapt(to_learn(*context, Regression()), 0), drawn.query_x[task][None]
        )
        losses.append(-torch.distributions.Normal(mean, deviation).log_prob(drawn.query_y[task]).mean())
    first = drawn[:20]
    assert isinstance(first, Contexts)
    assert learner.meta_loss(first)[0].item() == pytest.approx(torch.stack(losses).mean().item())


@pytest.mark.parametrize(("classes", "scale"), [(12, 2.0), (201, 10.0)])
def test_baseline_plus_pluss_classifier_is_a_scaled_cosine(classes: int, scale: float) -> None:
    learner = of("baseline++", f"family.train_classes={classes}")
    features = torch.randn(4, learner.head.weight.shape[1], dtype=torch.float64)
    expected = scale * F.cosine_similarity(features[:, None], learner.head.weight[None], dim=-1)
    torch.testing.assert_close(learner.head(features), expected)
    assert learner.head.weight.shape[0] == classes


def test_baseline_plus_plus_freezes_its_features_and_trains_a_new_layer_by_sgd() -> None:
    learner, episodes = of("baseline++", "algorithm.finetune_steps=4"), made_up(tasks=2)
    before = {name: p.clone() for name, p in learner.named_parameters()}
    state = learner.adapt(episodes, 4)
    assert state.weights.keys() == {"head"}
    assert all(torch.equal(p, before[name]) for name, p in learner.named_parameters())
    for task in range(2):
        features = learner.model(episodes.support_x[task]).detach()
        weight = nn.Parameter(learner.start.clone())
        sgd = torch.optim.SGD([weight], lr=0.01, momentum=0.9, dampening=0.9, weight_decay=1e-3)
        generator = torch.Generator().manual_seed(0)
        for _ in range(4):
            for batch in torch.randperm(6, generator=generator).split(4):
                sgd.zero_grad()
                scores = 2 * F.cosine_similarity(features[batch][:, None], weight[None], dim=-1)
                F.cross_entropy(scores, episodes.support_y[task][batch]).backward()
                sgd.step()
        torch.testing.assert_close(state.weights["head"][task], weight.detach(), rtol=1e-9, atol=1e-12)


def test_nearest_centroid_knows_which_mean_picture_is_nearest() -> None:
    learner, episodes = of("nearest-centroid"), made_up()
    answers = learner.predict(learner.adapt(episodes, 0), episodes.query_x).argmax(-1)
    for task in range(2):
        means = torch.stack([episodes.support_x[task][episodes.support_y[task] == k].mean(0) for k in range(3)])
        away = torch.stack([(episodes.query_x[task] - mean).square().flatten(1).sum(1) for mean in means], 1)
        assert torch.equal(answers[task], away.argmin(1))


def ordered(episodes: Episodes, order: torch.Tensor) -> Episodes:
    return replace(episodes, support_x=episodes.support_x[:, order], support_y=episodes.support_y[:, order])


@pytest.mark.parametrize("name", [n for n in COMPARING if n not in ("snail", "baseline++")])
def test_the_order_of_the_support_set_plays_no_part(name: str) -> None:
    learner, episodes = of(name), made_up()
    order = torch.tensor([4, 1, 5, 0, 3, 2])
    first, second = (
        learner.predict(learner.adapt(ordered(episodes, o), 0), episodes.query_x) for o in (torch.arange(6), order)
    )
    torch.testing.assert_close(first, second, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", COMPARING)
@pytest.mark.parametrize("statistics", ["transductive", "support"])
def test_a_loop_over_tasks_answers_alike(name: str, statistics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "ONE_BY_ONE", ())  # stack on the processor as well, as a GPU does
    episodes = made_up()
    stacked, loop = (
        learner.predict(learner.adapt(episodes, 1), episodes.query_x)
        for learner in (of(name, f"batch_statistics={statistics}", mode=mode) for mode in ("stacked", "loop"))
    )
    torch.testing.assert_close(stacked, loop, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["protonet", "matchingnet", "relationnet", "proto-maml", "baseline++"])
def test_a_test_may_have_another_way_than_the_training(name: str) -> None:
    learner = of(name, "evaluation.n_way=5", "evaluation.k_shot=1")
    episodes = made_up(shape=EpisodeShape(5, 1, 2))
    state = learner.adapt(episodes, 1)
    assert learner.predict(state, episodes.query_x).shape == (2, 10, 5)


# Distances without the differences


def far_apart(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Embeddings that lie close together far from the origin, where ‖q‖² − 2 q·c + ‖c‖² as it stands loses its digits."""
    generator = torch.Generator().manual_seed(5)
    query, centers = (torch.randn(3, n, 40, generator=generator, dtype=torch.float64) for n in (12, 5))
    return (100 + query).to(dtype), (100 + centers).to(dtype)


def differences(query: Tensor, centers: Tensor) -> Tensor:
    """Squared distances as they are defined."""
    return (query.unsqueeze(2) - centers.unsqueeze(1)).square().sum(-1)


def test_squared_distances_and_their_gradients_are_those_of_the_differences() -> None:
    found = []
    for distance in (squared_distance, differences):
        query, centers = (x.requires_grad_() for x in far_apart(torch.float64))
        values = distance(query, centers)
        values.log_softmax(-1)[..., 0].sum().backward()
        found.append((values, query.grad, centers.grad))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_second_derivatives_flow_through_squared_distances() -> None:
    query, centers = (x[:1, :2, :3].requires_grad_() for x in far_apart(torch.float64))
    assert torch.autograd.gradgradcheck(squared_distance, (query, centers))


def test_squared_distances_keep_their_digits_in_single_precision() -> None:
    query, centers = far_apart(torch.float32)
    exact, rounded = differences(query.double(), centers.double()), squared_distance(query, centers).double()
    torch.testing.assert_close(rounded, exact, rtol=1e-5, atol=0)
    assert torch.equal(rounded.argsort(-1), exact.argsort(-1))


def test_squared_distances_never_hold_every_difference() -> None:
    query, centers = torch.randn(2, 100, 500), torch.randn(2, 20, 500)
    with Peak() as peak:
        squared_distance(query, centers)
    with Peak() as direct:
        differences(query, centers)
    assert peak.bytes < 4 * query.nbytes
    assert direct.bytes >= 20 * query.nbytes
