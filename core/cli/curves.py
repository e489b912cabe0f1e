"""Curves of other tools from the command line: import, and what there is."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import HomeOption, JsonOption, open_home
from core.cli.output import emit
from core.foreign import one_of, read_path
from core.imported import PLACES, Curves


def import_curve(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A .csv, an event file of TensorBoard's, or a folder of one.")
    ],
    name: Annotated[str, typer.Option("--name", help="What it is called.")],
    on: Annotated[str, typer.Option("--on", help=f"The chart it lies on: {', '.join(PLACES)}.")] = "loss",
    series: Annotated[str, typer.Option("--series", help="Which curve, where the file has several.")] = "",
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Keep another tool's curve, to be drawn beside runs on the Compare page."""
    found, _ = open_home(home)
    curve = one_of(read_path(Path(file)), series)
    kept = Curves(found.curves).add(name, Path(file).name, on, curve.steps, curve.values, curve.seconds)
    text = (
        f"Kept as {kept.id}: {len(curve.steps)} points. See it on the Compare page: /compare?runs=RUN&curves={kept.id}"
    )
    emit({"curve": kept.id, "name": kept.name, "points": len(curve.steps)}, as_json, text)
