"""What a run that is launched now would meet: its device, who is before it, and with whom it would share the processor."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core import about
from core.runs import hardware
from core.runs.home import Home
from core.runs.launchers import launcher_of
from core.runs.room import Room
from core.runs.scheduler import training_on
from core.runs.schema import Run
from core.runs.store import RunStore
from data.language import plural, tr

FEW = 3  # runs that are named one by one
Way = tuple[Run, ...]  # runs that leave room for another once all of them have ended


@dataclass(frozen=True)
class Outlook:
    """slot: where it would train. ways: see ``ways_in``. ahead: runs that are queued before it.

    slower: how many times as long it may take because others compute on the same cores; 1 where each has its own.
    """

    slot: str
    ways: list[Way]
    ahead: int
    slower: float = 1.0

    @property
    def occupant(self) -> Run | None:
        """The run that has the slot and is waited for."""
        holders = (run for way in self.ways for run in way if run.slot in (self.slot, hardware.ALL_GPUS))
        return next(holders, None)

    @property
    def words(self) -> str:
        """Whom it waits for; nothing where it starts at once."""
        queued = plural("{n} queued run", "{n} queued runs", self.ahead) if self.ahead else ""
        if not self.ways:
            return tr("starts after {runs}", runs=queued) if queued else ""
        first, left, soon = self.ways[0], _left(self.ways[0]), ""
        who = either([first], lambda run: tr("run {id}", id=run.id))
        if left < math.inf:  # what remains of a phase: validations and the test still come on top of it
            soon = plural(
                ", which trains for another {time} at least", ", which train for another {time} at least", len(first),
                time=about.duration(left),
            )  # fmt: skip
        more = tr(", and {runs}", runs=queued) if queued else ""
        return tr("starts after {who}{soon}{more}", who=who, soon=soon, more=more)

    @property
    def sharing(self) -> str:
        """That an estimate is of a run alone; nothing where it makes no difference."""
        if self.slower == 1.0:
            return ""
        return tr(
            "shares the processor's cores with other runs, so it may take {times:.2g} times as long", times=self.slower
        )


def outlook(store: RunStore, home: Home, device: str, cores: int | None, seeds: int = 1) -> Outlook:
    """device: as in a config that has been checked, so that this machine has it. cores: see ``Facts``. seeds: runs at once."""
    launcher = launcher_of(home)
    active, everything = training_on(store, launcher.host), launcher.slots()
    room = Room(everything, launcher.cores(), active)
    ways = _ways(room, active, device, cores)
    # One of all GPUs speaks for the others.
    slots = [one for slot in hardware.fitting(device, everything) for one in room.members(slot)]
    wishes = {one.device for one in store.next_in_line(launcher.host)}
    rivals = [wish for wish in wishes if set(hardware.fitting(wish, everything)) & set(slots)]
    ahead = sum(len(store.all_in_line(launcher.host, wish)) for wish in rivals)
    free = [slot for slot in slots if room.fits(slot, cores)]
    slot = free[0] if free else next((run.slot for run in ways[0] if run.slot in slots), slots[0])
    slower = room.slower(cores, seeds) if slot == hardware.CPU else 1.0
    return Outlook(slot, ways, ahead, slower)


def ways_in(store: RunStore, home: Home, device: str, cores: int | None) -> list[Way]:
    """Whose ends would make room here for a run that asks for this device and so many cores: the soonest first, as far as
    that is known. Empty where there is room.
    """
    launcher = launcher_of(home)
    active = training_on(store, launcher.host)
    return _ways(Room(launcher.slots(), launcher.cores(), active), active, device, cores)


def _ways(room: Room, active: Sequence[Run], device: str, cores: int | None) -> list[Way]:
    fitting, ways = hardware.fitting(device, room.slots), []
    if any(room.fits(slot, cores) for slot in fitting):
        return []
    for slot in fitting:
        there = [run for run in active if not set(room.members(run.slot)).isdisjoint(room.members(slot))]
        ways += [(run,) for run in there if _without(run, there, room).fits(slot, cores)] or [tuple(there)]
    return sorted(ways, key=_left)


def _without(run: Run, there: Sequence[Run], room: Room) -> Room:
    return Room(room.slots, room.cores, [other for other in there if other is not run])


def either(ways: Sequence[Way], name: Callable[[Run], str]) -> str:
    """Whose end would make room, for a sentence: ``#1 a, #2 b or #3 c``, ``#1 a and #2 b``, ``one of the 9 runs that train``."""
    if sum(map(len, ways)) > FEW:
        if len(ways) > 1:
            return tr("one of the {n} runs that train", n=len(ways))
        return tr("the {n} runs that train", n=len(ways[0]))
    return about.listed([about.listed([name(run) for run in way], "and") for way in ways], "or")


def _left(way: Way) -> float:
    """Seconds until all of them have ended, at least; infinity where that is not known."""
    return max(math.inf if run.remaining is None else run.remaining for run in way)
