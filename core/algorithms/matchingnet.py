"""Matching networks (Vinyals et al. 2016, https://arxiv.org/abs/1606.04080)."""

from typing import Literal

from torch import Tensor

from core.algorithms.base import AlgorithmConfig
from core.algorithms.comparing import MetricLearner, cosine
from data.config import setting
from data.language import mark


class MatchingNetConfig(AlgorithmConfig):
    name: Literal["matchingnet"] = "matchingnet"
    scale: float = setting(30.0, "Attention scale", gt=0, le=1000, step=1.0, telling=1)
    """Factor on the cosine inside the attention's softmax. The paper has none (1), with which a softmax over cosines in
    [-1, 1] can hardly prefer any example; on 60 characters at a time 30 to 100 learned faster than 10.
    """


class MatchingNet(MetricLearner):
    """A query gets the label of the support examples it attends to.

    ŷ = Σ_i a(x, x_i) y_i (eq. 1), where a is the softmax over the support examples of the cosine between f(x) and g(x_i)
    (section 2.1.1), here times ``scale``; f = g is the run's network. The logits are the logarithm of ŷ, so that the
    cross-entropy is the negative log-likelihood of eq. 6. Without full context embeddings (section 2.1.2), which the paper
    found no better on Omniglot.
    """

    Config = MatchingNetConfig
    title = "MatchingNet"
    summary = mark("Labels a query by attention over the single support examples.")

    def compare(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        similarity = self.config.scale * cosine(query.flatten(2), support.flatten(2))  # (tasks, n_query, n_support)
        attention = similarity.log_softmax(-1).unsqueeze(-1)  # (tasks, n_query, n_support, 1)
        # The logarithm of a sum of attentions by class, in log space so that none of them underflows.
        absent = labels.log().unsqueeze(1)  # 0 for an example of the class, minus infinity for the others
        return (attention + absent).logsumexp(2)  # (tasks, n_query, n_way)
