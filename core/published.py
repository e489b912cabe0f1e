"""Numbers that papers report, read from ``published.toml``: beside a preset, and where a finished run stands to them.

A run *reproduced* a number where the 95 % interval of its test, widened by the published one where that is printed, holds it: our
interval is over the test's tasks, of this one training. Where a fact of the protocol is known to differ, another split or
network, other training tasks, queries that BatchNorm normalises together, the two do *not compare*, however near they are.
Facts that nobody looked up count as equal, and the reason says which those are.
"""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from core import diverged
from core.runs.facts import Facts
from core.runs.lineage import worded
from core.runs.protocols import normalised_by
from core.runs.schema import Run
from data.language import mark, tr
from data.metric import Metric

FILE = Path(__file__).with_suffix(".toml")
TOGETHER = (
    "queries together",
    "support and queries together",
)  # statistics by which the number of queries changes scores
STANDINGS = [mark("reproduced"), mark("below"), mark("above"), mark("not comparable")]
APART = {  # where ours lies, and whether that is better
    ("above", True): mark("{ours} lies above {theirs}, better by {by}"),
    ("above", False): mark("{ours} lies above {theirs}, worse by {by}"),
    ("below", True): mark("{ours} lies below {theirs}, better by {by}"),
    ("below", False): mark("{ours} lies below {theirs}, worse by {by}"),
}
# Facts of a protocol by their names in the file, as people call them.
SAID = {
    "split": mark("split"),
    "rotations": mark("rotations"),
    "network": mark("network"),
    "filters": mark("filters"),
    "downsampling": mark("downsampling"),
    "halvings": mark("halving blocks"),
    "widths": mark("layers"),
    "reward": mark("reward"),
    "horizon": mark("longest trajectory"),
    "later_steps": mark("later inner steps"),
    "trained_n_way": mark("classes in training"),
    "trained_k_shot": mark("shots in training"),
    "queries": mark("queries"),
    "steps": mark("inner steps"),
    "batch_statistics": mark("BatchNorm's statistics"),
}


@dataclass(frozen=True)
class Published:
    """What a paper reports. mean: accuracy in [0, 1], mean squared error or mean return. text: as printed. mark: V, S or M."""

    text: str
    mean: float
    source: str
    mark: str


@dataclass(frozen=True)
class Entry:
    """A published number with its protocol. half_width: of the printed 95 % interval, 0 where there is none. presets: that
    it stands beside. facts: of the protocol as far as known, under the names in SAID. ensemble: checkpoints that answered
    together.
    """

    number: Published
    family: str
    learner: str
    n_way: int
    k_shot: int
    half_width: float = 0.0
    ensemble: int = 1
    presets: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """Where a run's test stands to a published number. below, above: of the numbers, so that of errors below is better.

    reason: in words, ``98.9 ± 0.2 % agrees with 98.8 %; not known of theirs: queries``.
    """

    entry: Entry
    standing: Literal["reproduced", "below", "above", "not comparable"]
    reason: str


@cache
def entries() -> tuple[Entry, ...]:
    """All of the file, in its order."""
    papers = tomllib.loads(FILE.read_text(encoding="utf-8"))["paper"]
    return tuple(_entry(paper, number) for paper in papers for number in paper["numbers"])


def _entry(paper: dict[str, Any], number: dict[str, Any]) -> Entry:
    known = {**paper, **number}
    return Entry(
        Published(number["text"], number["value"], paper["source"], paper["mark"]),
        paper["family"],
        paper["learner"],
        number["n_way"],
        number["k_shot"],
        number.get("half_width", 0.0),
        paper.get("ensemble", 1),
        tuple(number.get("presets", ())),
        {name: known[name] for name in SAID if name in known},
    )


def published_for(preset: str) -> Published | None:
    """The number that stands beside this preset in the table of results; None where no paper has one."""
    return next((entry.number for entry in entries() if preset in entry.presets), None)


def near(run: Run) -> list[Standing]:
    """Where the run's test stands to the numbers of the same family, way, shots and learner; empty for a run without a test.
    Those of the same network come first, and of these the ones of which the fewest facts differ.
    """
    if not run.test:
        return []
    of, facts = run.test["protocol"], Facts.of(run)
    asked = run.family, facts.learner, of.get("n_way", 1), of.get("k_shot")
    found = [one for one in entries() if (one.family, one.learner, one.n_way, one.k_shot) == asked]
    own = _own(run, facts) if found else {}
    ranked = sorted(found, key=lambda one: ("network" in _unlike(one, own), len(_differing(one, own))))
    return [_standing(one, run.test, facts.metric, own) for one in ranked]


def _own(run: Run, facts: Facts) -> dict[str, Any]:
    """The run's facts by the names in SAID, without those that play no part: a baseline has no training tasks, and tasks that
    are no classification have no classes.
    """
    of, family, model = run.test["protocol"], run.config["family"], run.config["model"]
    found = {**family, **model, "network": model["name"], "batch_statistics": normalised_by(of, facts)}
    if facts.trains and facts.work == "tasks":
        found |= {"trained_n_way": family.get("n_way"), "trained_k_shot": family["k_shot"]}
    if facts.takes_steps:
        found["steps"] = of["inner_steps"]
    if found.get("steps", 0) < 2:  # there is none after the first
        found.pop("later_steps", None)
    if found["batch_statistics"] in TOGETHER:
        found["queries"] = of["n_query"]
    return {name: value for name, value in found.items() if name in SAID and value not in (None, "none")}


def _unlike(entry: Entry, own: dict[str, Any]) -> list[str]:
    """The names of facts that are known to differ. A setting that another network does not have is not among them."""
    return [name for name, value in entry.facts.items() if name in own and own[name] != value]


def _differing(entry: Entry, own: dict[str, Any]) -> list[str]:
    """What is known to differ, each in words."""
    found = []
    for name in _unlike(entry, own):
        ours, theirs = (tr(worded(value)) for value in (own[name], entry.facts[name]))
        found.append(tr("{name} {ours}, theirs {theirs}", name=tr(SAID[name]), ours=ours, theirs=theirs))
    if entry.ensemble > 1:
        found.append(tr("theirs is an ensemble of {n} checkpoints", n=entry.ensemble))
    return found


def _standing(entry: Entry, test: dict[str, Any], metric: Metric, own: dict[str, Any]) -> Standing:
    mean, half = test["mean"], test["ci95"]
    lost = diverged.count(test) + test["non_finite"]
    if differing := _differing(entry, own):
        return Standing(entry, "not comparable", tr("; ").join(differing))
    if lost or mean is None:
        return Standing(
            entry,
            "not comparable",
            tr("{n} of {total} tasks diverged or have no finite score", n=lost, total=test["episodes"]),
        )
    if half is None:
        return Standing(entry, "not comparable", tr("nobody knows how sure {score} is", score=metric.text(mean)))
    ours, theirs, gap = metric.text(mean, half), entry.number.text, mean - entry.number.mean
    unknown = [tr(SAID[name]) for name in SAID if name in own and name not in entry.facts]
    said = {"ours": ours, "theirs": theirs, "by": metric.difference(abs(gap)).removeprefix("+")}
    if abs(gap) <= half + entry.half_width:
        where, text = "reproduced", tr("{ours} agrees with {theirs}", ours=ours, theirs=theirs)
    else:
        where = "above" if gap > 0 else "below"
        text = tr(APART[where, metric.gain(gap) > 0], **said)
    if unknown:
        text = tr("{standing}; not known of theirs: {names}", standing=text, names=tr(", ").join(unknown))
    return Standing(entry, where, text)
