"""What there is to choose from, as plain values for the command line."""

from collections.abc import Callable
from typing import Any

from core.config import presets
from core.runs import hardware


def list_presets() -> list[dict[str, Any]]:
    from core.launch import from_preset

    return [
        {"name": p.name, "title": p.title, "group": p.group, "summary": p.summary, "config": from_preset(p)}
        for p in presets.PRESETS
    ]


def _registered(registry: dict[str, type]) -> list[dict[str, Any]]:
    return [
        {"name": n, "title": item.title, "group": item.group, "summary": item.summary} for n, item in registry.items()
    ]


def list_families() -> list[dict[str, Any]]:
    from data.registry import families

    return _registered(families())


def list_algorithms() -> list[dict[str, Any]]:
    from core.algorithms.base import algorithms

    return [{**row, "kinds": algorithms()[row["name"]].kinds} for row in _registered(algorithms())]


def list_models() -> list[dict[str, Any]]:
    from core.models.base import models

    return _registered(models())


def list_devices() -> list[dict[str, Any]]:
    """The places where a run can train, best first; ``auto`` takes the first."""
    names = {f"cuda:{gpu.index}": gpu.name for gpu in hardware.gpus()} | {"mps": "Apple GPU", "cpu": hardware.cpu()}
    return [{"name": slot, "title": names[slot], "group": slot.partition(":")[0]} for slot in hardware.slots()]


LISTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "presets": list_presets,
    "families": list_families,
    "algorithms": list_algorithms,
    "models": list_models,
    "devices": list_devices,
}
