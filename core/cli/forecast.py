"""``train --dry-run``: what a run would take, without queueing it."""

import json
import sys
from typing import TYPE_CHECKING, Any

from core import about
from core.runs.home import Home
from core.runs.outlook import Outlook, outlook
from core.runs.store import RunStore

if TYPE_CHECKING:  # they bring torch
    from core.config.run import RunConfig
    from core.forecast import Forecast


def dry_run(values: dict[str, Any], name: str, seeds: int, home: Home, store: RunStore) -> tuple[dict[str, Any], str]:
    """A checked config and what it would take, as JSON and for a person. Needs no data set. Raises ProbeError."""
    from core.config.facts import facts_of
    from core.config.run import RunConfig
    from core.costs import Costs
    from core.elsewhere import forked
    from core.forecast import Forecaster
    from core.training.build import cores_before

    config = RunConfig.model_validate(values)
    meets = outlook(store, home, config.device, cores_before(config, home.folders), seeds)
    facts = facts_of(config)
    print(f"Measuring a few iterations on {meets.slot} …", file=sys.stderr, flush=True)
    found = Forecaster(Costs(home.costs), home.folders, start=forked(home)).forecast(config, meets.slot)
    document = {
        "name": name,
        "seeds": seeds,
        "config": values,
        "estimate": found.as_json(),
        "queue": {"ahead": meets.ahead, "occupied_by": meets.occupant and meets.occupant.id},
    }
    heading = f"{name}: {facts.learner_title} on {facts.family_title}, {facts.task}"
    return document, "\n".join([heading, *lines(found, config, seeds, meets), "Nothing was queued."])


def lines(found: "Forecast", config: "RunConfig", seeds: int, meets: Outlook) -> list[str]:
    """An estimate for a person."""
    one, each = found.estimate, " each" if seeds > 1 else ""
    parts = {"training": one.training, "validation": one.validation, "tuning": one.tuning, "test": one.test}
    told = ", ".join(f"{part} {about.duration(seconds)}" for part, seconds in parts.items() if seconds)
    rows = [("time", f"{about.roughly(one.seconds)}{each}: {told}")]
    if one.training and one.iterations < config.training.iterations:
        rows.append(("", f"about {one.iterations} of {config.training.iterations} iterations fit its time budget"))
    lacking = "" if found.fits else ": it will not fit"
    rows.append(("memory", f"about {about.size(one.memory)} of {about.size(found.room)}{lacking}"))
    rows.append(("device", f"{one.slot}, {one.threads} processor thread{'s' if one.threads > 1 else ''}"))
    if config.family.frozen_network:
        rows.append(("", about.FROZEN))
    if one.busy:
        rows.append(("", "measured while the processor was busy with other work, so rather long"))
    if meets.words:
        rows.append(("queue", meets.words))
    if meets.sharing:
        rows.append(("", meets.sharing))
    rows += [("less with", f"{found.words(advice)} ({settings(advice.changes)})") for advice in found.advice]
    return [f"  {label:<10}{text}" for label, text in rows]


def settings(changes: dict[str, Any]) -> str:
    return " ".join(f"--set {path}={json.dumps(value, separators=(',', ':'))}" for path, value in changes.items())
