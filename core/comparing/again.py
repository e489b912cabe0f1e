"""Testing runs once more so that two groups compare, or compare more surely; and the groups with the tests they have since."""

from collections.abc import Sequence
from dataclasses import replace

from core.comparing.alike import Tested, in_common
from core.comparing.groups import Group
from core.comparing.verdict import Verdict
from core.retest import Retest
from core.runs.facts import Facts
from core.runs.schema import Evaluation, Run
from data.language import tr

ASKED = ("n_way", "k_shot", "n_query", "inner_steps", "episodes", "seed")  # of a protocol, as settings of an evaluation
OWN = {"support": "support", "none": None}  # what a protocol says of BatchNorm's statistics, as a setting


def with_newest_tests(one: Tested) -> Group:
    """The group with its runs' newest tests under one protocol as their tests; as it is where they share none."""
    if not one.by_badge:
        return one.group
    shared = [tests for _, tests in one.by_badge]
    pairs = zip(one.group.runs, next(filter(one.as_asked, shared), shared[0]), strict=True)
    return replace(one.group, runs=tuple(replace(run, test=test.result) for run, test in pairs))


def way_on(verdict: Verdict, a: Tested, b: Tested) -> tuple[str, list[Retest]]:
    """What would bring the verdict further, in a few words, and the tests to take for it; nothing where tests do not help."""
    if verdict.remedy:
        tests = [(run, found[0]) for one in (a, b) for run, found in zip(one.group.runs, one.tests, strict=True)]
        return tr("Evaluate both under one protocol"), wishes(tests, verdict.remedy.assignments)
    if verdict.needed_episodes and (common := in_common(a, b)):
        tests = [
            pair for one, found in zip((a, b), common, strict=True) for pair in zip(one.group.runs, found, strict=True)
        ]
        more = verdict.needed_episodes - verdict.episodes - verdict.excluded
        return tr("Evaluate {n} more tasks", n=more), wishes(tests, [f"evaluation.episodes={verdict.needed_episodes}"])
    return "", []


def wishes(tests: Sequence[tuple[Run, Evaluation]], changes: Sequence[str]) -> list[Retest]:
    """A test for each run that has not one like this: as the given one was, but for the changes, as by ``--set``."""
    found = []
    for run, test in tests:
        before = settings(run, test.result["protocol"])
        after = before | {
            path: value for path, value in (change.split("=", 1) for change in changes) if _counts(path, run)
        }
        if after != before:
            found.append(Retest(run.id, tuple(f"{path}={value}" for path, value in after.items())))
    return found


def settings(run: Run, protocol: dict) -> dict[str, str]:
    """What an evaluation under this protocol is asked for, by dotted path."""
    values = {f"evaluation.{name}": protocol.get(name) for name in ASKED}
    if protocol.get("n_way", 1) == 1:
        values.pop("evaluation.n_way")  # tasks without classes
    statistics = protocol.get("batch_statistics", "none")
    values["batch_statistics"] = OWN.get(statistics, "transductive")
    return {path: str(value) for path, value in values.items() if value is not None and _counts(path, run)}


def _counts(path: str, run: Run) -> bool:
    """Whether the run's learner asks for the setting: one that reads a support set at once takes no steps."""
    return path != "evaluation.inner_steps" or Facts.of(run).takes_steps
