"""Who may train at the same time on a machine: one run on each GPU, on the processor as many as its cores can serve."""

from collections import Counter
from collections.abc import Iterable, Sequence

from core.runs import hardware
from core.runs.facts import cores_of
from core.runs.schema import Run


class Room:
    """The places of a machine and what its runs leave free of them.

    The processor has as many as it has cores, and one more: a run that validates or writes leaves its core to another, and
    three on two cores end together rather than one after the other. Any other slot is one place.

    taken: places of each slot. shared: cores of the processor with which runs compute that leave it others.
    """

    def __init__(self, slots: Sequence[str], cores: int, active: Iterable[Run] = ()):
        """cores: of the processor. active: runs that have a slot of this machine."""
        self.slots, self.cores, self.taken, self.shared = list(slots), cores, Counter(), 0
        for run in active:
            self.take(run.slot, cores_of(run))

    def places(self, slot: str) -> int:
        return self.cores + 1 if slot == hardware.CPU else 1

    def needed(self, slot: str, cores: int | None) -> int:
        """Places of a slot that a run takes. cores: that it computes with, None for all there are."""
        whole = self.places(slot)
        return whole if slot != hardware.CPU or cores is None else min(cores, whole)

    def fits(self, slot: str, cores: int | None) -> bool:
        """Whether a run can start on this slot now."""
        return all(self.taken[one] + self.needed(one, cores) <= self.places(one) for one in self.members(slot))

    def take(self, slot: str, cores: int | None) -> None:
        for one in self.members(slot):
            self.taken[one] += self.needed(one, cores)
        if slot == hardware.CPU:
            self.shared += cores or 0

    def slower(self, cores: int | None, runs: int) -> float:
        """How many times as long each of so many further runs may take on the processor as it would alone; at least 1."""
        if cores is None:
            return 1.0
        together = min(self.shared + runs * cores, self.places(hardware.CPU))
        return max(1.0, together / self.cores)

    def members(self, slot: str) -> list[str]:
        """See ``hardware.members``."""
        return hardware.members(slot, self.slots)
