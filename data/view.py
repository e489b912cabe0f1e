"""How a task looks to people: plain data by kind of view, which pages draw without knowing the family. Free of torch."""

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Kind = Literal["curve", "pictures", "texts", "translations", "paths", "returns"]
KINDS: tuple[Kind, ...] = ("curve", "pictures", "texts", "translations", "paths", "returns")


@dataclass(frozen=True)
class TaskView:
    """One task, and what a learner makes of it after some inner steps: strings, numbers, lists of them, numpy arrays.

    given: what the task is, the same for every learner. said: what this one answers, by inner step; the engine adds the
    task's score to it, as ``score``. By kind, with n examples shown, of which the first ``support`` are the support set:

    curve: given x, truth (points,) and support_x, support_y (k_shot,); said y (points,).
    pictures: given images uint8 (n, channels, height, width), labels (n,) in [0, n_way), support, classes (a name by label);
    said predicted, probability (n - support,) of the queries, and points (n, 2), the examples in a plane.
    texts: the same with texts, a list of n, instead of images.
    translations: given sources and expected, lists of n, and support; said produced, a list of n - support; where it is known
    given language and script, into which and in which is translated.
    paths: given goal (2,), or goals (several, 2); said paths, a list of arrays (points, 2).
    returns: said returns, a list of arrays (steps + 1,), the sum of a trajectory's rewards before its first step and after each.
    """

    kind: Kind
    given: dict[str, Any]
    said: dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Shown:
    """Some tasks of one evaluation. tasks: their places among the frozen episodes. about: what was found of all tasks of the
    evaluation, as plain data.
    """

    split: str
    iteration: int
    tasks: list[int]
    views: list[TaskView]
    about: dict[str, Any] = field(default_factory=dict)


def plain(tensor: Any) -> np.ndarray:
    """A tensor on any device as an array, real numbers in float32."""
    array = tensor.detach().cpu().numpy()
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def plane(features: Sequence[np.ndarray], labels: np.ndarray) -> list[np.ndarray]:
    """Examples in the plane of their two greatest principal components: features (n, d) after each inner step → (n, 2).

    The plane is that of the last step, in which the earlier ones are drawn as well. Which way an axis points is not for the
    decomposition to say, which would turn it over from one training step to the next: later classes lie to the right and
    up. Not-a-number where features are not finite.
    """
    last = np.asarray(features[-1], np.float64)
    if not all(np.isfinite(one).all() for one in features):
        return [np.full((len(last), 2), np.nan, np.float32) for _ in features]
    middle = last.mean(0)
    values, vectors = np.linalg.eigh((last - middle) @ (last - middle).T)  # (n,), ascending
    lengths = np.sqrt(np.maximum(values[:-3:-1], np.finfo(float).tiny))
    axes = (last - middle).T @ vectors[:, :-3:-1] / lengths  # (d, 2)
    order = labels - labels.mean()
    axes = axes * np.where(order @ (last - middle) @ axes < 0, -1.0, 1.0)
    return [((one - middle) @ axes).astype(np.float32) for one in features]


def pack(value: Any) -> bytes:
    """Plain data, compressed, for a file."""
    return zlib.compress(json.dumps(value, default=_array).encode())


def unpack(content: bytes) -> Any:
    """What ``pack`` was given; keys have become strings, and tuples lists. Raises ValueError for what is damaged."""
    try:
        return json.loads(zlib.decompress(content), object_hook=_of_array)
    except zlib.error as error:
        raise ValueError("not what was packed") from error


def _array(value: np.ndarray) -> dict[str, Any]:
    return {"array": base64.b64encode(value.tobytes()).decode(), "dtype": value.dtype.str, "shape": value.shape}


def _of_array(value: dict[str, Any]) -> Any:
    if value.keys() != {"array", "dtype", "shape"}:
        return value
    return np.frombuffer(base64.b64decode(value["array"]), value["dtype"]).reshape(value["shape"])
