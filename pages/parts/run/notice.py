"""What a person has to know of a run before reading its curves, and what can be done about it there and then."""

from core.runs import scheduler
from core.runs.facts import cores_of
from core.runs.outlook import Way, either, ways_in
from core.runs.schema import ACTIVE, Run
from data.language import mark, plural, tr
from pages.parts import readable, session

PHASES = {
    "loading": mark("Loading the data; the first time, pictures are decoded or drawn and kept for later runs."),
    "tuning": mark("Choosing the fine-tuning on validation tasks."),
    "testing": mark("Scoring the best checkpoint on the frozen test tasks."),
}
PAUSED = mark("Paused; it keeps its device. Continue goes on from here.")


def notice(run: Run) -> tuple[str, str]:
    """Why it waits, what it does, how it ended, or what went wrong; with its icon. Never empty: the line keeps its place."""
    if run.status in ("failed", "lost"):
        return tr(run.error or "") or tr("The run ended with an error."), "error"
    if run.status == "queued":
        return waiting_for(run), "schedule"
    if run.status == "starting":
        return tr("The worker is starting; this takes a few seconds."), "hourglass_top"
    if run.status in ACTIVE and run.desired == "stop":
        return tr("Stopping: the worker writes a checkpoint first, from which the run can resume."), "stop"
    if run.status == "running" and run.phase in PHASES:
        return tr(PHASES[run.phase]), "hourglass_top"
    if run.status in ACTIVE and run.desired == "pause":
        return (tr(PAUSED) if run.status == "paused" else tr("Pausing after the iteration that it is at.")), "pause"
    if run.status in ACTIVE:
        return tr("Training; this page may be closed."), "play_arrow"
    if run.status == "stopped":
        return tr("Stopped. Resume goes on from its last checkpoint."), "stop"
    return tr("Finished {ended}.", ended=readable.moment(run.ended)), "check"


def waiting_for(run: Run) -> str:
    if run.desired == "pause":
        return tr("Paused before it started. Continue puts it back into the queue.")
    if elsewhere := scheduler.waits_for(run, session.home()):
        return elsewhere
    before, ways = session.store().before(run.id), _ways(run)
    place = (
        plural("{n} run is before it in the queue", "{n} runs are before it in the queue", before)
        if before
        else tr("Next in the queue")
    )
    if ways:
        return plural(
            "{place}; it starts when {runs} makes room.",
            "{place}; it starts when {runs} make room.",
            len(ways[-1]),
            place=place,
            runs=either(ways, named),
        )
    return tr("{text}.", text=place) if before else tr("{place}; it starts in a moment.", place=place)


def named(run: Run) -> str:
    return f"#{run.id} {run.name}"


def _ways(run: Run) -> list[Way]:
    return ways_in(session.store(), session.home(), run.config.get("device", "auto"), cores_of(run))


def in_the_way(run: Run, other: Run | None) -> Run | None:
    """The other run, if this one waits for nothing but its end: to pause it would not help, for it keeps its device."""
    if other is None or run.status != "queued" or run.desired != "run" or run.host != session.home().host:
        return None
    if session.store().before(run.id) or other.desired == "stop":
        return None
    return other if any([one.id for one in way] == [other.id] for way in _ways(run)) else None
