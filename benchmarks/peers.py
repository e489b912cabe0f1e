"""Innerloop against its peers: higher, TorchOpt, learn2learn's way as a textbook loop, the papers' own code.

    python -m benchmarks.peers [--rounds 7] [--device cpu] [--only sinusoid-1 --only anil] [--busy 0] [--keep]

Each side is a process of its own, as installed (the allocator's own settings, torch's number of threads) and as a worker (the
launcher's settings of the allocator and the trainer's threads, see ``benchmarks/sides.py``); within a round all take their
turn, one at a time. A meta-step is drawing the meta-batch and its meta-gradient, without the outer optimizer's step, for all
sides alike. No side is timed that does not find the same meta-gradient in float64 as the textbook, and in float32 to a tenth.

A ratio is how many times as fast Innerloop is as the best peer: the median over rounds of the two times within a round. ``as a
worker`` compares under equal settings, ``as installed`` Innerloop's worker with the peers as they come. Memory is the highest
resident memory of the side's process over what it had before it built the workload (on a GPU, what torch held there); its ratio
is the best peer's over Innerloop's, so that more is better in all of them.

The ratios are compared with benchmarks/ratios.json: exit status 1 where one fell by more than a tenth. --keep writes
them there: all anew, or with --only those that were measured, beside others of the same machine and versions. --busy N
measures beside N processes that never rest, and compares with nothing.
higher comes with requirements-dev.txt; for TorchOpt: pip install torchopt. Whoever is not installed is named and left out.
"""

import platform
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks import ratios
from benchmarks.busy import busy as beside
from benchmarks.contenders import contenders
from benchmarks.roofline import Roofline
from benchmarks.sides import SETTINGS, Nursery, Order, Setting, Side, nurseries
from benchmarks.work import LEAN, OURS, NotHere
from benchmarks.workloads import Workload, workloads
from core.runs.hardware import describe
from core.runs.home import Home
from data.places import Folders
from data.registry import families

INSTALLED, WORKER = SETTINGS
MEMORY = "memory"
Key = tuple[str, Setting]  # of a side: who, and how
# Norm of the difference over the norm: rounding alone, and rounding in networks with kinks and large distances. ResNet-12's
# meta-gradient is 3 to 6 % away in float32 from its own in float64, by whatever side.
CLOSE = {torch.float64: 1e-6, torch.float32: 0.1}


@dataclass
class Measured:
    """A workload's times, seconds by contender and setting, one a round; bytes of memory; who was left out, and why."""

    workload: Workload
    times: dict[Key, list[float]] = field(default_factory=dict)
    memory: dict[Key, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    roofline: Roofline | None = None

    def median(self, contender: str, setting: Setting) -> float:
        return statistics.median(self.times[contender, setting])

    def best_peer(self, setting: Setting) -> str | None:
        """The fastest that is not Innerloop."""
        peers = {name for name, _ in self.times} - {OURS, LEAN}
        return min(peers, key=lambda name: self.median(name, setting), default=None)

    def ratio(self, setting: Setting) -> float | None:
        """How many times as fast as the best peer in this setting Innerloop's worker is; None without a peer."""
        if (best := self.best_peer(setting)) is None:
            return None
        both = zip(self.times[best, setting], self.times[OURS, WORKER], strict=True)
        return statistics.median(theirs / ours for theirs, ours in both)

    def ratios(self) -> dict[str, float]:
        """All that is kept: how many times as fast as the best peer, and its memory over Innerloop's, as a worker."""
        if (best := self.best_peer(WORKER)) is None:
            return {}
        lean = self.memory[best, WORKER] / self.memory[OURS, WORKER]
        return {setting: self.ratio(setting) for setting in SETTINGS} | {MEMORY: lean}


def distance(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """How far two answers lie apart, as a share of the other's norm; infinite where they are not of the same parts."""
    if {k: v.shape for k, v in one.items()} != {k: v.shape for k, v in other.items()}:
        return float("inf")
    apart = sum(float(np.square(one[name] - part, dtype=float).sum()) for name, part in other.items())
    return (apart / sum(float(np.square(part, dtype=float).sum()) for part in other.values())) ** 0.5


def agreeing(sides: dict[Key, Side], measured: Measured, dtype: torch.dtype) -> dict[Key, Side]:
    """The sides that compute what the first does; why the others do not is noted."""
    answers: dict[Key, dict[str, np.ndarray]] = {}
    for key, side in sides.items():
        try:
            answers[key] = side.answer()
        except RuntimeError as error:
            measured.left_out[key[0]] = str(error).strip()
            continue
        reference = next(iter(answers))
        apart = distance(answers[key], answers[reference])
        if not apart <= CLOSE[dtype]:  # not-a-number is not close
            text = f"computes something else than the {reference[0]}, {apart:.1e} apart in {dtype}"
            measured.left_out[key[0]] = text
    return {key: side for key, side in sides.items() if key[0] not in measured.left_out}


class Comparison:
    """What all workloads share: the nurseries, and where and how often is measured."""

    def __init__(self, nurseries: dict[Setting, Nursery], device: str, folders: Folders, rounds: int):
        self.nurseries, self.device, self.folders, self.rounds = nurseries, device, folders, rounds

    def sides(
        self, measured: Measured, stack: ExitStack, settings: list[Setting], dtype: torch.dtype
    ) -> dict[Key, Side]:
        """A side for every contender that is still in, in each of these settings."""
        found = {}
        for name in contenders(measured.workload):
            for setting in settings if name not in measured.left_out else []:
                order = Order(measured.workload, name, setting, self.device, self.folders, dtype)
                try:
                    found[name, setting] = stack.enter_context(self.nurseries[setting].side(order))
                except (NotHere, RuntimeError) as reason:
                    measured.left_out[name] = str(reason)
                    break
        return found

    def measure(self, workload: Workload) -> Measured:
        """All sides by turns, after they were found to compute the same. Without times where Innerloop does not."""
        measured = Measured(workload)
        if workload.kind == "meta-step":
            with ExitStack() as stack:
                agreeing(self.sides(measured, stack, [WORKER], torch.float64), measured, torch.float64)
        with ExitStack() as stack:
            sides = self.sides(measured, stack, [INSTALLED, WORKER], torch.float32)
            sides = agreeing(sides, measured, torch.float32)
            if OURS in measured.left_out:
                return measured
            for _ in range(self.rounds):
                for key, side in sides.items():
                    measured.times.setdefault(key, []).append(side.seconds())
            measured.memory = {key: side.peak() for key, side in sides.items()}
        if workload.kind == "meta-step":
            order = Order(workload, contenders(workload)[0], WORKER, self.device, self.folders)
            with self.nurseries[WORKER].side(order) as side:
                measured.roofline = side.roofline()
        return measured


def table(measured: Measured) -> str:
    """What one workload came to, as Markdown."""
    workload = measured.workload
    lines = [
        f"\n**{workload.title}, {workload.tasks} tasks** (`{workload.name}`), {workload.unit}\n",
        f"| | {INSTALLED} | {WORKER} | tasks/s, {WORKER} | memory, {INSTALLED} | memory, {WORKER} |\n|---|---|---|---|---|---|",
    ]
    for name in contenders(workload):
        if (name, WORKER) not in measured.times:
            why = measured.left_out.get(name, "Innerloop is, and there is nothing to compare with")
            lines.append(f"| {name} | left out: {why.splitlines()[-1]} | | | | |")
            continue
        times = [measured.median(name, setting) for setting in SETTINGS]
        cells = [f"{1000 * seconds:.2f} ms" for seconds in times] + [f"{workload.tasks / times[1]:.3g}"]
        cells += [f"{measured.memory[name, setting] / 2**20:.0f} MiB" for setting in SETTINGS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *verdicts(measured)])


def verdicts(measured: Measured) -> list[str]:
    """The ratios and the share of the machine, in words."""
    said, found = [], measured.ratios()
    for setting in SETTINGS if found else []:
        said.append(f"{found[setting]:.2f} times as fast as the best peer {setting} ({measured.best_peer(setting)})")
    if found:
        said.append(f"{1 / found[MEMORY]:.2f} times the memory of the best peer {WORKER}")
    if found and (LEAN, WORKER) in measured.times:
        best, slower = measured.best_peer(WORKER), measured.median(LEAN, WORKER) / measured.median(OURS, WORKER)
        memory = measured.memory[LEAN, WORKER] / measured.memory[best, WORKER]
        said.append(f"with one task at once {memory:.2f} times that memory and {slower:.2f} times Innerloop's time")
    if measured.roofline and (best := measured.best_peer(WORKER)):
        flops, reach = measured.roofline.flops / 1e9, measured.roofline.reach / 1e9
        ours, theirs = (100 * measured.roofline.share(measured.median(name, WORKER)) for name in (OURS, best))
        said.append(f"{flops:.3g} GFLOP a meta-step, {ours:.0f} % of the {reach:.0f} GFLOP/s that its layers' forward")
        said[-1] += f" passes reach by themselves ({best} {theirs:.0f} %)"
    return ["; ".join(said) + "."] if said else []


def judge(measured: ratios.Ratios, machine: str) -> bool:
    """Say which ratios changed since they were kept; whether one fell."""
    before = ratios.kept()
    found = ratios.changes(before["ratios"], measured)
    if found and before["machine"] != machine:
        print(f"\nThe kept ratios were measured on another machine: {before['machine']}, {before['date']}.")
    for change in found:
        print(f"{'!!! FELL' if change.fell else 'gained'}: {change}")
    return any(change.fell for change in found)


def compared(
    chosen: list[Workload], device: str, folders: Folders, rounds: int
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Measure and print one workload after the other: the ratios, and where Innerloop computed something else."""
    found, wrong = {}, []
    with nurseries() as both:
        comparison = Comparison(both, device, folders, rounds)
        for workload in chosen:
            measured = comparison.measure(workload)
            print(table(measured), flush=True)
            if OURS in measured.left_out:
                wrong.append(f"!!! {workload.name}: Innerloop {measured.left_out[OURS]}")
            else:
                found[workload.name] = measured.ratios()
    return found, wrong


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often every side has its turn.")] = 7,
    device: Annotated[str, typer.Option(help="cpu or cuda:0 …")] = "cpu",
    only: Annotated[list[str] | None, typer.Option(help="A workload's name; may be given more than once.")] = None,
    busy: Annotated[int, typer.Option(min=0, help="So many processes that never rest, meanwhile.")] = 0,
    keep: Annotated[bool, typer.Option(help="Write what is measured to benchmarks/ratios.json.")] = False,
) -> None:
    folders = Home.find().folders
    known = workloads(folders)
    if unknown := set(only or []) - known.keys():
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if keep and busy:
        raise typer.BadParameter("what is measured on a busy machine is not kept")
    machine = f"{describe()}, {platform.machine()}, device {device}, {torch.get_num_threads()} threads"
    if keep and only and not ratios.mergeable(machine):
        raise typer.BadParameter("the kept ratios are another machine's or other versions': measure all workloads")
    named = ", ".join(f"{package} {number}" for package, number in ratios.versions().items())
    besides = f", beside {busy} busy processes" * bool(busy)
    print(f"{machine}; {named}; medians of {rounds} rounds{besides}", flush=True)
    absent = [name for name, family in families().items() if family.missing(folders.datasets)]
    if absent and not only:
        print(f"Without drawing tasks of {', '.join(absent)}, whose files are not in {folders.datasets}.")
    with beside(busy):
        found, wrong = compared([known[name] for name in only or known], device, folders, rounds)
    fell = not busy and judge(found, machine)
    print("\n".join(wrong))
    if keep and not wrong:
        ratios.keep(ratios.kept()["ratios"] | found if only else found, machine, rounds)
        print(f"kept in {ratios.FILE}")
    raise typer.Exit(int(bool(wrong) or (fell and not keep)))


if __name__ == "__main__":
    typer.run(main)
