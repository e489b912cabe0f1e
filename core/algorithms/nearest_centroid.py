"""The floor for image tasks: which class's mean picture is a query nearest to?"""

from typing import Literal

from torch import Tensor, nn

from core.algorithms.base import AlgorithmConfig, Network
from core.algorithms.comparing import MetricLearner, class_means, squared_distance
from data.family import EpisodeShape
from data.language import mark


class NearestCentroidConfig(AlgorithmConfig):
    name: Literal["nearest-centroid"] = "nearest-centroid"


class NearestCentroid(MetricLearner):
    """ProtoNet without a network: squared Euclidean distance between raw inputs and class means. Nothing is learned."""

    Config = NearestCentroidConfig
    title = mark("Nearest centroid")
    summary = mark("No network at all: the class whose mean raw picture is nearest.")
    group = "baselines"
    meta_trained = False
    uses_network = False
    reads_tokens = False

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        return nn.Identity()

    def compare(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        return -squared_distance(query.flatten(2), class_means(support.flatten(2), labels))
