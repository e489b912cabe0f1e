"""Prototypical networks (Snell, Swersky & Zemel 2017, https://arxiv.org/abs/1703.05175)."""

from typing import Literal

from torch import Tensor

from core.algorithms.base import AlgorithmConfig
from core.algorithms.comparing import MetricLearner, class_means, cosine, squared_distance
from data.config import setting
from data.language import mark


class ProtoNetConfig(AlgorithmConfig):
    name: Literal["protonet"] = "protonet"
    distance: Literal["euclidean", "cosine"] = setting("euclidean", "Distance", telling=1)
    """How a query is compared with a prototype: squared Euclidean (the paper's, and better there) or cosine."""
    scale: float = setting(10.0, "Cosine scale", gt=0, le=1000, step=1.0, advanced=True)
    """Factor on the cosine before the softmax."""


class ProtoNet(MetricLearner):
    """A class is the mean of its support embeddings; a query belongs to the nearest.

    Prototype (eq. 1): c_k = mean of f(x_i) over the support examples of class k. Class probabilities (eq. 2):
    p(y = k | x) = softmax over k of −d(f(x), c_k). d is the squared Euclidean distance (section 2.7), or one minus the
    cosine, times ``scale``. The paper trains on more classes at once than it tests on (60-way on Omniglot, section 3.1).
    """

    Config = ProtoNetConfig
    title = "ProtoNet"
    summary = mark("Compares a query with the mean embedding of each class.")

    def compare(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        support, query = support.flatten(2), query.flatten(2)  # (tasks, n, d)
        prototypes = class_means(support, labels)  # (tasks, n_way, d)
        if self.config.distance == "cosine":
            return self.config.scale * cosine(query, prototypes)
        return -squared_distance(query, prototypes)
