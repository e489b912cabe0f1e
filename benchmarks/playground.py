"""What a visitor waits for who draws, from lifting the pen to painted answers; and who drags a point, from each move to curves.

    python -m benchmarks.playground [--strokes 30] [--beside 0]

In a real browser, of a server of its own, with one learner and with four. They are of the size of the preset doodles-5w1s, take
five inner steps where they take any, and are hardly trained, which costs the same. A stroke on an example makes them adapt
anew, one on the sign in question only asks them. What they answer is measured in benchmarks/drawing.py.

``--beside N`` trains that preset meanwhile and says how much slower it is while one visitor draws, a stroke a second, and while
ten do: N seconds of each and of nobody, by turns. Their browser computes on this machine too, which a visitor's does not, so
that the server's own share of the processor is said beside it.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import launching
from core.algorithms.base import algorithms
from core.playground.fitting import SIGNS
from core.playground.shipped import shipped
from core.runs import scheduler
from core.runs.hardware import describe
from core.runs.home import PROJECT, Home
from core.runs.store import RunStore
from tests.core.tiny import finished
from tests.e2e.serving import FLAGS, Server
from tests.waiting import wait_until

SIZED_AS, SETTLED = "doodles-5w1s", 10  # a preset, and its iterations before it is looked at
ENDLESS = (
    "--set",
    "training.iterations=100000",
    "--set",
    "training.evaluate_every=100000",
    "--set",
    "training.early_validations=0",
)
LEARNERS = ("maml", "protonet", "proto-maml", "anil")
SIZE = ("model.filters=64", "family.n_way=5", "family.k_shot=1")
PADS = {"query": "the sign in question", "0-0": "an example"}
PATIENCE = 120_000  # ms
# From the pen's lifting to the frame after the answer to it stands on the page.
WATCH = """([name, event]) => { window.waits = []; const watched = document.querySelector(name); let last = null;
  document.addEventListener(event, () => { last = performance.now(); }, true);
  new MutationObserver(() => { const began = last; if (began === null) return; last = null;
    requestAnimationFrame(() => setTimeout(() => window.waits.push(performance.now() - began)));
  }).observe(watched, {attributes: true, attributeFilter: ['data-answered']}); }"""


def draw(page: Page, pad: str, number: int) -> None:
    """A stroke on a pad, the third of which completes a drawing; the fourth begins another one."""
    surface, generator = page.locator(f"[data-pad='{pad}'] > svg"), np.random.default_rng(number)
    box = surface.bounding_box()
    if number % 3 == 0:
        surface.press("Delete")
        page.wait_for_function("document.querySelector('.pads').sheet.asking.idle", timeout=PATIENCE)
    first, *others = generator.uniform(0.1, 0.9, (4, 2)) * (box["width"], box["height"]) + (box["x"], box["y"])
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def waits(page: Page, pad: str, strokes: int) -> list[float]:
    """Milliseconds of each stroke on a pad."""
    page.evaluate("window.waits.length = 0")
    for number in range(strokes):
        draw(page, pad, number)
        page.wait_for_function(f"window.waits.length > {number}", timeout=PATIENCE)
    return page.evaluate("window.waits")


def drag(page: Page, address: str, moves: int) -> list[float]:
    """Milliseconds from each move of a point until the curves of the learners that come along are painted anew."""
    page.goto(address)
    page.locator(".board figure path.after").nth(1).wait_for(timeout=PATIENCE)
    box = page.locator(".board .point .dot").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(WATCH, [".board", "pointermove"])
    for number in range(moves):
        page.mouse.move(x, y + 4 * (number % 12 + 1))
        page.wait_for_function(f"window.waits.length > {number}", timeout=PATIENCE)
    return page.evaluate("window.waits")


@contextmanager
def playing(browser: Browser, address: str, visitors: int, learners: int) -> Iterator[list[Page]]:
    """Visitors who see the pads and what the learners say."""
    with ExitStack() as pages:
        found = [pages.enter_context(launching.visiting(browser)) for _ in range(visitors)]
        for page in found:
            page.goto(address)
            page.locator(".pads .learner .bars").nth(learners - 1).wait_for(timeout=PATIENCE)
            page.evaluate(WATCH, [".pads", "pointerup"])
        yield found


def play(pages: Sequence[Page], seconds: float) -> list[float]:
    """Milliseconds that answers took while each visitor drew a stroke a second, or as fast as they are answered."""
    began, number = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        for page in pages:
            draw(page, "query", number)
        number += 1
        for page in pages:
            page.wait_for_function(f"window.waits.length >= {number}", timeout=PATIENCE)
        time.sleep(max(0.0, now + 1.0 - (time.perf_counter() - began)))
    return [one for page in pages for one in page.evaluate("window.waits")]


def beside(browser: Browser, server: Server, seconds: float) -> None:
    """A training's pace while nobody, one visitor and ten draw for learners that come along; twice each, by turns."""
    home, store = server.home, RunStore(server.home.database)
    train = [
        sys.executable,
        "-m",
        "core",
        "--home",
        str(home.root),
        "train",
        "--preset",
        SIZED_AS,
        *ENDLESS,
        "--detach",
        "--json",
    ]
    run = json.loads(subprocess.run(train, cwd=PROJECT, check=True, stdout=subprocess.PIPE).stdout)["runs"][0]
    wait_until(lambda: store.get(run).iteration >= SETTLED, timeout=300)
    paces, answers, shares = defaultdict(list), defaultdict(list), defaultdict(list)
    along = [name for name, one in shipped().items() if one.family in SIGNS]
    address = f"{server.url}/playground?mode=draw&run={','.join(along)}"
    for visitors in (0, 1, 10) * 2:
        with playing(browser, address, visitors, len(along)) as pages:
            first, used, began = store.get(run).iteration, server.cpu_seconds(), time.perf_counter()
            answers[visitors] += play(pages, seconds)
            took = time.perf_counter() - began
            paces[visitors].append((store.get(run).iteration - first) / took)
            shares[visitors].append((server.cpu_seconds() - used) / took)
    scheduler.stop(store, home, run)
    alone = statistics.mean(paces[0])
    for visitors, found in paces.items():
        pace, share = statistics.mean(found), 100 * statistics.mean(shares[visitors])
        print(
            f"a training beside {visitors} visitors: {pace:.2f} iterations/s ({100 * (1 - pace / alone):.0f} % slower)"
        )
        print(f"  the server takes {share:.0f} % of a core")
        if waited := answers[visitors]:
            middle, high = np.quantile(waited, [0.5, 0.95])
            print(f"  {len(waited)} answers: median {middle:.0f} ms, 95 % {high:.0f} ms", flush=True)


def main(
    strokes: Annotated[int, typer.Option(min=1, help="On each pad, with each number of learners.")] = 30,
    seconds: Annotated[float, typer.Option("--beside", min=0, help="Of each part beside a training; 0 for none.")] = 0,
) -> None:
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
                address = f"{server.url}/playground?mode=draw&run={','.join(several)}"
                with playing(browser, address, 1, len(several)) as (page,):
                    for pad, words in PADS.items():
                        middle, high = np.quantile(waits(page, pad, strokes), [0.5, 0.95])
                        print(
                            f"{len(several)} learners, {words}: median {middle:.0f} ms, 95 % {high:.0f} ms", flush=True
                        )
            with launching.visiting(browser) as page:
                middle, high = np.quantile(drag(page, f"{server.url}/playground?mode=drag", strokes), [0.5, 0.95])
                print(f"a point that is dragged: median {middle:.0f} ms, 95 % {high:.0f} ms", flush=True)
            if seconds:
                beside(browser, server, seconds)
            print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    typer.run(main)
