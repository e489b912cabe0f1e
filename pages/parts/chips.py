"""A run's status as a coloured chip, the same everywhere."""

from core.runs.facts import Facts
from core.runs.schema import ACTIVE, Run
from data import kept_words
from data.language import mark, tr
from pages.parts import say

COLORS = {
    mark("queued"): "gray",
    mark("starting"): "blue",
    mark("running"): "blue",
    mark("pausing"): "orange",
    mark("paused"): "orange",
    mark("stopping"): "orange",
    mark("finished"): "green",
    mark("stopped"): "gray",
    mark("failed"): "red",
    mark("lost"): "red",
}
ICONS = {
    "queued": "schedule",
    "starting": "hourglass_top",
    "running": "play_arrow",
    "pausing": "pause",
    "paused": "pause",
    "stopping": "stop",
    "finished": "check",
    "stopped": "stop",
    "failed": "error",
    "lost": "help",
}


def status_word(run: Run) -> str:
    """The status as people see it: between a wish and the worker's answer it is a present participle."""
    if run.status in ACTIVE and run.desired == "stop":
        return "stopping"
    if run.status in {"starting", "running"} and run.desired == "pause":
        return "pausing"
    return run.status


def status_chip(run: Run) -> None:
    word = status_word(run)
    say.badge(tr(word), COLORS[word], ICONS[word])


def method(run: Run) -> str:
    """Learner and family in the words of the config: ``maml · omniglot 5-way 1-shot``."""
    facts = Facts.of(run)
    return f"{facts.learner} · {run.family or '?'} {kept_words.said(facts.task)}".strip()
