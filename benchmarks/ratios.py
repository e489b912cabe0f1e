"""The ratios that were measured once and are kept beside the code, and which of them have changed since."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "ratios.json"
TOLERANCE = 0.1  # a ratio that is worse by more than a tenth has fallen
PACKAGES = ("torch", "higher", "torchopt", "numpy")

Ratios = Mapping[str, Mapping[str, float]]  # times as fast as the best peer, by workload and setting


@dataclass(frozen=True)
class Change:
    """A ratio that is another than the kept one by more than TOLERANCE."""

    workload: str
    setting: str
    kept: float
    measured: float

    @property
    def fell(self) -> bool:
        return self.measured < self.kept

    def __str__(self) -> str:
        percent = 100 * (self.measured / self.kept - 1)
        return f"{self.workload}, {self.setting}: {self.kept:.3g} → {self.measured:.3g} times ({percent:+.0f} %)"


def changes(kept: Ratios, measured: Ratios, tolerance: float = TOLERANCE) -> list[Change]:
    """The ratios that both have and that differ by more than ``tolerance`` of the kept one, the worst first."""
    both = [
        Change(workload, setting, ratio, measured[workload][setting])
        for workload, by_setting in kept.items()
        for setting, ratio in by_setting.items()
        if setting in measured.get(workload, {})
    ]
    changed = [one for one in both if abs(one.measured / one.kept - 1) > tolerance]
    return sorted(changed, key=lambda one: one.measured / one.kept)


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def kept(path: Path = FILE) -> dict[str, Any]:
    """What ``keep`` wrote; nothing measured where there is no such file."""
    return json.loads(path.read_text()) if path.exists() else {"ratios": {}}


def mergeable(machine: str, path: Path = FILE) -> bool:
    """Whether ratios of this machine and these versions may stand beside the kept ones."""
    before = kept(path)
    return not before["ratios"] or (before["machine"], before["versions"]) == (machine, versions())


def keep(measured: Ratios, machine: str, rounds: int, path: Path = FILE) -> None:
    """Write the ratios with all that says where they are from, in the place of those kept before."""
    ratios = {name: {key: float(f"{ratio:.3g}") for key, ratio in row.items()} for name, row in measured.items()}
    date = datetime.now(UTC).date().isoformat()
    content = {"machine": machine, "date": date, "rounds": rounds, "versions": versions(), "ratios": ratios}
    path.write_text(json.dumps(content, indent=1) + "\n")
