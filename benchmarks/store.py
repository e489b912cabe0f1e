"""What a large store costs: opening pages on it against a small one, a live run's ticks, memory over an hour of
them, and the ticks of a comparison of as many live runs as there may be.

    python -m benchmarks.store [--runs 1000] [--rows 10000000] [--ticks 3600]

Makes a store in a temporary folder (1 GB, half a minute), starts a real server on it and another on a store of one run, and
drives a real browser. The ratios hold on a busy machine too, as the two are measured by turns; the rest wants a quiet one.
"""

import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import psutil
import typer
from playwright.sync_api import sync_playwright

from benchmarks import made
from benchmarks.launching import served
from benchmarks.opening import PAGES, opening
from benchmarks.visitor import Visitor, visitor
from core.comparing.groups import MOST
from core.runs.hardware import describe
from core.runs.home import Home
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from tests.e2e.serving import FLAGS, Server

LIVE_POINTS, TICKS = 100_000, 40  # of the run whose ticks are measured
MILLION = 1_000_000
MINUTE = 60  # ticks


def home_in(folder: Path) -> Home:
    folder.mkdir()
    return Home(folder, folder / "datasets", f"sqlite:///{folder / 'innerloop.db'}")


def openings(small: Server, large: Server, times: int) -> None:
    """Each page on both stores by turns, each time in a fresh browser context."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for server in (small, large):
            opening(browser, f"{server.url}/train", PAGES["train"])  # torch is imported now
        for page, content in PAGES.items():
            address = f"{page}?run=1" if page == "run" else page
            taken = {server: [] for server in (small.url, large.url)}
            for _ in range(times):
                for url, seconds in taken.items():
                    seconds.append(opening(browser, f"{url}/{address}", content))
            (_, title, shown), (_, many_title, many_shown) = (
                [statistics.median(column) for column in zip(*seconds, strict=True)] for seconds in taken.values()
            )
            print(
                f"{page or 'home':5} title {title:.2f} -> {many_title:.2f} s, content {shown:.2f} -> {many_shown:.2f} s: "
                f"{many_title / title:.2f} and {many_shown / shown:.2f} times (medians of {times})",
                flush=True,
            )


def ticks(server: Server, count: int) -> None:
    """A run of LIVE_POINTS points that goes on: the server's processor time a tick, then its memory over ``count`` ticks."""
    store, process = RunStore(server.home.database), psutil.Process(server.process.pid)
    run = made.live(store, server.home, LIVE_POINTS, validations=100)
    with visitor(server.url, "run", f"run={run}") as watching:
        iteration = paced(server, store, watching, [run])
        memories = [process.memory_info().rss]
        for tick in range(1, count + 1):
            iteration += 1
            made.beat(store, run, iteration)
            watching.tick(1)
            if tick % (10 * MINUTE) == 0:
                memories.append(process.memory_info().rss)
    print(f"memory every 600 of {count} ticks: {', '.join(f'{one / 2**20:.0f}' for one in memories)} MiB", flush=True)
    store.move(run, "finished", {"running"})


def comparison(server: Server, most: int) -> None:
    """The same of the Compare page with so many runs at once, all of which go on, and how long it takes to open."""
    store = RunStore(server.home.database)
    runs = [made.live(store, server.home, LIVE_POINTS, validations=100) for _ in range(most)]
    began = time.perf_counter()
    with visitor(server.url, "compare", f"runs={','.join(map(str, runs))}") as watching:
        print(f"comparing {most} runs, first sight: {time.perf_counter() - began:.1f} s", flush=True)
        paced(server, store, watching, runs)
    for run in runs:
        store.move(run, "finished", {"running"})


def paced(server: Server, store: RunStore, watching: Visitor, runs: Sequence[int]) -> int:
    """TICKS ticks at their own pace, for what is done once a second, however many ask, counts too; the last iteration."""
    before, received = server.cpu_seconds(), 0
    for iteration in range(LIVE_POINTS + 1, LIVE_POINTS + TICKS + 1):
        began = time.monotonic()
        for run in runs:
            made.beat(store, run, iteration)
        received += watching.tick(1)
        time.sleep(max(0.0, began + 1 - time.monotonic()))
    spent, what = 1000 * (server.cpu_seconds() - before) / TICKS, f"{len(runs)} × {LIVE_POINTS} points"
    print(f"a tick at {what}: {spent:.1f} ms of the server's processor, {received / TICKS / 1000:.0f} kB", flush=True)
    return iteration


def first_sight(home: Home) -> tuple[float, float, int]:
    """The curves of the home's only run, by a reader that has not seen it: seconds, MiB at the most, points kept."""
    store = RunStore(home.database)
    (run,) = store.runs()
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    reader = SeriesReader(store)
    reader.poll([run.id])
    seconds = time.perf_counter() - began
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, reader.kept


def main(
    runs: Annotated[int, typer.Option(min=1)] = 1000,
    rows: Annotated[int, typer.Option(min=1)] = 10 * MILLION,
    ticks_: Annotated[int, typer.Option("--ticks", min=0)] = 60 * MINUTE,
    times: Annotated[int, typer.Option(min=1)] = 7,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        small, large, long = (home_in(Path(folder, name)) for name in ("small", "large", "long"))
        began = time.perf_counter()
        made.fill(small, 1, 2000)
        made.fill(large, runs, rows)
        print(f"{describe()}; {runs} runs and {rows} rows made in {time.perf_counter() - began:.0f} s", flush=True)
        made.fill(long, 1, MILLION)
        with get_context("spawn").Pool(1) as fresh:  # where nothing has used more memory before
            seconds, memory, kept = fresh.apply(first_sight, (long,))
        print(
            f"a run of a million rows at first sight: {seconds:.2f} s, {memory:.0f} MiB, {kept} points kept", flush=True
        )
        with served(small) as few, served(large) as many:
            openings(few, many, times)
            ticks(many, ticks_)
            comparison(few, MOST)


if __name__ == "__main__":
    typer.run(main)
