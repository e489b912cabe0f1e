"""Relation networks (Sung et al. 2018, Learning to Compare, https://arxiv.org/abs/1711.06025)."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network, StepReport, TaskState
from core.algorithms.comparing import MetricLearner, one_hot
from core.models.base import embedding_shape
from data.batch import Episodes
from data.config import setting
from data.family import EpisodeShape
from data.language import mark


class RelationNetConfig(AlgorithmConfig):
    name: Literal["relationnet"] = "relationnet"
    filters: int = setting(64, "Relation filters", ge=1, le=512, step=16, telling=1)
    """Channels of the two convolution blocks of the relation module."""
    hidden: int = setting(8, "Relation units", unit="units", ge=1, le=1024)
    """Units of the hidden layer before the relation score."""


class RelationModule(nn.Module):
    """g: a class's and a query's feature map, concatenated, → how much they belong together, before the sigmoid.

    Two blocks of conv 3×3, BatchNorm, ReLU and 2×2 max-pooling, then two linear layers. A map of one pixel is not pooled,
    and an embedding without height and width is a map of one pixel.
    """

    def __init__(self, shape: tuple[int, int, int], filters: int, hidden: int):
        super().__init__()
        channels, height, width = shape
        blocks: list[nn.Module] = []
        for fan_in in (2 * channels, filters):
            blocks += [nn.Conv2d(fan_in, filters, 3, padding=1), nn.BatchNorm2d(filters, track_running_stats=False)]
            blocks.append(nn.ReLU())
            if min(height, width) > 1:
                blocks.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
        score = [nn.Linear(filters * height * width, hidden), nn.ReLU(), nn.Linear(hidden, 1)]
        self.layers = nn.Sequential(*blocks, nn.Flatten(), *score)

    def forward(self, classes: Tensor, queries: Tensor) -> Tensor:
        """Maps (n_way, c, h, w) and (n, c, h, w) → scores (n * n_way, 1), a query's scores beside each other.

        A convolution of two maps is the sum of what it makes of each, so that no map goes through it once a pair.
        """
        first, *rest = self.layers
        ours, theirs = first.weight.split(classes.shape[1], 1)
        of_classes = F.conv2d(classes, ours, first.bias, padding=first.padding)
        of_queries = F.conv2d(queries, theirs, padding=first.padding)
        pairs = (of_queries.unsqueeze(1) + of_classes).flatten(0, 1)  # (n * n_way, filters, h, w)
        for layer in rest:
            pairs = layer(pairs)
        return pairs


class Beside(nn.Module):
    """The relation module on one batch of maps, of which the first ``n_way`` are the classes'."""

    def __init__(self, relation: RelationModule, n_way: int):
        super().__init__()
        self.relation, self.n_way = relation, n_way

    def forward(self, maps: Tensor) -> Tensor:
        return self.relation(maps[: self.n_way], maps[self.n_way :])


class RelationNet(MetricLearner):
    """Learns how to compare: a second network scores a query's features beside each class's.

    r_{i,j} = g(C(Σ f(x_k), f(x_j))) (eq. 1; with several shots the class's feature maps are summed), between 0 and 1 by a
    sigmoid; loss (eq. 2): the squared error of r against 1 for the right class and 0 for the others, here the mean over all
    pairs. ``predict`` gives the score before the sigmoid, which ranks alike. BatchNorm also stands in g: transductive, all
    pairs of a task are normalised together; support, by the pairs of the support set with the classes.
    """

    Config = RelationNetConfig
    title = "RelationNet"
    summary = mark("Learns a second network that scores how well a query fits each class.")
    normalises = True
    loss_title = mark("squared error of relation scores")

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        body = network(None)
        shape = embedding_shape(body, self.family.input_spec)
        shape = shape if len(shape) == 3 else (*shape, 1, 1)
        self.relation = RelationModule(shape, self.config.filters, self.config.hidden)
        return body

    def compare(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        support, query = (x if x.ndim == 5 else x[..., None, None] for x in (support, query))  # (tasks, n, c, h, w)
        classes = torch.einsum("tnk,tnchw->tkchw", labels, support)  # (tasks, n_way, c, h, w)
        relate = self.forward_tasks.over(Beside(self.relation, classes.shape[1]))
        seen, asked = (torch.cat([classes, maps], 1) for maps in (support, query))
        scores = self.forward_queries(relate, None, seen, asked)  # (tasks, n_query_total * n_way, 1)
        return scores.view(*query.shape[:2], classes.shape[1])  # (tasks, n_query_total, n_way)

    def meta_loss(self, batch: Episodes) -> tuple[Tensor, StepReport]:
        """Squared error of the relation scores (eq. 2), which is also what the report calls the query loss."""
        scores = self.predict(TaskState({}, batch), batch.query_x)  # (tasks, n_query_total, n_way)
        loss = (scores.sigmoid() - one_hot(batch.query_y, batch.objective.outputs, scores)).square().mean()
        return loss, StepReport(loss.detach(), batch.objective.score(scores.detach(), batch.query_y).mean())
