"""Tasks to look at of every kind, and runs that have kept them."""

import numpy as np

from core.runs import views
from core.runs.home import Home
from core.runs.schema import Run
from core.runs.store import RunStore
from data.view import Shown, TaskView

SHA = "0123456789abcdef"


def curve(iteration: int = 0) -> TaskView:
    x = np.linspace(-5, 5, 11).astype(np.float32)
    given = {"x": x, "truth": np.sin(x), "support_x": x[:3], "support_y": np.sin(x[:3])}
    return TaskView("curve", given, {step: {"y": x * 0 + step + iteration, "score": 4.0 - step} for step in (0, 1, 3)})


def of_classes(kind: str, **examples: object) -> TaskView:
    """Two classes of a support example and two queries; after adapting all but the last query are right."""
    given = {**examples, "labels": np.array([0, 1, 0, 0, 1, 1]), "support": 2, "classes": ["Greek/<b>alpha", "beta"]}
    share, points = np.array([0.6, 0.7, 0.8, 0.9]), np.arange(12.0).reshape(6, 2)
    answers = {0: [1, 0, 1, 0], 5: [0, 0, 1, 0]}
    said = {
        step: {"predicted": np.array(found), "probability": share, "points": points, "score": score}
        for (step, found), score in zip(answers.items(), (0.25, 0.75), strict=True)
    }
    return TaskView(kind, given, said)


def five_classes() -> TaskView:
    """5-way 1-shot with 15 queries a class, half of them wrong."""
    labels, random = np.concatenate([np.arange(5), np.arange(5).repeat(15)]), np.random.default_rng(0)
    predicted = np.where(np.arange(75) % 2, labels[5:], (labels[5:] + 1) % 5)
    said = {
        "predicted": predicted,
        "probability": np.full(75, 0.61),
        "points": random.normal(size=(80, 2)),
        "score": 0.49,
    }
    classes = [f"Atemayar_Qelisayer/character{number:02}/rot090" for number in range(5)]
    images = random.integers(0, 255, (80, 1, 28, 28), np.uint8)
    given = {"images": images, "labels": labels, "support": 5, "classes": classes}
    return TaskView("pictures", given, {0: said, 5: said})


def pictures(channels: int = 1) -> TaskView:
    return of_classes("pictures", images=np.zeros((6, channels, 8, 8), np.uint8))


TRANSLATED = TaskView(
    "translations",
    {"sources": ["eins", "zwei"], "expected": ["אחת", "שתיים"], "support": 1, "language": "Hebrew", "script": "Hebrew"},
    {step: {"produced": [said], "score": 0.5} for step, said in ((0, ""), (1, "שת"), (5, "שתיים"))},
)
GATHERED = TaskView("returns", {}, {step: {"returns": [np.arange(3.0 + step)], "score": 2.0 + step} for step in (0, 1)})
WALKED = TaskView("paths", {"goal": np.array([1.0, 2.0])}, {0: {"paths": [np.zeros((3, 2))], "score": -1.0}})


def validated(home: Home, run: Run, *found: TaskView, at: tuple[int, ...] = (0, 2, 3)) -> None:
    for iteration in at:
        shown = [curve(iteration) if one.kind == "curve" else one for one in found]
        views.keep(home.artifacts(run), Shown("val", iteration, list(range(len(found))), shown), 3)


def evaluated(store: RunStore, home: Home, run: Run, scores: np.ndarray, view: TaskView, **about: object) -> Run:
    """With a final test of these scores, whose worst tasks are kept."""
    protocol = run.test["protocol"] | {"episodes_sha256": SHA}
    test = run.test | {"protocol": protocol, "episodes": len(scores)}
    scored = {"episodes": len(scores), "checkpoint": "best@3", "result": test, "scores": scores}
    store.add_evaluation(run.id, 3, "test", test["metric"], 0.5, 0.1, **scored)
    store.update(run.id, test=test)
    told = {"episodes_sha256": SHA, "diverged": [], "confusion": None, **about}
    worst = np.argsort(scores)[:3].tolist()
    views.keep(home.artifacts(run), Shown("test", 3, worst, [view] * 3, told), 3)
    return store.get(run.id)
