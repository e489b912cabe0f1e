"""What a person has to know of a run before reading its curves, and what can be done about it there and then."""

from core.runs import scheduler
from core.runs.facts import cores_of
from core.runs.outlook import Way, either, ways_in
from core.runs.schema import ACTIVE, Run
from pages.parts import readable, session

PHASES = {
    "loading": "Loading the data; the first time, pictures are decoded or drawn and kept for later runs.",
    "tuning": "Choosing the fine-tuning on validation tasks.",
    "testing": "Scoring the best checkpoint on the frozen test tasks.",
}
PAUSED = "Paused; it keeps its device. Continue goes on from here."


def notice(run: Run) -> tuple[str, str]:
    """Why it waits, what it does, how it ended, or what went wrong; with its icon. Never empty: the line keeps its place."""
    if run.status in ("failed", "lost"):
        return run.error or "The run ended with an error.", "error"
    if run.status == "queued":
        return waiting_for(run), "schedule"
    if run.status == "starting":
        return "The worker is starting; this takes a few seconds.", "hourglass_top"
    if run.status in ACTIVE and run.desired == "stop":
        return "Stopping: the worker writes a checkpoint first, from which the run can resume.", "stop"
    if run.status == "running" and run.phase in PHASES:
        return PHASES[run.phase], "hourglass_top"
    if run.status in ACTIVE and run.desired == "pause":
        return (PAUSED if run.status == "paused" else "Pausing after the iteration that it is at."), "pause"
    if run.status in ACTIVE:
        return "Training; this page may be closed.", "play_arrow"
    if run.status == "stopped":
        return "Stopped. Resume goes on from its last checkpoint.", "stop"
    return f"Finished {readable.moment(run.ended)}.", "check"


def waiting_for(run: Run) -> str:
    if run.desired == "pause":
        return "Paused before it started. Continue puts it back into the queue."
    if elsewhere := scheduler.waits_for(run, session.home()):
        return elsewhere
    before, ways = session.store().before(run.id), _ways(run)
    place = f"{before} run{'s are' if before > 1 else ' is'} before it in the queue" if before else "Next in the queue"
    if ways:
        made = "make" if len(ways[-1]) > 1 else "makes"
        return f"{place}; it starts when {either(ways, named)} {made} room."
    return f"{place}." if before else f"{place}; it starts in a moment."


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
