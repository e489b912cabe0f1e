"""What learners that come along make of drawings: ``python -m benchmarks.drawing``.

Accuracy: held-out doodles' own curves as a mouse would leave them, with its tremor, through the pads' own rasteriser, 5-way
1-shot. Time: of an answer from the strokes on, one session alone and ten at once. Memory: after a thousand answers.
"""

import sys
import tempfile
import threading
import time
from itertools import product

import numpy as np
import psutil
import torch

from core.library import Learner, load_file
from core.playground.recognition import Adapted, Support, adapted
from core.playground.shipped import shipped
from core.playground.signs import drawings
from core.playground.strokes import SCALE, Drawing, picture
from core.runs.home import Home
from core.training.summary import Z
from data.doodles import invent, pool_generator, redraw

WAYS, EPISODES, CLASSES = 5, 1000, 500
TREMOR = 6.0  # thousandths of a pad's side: about a pixel of a screen
SESSIONS, ANSWERS = 10, 20
MOST = 1000  # answers, of which the memory is looked at


def by_mouse(drawing: Drawing, random: np.random.Generator) -> Drawing:
    """The same as whole places of a mouse that trembles."""
    strokes = [stroke * SCALE + random.normal(0, TREMOR, stroke.shape) for stroke in drawing.strokes]
    return Drawing.of([stroke.round().clip(0, SCALE).astype(int).flatten().tolist() for stroke in strokes])


def pads(classes: int = CLASSES) -> np.ndarray:
    """Two pictures of each class of the test split: uint8 (classes, 2, 28, 28)."""
    generator, random, found = pool_generator(0, "test"), np.random.default_rng(0), []
    while len(found) < classes:
        drawn = redraw(invent(50, generator), 2, generator)
        found += [[picture(by_mouse(one, random)) for one in drawings(drawn, number)] for number in range(50)]
    return np.array(found[:classes])


def episodes(looks: np.ndarray, count: int) -> list[np.ndarray]:
    """Of each its classes' pictures, uint8 (WAYS, 2, 28, 28)."""
    random = np.random.default_rng(1)
    return [looks[random.choice(len(looks), WAYS, replace=False)] for _ in range(count)]


def accuracy(learner: Learner, drawn: list[np.ndarray]) -> tuple[float, float]:
    """Mean and half-width of the 95 % interval over episodes, one query of each class."""
    scores = []
    for five in drawn:
        found = adapted(learner, Support(five[:, 0], tuple(range(WAYS))))
        scores.append(np.mean([found.answer(one)[-1].argmax() == sign for sign, one in enumerate(five[:, 1])]))
    return float(np.mean(scores)), float(Z * np.std(scores, ddof=1) / len(scores) ** 0.5)


def from_pads(learners: list[Learner], drawn: list[Drawing]) -> list[Adapted]:
    """All learners adapted to what is on the pads but the last."""
    looks = np.stack([picture(one) for one in drawn[:-1]])
    return [adapted(learner, Support(looks, tuple(range(WAYS)))) for learner in learners]


def timed(learners: list[Learner], drawn: list[Drawing], sessions: int, anew: bool) -> tuple[float, float]:
    """Median and 95th percentile of the seconds from the strokes to all answers, while so many sessions ask without a pause.

    anew: another drawing to learn from each time, not only another one that is asked about.
    """
    took: list[float] = []

    def ask() -> None:
        known = from_pads(learners, drawn)
        for _ in range(ANSWERS):
            began = time.perf_counter()
            looks = [picture(one) for one in drawn]
            known = from_pads(learners, drawn) if anew else known
            for one in known:
                one.answer(looks[-1])
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=ask) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return float(np.median(took)), float(np.quantile(took, 0.95))


def main(count: int = EPISODES) -> None:
    torch.set_num_threads(1)  # as in the server
    home = Home.find(tempfile.mkdtemp(prefix="innerloop-drawing-"))
    began = time.perf_counter()
    files = [one for one in shipped().values() if one.family == "doodles"]
    learners = [load_file(one.path, home=home, batch_statistics="support") for one in files]
    print(f"loaded in {time.perf_counter() - began:.2f} s")
    generator = pool_generator(0, "test")
    signs = redraw(invent(50, generator), 1, generator)
    drawn = [drawings(signs, number)[0] for number in range(WAYS + 1)]
    for many, sessions, anew in product((1, 4), (1, SESSIONS), (False, True)):
        middle, late = timed((learners * 2)[-many:], drawn, sessions, anew)
        what = "adapted anew" if anew else "asked"
        print(f"{many} learners, {sessions} sessions, {what}: {middle * 1000:.0f} ms, p95 {late * 1000:.0f} ms")
    process = psutil.Process()
    before = process.memory_info().rss
    for _ in range(MOST):
        looks = picture(drawn[-1])
        for one in from_pads(learners, drawn):
            one.answer(looks)
    print(f"memory after {MOST} answers: {(process.memory_info().rss - before) / 2**20:+.1f} MiB")
    by_hand = episodes(pads(), count)
    for one, learner in zip(files, learners, strict=True):
        mean, ci95 = accuracy(learner, by_hand)
        print(f"{one.title}: {100 * mean:.2f} ± {100 * ci95:.2f} % on {count} episodes drawn by mouse")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
