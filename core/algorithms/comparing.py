"""What learners that compare examples share: embeddings of support and query, and no inner steps."""

from abc import abstractmethod
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.algorithms.base import Algorithm, Network, NormalisedBy, TaskState
from core.algorithms.plain import Compared
from data.batch import Episodes
from data.family import EpisodeShape


class SupportReader(Algorithm):
    """A learner that takes no inner steps: ``adapt`` keeps the support set, and ``predict`` reads it beside the queries."""

    group = "model-dependent"
    takes_steps = False
    output_layer = None

    @property
    def adaptation_steps(self) -> int:
        return 0

    def trajectory(self, batch: Episodes, steps: int, *, differentiable: bool) -> Iterator[TaskState]:
        """The one state there is, for each step asked for."""
        for _ in range(steps + 1):
            yield TaskState({}, batch)


class MetricLearner(SupportReader):
    """Embeds support and query with the same network and answers a query by comparing it with the support set.

    ``adapt`` keeps the support set as it is; ``predict`` embeds it together with the queries, because BatchNorm may
    normalise the two together. transductive: support and queries of a task are one batch, as in the released code of
    ProtoNet while training. support: the support set is a batch of its own, and the queries are normalised by its mean and
    variance.
    """

    kinds = ("classification",)
    fixed_way = False
    repeats = True

    @property
    def normalises_by(self) -> NormalisedBy:
        by = super().normalises_by
        return "support and queries together" if by == "queries together" else by

    def build_model(self, network: Network, test_shape: EpisodeShape) -> nn.Module:
        return network(None)

    def predict(self, state: TaskState, query_x: Tensor) -> Tensor:
        batch = state.batch
        support, query = self.embed(batch.support_x, query_x)
        return self.compare(support, one_hot(batch.support_y, batch.objective.outputs, support), query)

    @torch.no_grad()
    def plain(self, state: TaskState) -> nn.Module:
        body, batch = super().plain(state), state.batch
        support = body(batch.support_x[0]).unsqueeze(0)  # (1, n_support, *embedding)
        labels = one_hot(batch.support_y, batch.objective.outputs, support)
        return Compared(
            body, self.compare, [part for part in self.children() if part is not self.model], support, labels
        )

    def features(self, state: TaskState) -> tuple[Tensor, Tensor]:
        return self.embed(state.batch.support_x, state.batch.query_x)

    @abstractmethod
    def compare(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """support (tasks, n_support, *embedding), labels (tasks, n_support, n_way) of zeros and ones,
        query (tasks, n_query_total, *embedding) → logits (tasks, n_query_total, n_way).
        """

    def embed(self, support_x: Tensor, query_x: Tensor) -> tuple[Tensor, Tensor]:
        """Both sets' embeddings, (tasks, n, *embedding), under the network's own weights."""
        if self.batch_statistics == "transductive":
            joint = self.forward_tasks(None, torch.cat([support_x, query_x], 1))
            support, query = joint.split([support_x.shape[1], query_x.shape[1]], 1)
            return support, query
        query = self.forward_queries(self.forward_tasks, None, support_x, query_x)
        return self.forward_tasks(None, support_x), query


def one_hot(labels: Tensor, n_way: int, like: Tensor) -> Tensor:
    """Labels (tasks, n) in [0, n_way) → (tasks, n, n_way) in the dtype of ``like``.

    torch's own looks at the labels first, for which a GPU has to be waited for, and which cannot be recorded.
    """
    return (labels.unsqueeze(-1) == torch.arange(n_way, device=labels.device)).to(like.dtype)


def class_means(support: Tensor, labels: Tensor) -> Tensor:
    """Mean embedding of each class: (tasks, n_support, d) and (tasks, n_support, n_way) → (tasks, n_way, d).

    The classes may have unequal numbers of examples, but each at least one.
    """
    return labels.transpose(1, 2) @ support / labels.sum(1).unsqueeze(-1)


def prototype_layer(support: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The linear layer that answers as the nearest class mean does: weight (tasks, n_way, d) and bias (tasks, n_way).

    −‖f − c_k‖² = 2 c_k·f − ‖c_k‖² − ‖f‖², and the last term is the same for all classes.
    """
    means = class_means(support, labels)
    return 2 * means, -means.square().sum(-1)


def squared_distance(query: Tensor, centers: Tensor) -> Tensor:
    """(tasks, n, d) and (tasks, n_way, d) → (tasks, n, n_way), without the (tasks, n, n_way, d) differences.

    ‖q − c‖² = ‖q‖² − 2 q·c + ‖c‖², taken from the centers' mean: where all lie close together far from the origin, the three
    terms would be large and their sum a small difference. Rounding can leave a tiny negative number for equal points.
    """
    origin = centers.mean(1, keepdim=True).detach()  # distances do not depend on it, and neither do their gradients
    query, centers = query - origin, centers - origin
    norms = query.square().sum(-1).unsqueeze(2) + centers.square().sum(-1).unsqueeze(1)
    return torch.baddbmm(norms, query, centers.transpose(1, 2), alpha=-2)


def cosine(query: Tensor, centers: Tensor) -> Tensor:
    """Cosine similarity in [-1, 1]: (tasks, n, d) and (tasks, m, d) → (tasks, n, m)."""
    return F.normalize(query, dim=-1) @ F.normalize(centers, dim=-1).transpose(1, 2)
