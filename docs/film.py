"""Films the README's animated picture: a real server, real runs, a real browser.

    python -m docs.film [--output docs/tour.webp]

On a home that holds the recorded runs and nothing else it draws a sign that learners answer, launches a run whose curves grow,
and compares what was recorded, to the verdict. Takes a minute or two; how fast the picture runs does not depend on the machine.
"""

import io
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from core.playground.recorded import FILE, enter
from core.playground.signs import signs
from core.runs import scheduler
from core.runs.home import Home
from core.runs.schema import ACTIVE
from core.runs.store import RunStore
from tests.e2e.serving import FLAGS, Server, free_port

SIZE, SCALE = {"width": 1240, "height": 800}, 0.8  # of the window; of the picture to it
TASK, SIGN, WAYS = 4, 4, 5  # the seed of the signs, and the one that is drawn
QUICK, READ = 90, 2600  # ms that a picture stands while something moves, and while somebody reads
LAUNCHED = "sinusoid-maml"
GROWTH, EVERY = 55, 0.5  # pictures of a run's curves, and the seconds between two
SCROLLED = 8  # pictures of a page that is scrolled
QUALITY = 55
# A headless browser shows no pointer.
POINTER = """() => {
  const dot = document.createElement('div');
  dot.style.cssText = 'position: fixed; z-index: 999999; width: 18px; height: 18px; margin: -9px; border-radius: 50%; '
    + 'background: #3b55d966; border: 2px solid #3b55d9; box-sizing: border-box; pointer-events: none; left: -40px';
  const follow = event => { dot.style.left = event.clientX + 'px'; dot.style.top = event.clientY + 'px'; };
  document.addEventListener('pointermove', follow, true);
  document.documentElement.append(dot);
}"""


@dataclass
class Film:
    """Pictures, and for how many ms each stands. What is the same as the one before makes that stand longer."""

    page: Page
    pictures: list[Image.Image] = field(default_factory=list)
    stands: list[int] = field(default_factory=list)

    def shoot(self, ms: int = QUICK) -> None:
        taken = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        taken = taken.resize((round(taken.width * SCALE), round(taken.height * SCALE)), Image.Resampling.LANCZOS)
        if self.pictures and taken.tobytes() == self.pictures[-1].tobytes():
            self.stands[-1] += ms
            return
        self.pictures.append(taken)
        self.stands.append(ms)

    def open(self, address: str, ready: str) -> None:
        self.page.goto(address)
        self.page.locator(ready).first.wait_for()
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_timeout(1500)  # fonts and charts have no event of their own
        self.page.evaluate(POINTER)

    def move(self, x: float, y: float, steps: int = 6) -> None:
        """The pointer to a place, with a picture of each step."""
        for _ in range(steps - 1):
            self.page.mouse.move(x, y, steps=2)
            self.shoot()
        self.page.mouse.move(x, y)
        self.shoot()

    def save(self, path: Path) -> None:
        first, *others = self.pictures
        options = {"quality": QUALITY, "method": 5, "loop": 0, "duration": self.stands}
        first.save(path, "WEBP", save_all=True, append_images=others, **options)


def draw(film: Film, server: Server) -> None:
    """A sign, stroke by stroke, and the answers to it."""
    page, pad = film.page, "[data-pad=query] > svg"
    asked = f"mode=draw&run=doodles-protonet,doodles-maml&ways={WAYS}&task={TASK}"
    film.open(f"{server.url}/playground?{asked}", ".pads .learner .verdict")
    page.locator(".pads").scroll_into_view_if_needed()
    page.locator(f".pads {pad}").focus()
    page.keyboard.press("Delete")
    page.locator(".pads .answers > p").wait_for()
    film.shoot(900)
    box = page.locator(f".pads {pad}").bounding_box()
    for stroke in signs(TASK).others[SIGN].strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
            film.shoot()
        page.mouse.up()
        film.shoot()
    page.locator(".pads .learner .verdict").first.wait_for()
    page.wait_for_timeout(500)
    film.shoot(READ)


def launch(film: Film, server: Server) -> None:
    """A preset, from Home, and its curves while they grow."""
    page, button = film.page, f".st-key-launch-{LAUNCHED} button"
    film.open(server.url, button)
    box = page.locator(button).bounding_box()
    film.shoot(1500)
    film.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url(re.compile(r"/run\?run=\d+"))
    page.locator(".st-key-card-loss .host[data-points]").wait_for()
    for _ in range(GROWTH):
        page.wait_for_timeout(1000 * EVERY)
        film.shoot(150)
    film.shoot(1200)


def compare(film: Film, server: Server, runs: list[int]) -> None:
    """What was recorded: its curves, and the verdict on it."""
    page = film.page
    address = f"{server.url}/compare?runs={','.join(map(str, runs))}"
    film.open(address, ".st-key-card-compare-validation .host[data-points]")
    expect(page.get_by_text("is better than").first).to_be_attached()
    film.shoot(900)
    curves = page.locator(".st-key-card-compare-validation").bounding_box()
    down = curves["y"] + curves["height"] - SIZE["height"] + 20
    for way, stands in ((down, READ), (-down, 2 * READ)):
        for _ in range(SCROLLED):
            page.locator("[data-testid=stMain]").evaluate("(main, by) => main.scrollBy(0, by)", way / SCROLLED)
            film.shoot()
        page.wait_for_timeout(500)
        film.shoot(stands)


def main(output: Annotated[Path, typer.Option()] = Path(__file__).with_name("tour.webp")) -> None:
    home = Home.find(tempfile.mkdtemp(prefix="innerloop-film-"))
    store = RunStore(home.database, home.root)
    enter(FILE, store, home.root)
    runs = [run.id for run in store.runs()][::-1]
    server = Server(home, free_port())
    server.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
            page.set_default_timeout(120_000)
            film = Film(page)
            draw(film, server)
            launch(film, server)
            compare(film, server, runs)
            film.save(output)
    finally:
        for run in store.runs(status={"queued"} | ACTIVE):
            scheduler.stop(store, home, run.id)
        server.stop()
    print(
        f"{output}: {len(film.pictures)} pictures, {sum(film.stands) / 1000:.0f} s, {output.stat().st_size / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    typer.run(main)
