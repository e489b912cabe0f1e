"""Data sets from the command line."""

import sys
from typing import Annotated, Any

import typer

from core.cli import follow
from core.cli.options import HomeOption, JsonOption, open_home
from core.cli.output import emit
from core.runs.home import Home
from data.errors import DataError, InputError


def download(
    family: Annotated[str, typer.Argument(metavar="FAMILY")], as_json: JsonOption = False, home: HomeOption = None
) -> None:
    """Fetch a family's data set from its official address, with checksum, retry and resume."""
    from data.registry import families

    if family not in families():
        raise InputError(f"There is no family named {family}.", f"Choose {', '.join(families())}.", "family")
    found, _ = open_home(home)
    fetch(families()[family], found)
    emit({"family": family, "datasets": str(found.datasets)}, as_json, f"{family} is in {found.datasets}.")


def need_data(config: dict[str, Any], home: Home, download: bool) -> None:
    """Offer the download where a person can answer, else say where the files go."""
    from data.registry import families

    family = families()[config["family"]["name"]]
    missing = family.missing(home.datasets)
    if not missing:
        return
    asked = sys.stdin.isatty() and sys.stderr.isatty()
    if download or (asked and typer.confirm(f"{family.title} is not in {home.datasets}. Download it now?", err=True)):
        fetch(family, home)
        return
    name = config["family"]["name"]
    raise DataError(
        f"{missing[0]} is missing.",
        f"Run `python -m core download {name}`, add --download, or set INNERLOOP_DATASETS to the folder that holds {name}/.",
        str(missing[0]),
    )


def fetch(family: Any, home: Home) -> None:
    with follow.bar("downloading") as tick:
        family.download(home.datasets, lambda fraction, _: tick(fraction))
