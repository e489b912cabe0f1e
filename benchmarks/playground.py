"""What a visitor who draws waits for, from lifting the pen to painted answers.

    python -m benchmarks.playground [--strokes 30]

In a real browser, of a server of its own, with one learner and with four. They are of the size of the preset doodles-5w1s, take
five inner steps where they take any, and are hardly trained, which costs the same. A stroke on an example makes them adapt
anew, one on the sign in question only asks them. What they answer is measured in benchmarks/drawing.py.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from playwright.sync_api import Page, sync_playwright

from benchmarks import launching
from core.algorithms.base import algorithms
from core.runs.hardware import describe
from core.runs.home import Home
from core.runs.store import RunStore
from tests.core.tiny import finished
from tests.e2e.serving import FLAGS

LEARNERS = ("maml", "protonet", "proto-maml", "anil")
SIZE = ("model.filters=64", "family.n_way=5", "family.k_shot=1")
PADS = {"query": "the sign in question", "0-0": "an example"}
PATIENCE = 120_000  # ms
# From the pen's lifting to the frame after the answer to it stands on the page.
WATCH = """() => { window.waits = []; const pads = document.querySelector('.pads'); let lifted = null;
  pads.addEventListener('pointerup', () => { lifted = performance.now(); }, true);
  new MutationObserver(() => { const began = lifted; if (began === null) return; lifted = null;
    requestAnimationFrame(() => setTimeout(() => window.waits.push(performance.now() - began)));
  }).observe(pads, {attributes: true, attributeFilter: ['data-answered']}); }"""


def waits(page: Page, pad: str, strokes: int) -> list[float]:
    """Milliseconds of each stroke on a pad, three to a drawing."""
    surface, generator = page.locator(f"[data-pad='{pad}'] > svg"), np.random.default_rng(0)
    box = surface.bounding_box()
    page.evaluate("window.waits.length = 0")
    for number in range(strokes):
        if number % 3 == 0:
            surface.press("Delete")
            page.wait_for_function("document.querySelector('.pads').sheet.asking.idle", timeout=PATIENCE)
        first, *others = generator.uniform(0.1, 0.9, (4, 2)) * (box["width"], box["height"]) + (box["x"], box["y"])
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place, steps=8)
        page.mouse.up()
        page.wait_for_function(f"window.waits.length > {number}", timeout=PATIENCE)
    return page.evaluate("window.waits")


def main(strokes: Annotated[int, typer.Option(min=1, help="On each pad, with each number of learners.")] = 30) -> None:
    print(f"{describe()}, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home, runs = Home(Path(folder), Path(folder) / "datasets", f"sqlite:///{folder}/innerloop.db"), []
        for name in LEARNERS:
            steps = ["evaluation.inner_steps=5"] if algorithms()[name].takes_steps else []
            run, result = finished(home, "conv4", f"algorithm={name}", *SIZE, *steps)
            RunStore(home.database).update(run.id, test=result.as_json(run.id))
            runs.append(str(run.id))
        with launching.served(home) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            for several in (runs[:1], runs):
                with launching.visiting(browser) as page:
                    page.goto(f"{server.url}/playground?mode=draw&run={','.join(several)}")
                    page.locator(".pads .learner .bars").nth(len(several) - 1).wait_for(timeout=PATIENCE)
                    page.evaluate(WATCH)
                    for pad, words in PADS.items():
                        middle, high = np.quantile(waits(page, pad, strokes), [0.5, 0.95])
                        print(
                            f"{len(several)} learners, {words}: median {middle:.0f} ms, 95 % {high:.0f} ms", flush=True
                        )
            print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    typer.run(main)
