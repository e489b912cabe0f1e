"""Which classes of a split are taken for which, over all tasks of an evaluation, and which of them are hard."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.training.frozen import FrozenEpisodes
from data.batch import Episodes, TaskBatch
from data.family import Split

PAIRS, CLASSES = 50, 50  # that are kept, the greatest and the hardest
FEW = 12  # classes of which the whole matrix is kept


class Confusion:
    """Collects a learner's answers, task by task in the frozen episodes' order."""

    def __init__(self, frozen: FrozenEpisodes, split: Split):
        self.family, self.split = frozen.family, split
        of_blocks = [frozen.family.classes_of(block) for block in frozen.blocks]
        known = all(block is not None for block in of_blocks)
        self.classes = torch.cat(of_blocks).cpu().numpy() if known else None  # (episodes, n_way)
        self.seen, self.taken = 0, []

    def take(self, batch: TaskBatch, answers: Tensor | None) -> None:
        """The next tasks, with what was answered to their queries. Tasks whose answers are not finite are left out."""
        begin, self.seen = self.seen, self.seen + batch.tasks
        if self.classes is None or not isinstance(batch, Episodes) or answers is None:
            return
        finite = answers.isfinite().flatten(1).all(1).cpu().numpy()
        classes = self.classes[begin : self.seen][finite]
        labels, predicted = (one.cpu().numpy()[finite] for one in (batch.query_y, answers.argmax(-1)))
        self.taken.append((classes, *(np.take_along_axis(classes, one, 1) for one in (labels, predicted))))

    def found(self) -> dict[str, Any] | None:
        """Plain data; None where classes are not known beyond a task.

        pairs: how often queries of a class were taken for another one, of how many that could be: of those in tasks that have
        both classes. classes: how many queries of a class were answered rightly. matrix: of all classes, where they are few,
        counts (classes, classes), a row each. looks: an example of each class that is named, where they are pictures.
        """
        if not self.taken:
            return None
        classes, true, predicted = (np.concatenate(part) for part in zip(*self.taken, strict=True))
        names, of_classes = self.family.names(self.split), list(pairs(classes, true, predicted))
        there, right = np.unique(true), np.bincount(true[true == predicted], minlength=len(names))
        asked = np.bincount(true.ravel(), minlength=len(names))
        hardest = sorted(there.tolist(), key=lambda one: right[one] / asked[one])[:CLASSES]
        named = sorted({*hardest, *(one for a, b, _ in of_classes for one in (a, b))})
        looks = self.family.pictured(self.split, named)
        return {
            "pairs": [{"class": names[a], "taken_for": names[b], **rest} for a, b, rest in of_classes],
            "classes": [{"class": names[one], "right": int(right[one]), "of": int(asked[one])} for one in hardest],
            "looks": {} if looks is None else {names[one]: look for one, look in zip(named, looks, strict=True)},
            "matrix": matrix(there, true, predicted, names) if len(there) <= FEW else None,
        }


def pairs(classes: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> Iterator[tuple[int, int, dict[str, int]]]:
    """The PAIRS greatest confusions. classes: (tasks, n_way). true, predicted: (tasks, n_query_total), a class of the split."""
    wrong = true != predicted
    found, counts = np.unique(np.stack([true[wrong], predicted[wrong]]), axis=1, return_counts=True)
    for place in np.argsort(-counts, kind="stable")[:PAIRS]:
        a, b = found[:, place].tolist()
        both = (classes == a).any(1) & (classes == b).any(1)
        yield a, b, {"count": int(counts[place]), "of": int((true[both] == a).sum())}


def matrix(there: np.ndarray, true: np.ndarray, predicted: np.ndarray, names: list[str]) -> dict[str, Any]:
    rows, columns = np.searchsorted(there, true.ravel()), np.searchsorted(there, predicted.ravel())
    counts = np.zeros((len(there), len(there)), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return {"classes": [names[one] for one in there], "counts": counts}
