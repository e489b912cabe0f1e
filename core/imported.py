"""Curves of other tools' runs, kept in the home's folder as one file each: drawn beside runs, and never taken for one.

They have no episodes, so that nothing can be judged of them. Free of torch.
"""

import json
import re
import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from core.charts import POINTS
from core.runs.names import checked_name
from core.runs.series import downsample
from data.errors import InputError, shortened
from data.language import mark, tr

# On which chart a curve lies, and what its values are there.
PLACES = {
    "loss": mark("the loss"),
    "score": mark("the validation score, as shares (0.94) or errors"),
    "percent": mark("the validation score, in per cent (94)"),
}
NUMBER = re.compile(r"[0-9a-f]{8}")  # of a curve, as addresses have it
REMEDY = mark("See which there are on the Compare page.")


@dataclass(frozen=True)
class Imported:
    """One curve. steps, values: (points,), steps ascending. seconds: since the first point, or None where it is not known; each
    with None for what is not finite. place: see PLACES. source: the file it came from. when: it was imported, seconds since
    the epoch.
    """

    id: str
    name: str
    source: str
    when: float
    place: str
    steps: Sequence[float]
    values: Sequence[float | None]
    seconds: Sequence[float] | None = None

    @property
    def origin(self) -> str:
        """``imported from loss.csv on 3 March 2026``."""
        day = time.strftime(tr("%d %B %Y"), time.localtime(self.when)).lstrip("0")
        return tr("imported from {source} on {day}", source=self.source, day=day)


class Curves:
    """Those in a folder. Each method reads or replaces whole files, so that several processes may use it at once."""

    def __init__(self, folder: Path):
        self.folder = folder

    def add(
        self,
        name: str,
        source: str,
        place: str,
        steps: np.ndarray,
        values: np.ndarray,
        seconds: np.ndarray | None = None,
    ) -> Imported:
        """Keep a curve, thinned to as many points as a chart draws. Raises InputError for what is no name or place."""
        kept = np.searchsorted(steps, downsample(steps, values, POINTS)[0])
        points = {
            "steps": steps[kept].tolist(),
            "values": [v if np.isfinite(v) else None for v in values[kept].tolist()],
        }
        own = {"id": uuid.uuid4().hex[:8], "name": checked_name(name), "place": _place(place), "when": time.time()}
        return self._write(
            Imported(
                **own, source=shortened(source), **points, seconds=None if seconds is None else seconds[kept].tolist()
            )
        )

    def all(self) -> list[Imported]:
        """The newest first."""
        found = [self._read(file) for file in self.folder.glob("*.json") if NUMBER.fullmatch(file.stem)]
        return sorted((one for one in found if one), key=lambda one: one.when, reverse=True)

    def some(self, ids: Collection[str]) -> list[Imported]:
        """Those that there are of these, in their order."""
        files = [self.folder / f"{id}.json" for id in dict.fromkeys(ids) if NUMBER.fullmatch(id)]
        return [one for file in files if (one := self._read(file))]

    def get(self, id: str) -> Imported:
        """Raises InputError where there is none."""
        found = self.some([id])
        if not found:
            raise InputError(tr("There is no imported curve {id}.", id=shortened(id)), tr(REMEDY), "curve")
        return found[0]

    def change(self, id: str, *, name: str | None = None, place: str | None = None) -> Imported:
        """Call it otherwise, or lay it on another chart. Raises InputError where there is none, or for no name or place."""
        one = self.get(id)
        return self._write(
            replace(one, name=one.name if name is None else checked_name(name), place=_place(place or one.place))
        )

    def remove(self, id: str) -> None:
        if NUMBER.fullmatch(id):
            with suppress(FileNotFoundError):  # another tab was first
                (self.folder / f"{id}.json").unlink()

    def _read(self, file: Path) -> Imported | None:
        """None where it is no curve, or was removed meanwhile."""
        try:
            return Imported(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, one: Imported) -> Imported:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self.folder / f".{one.id}.part"
        part.write_text(json.dumps(asdict(one), allow_nan=False), encoding="utf-8")
        part.replace(self.folder / f"{one.id}.json")
        return one


def _place(place: str) -> str:
    if place not in PLACES:
        raise InputError(
            tr("A curve cannot lie on {place}.", place=place[:40]),
            tr("Choose {names}.", names=tr(", ").join(PLACES)),
            "on",
        )
    return place
