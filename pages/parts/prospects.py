"""What Home says of a preset before it is launched: how long it takes and what it reaches; only what was measured."""

from collections.abc import Sequence

from core import about
from core.config.presets import Preset
from core.config.references import REFERENCES, Reference
from core.runs import hardware
from core.runs.facts import Facts
from core.runs.schema import Run
from data.errors import InnerloopError
from data.language import mark, tr
from pages.parts import launching, readable, say, session


def prospect(preset: Preset, earlier: Sequence[Run]) -> tuple[str, str]:
    """In a line, and how that was measured; empty where nothing was. earlier: finished runs of the preset, newest first."""
    reference = REFERENCES.get(preset.name)
    time, score = takes(preset, reference, earlier), reaches(reference, earlier)
    text = tr("{time}, {score}.", time=time, score=score) if time and score else tr("{text}.", text=time or score)
    return say.first_upper(text) if time or score else "", measured(reference) if reference else ""


def takes(preset: Preset, reference: Reference | None, earlier: Sequence[Run]) -> str:
    """By the newest run on this machine, else by an estimate that was measured here, else by the reference."""
    slots = hardware.fitting("auto", hardware.slots())
    here = [run for run in earlier if run.host == session.home().host and run.slot in slots]
    if here:
        return tr("took {seconds} here", seconds=readable.duration(here[0].seconds))
    if (seconds := estimated(preset, slots[0])) is not None:
        return tr("{seconds} here", seconds=about.roughly(seconds))
    return (
        tr("{seconds} on {machine}", seconds=about.duration(reference.seconds), machine=tr(reference.machine))
        if reference and reference.seconds
        else ""
    )


def reaches(reference: Reference | None, earlier: Sequence[Run]) -> str:
    """By the reference, else by the best run of this store."""
    if reference:
        after = (
            tr(" after {minutes:g} min on {machine}", minutes=reference.minutes, machine=tr(reference.machine))
            if reference.minutes
            else ""
        )
        said = (
            mark("reached {score}{after} ({tasks} tasks)") if after else mark("reaches {score}{after} ({tasks} tasks)")
        )
        return tr(said, score=reference.score, after=after, tasks=readable.count(reference.tasks))
    tested = [run for run in earlier if run.test and run.test["mean"] is not None]
    if not tested:
        return ""
    metric = Facts.of(tested[0]).metric
    test = max((run.test for run in tested), key=lambda test: metric.gain(test["mean"]))
    return tr(
        "reached {metric} {title} here ({count} tasks)",
        metric=readable.scored(metric, test),
        title=tr(metric.title),
        count=readable.count(test["episodes"]),
    )


def measured(reference: Reference) -> str:
    """A reference's protocol and source."""
    return tr(
        "{protocol}; ± is the 95 % interval. Measured on {machine} ({source}).",
        protocol=tr(reference.protocol),
        machine=tr(reference.machine),
        source=tr(reference.source),
    )


def estimated(preset: Preset, slot: str) -> float | None:
    """Seconds by an estimate that the Train page has had measured; None where there is none, or torch is not imported yet."""
    if not launching.imported():
        return None
    from core.config.run import RunConfig
    from pages.parts.train.forecast_view import line

    try:
        known = line().known(RunConfig.model_validate(preset.config), slot)
    except InnerloopError:  # it could not be measured, which the Train page says
        return None
    return known.estimate.seconds if known and not known.estimate.busy else None
