"""The sides of a comparison: who can do a workload, and how they do it."""

from benchmarks.meta_gradient import meta_gradient
from benchmarks.sampling import sampling
from benchmarks.scoring import scoring
from benchmarks.work import HIGHER, LEAN, OURS, PAPER, PYTHON, TEXTBOOK, TORCHOPT, Work
from benchmarks.workloads import Opened, Workload


def contenders(workload: Workload) -> list[str]:
    """Who can do a workload, Innerloop last. Whether they are installed shows when they are asked to."""
    if workload.kind == "sampling":
        return [PYTHON, OURS]
    if workload.kind == "scoring":
        return [TEXTBOOK, OURS]
    if workload.config["algorithm"]["name"] == "protonet":
        return [PAPER, OURS]
    lean = [LEAN] if workload.tasks > 2 and workload.config["model"]["name"] != "mlp" else []
    return [TEXTBOOK, HIGHER, TORCHOPT, *lean, OURS]


def work(contender: str, opened: Opened) -> Work:
    """A side's work. Raises NotHere with the reason where it has none."""
    kind = opened.workload.kind
    if kind == "sampling":
        return sampling(contender, opened)
    if kind == "scoring":
        return scoring(contender, opened)
    return meta_gradient(contender, opened)
