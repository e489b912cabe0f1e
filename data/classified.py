"""How a task of classes looks, whatever its examples are: which class each query is taken for, and how sure the learner is."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from data.batch import Adapted, Episodes
from data.view import TaskView, plain, plane

CLASSES, EXAMPLES = 20, 120  # of a task that are shown, at most; of each class one of either set at least
EXAMPLES_OF = {"pictures": "images", "texts": "texts"}


def classified(
    kind: Literal["pictures", "texts"],
    batch: Episodes,
    learner: Sequence[Adapted],
    classes: Sequence[Sequence[str]],
    show: Callable[[int, Tensor, Tensor], Any],
) -> list[TaskView]:
    """One view a task. classes: each task's names by label. show: a task's examples as the view has them, by its
    place in the batch and those of the examples in its support set and in its queries.
    """
    support, query = chosen(batch)
    labels = plain(torch.cat([batch.support_y[:, support], batch.query_y[:, query]], 1))  # (tasks, n)
    said = [_said(one, batch, support, query) for one in learner]
    views = []
    for task in range(batch.tasks):
        given = {
            EXAMPLES_OF[kind]: show(task, support, query),
            "labels": labels[task],
            "support": len(support),
            "classes": list(classes[task]),
        }
        points = plane([one["features"][task] for one in said], labels[task])
        each = (
            {"predicted": one["predicted"][task], "probability": one["probability"][task], "points": where}
            for one, where in zip(said, points, strict=True)
        )
        views.append(TaskView(kind, given, {one.step: words for one, words in zip(learner, each, strict=True)}))
    return views


def chosen(batch: Episodes) -> tuple[Tensor, Tensor]:
    """Places of the examples that are shown, in the support set and in the queries: the first of each class."""
    n_way = batch.objective.outputs
    rows = min(n_way, CLASSES)
    room = EXAMPLES // rows
    k_shot, n_query = (y.shape[1] // n_way for y in (batch.support_y, batch.query_y))
    few = min(k_shot, max(1, room // 2))
    sizes = (k_shot, few), (n_query, min(n_query, max(1, room - few)))
    return tuple(torch.arange(n_way * n).view(n_way, n)[:rows, :shown].flatten() for n, shown in sizes)


def _said(one: Adapted, batch: Episodes, support: Tensor, query: Tensor) -> dict[str, np.ndarray]:
    """Of all tasks at once: predicted and probability (tasks, queries shown), features (tasks, n, d).

    Where the learner has no features its answers are taken for them.
    """
    logits = one.answer(batch.query_x)  # (tasks, n_query_total, n_way)
    probability, predicted = logits[:, query].softmax(-1).max(-1)
    of_support, of_query = one.features() or (one.answer(batch.support_x), logits)
    features = torch.cat([of_support[:, support].flatten(2), of_query[:, query].flatten(2)], 1)
    return {"predicted": plain(predicted), "probability": plain(probability), "features": plain(features)}
