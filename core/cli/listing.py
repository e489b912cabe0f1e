"""What there is to choose from."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from core.cli.options import HomeOption, JsonOption
from core.cli.output import emit
from core.config import presets
from core.runs import hardware
from data.errors import InputError


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


def choices(
    what: Annotated[str, typer.Argument(metavar="presets|families|algorithms|models|devices")],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """What there is to choose from."""
    del home  # accepted everywhere; what there is does not depend on it
    if what not in LISTS:
        raise InputError(f"There is no list of {what}.", f"Choose {', '.join(LISTS)}.", "what")
    items = LISTS[what]()
    width = max(len(item["name"]) for item in items)
    lines = [
        f"{item['name']:<{width}}  {item['title']} ({item['group']}{'; ' + ', '.join(item['kinds']) if 'kinds' in item else ''})"
        for item in items
    ]
    emit(items, as_json, "\n".join(lines))
