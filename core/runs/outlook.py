"""What a run that is launched now would meet: its device, and who is before it."""

from dataclasses import dataclass

from core import about
from core.runs import hardware
from core.runs.home import Home
from core.runs.launchers import launcher_of
from core.runs.schema import ACTIVE, Run
from core.runs.store import RunStore


@dataclass(frozen=True)
class Outlook:
    """slot: where it would train. occupant: the run that trains there now. ahead: runs that are queued before it."""

    slot: str
    occupant: Run | None
    ahead: int

    @property
    def words(self) -> str:
        """Whom it waits for; nothing where it starts at once."""
        queued = f"{self.ahead} queued run{'s' if self.ahead > 1 else ''}" if self.ahead else ""
        if self.occupant is None:
            return f"starts after {queued}" if queued else ""
        left = self.occupant.remaining
        # What remains of a phase: validations and the test still come on top of it.
        soon = f", which trains for another {about.duration(left)} at least" if left is not None else ""
        return f"starts after run {self.occupant.id}{soon}{f', and {queued}' if queued else ''}"


def outlook(store: RunStore, home: Home, device: str) -> Outlook:
    """device: as in a config that has been checked, so that this machine has it."""
    launcher = launcher_of(home)
    everything, host = launcher.slots(), launcher.host
    slots = hardware.fitting(device, everything)
    active = [run for run in store.runs(status=ACTIVE) if run.host == host]
    here = {one: run for run in active for one in hardware.members(run.slot, everything)}
    slots = [
        one for slot in slots for one in hardware.members(slot, everything)
    ]  # one of all GPUs speaks for the others
    wishes = [wish for wish in store.next_in_line(host) if set(hardware.fitting(wish, everything)) & set(slots)]
    ahead = sum(len(store.all_in_line(host, wish)) for wish in wishes)
    # A slot that is free, else the one that will be so first, as far as that is known.
    slot = min(slots, key=lambda one: (one in here, _left(here.get(one)), slots.index(one)))
    return Outlook(slot, here.get(slot), ahead)


def _left(run: Run | None) -> float:
    return float("inf") if run is None or run.remaining is None else run.remaining
